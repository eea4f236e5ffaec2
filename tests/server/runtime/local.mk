# tests/server/runtime/: what server/api's tests do not reach by way of handlers.
check_PROGRAMS += tests/server/runtime/test_runtime
TESTS += tests/server/runtime/test_runtime
tests_server_runtime_test_runtime_SOURCES = \
	tests/server/runtime/main.c tests/server/runtime/suites.h \
	tests/server/runtime/test_metadata.c \
	tests/server/runtime/test_warm.c
tests_server_runtime_test_runtime_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_server_runtime_test_runtime_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)
