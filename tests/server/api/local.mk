# tests/server/api/: the handlers over real loops and logs, without a network.
check_PROGRAMS += tests/server/api/test_api
TESTS += tests/server/api/test_api
tests_server_api_test_api_SOURCES = \
	tests/server/lib/plane.h tests/server/lib/plane.c \
	tests/server/api/main.c \
	tests/server/api/test_delete_records.c \
	tests/server/api/test_alter.c \
	tests/server/api/test_fetch.c \
	tests/server/api/test_isolation.c \
	tests/server/api/test_list_offsets.c \
	tests/server/api/test_logs.c \
	tests/server/api/test_metadata.c \
	tests/server/api/test_numbers.c \
	tests/server/api/test_produce.c \
	tests/server/api/test_recompress.c \
	tests/server/api/test_producer_id.c \
	tests/server/api/test_retention.c \
	tests/server/api/test_topics.c
tests_server_api_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_server_api_test_api_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)
