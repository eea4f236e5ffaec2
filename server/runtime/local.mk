# server/runtime/: drives the cores; loops that own partitions, parked requests, metadata, io pool.
noinst_LTLIBRARIES += libruntime.la
# The control plane.
libruntime_la_SOURCES = \
	server/runtime/changes_build.h server/runtime/changes_build.c \
	server/runtime/config_values.h server/runtime/config_values.c \
	server/runtime/config_watch.c \
	server/runtime/control.h server/runtime/control.c server/runtime/control_internal.h \
	server/runtime/control_alter.c server/runtime/control_tickets.h \
	server/runtime/control_known.c \
	server/runtime/control_leaders.c \
	server/runtime/control_reassign.c \
	server/runtime/control_reports.c \
	server/runtime/drain.c \
	server/runtime/feature_levels.c \
	server/runtime/lossy.c \
	server/runtime/control_request.c \
	server/runtime/controller_load.c \
	server/runtime/quarantine.c \
	server/runtime/controller_watch.c \
	server/runtime/delete_requests.c \
	server/runtime/deletions.c \
	server/runtime/drive_controller.c \
	server/runtime/drive_member.c \
	server/runtime/make_topic.h server/runtime/make_topic.c \
	server/runtime/metadata.h server/runtime/metadata.c server/runtime/metadata_private.h \
	server/runtime/admin_requests.c \
	server/runtime/metadata_build.c \
	server/runtime/metadata_parts.c \
	server/runtime/state_node.h server/runtime/state_node.c \
	server/runtime/news.c \
	server/runtime/peer.h server/runtime/peer.c \
	server/runtime/offset_import.h server/runtime/offset_import.c \
	server/runtime/offset_mirror.h server/runtime/offset_mirror.c \
	server/runtime/producer_ids.h server/runtime/producer_ids.c \
	server/runtime/store.c server/runtime/store_build.c server/runtime/store_private.h \
	server/runtime/store_alter.c
# The data plane.
libruntime_la_SOURCES += \
	server/runtime/append.h server/runtime/append.c \
	server/runtime/census.h server/runtime/census.c \
	server/runtime/quota.h server/runtime/quota.c \
	server/runtime/replica_throttle.h server/runtime/replica_throttle.c \
	server/runtime/throttled.h server/runtime/throttled.c \
	server/runtime/batch_rules.h server/runtime/batch_rules.c \
	server/runtime/cleaner.h server/runtime/cleaner.c server/runtime/cleaner_private.h \
	server/runtime/cleaner_job.c \
	server/runtime/dirs.h server/runtime/dirs.c server/runtime/dirs_internal.h \
	server/runtime/dirs_picture.c \
	server/runtime/dirs_progress.c \
	server/runtime/dirs_work.h server/runtime/dirs_work.c \
	server/runtime/drive_groups.h server/runtime/drive_groups.c server/runtime/drive_groups_private.h \
	server/runtime/drive_replica.h server/runtime/drive_replica.c \
	server/runtime/early_ack.h server/runtime/early_ack.c \
	server/runtime/fetch.h server/runtime/fetch.c \
	server/runtime/fetch_read.h server/runtime/fetch_read.c \
	server/runtime/fetch_session.h server/runtime/fetch_session.c \
	server/runtime/fetch_session_part.c server/runtime/fetch_session_private.h \
	server/runtime/fetcher.h server/runtime/fetcher.c server/runtime/fetcher_private.h \
	server/runtime/fetcher_ask.c \
	server/runtime/follower_report.h server/runtime/follower_report.c \
	server/runtime/flush.h server/runtime/flush.c \
	server/runtime/flush_cycle.h server/runtime/flush_cycle.c \
	server/runtime/group_call.h server/runtime/group_call.c \
	server/runtime/group_gone.c \
	server/runtime/group_load.c \
	server/runtime/group_members.h server/runtime/group_members.c \
	server/runtime/group_place.h server/runtime/group_place.c \
	server/runtime/group_records.h server/runtime/group_records.c \
	server/runtime/group_store.c \
	server/runtime/io_pool.h server/runtime/io_pool.c \
	server/runtime/move.h server/runtime/move.c \
	server/runtime/numbers.h server/runtime/numbers.c \
	server/runtime/lost_copies.h server/runtime/lost_copies.c \
	server/runtime/logs.h server/runtime/logs.c \
	server/runtime/group_mirror.h server/runtime/group_mirror.c \
	server/runtime/mirror_parcel.c \
	server/runtime/offsets.h server/runtime/offsets.c \
	server/runtime/offsets_topic.h server/runtime/offsets_topic.c \
	server/runtime/partition.h server/runtime/partition.c \
	server/runtime/partition_serving.c \
	server/runtime/proposals.h server/runtime/proposals.c \
	server/runtime/purge.h server/runtime/purge.c \
	server/runtime/question.h server/runtime/question.c \
	server/runtime/recompress.h server/runtime/recompress.c \
	server/runtime/replica_cut.h server/runtime/replica_cut.c \
	server/runtime/replica_log.h server/runtime/replica_log.c \
	server/runtime/replica_story.h server/runtime/replica_story.c \
	server/runtime/replica_session.h server/runtime/replica_session.c \
	server/runtime/reconcile.c \
	server/runtime/rest.h server/runtime/rest.c \
	server/runtime/retain.h server/runtime/retain.c \
	server/runtime/scatter.h server/runtime/scatter.c \
	server/runtime/settings.h server/runtime/settings.c \
	server/runtime/shared_config.c server/runtime/shared_config.h \
	server/runtime/shard.h server/runtime/shard.c server/runtime/shard_state.h \
	server/runtime/throttle.h server/runtime/throttle.c \
	server/runtime/topic_config.h server/runtime/topic_config.c \
	server/runtime/topic_config_table.h \
	server/runtime/trim.h server/runtime/trim.c \
	server/runtime/trim_job.h server/runtime/trim_job.c \
	server/runtime/upkeep.h server/runtime/upkeep.c \
	server/runtime/wanted_topics.h server/runtime/wanted_topics.c \
	server/runtime/warm.h server/runtime/warm.c
libruntime_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) $(ZOOKEEPER_CFLAGS) $(EVENT_CFLAGS)
