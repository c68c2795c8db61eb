#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# h3: a real HTTP/3 server, a third service beside s1 and s2, and a real browser as a client of the
# household. Sourced by the tests that need them, after lib.sh.
#
# caddy answers in s3, behind r5 by a line with a round trip of H3_RTT_MS (20), on port 443: HTTP/3, and
# HTTP/2 for whom falls back to TCP. v4.video.example and v6.video.example are its names, one a family.
# /watch.html is a page with a video of H3_SECONDS (12) seconds, in segments of one second that the page
# fetches as they are needed; /report takes what the page says of itself, into caddy's access log
# $NET_WORK/s3/access.log:
#
#	/report?id=ID&played=SECONDS&protocols=h3&sha256=HEX&frames=N
#						the video ended; the digest is of all segments, one behind the other
#	/report?id=ID&failed=WHY		it did not
#
# h3_can				can all this run here? If not, prints why
# h3_up					after home_up: makes the video, starts the server
# h3_watch ID CLIENT FAMILY		starts a browser that watches the video, with its own NetLog
#					$NET_WORK/s3/ID.netlog
# h3_wait SECONDS ID			waits for the report of that browser and prints its query
# h3_close ID				ends a browser, so that its NetLog is whole
# h3_digest				what the reports' sha256 must be
#
# tools/netlog.py reads a NetLog; tools/datagrams.py reads captures, and prints a browser's Initials.

S3_4=198.18.3.10 S3_6=2001:db8:53::10
H3_NAME=video.example
H3_SECONDS=${H3_SECONDS:-12}
H3_RTT_MS=${H3_RTT_MS:-20}
declare -A H3_BROWSER=() # ID -> PID

h3_can() {
	command -v caddy >/dev/null || {
		echo "caddy is not installed"
		return 1
	}
	h3_chromium >/dev/null || {
		echo "neither chromium-headless-shell nor chromium is installed"
		return 1
	}
}

h3_chromium() {
	command -v chromium-headless-shell || command -v chromium
}

h3_up() {
	local dir=$NET_WORK/s3 name
	h3_line
	home_route r5 "" "" 2001:db8:53::/64 :s3
	home_route s3 default 198.18.3.1 default fe80::1:eth0
	printf '%s v4.%s\n%s v6.%s\n' "$S3_4" "$H3_NAME" "$S3_6" "$H3_NAME" >"$NET_WORK/names/h3"

	mkdir -p "$dir/www"
	python3 "$NET_ROOT/tests/netns/tools/video.py" "$dir/www" "$H3_SECONDS"
	cp "$NET_ROOT/tests/netns/tools/watch.html" "$dir/www/watch.html"
	home_certificate "$dir" "v4.$H3_NAME"
	# Chromium trusts this key, whoever signed it.
	openssl pkey -in "$dir/key.pem" -pubout -outform der | openssl dgst -sha256 -binary |
		base64 >"$dir/spki"
	h3_caddy "$dir"
	for name in 4 6; do
		wait_for 30 h3_answers "$name" || {
			echo "v$name.$H3_NAME does not answer:" >&2
			cat "$dir/caddy.log" "$NET_WORK/dnsmasq.log" >&2
			return 1
		}
	done
}

# The line between r5 and s3. On a way without delay a browser repeats its Initials while the server still
# works on its handshake.
h3_line() {
	local end
	host s3 line
	link r5 s3 line near 198.18.3.1/24 -
	link line far s3 eth0 - "$S3_4/24,$S3_6/64"
	# For those who ask for the way that a flow took, it is a cable.
	# shellcheck disable=SC2034 # lib.sh's
	NET_PEER["r5 s3"]="s3 eth0" NET_PEER["s3 eth0"]="r5 s3"
	net_sysctl line net/ipv6/conf/all/disable_ipv6=1
	for end in r5:s3 s3:eth0; do
		ip netns exec "$NET_PREFIX-${end%:*}" ethtool -K "${end#*:}" tx off tso off gso off gro off >/dev/null
	done
	spawn line "$NET_WORK/line.log" "$NET_BUILD/bench/delay" near far $((H3_RTT_MS * 500))
	wait_for 30 grep -q ready "$NET_WORK/line.log" || {
		cat "$NET_WORK/line.log" >&2
		return 1
	}
}

h3_answers() {
	home_curl tv "$1" -o /dev/null "https://v$1.$H3_NAME/watch.html" 2>/dev/null
}

h3_caddy() {
	local dir=$1
	cat >"$dir/Caddyfile" <<-END
		{
			admin off
			auto_https off
		}
		https://v4.$H3_NAME, https://v6.$H3_NAME {
			tls $dir/cert.pem $dir/key.pem
			log {
				output file $dir/access.log
			}
			root * $dir/www
			respond /report* 204
			file_server
		}
	END
	spawn s3 "$dir/caddy.log" env HOME="$dir" XDG_DATA_HOME="$dir" XDG_CONFIG_HOME="$dir" \
		caddy run --config "$dir/Caddyfile" --adapter caddyfile
}

# Of DevTools' protocol only its pipe is used, and of that only what closes the browser: a signal would
# cut the NetLog short.
h3_watch() {
	local id=$1 client=$2 name=v$3.$H3_NAME dir=$NET_WORK/s3
	mkdir -p "$dir/$id"
	mkfifo "$dir/$id/pipe"
	# shellcheck disable=SC2016 # expanded by the inner shell
	spawn "$client" "$dir/$id.log" env HOME="$dir/$id" sh -c 'exec "$@" 3<>"$HOME/pipe" 4>/dev/null' sh \
		"$(h3_chromium)" --headless --no-sandbox --remote-debugging-pipe \
		--disable-gpu --mute-audio --no-first-run --no-default-browser-check --no-pings \
		--disable-background-networking --disable-component-update --disable-sync \
		--disable-default-apps --disable-extensions --disable-dev-shm-usage \
		--autoplay-policy=no-user-gesture-required --user-data-dir="$dir/$id" \
		--log-net-log="$dir/$id.netlog" --net-log-capture-mode=Everything \
		--ignore-certificate-errors-spki-list="$(cat "$dir/spki")" \
		--origin-to-force-quic-on="$name:443" "https://$name/watch.html?id=$id&segments=$H3_SECONDS"
	H3_BROWSER[$id]=$SPAWNED
}

h3_wait() {
	wait_for "$1" h3_reported "$2" >/dev/null || {
		echo "browser $2 did not report; it said:" >&2
		cat "$NET_WORK/s3/$2.log" >&2
		return 1
	}
	h3_reported "$2"
}

h3_reported() {
	# The log is JSON, which writes & as \u0026.
	sed -n 's/.*"uri":"\/report?\([^"]*\)".*/\1/p' "$NET_WORK/s3/access.log" 2>/dev/null |
		sed 's/\\u0026/\&/g' | grep "^id=$1&"
}

h3_close() {
	local pid=${H3_BROWSER[$1]}
	printf '{"id":1,"method":"Browser.close"}\0' >"$NET_WORK/s3/$1/pipe"
	wait_for 30 net_gone "$pid" || echo "browser $1 does not close" >&2
	finish "$pid" || true
}

h3_digest() {
	local i
	for ((i = 0; i < H3_SECONDS; i++)); do
		cat "$NET_WORK/s3/www/seg-$i.m4s"
	done | sha256sum | cut -d' ' -f1
}
