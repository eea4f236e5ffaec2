# tests/server/broker/: the files of server/ itself.
check_PROGRAMS += tests/server/broker/test_broker
TESTS += tests/server/broker/test_broker
tests_server_broker_test_broker_SOURCES = \
	tests/server/lib/plane.h tests/server/lib/plane.c tests/server/lib/plane_records.c \
	tests/server/lib/plane_where.c \
	tests/server/broker/gate_rig.h tests/server/broker/gate_rig.c \
	tests/server/broker/main.c \
	tests/server/broker/test_admission.c \
	tests/server/broker/test_config.c \
	tests/server/broker/test_config_parts.c \
	tests/server/broker/test_connection.c \
	tests/server/broker/test_endpoints.c \
	tests/server/broker/test_hostile.c \
	tests/torture/memory.h tests/torture/memory.c
tests_server_broker_test_broker_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DTOP_SRCDIR='"$(top_srcdir)"'
tests_server_broker_test_broker_LDFLAGS = $(memory_ldflags)
tests_server_broker_test_broker_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)
