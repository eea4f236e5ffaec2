# tests/client/: libklient against brokers that live in the test.
check_PROGRAMS += tests/client/test_client
TESTS += tests/client/test_client
tests_client_test_client_SOURCES = \
	tests/client/fake_broker.h tests/client/fake_broker.c \
	tests/client/helpers.h tests/client/helpers.c \
	tests/client/main.c \
	tests/client/test_admin.c \
	tests/client/test_config.c \
	tests/client/test_consumer.c \
	tests/client/test_faults.c \
	tests/client/test_handle.c \
	tests/client/test_hostile.c \
	tests/client/test_partitioner.c \
	tests/client/test_producer.c \
	tests/client/test_records.c
tests_client_test_client_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_client_test_client_LDADD = libtestlib.la libklientcore.la libnet.la libproto.la libcommon.la \
	$(CHECK_LIBS)
