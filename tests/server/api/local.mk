# tests/server/api/: the handlers over real loops and logs, without a network.
check_PROGRAMS += tests/server/api/test_api
TESTS += tests/server/api/test_api
tests_server_api_test_api_SOURCES = \
	tests/server/lib/follower.h tests/server/lib/follower.c \
	tests/server/lib/plane.h tests/server/lib/plane.c tests/server/lib/plane_records.c \
	tests/server/lib/plane_where.c \
	tests/server/lib/group_member.h tests/server/lib/group_member.c \
	tests/server/api/main.c \
	tests/server/api/test_delete_records.c \
	tests/server/api/test_alter.c \
	tests/server/api/test_fetch.c \
	tests/server/api/test_fetch_session.c \
	tests/server/api/test_group_requests.c \
	tests/server/api/test_groups.c \
	tests/server/api/test_isolation.c \
	tests/server/api/test_list_offsets.c \
	tests/server/api/test_logs.c \
	tests/server/api/test_metadata.c \
	tests/server/api/test_metrics.c \
	tests/server/api/test_numbers.c \
	tests/server/api/test_offset_commits.c \
	tests/server/api/test_produce.c \
	tests/server/api/test_recompress.c \
	tests/server/api/test_producer_id.c \
	tests/server/api/test_replica_fetch.c \
	tests/server/api/test_retention.c \
	tests/server/api/test_topics.c
tests_server_api_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_server_api_test_api_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)
