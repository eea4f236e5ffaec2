# server/api/: one file per request; authorise, validate, hand on.
noinst_LTLIBRARIES += libapi.la
libapi_la_SOURCES = \
	server/api/api.h server/api/handlers.h \
	server/api/authorise.h server/api/authorise.c \
	server/api/controller.h server/api/controller.c \
	server/api/dispatch.h server/api/dispatch.c \
	server/api/group.h server/api/group.c \
	server/api/import_offsets.c \
	server/api/hint.h server/api/hint.c \
	server/api/key.h server/api/key.c \
	server/api/request.h server/api/request.c \
	server/api/alter_configs.c \
	server/api/api_versions.c \
	server/api/changes.c \
	server/api/alter_reassignments.c \
	server/api/replica_fetch.c \
	server/api/create_partitions.c \
	server/api/elect_leaders.c \
	server/api/list_reassignments.c \
	server/api/compact_logs.c \
	server/api/create_topics.c \
	server/api/delete_records.c \
	server/api/delete_topics.c \
	server/api/describe_configs.c \
	server/api/describe_logs.c \
	server/api/describe_metrics.c \
	server/api/find_coordinator.c \
	server/api/join_group.c \
	server/api/sync_group.c \
	server/api/heartbeat.c \
	server/api/leave_group.c \
	server/api/offset_commit.c \
	server/api/offset_fetch.c \
	server/api/describe_groups.c \
	server/api/list_groups.c \
	server/api/delete_groups.c \
	server/api/offset_delete.c \
	server/api/drain.c \
	server/api/report_replicas.c \
	server/api/update_isr.c \
	server/api/fetch.c \
	server/api/fetch_answer.h server/api/fetch_answer.c \
	server/api/fetch_session.c \
	server/api/list_offsets.c \
	server/api/logs.h server/api/logs.c \
	server/api/metadata.c \
	server/api/move_log.c \
	server/api/produce.c \
	server/api/producer_id.c
libapi_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
