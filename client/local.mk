# client/: libklient. klient.h is the only installed header.
include_HEADERS += client/klient.h
# All of it with its inside visible, for the tests.
noinst_LTLIBRARIES += libklientcore.la
libklientcore_la_SOURCES = \
	client/klient.h \
	client/accumulator.c \
	client/admin_changes.c client/admin_groups.c client/admin_members.c client/admin_import.c client/admin_offsets.h client/admin_offsets.c \
	client/admin_records.c \
	client/admin_replicas.c client/admin_results.c client/admin_settings.c \
	client/admin.c client/admin_internal.h client/admin_alter.c client/admin_move.c \
	client/ask.h client/ask.c \
	client/assign_claims.h client/assign_claims.c \
	client/assignor.h client/assign_group.c client/assign_simple.c client/assign_sticky.c \
	client/assign_level.h client/assign_level.c client/assign_pools.h client/assign_pools.c \
	client/assign_racks.h client/assign_racks.c client/assign_range.c \
	client/background.h client/background.c \
	client/consumer_statistics.c client/producer_statistics.c client/statistics.h client/statistics.c \
	client/json_text.h client/json_text.c client/latency.h client/latency.c \
	client/broker.h client/broker.c \
	client/cluster.h client/cluster_private.h client/cluster.c client/cluster_topics.c \
	client/call.h client/call.c \
	client/commits.h client/commits.c \
	client/committed.h client/committed.c \
	client/config.h client/config_table.h client/config.c client/config_topic.c \
	client/consumer.h client/consumer.c client/consumer_ask.c client/consumer_assign.c \
	client/consumer_commit.c client/consumer_group.c client/consumer_life.c client/consumer_marks.c \
	client/coordinator.h client/coordinator.c \
	client/dead_letter.h client/dead_letter.c \
	client/describe.h client/describe.c \
	client/deserializer.h client/deserializer.c \
	client/error.h client/error.c \
	client/event.h client/event.c \
	client/extension.h client/extension.c \
	client/failures.h client/failures_private.h client/failures.c client/failures_return.c \
	client/failures_send.c \
	client/forked.h client/forked.c \
	client/forward.h client/forward.c \
	client/fetch_answers.c client/fetch_session.c client/fetch_start.c client/fetch_watch.c \
	client/fetcher.c \
	client/fetcher_private.h \
	client/find_coordinator.h client/find_coordinator.c \
	client/gate.h client/gate.c \
	client/group.h client/group_private.h client/group.c client/group_join.c \
	client/group_ask.h client/group_ask.c \
	client/group_lead.c client/group_committed.c client/group_places.c client/group_orders.c client/group_topics.c \
	client/handle.h client/handle.c \
	client/identity.h client/identity.c \
	client/inquiry.h client/inquiry.c \
	client/interceptor.h client/interceptor.c \
	client/link.h client/link.c \
	client/logs.c \
	client/membership.h client/membership.c \
	client/metrics.c \
	client/offsets.h client/offsets.c \
	client/outgoing.h client/outgoing.c \
	client/own_assignor.h client/own_assignor.c \
	client/partitioner.h client/partitioner.c \
	client/partitions.h client/partitions.c \
	client/position.h client/position.c \
	client/producer.h client/producer.c client/producer_topic.c \
	client/progress.h client/progress.c \
	client/queue.h client/queue.c \
	client/reach.h client/reach.c \
	client/record_copy.h client/record_copy.c \
	client/records.c \
	client/report.c \
	client/retry.h client/retry.c client/retry_policy.h client/retry_policy.c \
	client/sender.c client/sender_private.h client/settle.c client/shipment.c \
	client/roster.h client/roster.c \
	client/serde.h client/serde.c client/serializer.h client/serializer.c \
	client/silence.h client/silence.c \
	client/spin.h \
	client/standing.h client/standing.c \
	client/strategy.h client/strategy.c \
	client/subscription.h client/subscription.c \
	client/survey.h client/survey.c \
	client/task.h client/task.c \
	client/trouble.h client/trouble.c client/trouble_table.h \
	client/trouble_event.h client/trouble_event.c \
	client/troubles.h client/troubles.c \
	client/versions.h client/versions.c \
	client/visits.h \
	client/worker.h client/worker.c
libklientcore_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) $(EVENT_CFLAGS)
libklientcore_la_LIBADD = libpattern.la

lib_LTLIBRARIES += libklient.la
libklient_la_SOURCES =
libklient_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/client/klient.map
libklient_la_DEPENDENCIES = $(libklient_la_LIBADD) client/klient.map
libklient_la_LIBADD = libklientcore.la libnet.la libproto.la libcommon.la
EXTRA_DIST += client/klient.map

# A version script does nothing for the archive: in it names are hidden by being made local, which
# takes one object for all of them, or map_get() would collide with the application's.
klient_archive = $(DESTDIR)$(libdir)/libklient.a
install-exec-hook: hide-names-in-archive
hide-names-in-archive:
	@if test -f "$(klient_archive)"; then \
		rm -f klient-archive.o && \
		$(LD) -r -o klient-archive.o --whole-archive "$(klient_archive)" && \
		$(OBJCOPY) --localize-hidden klient-archive.o && \
		rm -f "$(klient_archive)" && \
		$(AR) rcs "$(klient_archive)" klient-archive.o && \
		rm -f klient-archive.o; \
	fi
.PHONY: hide-names-in-archive

pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = client/klient.pc

# The examples are compiled as a user would compile them, and run by tests/client/examples.sh.
klient_examples = client/examples/produce client/examples/consume \
	client/examples/admin_create_topic client/examples/custom_partitioner \
	client/examples/headers client/examples/event_loop client/examples/group \
	client/examples/own_serializer client/examples/dead_letters \
	client/examples/commit_chosen client/examples/commit_in_listener \
	client/examples/seek client/examples/pattern client/examples/threads \
	client/examples/order_by_key client/examples/global_order client/examples/async
noinst_PROGRAMS += $(klient_examples)
klient_example_flags = -I$(top_srcdir)/client
client_examples_produce_SOURCES = client/examples/produce.c
client_examples_produce_CPPFLAGS = $(klient_example_flags)
client_examples_produce_LDADD = libklient.la
client_examples_consume_SOURCES = client/examples/consume.c
client_examples_consume_CPPFLAGS = $(klient_example_flags)
client_examples_consume_LDADD = libklient.la
client_examples_admin_create_topic_SOURCES = client/examples/admin_create_topic.c
client_examples_admin_create_topic_CPPFLAGS = $(klient_example_flags)
client_examples_admin_create_topic_LDADD = libklient.la
client_examples_custom_partitioner_SOURCES = client/examples/custom_partitioner.c
client_examples_custom_partitioner_CPPFLAGS = $(klient_example_flags)
client_examples_custom_partitioner_LDADD = libklient.la
client_examples_async_SOURCES = client/examples/async.c
client_examples_async_CPPFLAGS = $(klient_example_flags)
client_examples_async_LDADD = libklient.la
client_examples_headers_SOURCES = client/examples/headers.c
client_examples_headers_CPPFLAGS = $(klient_example_flags)
client_examples_headers_LDADD = libklient.la
client_examples_event_loop_SOURCES = client/examples/event_loop.c
client_examples_event_loop_CPPFLAGS = $(klient_example_flags)
client_examples_event_loop_LDADD = libklient.la
client_examples_own_serializer_SOURCES = client/examples/own_serializer.c
client_examples_own_serializer_CPPFLAGS = $(klient_example_flags)
client_examples_own_serializer_LDADD = libklient.la
client_examples_dead_letters_SOURCES = client/examples/dead_letters.c
client_examples_dead_letters_CPPFLAGS = $(klient_example_flags)
client_examples_dead_letters_LDADD = libklient.la
client_examples_group_SOURCES = client/examples/group.c
client_examples_group_CPPFLAGS = $(klient_example_flags)
client_examples_group_LDADD = libklient.la
client_examples_commit_chosen_SOURCES = client/examples/commit_chosen.c
client_examples_commit_chosen_CPPFLAGS = $(klient_example_flags)
client_examples_commit_chosen_LDADD = libklient.la
client_examples_commit_in_listener_SOURCES = client/examples/commit_in_listener.c
client_examples_commit_in_listener_CPPFLAGS = $(klient_example_flags)
client_examples_commit_in_listener_LDADD = libklient.la
client_examples_seek_SOURCES = client/examples/seek.c
client_examples_seek_CPPFLAGS = $(klient_example_flags)
client_examples_seek_LDADD = libklient.la
client_examples_pattern_SOURCES = client/examples/pattern.c
client_examples_pattern_CPPFLAGS = $(klient_example_flags)
client_examples_pattern_LDADD = libklient.la
client_examples_threads_SOURCES = client/examples/threads.c
client_examples_threads_CPPFLAGS = $(klient_example_flags)
client_examples_threads_LDADD = libklient.la
client_examples_order_by_key_SOURCES = client/examples/order_by_key.c
client_examples_order_by_key_CPPFLAGS = $(klient_example_flags)
client_examples_order_by_key_LDADD = libklient.la
client_examples_global_order_SOURCES = client/examples/global_order.c
client_examples_global_order_CPPFLAGS = $(klient_example_flags)
client_examples_global_order_LDADD = libklient.la
