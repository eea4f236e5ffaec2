# tests/tools/: the parts of the kairn command that need no cluster.
check_PROGRAMS += tests/tools/test_tools
TESTS += tests/tools/test_tools
tests_tools_test_tools_SOURCES = \
	tests/tools/main.c tests/tools/suites.h \
	tests/tools/test_args.c \
	tests/tools/test_assignment.c \
	tests/tools/test_checkup.c \
	tests/tools/test_colour.c \
	tests/tools/test_complete.c \
	tests/tools/test_follower.c \
	tests/tools/test_group_rows.c \
	tests/tools/test_health.c \
	tests/tools/test_letter.c \
	tests/tools/test_log_value.c \
	tests/tools/test_moment.c \
	tests/tools/test_offsets_file.c \
	tests/tools/test_pair_list.c \
	tests/tools/test_pauses.c \
	tests/tools/test_perf.c \
	tests/tools/test_planner.c \
	tests/tools/test_record_format.c \
	tests/tools/test_record_input.c \
	tests/tools/test_recovery.c \
	tests/tools/test_setting_text.c \
	tests/tools/test_zookeeper.c \
	tools/kairn/args.c \
	tools/kairn/assignment.c \
	tools/kairn/bytes.c \
	tools/kairn/checkup.c tools/kairn/checkup_cluster.c tools/kairn/checkup_machine.c \
	tools/kairn/checkup_zookeeper.c \
	tools/kairn/colour.c \
	tools/kairn/complete.c \
	tools/kairn/connect.c \
	tools/kairn/follower.c \
	tools/kairn/group_rows.c \
	tools/kairn/health.c \
	tools/kairn/json.c \
	tools/kairn/letter.c \
	tools/kairn/log_value.c \
	tools/kairn/interrupt.c \
	tools/kairn/moment.c \
	tools/kairn/offsets_file.c \
	tools/kairn/pair_list.c \
	tools/kairn/pauses.c \
	tools/kairn/perf.c \
	tools/kairn/planner.c tools/kairn/planner_spread.c \
	tools/kairn/record_format.c \
	tools/kairn/record_input.c \
	tools/kairn/recovery.c \
	tools/kairn/setting_text.c \
	tools/kairn/zookeeper.c
tests_tools_test_tools_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_tools_test_tools_LDADD = libtestlib.la libcommon.la libklient.la $(CHECK_LIBS) $(JANSSON_LIBS)
