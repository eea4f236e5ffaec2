/* api/handlers.h - one function per request, one file per function. On the request's shard; each
 * finishes the request exactly once, now or later. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include <stdbool.h>

struct request;

void api_api_versions(struct request *request);
void api_metadata(struct request *request);
void api_produce(struct request *request);
void api_fetch(struct request *request);
void api_list_offsets(struct request *request);
void api_create_topics(struct request *request);
void api_delete_topics(struct request *request);
void api_describe_configs(struct request *request);
void api_delete_records(struct request *request);
void api_create_partitions(struct request *request);
void api_alter_configs(struct request *request);
void api_describe_logs(struct request *request);
void api_compact_logs(struct request *request);
void api_move_log(struct request *request);
void api_producer_id(struct request *request);
void api_elect_leaders(struct request *request);
void api_alter_reassignments(struct request *request);
void api_list_reassignments(struct request *request);
void api_describe_metrics(struct request *request);
void api_find_coordinator(struct request *request);
void api_join_group(struct request *request);
void api_sync_group(struct request *request);
void api_heartbeat(struct request *request);
void api_leave_group(struct request *request);
void api_offset_commit(struct request *request);
void api_offset_fetch(struct request *request);
void api_describe_groups(struct request *request);
void api_list_groups(struct request *request);
void api_delete_groups(struct request *request);
void api_offset_delete(struct request *request);
void api_changes(struct request *request);
void api_update_isr(struct request *request);
void api_drain(struct request *request);
void api_report_replicas(struct request *request);
void api_import_offsets(struct request *request);
void api_replica_fetch(struct request *request);

/* For api_refuse_unread(). */
bool produce_refuse_unread(struct request *request);

#endif
