#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tap: says what a test script found, as TAP. Source it:
#
# tap_ok DESCRIPTION COMMAND...	ok if the command succeeds
# tap_is DESCRIPTION GOT WANT	ok if both are the same text
# tap_skip DESCRIPTION WHY
# tap_result ok|"not ok" DESCRIPTION
# tap_done			the plan; ends the script, with 1 if a test failed

TAP_COUNT=0
TAP_FAILED=0

tap_result() {
	TAP_COUNT=$((TAP_COUNT + 1))
	[ "$1" = ok ] || TAP_FAILED=$((TAP_FAILED + 1))
	echo "$1 $TAP_COUNT - $2"
}

tap_ok() {
	local what=$1
	shift
	if "$@"; then
		tap_result ok "$what"
	else
		tap_result "not ok" "$what"
		echo "# failed: $*"
	fi
}

tap_is() {
	if [ "$2" = "$3" ]; then
		tap_result ok "$1"
	else
		tap_result "not ok" "$1"
		printf '# got:\n%s\n# want:\n%s\n' "$2" "$3" | sed 's/^\([^#]\)/#   \1/'
	fi
}

tap_skip() {
	tap_result ok "$1 # SKIP $2"
}

tap_done() {
	echo "1..$TAP_COUNT"
	[ "$TAP_FAILED" -eq 0 ] || exit 1
	exit 0
}
