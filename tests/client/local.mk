# tests/client/: libklient against brokers that live in the test.
check_PROGRAMS += tests/client/test_client
TESTS += tests/client/test_client
tests_client_test_client_SOURCES = \
	$(fake_broker_sources) \
	tests/client/helpers.h tests/client/helpers.c \
	tests/client/main.c \
	tests/client/spy.h tests/client/spy.c \
	tests/client/test_admin.c \
	tests/client/test_admin_groups.c \
	tests/client/test_admin_replicas.c \
	tests/client/test_assign_racks.c \
	tests/client/test_assign_sticky.c \
	tests/client/test_assignor.c \
	tests/client/test_async.c \
	tests/client/test_codecs.c \
	tests/client/test_config.c \
	tests/client/test_consumer.c \
	tests/client/test_describe.c \
	tests/client/test_faults.c \
	tests/client/members.h tests/client/members.c \
	tests/client/test_group.c \
	tests/client/test_auto_commit.c \
	tests/client/test_background.c \
	tests/client/test_group_commits.c \
	tests/client/test_group_starts.c \
	tests/client/test_group_trouble.c \
	tests/client/test_fetch_session.c \
	tests/client/test_fetcher.c \
	tests/client/test_handle.c \
	tests/client/test_hostile.c \
	tests/client/test_interceptor.c \
	tests/client/test_interceptor_commit.c \
	tests/client/test_interceptor_consume.c \
	tests/client/test_marks.c \
	tests/client/test_ordering.c \
	tests/client/test_own_assignor.c \
	tests/client/test_own_serde.c \
	tests/client/test_idle_topics.c \
	tests/client/test_leaders.c \
	tests/client/test_link.c \
	tests/client/membership_driver.c tests/client/membership_driver.h \
	tests/client/test_membership.c \
	tests/client/test_membership_losses.c \
	tests/client/test_partitioner.c \
	tests/client/test_patience.c \
	tests/client/test_producer.c \
	tests/client/test_progress.c \
	tests/client/test_purge.c \
	tests/client/test_queue.c \
	tests/client/test_records.c \
	tests/client/test_retry.c \
	tests/client/application.h tests/client/application.c \
	tests/client/test_dlq.c \
	tests/client/test_failures.c \
	tests/client/test_sealing.c \
	tests/client/test_serde.c \
	tests/client/test_stale.c \
	tests/client/test_topic_config.c \
	tests/client/test_trouble.c \
	tests/client/told.h tests/client/told.c \
	tests/client/test_troubles.c \
	tests/client/test_troubles_consumer.c \
	tests/client/test_standing.c \
	tests/client/test_statistics.c \
	tests/client/test_typed.c \
	tests/client/test_versions.c
tests_client_test_client_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_client_test_client_LDADD = libtestlib.la libklientcore.la libcore.la libnet.la libproto.la libcommon.la \
	$(CHECK_LIBS)

# Makes docs/client-configuration.md and docs/man/klient.conf.5; test_config.c compares.
check_PROGRAMS += tests/client/print_config_docs
tests_client_print_config_docs_SOURCES = tests/client/print_config_docs.c
tests_client_print_config_docs_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_client_print_config_docs_LDADD = libklientcore.la libnet.la libproto.la libcommon.la

# Makes docs/troubles.md; test_trouble.c compares.
check_PROGRAMS += tests/client/print_trouble_docs
tests_client_print_trouble_docs_SOURCES = tests/client/print_trouble_docs.c
tests_client_print_trouble_docs_LDADD = libklientcore.la libcommon.la

# Reads what Java's serializers write; tests/peers/test_serde.sh compares.
check_PROGRAMS += tests/client/describe_serde
tests_client_describe_serde_SOURCES = tests/client/describe_serde.c
tests_client_describe_serde_LDADD = libklientcore.la libcommon.la

check_PROGRAMS += tests/client/fake_server
TESTS += tests/client/examples.sh
EXTRA_DIST += tests/client/examples.sh
tests_client_fake_server_SOURCES = tests/client/fake_server.c \
	$(fake_broker_sources)
tests_client_fake_server_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_client_fake_server_LDADD = libcore.la libnet.la libproto.la libcommon.la
