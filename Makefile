# SPDX-License-Identifier: GPL-2.0-or-later
#
# inpath: `sudo make deps demo` shows it working, `sudo make deps check` tests it.
# All output goes to build/; each flavour of the objects has a folder of its own there.

VERSION := 0.1

CC ?= cc
CLANG ?= clang
PKG_CONFIG ?= pkg-config
BUILD := build

LIBS_DAEMON := libmnl libnetfilter_queue libnfnetlink libconfig nettle
# Names of networks from a file of one's own: where there is no libmaxminddb inpath goes without, and says so. MMDB= builds
# without it.
ifeq ($(origin MMDB),undefined)
MMDB := $(shell $(PKG_CONFIG) --exists libmaxminddb && echo libmaxminddb)
endif
LIBS_CLI := $(LIBS_DAEMON) json-c $(MMDB)
# The filter of system calls: where there is no libseccomp inpathd goes without, and says so.
SECCOMP := $(shell $(PKG_CONFIG) --exists libseccomp && echo libseccomp)
LIBS_TESTED := $(LIBS_CLI) $(SECCOMP)
# The user that inpathd becomes.
RUN_AS ?= inpath

STD := -std=c11 -D_GNU_SOURCE -I. -Iinclude -DINPATH_VERSION='"$(VERSION)"' -DINPATH_USER='"$(RUN_AS)"' \
	$(if $(SECCOMP),-DINPATH_SECCOMP) $(if $(MMDB),-DINPATH_MMDB)
WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Werror
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
# C has no exceptions: tables to unwind the stack by are the debugger's, not flash's (35 KB of the daemon).
SMALL := -fno-asynchronous-unwind-tables
# The same source gives the same bytes, wherever it lies.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=.
CFLAGS ?= -O2 -g
LDFLAGS ?= -pie -Wl,-z,relro,-z,now
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

ENGINE := $(sort $(wildcard gateway/engine/*.c))
LOGFMT := $(sort $(wildcard gateway/logfmt/*.c))
CONFIG := $(sort $(wildcard gateway/daemon/config*.c))
IO := $(sort $(wildcard gateway/io/*.c))
CLI := $(sort $(wildcard gateway/cli/*.c))
DAEMON := $(sort $(wildcard gateway/daemon/*.c))
UNIT := $(sort $(wildcard tests/unit/test_*.c))
FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))
NETSIM := $(sort $(wildcard tests/netsim/*.c))
TOOLS := $(sort $(wildcard tests/netns/tools/*.c))
SOAK := $(sort $(wildcard tests/soak/*.c))

# What the unit tests and the fuzz targets may link: everything but the programs' main.
TESTED := $(ENGINE) $(LOGFMT) $(IO) $(filter-out gateway/daemon/main.c,$(DAEMON)) \
	$(filter-out gateway/cli/main.c,$(CLI)) $(filter-out tests/netsim/main.c,$(NETSIM))

objects = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all deps check vm demo bench report-bench safety truth peers noneffect soak soak-real why fuzz purity style install uninstall deb clean unit fuzz-replay sanitized coverage cross valgrind

all: $(BUILD)/inpathd $(BUILD)/inpath $(BUILD)/libinpath.a

# --- what people run ---------------------------------------------------------------------------

$(BUILD)/libinpath.a: $(call objects,release,$(ENGINE))
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/inpathd: $(call objects,release,$(DAEMON) $(IO) $(LOGFMT)) $(BUILD)/libinpath.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_DAEMON) $(SECCOMP))

$(BUILD)/inpath: $(call objects,release,$(CLI) $(CONFIG) $(filter-out gateway/io/priv%,$(IO)) $(LOGFMT)) $(BUILD)/libinpath.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_CLI))

# A synthetic internet, for the tests.
$(BUILD)/netsim: $(call objects,release,$(NETSIM)) $(BUILD)/libinpath.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/release/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(STD) $(WARN) $(HARDEN) $(SMALL) $(REPRODUCIBLE) $(CFLAGS) -MMD -MP -c -o $@ $<

# --- the same under AddressSanitizer and UndefinedBehaviorSanitizer ------------------------------

$(BUILD)/asan/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $@"
	@$(CC) $(STD) $(WARN) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/asan/libtested.a: $(call objects,asan,$(TESTED))
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/asan/inpathd: $(call objects,asan,gateway/daemon/main.c) $(BUILD)/asan/libtested.a
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_DAEMON) $(SECCOMP))

$(BUILD)/asan/inpath: $(call objects,asan,gateway/cli/main.c) $(BUILD)/asan/libtested.a
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

$(BUILD)/asan/netsim: $(call objects,asan,tests/netsim/main.c) $(BUILD)/asan/libtested.a
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^

# With calls that fail: tests/netns/faults.sh and dropping.sh.
WRAPPED = $(shell sed -nE 's/^WRAP.[^,]*, ([a-z0-9_]*),.*/-Wl,--wrap=\1/p' tests/fault/fault.c) \
	-Wl,--wrap=open,--wrap=prctl,--wrap=syscall

$(BUILD)/fault/inpathd: $(call objects,asan,gateway/daemon/main.c tests/fault/fault.c) $(BUILD)/asan/libtested.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(SANITIZE) $(WRAPPED) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_DAEMON) $(SECCOMP))

sanitized: $(BUILD)/fault/inpathd $(BUILD)/asan/inpathd $(BUILD)/asan/inpath $(BUILD)/asan/netsim $(BUILD)/asan/soak

$(BUILD)/unit/%: $(BUILD)/asan/tests/unit/%.o $(BUILD)/asan/libtested.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $$($(PKG_CONFIG) --libs cmocka $(LIBS_TESTED))

unit: $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT))

# A corpus is replayed by an ordinary program, so that `make check` needs no clang.
$(BUILD)/replay/%: $(BUILD)/asan/tests/fuzz/%.o $(BUILD)/asan/tests/fuzz/replay.o $(BUILD)/asan/libtested.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

fuzz-replay: $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/replay/fuzz_%,$(FUZZ))

# --- fuzzing: make fuzz [SECONDS=60] [TARGET=packet] [COUNT=1: add it to tests/fuzz/TOTAL.md] -----

SECONDS ?= 60
FUZZ_FLAGS := -O1 -g -fno-sanitize-recover=all

$(BUILD)/fuzzed/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CLANG $<"
	@$(CLANG) $(STD) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$(BUILD)/fuzzed/libtested.a: $(call objects,fuzzed,$(TESTED))
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/fuzz/%: $(BUILD)/fuzzed/tests/fuzz/%.o $(BUILD)/fuzzed/libtested.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

fuzz: $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(if $(TARGET),tests/fuzz/fuzz_$(TARGET).c,$(FUZZ)))
	@tests/fuzz/run $(if $(COUNT),--count) "$(BUILD)" "$(SECONDS)" $(notdir $^)

# --- coverage of the engine: make coverage [MISSING=1] -------------------------------------------

COVERED := $(BUILD)/coverage

$(COVERED)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $@"
	@$(CC) $(STD) $(WARN) $(if $(filter gateway/engine/%,$<),-O0 --coverage,-O1 -Wno-maybe-uninitialized) -g -MMD -MP -c -o $@ $<

$(COVERED)/libtested.a: $(call objects,coverage,$(TESTED))
	@rm -f $@
	@$(AR) rcs $@ $^

$(COVERED)/unit/%: $(COVERED)/tests/unit/%.o $(COVERED)/libtested.a
	@mkdir -p $(@D)
	@$(CC) --coverage -o $@ $^ $$($(PKG_CONFIG) --libs cmocka $(LIBS_TESTED))

$(COVERED)/replay/%: $(COVERED)/tests/fuzz/%.o $(COVERED)/tests/fuzz/replay.o $(COVERED)/libtested.a
	@mkdir -p $(@D)
	@$(CC) --coverage -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

coverage: $(patsubst tests/unit/%.c,$(COVERED)/unit/%,$(UNIT)) $(patsubst tests/fuzz/fuzz_%.c,$(COVERED)/replay/fuzz_%,$(FUZZ))
	@find $(COVERED) -name '*.gcda' -delete
	@for test in $(COVERED)/unit/*; do $$test >$(COVERED)/log 2>&1 || { cat $(COVERED)/log; exit 1; }; done
	@for test in $(COVERED)/replay/*; do \
		$$test tests/fuzz/corpus/$${test##*/fuzz_} >$(COVERED)/log 2>&1 || { cat $(COVERED)/log; exit 1; }; done
	@tests/coverage $(if $(MISSING),--missing) $(COVERED) $(sort $(wildcard gateway/engine/*.[ch]))

# --- make valgrind [ONLY=word]: unit tests, both programs and the netns tests under memcheck -----------------------

# Without the filter of system calls, which holds back valgrind's own.
PLAIN := $(BUILD)/plain

$(PLAIN)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $@"
	@$(CC) $(filter-out -DINPATH_SECCOMP,$(STD)) $(WARN) -Wno-maybe-uninitialized -O1 -g -MMD -MP -c -o $@ $<

$(PLAIN)/libtested.a: $(call objects,plain,$(TESTED))
	@rm -f $@
	@$(AR) rcs $@ $^

$(PLAIN)/unit/%: $(PLAIN)/tests/unit/%.o $(PLAIN)/libtested.a
	@mkdir -p $(@D)
	@$(CC) -o $@ $^ $$($(PKG_CONFIG) --libs cmocka $(LIBS_TESTED))

$(PLAIN)/inpathd: $(call objects,plain,gateway/daemon/main.c) $(PLAIN)/libtested.a
	@$(CC) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

$(PLAIN)/inpath: $(call objects,plain,gateway/cli/main.c) $(PLAIN)/libtested.a
	@$(CC) -o $@ $^ $$($(PKG_CONFIG) --libs $(LIBS_TESTED))

valgrind:
	@$(MAKE) --no-print-directory -j$$(nproc) $(PLAIN)/inpathd $(PLAIN)/inpath $(BUILD)/safety/trouble.so $(BUILD)/bench/stream $(patsubst tests/unit/%.c,$(PLAIN)/unit/%,$(UNIT))
	@tests/valgrind "$(PLAIN)" "$(ONLY)"

# --- make cross [TARGETS="i386 arm aarch64 mips musl mips-musl aarch64-musl"]: the engine's tests on other processors and with musl, and the size of the programs on routers ---

cross:
	@tests/cross/sources --fetch >/dev/null
	@tests/cross/run "$(BUILD)" $(TARGETS)

# --- tests and proofs ----------------------------------------------------------------------------

deps:
	@CROSS=$(CROSS) tests/deps

# make check [ONLY=word]: the tests whose name contains the word; with LONG=1 some run for minutes. Builds on all processors, also behind `make deps check`, whose goals run one after the other.
check:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim $(BUILD)/bench/delay $(BUILD)/bench/stream $(BUILD)/bench/visits $(BUILD)/safety/trouble.so sanitized unit fuzz-replay
	@tests/run "$(BUILD)" "$(ONLY)"

# make vm [ONLY=word]: the end-to-end tests on Debian's stock kernel, with the nft backend; and a Debian of its own
# with systemd booted, which debootstrap makes where it can.
vm:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim $(BUILD)/bench/stream $(BUILD)/bench/visits $(BUILD)/safety/trouble.so
	@tests/vm/debian_root --fetch >/dev/null || true
	@tests/deb/build "$(BUILD)" >/dev/null || true
	@tests/run --vm "$(BUILD)" "$(ONLY)"

demo: all
	@tests/demo/demo

# make bench [PAIRS=9] [ONLY=word]: what it costs, side by side with no inpath and with the least queue there is.
$(BUILD)/bench/accept_loop: tests/bench/accept_loop.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $< $$($(PKG_CONFIG) --libs libmnl libnetfilter_queue)

$(BUILD)/bench/delay: tests/bench/delay.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/bench/blast: tests/bench/blast.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $<

$(BUILD)/bench/engine: tests/bench/engine.c tests/unit/wire.h $(BUILD)/libinpath.a Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $< $(BUILD)/libinpath.a $$($(PKG_CONFIG) --libs nettle)

$(BUILD)/bench/visits: tests/bench/visits.c tests/unit/hello.h tests/unit/wire.h Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $< $$($(PKG_CONFIG) --libs cmocka)

$(BUILD)/bench/held.so: tests/bench/held.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/bench/quic: tests/bench/quic.c tests/unit/quic_vectors.h $(BUILD)/libinpath.a Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $< $(BUILD)/libinpath.a $$($(PKG_CONFIG) --libs nettle)

$(BUILD)/bench/stream: tests/bench/stream.c tests/unit/quic_vectors.h tests/unit/wire.h Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -o $@ $<

# make safety [TABLES=1]: faults and attacks under load, and what the household sees of each: the table in SECURITY.md, and README's, which TABLES=1 writes.
$(BUILD)/safety/trouble.so: tests/safety/trouble.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(STD) $(WARN) $(CFLAGS) -fPIC -shared -o $@ $<

safety:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/safety/trouble.so
	@tests/safety/run $(if $(TABLES),--tables) "$(BUILD)"

PAIRS ?= 9

bench:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim $(addprefix $(BUILD)/bench/,accept_loop blast delay engine held.so quic stream visits)
	@tests/bench/run "$(BUILD)" "$(PAIRS)" "$(ONLY)"

# make report-bench [RECORDS=1000000]: time and memory of `inpath report` over a long log.
RECORDS ?= 1000000

report-bench: $(BUILD)/inpath
	@tests/bench/report "$(BUILD)" "$(RECORDS)"

# make truth [SEED=1] [PATHS=1000]: are the logged paths the true ones, on internets drawn from SEED on? KEEP=1 keeps what was not.
SEED ?= 1
PATHS ?= 1000

truth:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim
	@tests/netsim/truth "$(BUILD)" "$(SEED)" "$(PATHS)"

# make peers [SEED=1] [PATHS=40]: traceroute, scamper, mtr and Dublin traceroute beside inpath, on the same internets. VERBOSE=1 prints what each showed.
peers:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim
	@tests/netsim/peers "$(BUILD)" "$(SEED)" "$(if $(filter file,$(origin PATHS)),40,$(PATHS))"

# make noneffect [SEED=1] [PAIRS=400] [ONLY=word]: do flows fare otherwise where inpath traces them? A quarter of an hour at most.
noneffect:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim
	@tests/noneffect/run "$(BUILD)" "$(SEED)" "$(if $(filter file,$(origin PAIRS)),400,$(PAIRS))" "$(ONLY)"

# make soak [SEED=1] [HOURS=24] [CLIENTS=200] [FLOWS=20000] [FLOW=number]: a household's day in virtual time, against the truth.
$(BUILD)/soak: $(call objects,release,$(SOAK)) $(BUILD)/libinpath.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm $$($(PKG_CONFIG) --libs cmocka nettle)

$(BUILD)/asan/soak: $(call objects,asan,$(SOAK)) $(BUILD)/asan/libtested.a
	@echo "  LD $@"
	@$(CC) $(SANITIZE) -o $@ $^ -lm $$($(PKG_CONFIG) --libs cmocka $(LIBS_CLI))

HOURS ?= 24
CLIENTS ?= 200
FLOWS ?= 20000
FLOW ?= 0

soak:
	@$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/soak
	@$(BUILD)/soak "$(SEED)" "$(HOURS)" "$(CLIENTS)" "$(FLOWS)" "$(FLOW)"

# make soak-real [MINUTES=5] [SEED=1]: 50 clients on a synthetic internet whose routes change, through the whole daemon. KEEP=folder keeps what was true and what was said.
MINUTES ?= 5

soak-real:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim
	@tests/soak/real "$(BUILD)" "$(MINUTES)" "$(SEED)"

# make why [SEED=1] [RUNS=25] [REAL=240]: does `inpath why` name what is wrong, where it is, and nothing else? RUNS simulated logs of each
# kind, REAL runs of the daemon on a synthetic internet. A quarter of an hour at most. KEEP=folder keeps the logs of those runs that it told wrong.
RUNS ?= 25
REAL ?= 240

why:
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BUILD)/netsim
	@tests/why/run "$(BUILD)" "$(SEED)" "$(RUNS)" "$(REAL)"

# Law 7: the engine calls nothing but these, which touch no system, no clock and no heap. nettle's work in the context
# that the caller gives, on its stack; it chooses among its variants for the processor when it is loaded, not when called.
PURE := memcpy memmove memset memcmp strlen strcmp strncmp strnlen memchr \
	bcmp __stack_chk_fail __memcpy_chk __memmove_chk __memset_chk _GLOBAL_OFFSET_TABLE_ \
	nettle_hmac_sha256_set_key nettle_hmac_sha256_update nettle_hmac_sha256_digest \
	nettle_aes128_set_encrypt_key nettle_aes128_encrypt \
	nettle_gcm_aes128_set_key nettle_gcm_aes128_set_iv nettle_gcm_aes128_update \
	nettle_gcm_aes128_decrypt nettle_gcm_aes128_digest

purity: $(BUILD)/libinpath.a
	@tests/purity $(BUILD)/libinpath.a "$(PURE)"

# clang, too, warns of nothing, in any C file.
style:
	@tests/style
	@printf '%s\n' $(sort $(TESTED) $(UNIT) $(FUZZ) $(wildcard gateway/*/main.c tests/*/*.c)) | \
		xargs -P $$(nproc) -n 8 $(CLANG) $(STD) $(WARN) -fsyntax-only

# --- installing: DESTDIR, PREFIX, SYSCONFDIR, SYSTEMDDIR ------------------------------------------

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
# Where a machine's own units belong; a package says $(PREFIX)/lib/systemd/system.
SYSTEMDDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/systemd/system,$(SYSCONFDIR)/systemd/system)
SYSUSERSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/sysusers.d,$(SYSCONFDIR)/sysusers.d)
INSTALL ?= install
PROGRAMS := $(BUILD)/inpathd $(BUILD)/inpath rules/inpath-rules
MAN := $(notdir $(wildcard etc/man/*.[1-8]))
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
BASH_COMPLETION := $(PREFIX)/share/bash-completion/completions/inpath
ZSH_COMPLETION := $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_inpath
FISH_COMPLETION := $(PREFIX)/share/fish/vendor_completions.d/inpath.fish

# A manual page, with the counters that the code has.
$(BUILD)/man/%: etc/man/% include/inpath/stats.h
	@mkdir -p $(@D)
	@sed -n 's/^\tX(\([a-z_]*\), "\(.*\)").*/.It Cm \1\n\2/p' include/inpath/stats.h >$@.counters
	@sed -e '/^\.\\" @COUNTERS@/{r $@.counters' -e 'd}' $< >$@

$(BUILD)/completion/%: $(BUILD)/inpath
	@mkdir -p $(@D)
	@$(BUILD)/inpath completion $* >$@

# A configuration that is there already stays; the new one is put beside it.
install: all $(addprefix $(BUILD)/man/,$(MAN)) $(addprefix $(BUILD)/completion/,bash zsh fish)
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/inpath/examples \
		$(MAN_DIR)/man5 $(MAN_DIR)/man8 $(DESTDIR)$(SYSCONFDIR)/inpath/services \
		$(DESTDIR)$(SYSCONFDIR)/logrotate.d $(DESTDIR)$(SYSTEMDDIR) $(DESTDIR)$(SYSUSERSDIR)
	$(INSTALL) -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/sbin/
	$(INSTALL) -m 644 rules/inpath.nft rules/inpath.iptables $(DESTDIR)$(PREFIX)/share/inpath/
	$(INSTALL) -m 644 etc/rsyslog/inpath.conf $(DESTDIR)$(PREFIX)/share/inpath/examples/rsyslog.conf
	$(INSTALL) -D -m 644 $(BUILD)/completion/bash $(DESTDIR)$(BASH_COMPLETION)
	$(INSTALL) -D -m 644 $(BUILD)/completion/zsh $(DESTDIR)$(ZSH_COMPLETION)
	$(INSTALL) -D -m 644 $(BUILD)/completion/fish $(DESTDIR)$(FISH_COMPLETION)
	sed 's|@RUN_AS@|$(RUN_AS)|' etc/logrotate/inpath >$(DESTDIR)$(SYSCONFDIR)/logrotate.d/inpath
	sed 's|@RUN_AS@|$(RUN_AS)|' etc/sysusers.d/inpath.conf >$(DESTDIR)$(SYSUSERSDIR)/inpath.conf
	for page in $(MAN); do \
		$(INSTALL) -m 644 $(BUILD)/man/$$page $(MAN_DIR)/man$${page##*.}/ || exit 1; done
	sed 's|@SBIN@|$(PREFIX)/sbin|; s|@RUN_AS@|$(RUN_AS)|' etc/systemd/inpathd.service >$(DESTDIR)$(SYSTEMDDIR)/inpathd.service
	chmod 644 $(DESTDIR)$(SYSTEMDDIR)/inpathd.service $(DESTDIR)$(SYSUSERSDIR)/inpath.conf $(DESTDIR)$(SYSCONFDIR)/logrotate.d/inpath
	$(INSTALL) -m 644 etc/inpath.conf $(DESTDIR)$(SYSCONFDIR)/inpath/inpath.conf.new
	@cd $(DESTDIR)$(SYSCONFDIR)/inpath && if [ ! -e inpath.conf ] || cmp -s inpath.conf inpath.conf.new; \
		then mv inpath.conf.new inpath.conf; \
		else echo "$(SYSCONFDIR)/inpath/inpath.conf is kept; the new default is inpath.conf.new"; fi
	@for list in etc/services/*.conf; do \
		[ -e "$(DESTDIR)$(SYSCONFDIR)/inpath/services/$${list##*/}" ] || \
		$(INSTALL) -m 644 "$$list" $(DESTDIR)$(SYSCONFDIR)/inpath/services/ || exit 1; done
	@[ -n "$(DESTDIR)" ] || getent passwd $(RUN_AS) >/dev/null || systemd-sysusers $(SYSUSERSDIR)/inpath.conf 2>/dev/null || \
		useradd --system --user-group --no-create-home --shell /bin/false $(RUN_AS) || \
		echo "the user $(RUN_AS) could not be made: without it inpathd stays root, and its unit does not start"

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/sbin/,$(notdir $(PROGRAMS)))
	rm -rf $(DESTDIR)$(PREFIX)/share/inpath
	rm -f $(addprefix $(DESTDIR),$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	rm -f $(DESTDIR)$(SYSTEMDDIR)/inpathd.service $(DESTDIR)$(SYSCONFDIR)/logrotate.d/inpath \
		$(DESTDIR)$(SYSUSERSDIR)/inpath.conf
	for page in $(MAN); do rm -f $(MAN_DIR)/man$${page##*.}/$$page; done
	@echo "$(SYSCONFDIR)/inpath and the user $(RUN_AS) are kept: they are yours"

# make deb: a Debian package, build/inpath_VERSION_ARCHITECTURE.deb, judged by lintian where that is installed.
deb:
	@tests/deb/build "$(BUILD)"

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -path $(BUILD)/vm -prune -o -type f -name '*.d' -print 2>/dev/null)
