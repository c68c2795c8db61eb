/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/watchdog.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const struct watchdog_look AWAKE = { .beats = 7 };
static const struct watchdog_look ASLEEP = { .beats = 7, .asleep = true };

/* Looks every `ms` until the judgement is another; how many looks that took, 0 if 100 did not do. */
static int looks_until(struct watchdog_look look, uint32_t beats_a_look, unsigned ms,
	enum watchdog_judgement *judgement)
{
	struct watchdog_memory memory = { 0 };

	for (int i = 1; i <= 100; i++) {
		*judgement = watchdog_judge(&memory, &look);
		if (*judgement != WATCHDOG_LOOK_AGAIN)
			return i;
		look.at += ms * INPATH_MSEC;
		look.beats += beats_a_look;
	}
	return 0;
}

static void a_worker_that_beats_lives(void **state)
{
	enum watchdog_judgement last;

	(void)state;
	assert_int_equal(looks_until(AWAKE, 1, 250, &last), 0);
	assert_int_equal(looks_until(ASLEEP, 1, 250, &last), 0);
}

static void one_that_stands_still_dies_after_a_second(void **state)
{
	enum watchdog_judgement last;

	(void)state;
	assert_int_equal(looks_until(AWAKE, 0, 250, &last), 5);
	assert_int_equal(last, WATCHDOG_KILL);
	assert_int_equal(looks_until(AWAKE, 0, 249, &last), 6);
	assert_int_equal(last, WATCHDOG_KILL);
}

static void one_that_is_stopped_dies_even_asleep(void **state)
{
	struct watchdog_look look = ASLEEP;
	enum watchdog_judgement last;

	(void)state;
	look.stopped = true;
	assert_int_equal(looks_until(look, 0, 250, &last), 5);
	assert_int_equal(last, WATCHDOG_KILL);
}

static void one_that_sleeps_over_waiting_packets_dies(void **state)
{
	struct watchdog_look look = ASLEEP;
	enum watchdog_judgement last;

	(void)state;
	look.waiting = 1;
	assert_int_equal(looks_until(look, 0, 250, &last), 5);
	assert_int_equal(last, WATCHDOG_KILL);
}

static void one_that_sleeps_is_left_alone(void **state)
{
	enum watchdog_judgement last;

	(void)state;
	assert_int_equal(looks_until(ASLEEP, 0, 250, &last), 2);
	assert_int_equal(last, WATCHDOG_DOZE);
}

static void one_that_starts_may_take_its_time(void **state)
{
	struct watchdog_look look = { .beats = 0 };
	enum watchdog_judgement last;

	(void)state;
	assert_int_equal(looks_until(look, 0, 250, &last), 0);
}

/* The keeper was not given a turn for ten seconds: so neither was the worker, perhaps. */
static void a_keeper_that_starved_looks_again(void **state)
{
	struct watchdog_memory memory = { 0 };
	struct watchdog_look look = AWAKE;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(watchdog_judge(&memory, &look), WATCHDOG_LOOK_AGAIN);
		look.at += 10 * INPATH_SEC;
	}
}

static int end_well(struct heartbeat *h, void *arg)
{
	heartbeat_beat(h);
	return *(int *)arg;
}

static int hang(struct heartbeat *h, void *arg)
{
	volatile int *arg_again = arg;

	heartbeat_beat(h);
	while (*arg_again == 0)
		;
	return EXIT_SUCCESS;
}

static int sleep_then_hang(struct heartbeat *h, void *arg)
{
	heartbeat_beat(h);
	heartbeat_sleep(h);
	sleep(3); /* until the keeper dozes */
	return hang(h, arg);
}

static int be_stopped(struct heartbeat *h, void *arg)
{
	(void)arg;
	heartbeat_beat(h);
	heartbeat_sleep(h);
	raise(SIGSTOP);
	return EXIT_SUCCESS;
}

static int crash(struct heartbeat *h, void *arg)
{
	static const struct rlimit none = { 0, 0 };

	(void)arg;
	heartbeat_beat(h);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return EXIT_SUCCESS;
}

/* What the keeper says on standard error goes to `said`. */
static int keep(int (*work)(struct heartbeat *h, void *arg), int result, char said[512])
{
	int pipe_fds[2], saved = dup(STDERR_FILENO), status;
	ssize_t n;

	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	status = watchdog_keep(false, NULL, work, &result);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	n = read(pipe_fds[0], said, 511);
	said[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	return status;
}

static void the_workers_status_is_handed_on(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(keep(end_well, 0, said), 0);
	assert_string_equal(said, "");
	assert_int_equal(keep(end_well, 42, said), 42);
	assert_string_equal(said, "");
}

static void an_endless_loop_is_ended(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(keep(hang, 0, said), EXIT_FAILURE);
	assert_non_null(strstr(said, "stood still for a second: killed"));
}

static void a_hang_wakes_a_keeper_that_dozes(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(keep(sleep_then_hang, 0, said), EXIT_FAILURE);
	assert_non_null(strstr(said, "stood still"));
}

static void a_stopped_worker_is_ended(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(keep(be_stopped, 0, said), EXIT_FAILURE);
	assert_non_null(strstr(said, "stood still"));
}

static void a_crash_is_said(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(keep(crash, 0, said), EXIT_FAILURE);
	assert_non_null(strstr(said, "ended by signal 11"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_beats_lives),
		cmocka_unit_test(one_that_stands_still_dies_after_a_second),
		cmocka_unit_test(one_that_is_stopped_dies_even_asleep),
		cmocka_unit_test(one_that_sleeps_over_waiting_packets_dies),
		cmocka_unit_test(one_that_sleeps_is_left_alone),
		cmocka_unit_test(one_that_starts_may_take_its_time),
		cmocka_unit_test(a_keeper_that_starved_looks_again),
		cmocka_unit_test(the_workers_status_is_handed_on),
		cmocka_unit_test(an_endless_loop_is_ended),
		cmocka_unit_test(a_hang_wakes_a_keeper_that_dozes),
		cmocka_unit_test(a_stopped_worker_is_ended),
		cmocka_unit_test(a_crash_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
