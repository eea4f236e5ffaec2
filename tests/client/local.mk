# tests/client/: libklient against brokers that live in the test.
check_PROGRAMS += tests/client/test_client
TESTS += tests/client/test_client
tests_client_test_client_SOURCES = \
	$(fake_broker_sources) \
	tests/client/helpers.h tests/client/helpers.c \
	tests/client/main.c \
	tests/client/test_admin.c \
	tests/client/test_codecs.c \
	tests/client/test_config.c \
	tests/client/test_consumer.c \
	tests/client/test_faults.c \
	tests/client/test_handle.c \
	tests/client/test_hostile.c \
	tests/client/test_partitioner.c \
	tests/client/test_producer.c \
	tests/client/test_records.c \
	tests/client/test_sealing.c \
	tests/client/test_versions.c
tests_client_test_client_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_client_test_client_LDADD = libtestlib.la libklientcore.la libnet.la libproto.la libcommon.la \
	$(CHECK_LIBS)

# Makes docs/client-configuration.md; test_config.c compares.
check_PROGRAMS += tests/client/print_config_docs
tests_client_print_config_docs_SOURCES = tests/client/print_config_docs.c
tests_client_print_config_docs_LDADD = libklient.la

check_PROGRAMS += tests/client/fake_server
TESTS += tests/client/examples.sh
EXTRA_DIST += tests/client/examples.sh
tests_client_fake_server_SOURCES = tests/client/fake_server.c \
	$(fake_broker_sources)
tests_client_fake_server_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_client_fake_server_LDADD = libnet.la libproto.la libcommon.la
