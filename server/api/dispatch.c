#include "server/api/dispatch.h"

#include <stddef.h>

#include "common/error.h"
#include "proto/api_table.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

struct route {
    Kairn__RequestHead__BodyCase body;
    void (*handle)(struct request *request);
};

/* A row of the table and the handler of the same name. */
#define handle_API_VERSIONS api_api_versions
#define handle_METADATA api_metadata
#define handle_PRODUCE api_produce
#define handle_FETCH api_fetch
#define handle_LIST_OFFSETS api_list_offsets
#define handle_CREATE_TOPICS api_create_topics
#define handle_DELETE_TOPICS api_delete_topics
#define handle_DESCRIBE_CONFIGS api_describe_configs
#define handle_DELETE_RECORDS api_delete_records
#define handle_CREATE_PARTITIONS api_create_partitions
#define handle_ALTER_CONFIGS api_alter_configs
#define handle_DESCRIBE_LOGS api_describe_logs
#define handle_COMPACT_LOGS api_compact_logs
#define handle_MOVE_LOG api_move_log
#define handle_PRODUCER_ID api_producer_id
#define handle_ELECT_LEADERS api_elect_leaders
#define handle_ALTER_REASSIGNMENTS api_alter_reassignments
#define handle_LIST_REASSIGNMENTS api_list_reassignments
#define handle_DESCRIBE_METRICS api_describe_metrics
#define handle_FIND_COORDINATOR api_find_coordinator
#define handle_JOIN_GROUP api_join_group
#define handle_SYNC_GROUP api_sync_group
#define handle_HEARTBEAT api_heartbeat
#define handle_LEAVE_GROUP api_leave_group
#define handle_OFFSET_COMMIT api_offset_commit
#define handle_OFFSET_FETCH api_offset_fetch
#define handle_DESCRIBE_GROUPS api_describe_groups
#define handle_LIST_GROUPS api_list_groups
#define handle_DELETE_GROUPS api_delete_groups
#define handle_OFFSET_DELETE api_offset_delete
#define handle_CHANGES api_changes
#define handle_REPLICA_FETCH api_replica_fetch
#define handle_UPDATE_ISR api_update_isr
#define handle_DRAIN api_drain
#define handle_REPORT_REPLICAS api_report_replicas
#define handle_IMPORT_OFFSETS api_import_offsets

static const struct route routes[] = {
#define X(name, number, low, high) { KAIRN__REQUEST_HEAD__BODY_##name, handle_##name },
    PROTO_API_TABLE(X)
#undef X
};

static const struct route *find_route(Kairn__RequestHead__BodyCase body)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (routes[i].body == body)
            return &routes[i];
    }
    return NULL;
}

void api_dispatch(struct request *request)
{
    const struct route *route = find_route(request->head->body_case);

    metric_add(request->api->metrics, METRIC_REQUESTS_TOTAL, 1);
    if (route == NULL) {
        request_fail(request, K_UNSUPPORTED_VERSION, NULL);
        return;
    }
    const struct api_row *row = api_find(route->body);
    if (!api_served(row, &request->api->can)) {
        request_fail(request, K_UNSUPPORTED_VERSION,
                     arena_printf(&request->arena,
                                  "feature.level.max holds this broker below what %s needs",
                                  row->name));
        return;
    }
    if (!api_supported(route->body, request->head->version, &request->api->can)) {
        request_fail(request, K_UNSUPPORTED_VERSION,
                     arena_printf(&request->arena, "%s is known here in versions %u to %u, not %u",
                                  row->name, row->lowest, api_highest(row, &request->api->can),
                                  request->head->version));
        return;
    }
    route->handle(request);
}

bool api_refuse_unread(struct request *request)
{
#ifdef MUTANT_TOO_LARGE_KEPT
    return false;
#endif
    request->payload = NULL;
    if (request->head->body_case != KAIRN__REQUEST_HEAD__BODY_PRODUCE ||
        !api_supported(request->head->body_case, request->head->version, &request->api->can) ||
        !produce_refuse_unread(request))
        return false;
    metric_add(request->api->metrics, METRIC_REQUESTS_TOTAL, 1);
    return true;
}
