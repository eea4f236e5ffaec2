# tests/tools/: the parts of the kairn command that need no cluster.
check_PROGRAMS += tests/tools/test_tools
TESTS += tests/tools/test_tools
tests_tools_test_tools_SOURCES = \
	tests/tools/main.c tests/tools/suites.h \
	tests/tools/test_args.c \
	tests/tools/test_log_value.c \
	tests/tools/test_perf.c \
	tests/tools/test_record_format.c \
	tools/kairn/args.c \
	tools/kairn/connect.c \
	tools/kairn/json.c \
	tools/kairn/log_value.c \
	tools/kairn/perf.c \
	tools/kairn/record_format.c
tests_tools_test_tools_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_tools_test_tools_LDADD = libtestlib.la libcommon.la libklient.la $(CHECK_LIBS) $(JANSSON_LIBS)
