/* DescribeLogs: size, offsets, compaction and followers of partitions' logs, by the loops that own
 * them. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/logs.h"
#include "server/api/request.h"

static void fill_cleaner(const struct cleaner_report *from, Kairn__LogCleaning *to)
{
    static const Kairn__LogCleaning__State states[] = {
        [CLEANER_NEVER] = KAIRN__LOG_CLEANING__STATE__NEVER,
        [CLEANER_IDLE] = KAIRN__LOG_CLEANING__STATE__IDLE,
        [CLEANER_RUNNING] = KAIRN__LOG_CLEANING__STATE__RUNNING,
        [CLEANER_FAILED] = KAIRN__LOG_CLEANING__STATE__FAILED,
    };
    kairn__log_cleaning__init(to);
    to->state = states[from->state];
    to->bytes_done = (uint64_t)from->bytes_done;
    to->bytes_to_do = (uint64_t)from->bytes_to_do;
    to->last_ms = from->last_ms;
    to->upto = from->upto;
    to->bytes_before = (uint64_t)from->bytes_before;
    to->bytes_after = (uint64_t)from->bytes_after;
    to->took_ms = from->took_ms;
    to->error = (char *)from->error;        /* the entry outlives the answer */
}

/* 0 or NOMEM. */
static int fill_followers(struct request *request, const struct logs_entry *entry,
                          Kairn__LogInfo *to)
{
    static const Kairn__FollowerInfo__State states[] = {
        [FOLLOWER_LEAVING] = KAIRN__FOLLOWER_INFO__STATE__LEAVING,
        [FOLLOWER_IN_SYNC] = KAIRN__FOLLOWER_INFO__STATE__IN_SYNC,
        [FOLLOWER_GONE] = KAIRN__FOLLOWER_INFO__STATE__GONE,
        [FOLLOWER_LOST] = KAIRN__FOLLOWER_INFO__STATE__LOST,
        [FOLLOWER_THROTTLED] = KAIRN__FOLLOWER_INFO__STATE__THROTTLED,
        [FOLLOWER_SILENT] = KAIRN__FOLLOWER_INFO__STATE__SILENT,
        [FOLLOWER_BEHIND] = KAIRN__FOLLOWER_INFO__STATE__BEHIND,
        [FOLLOWER_FLUSHING] = KAIRN__FOLLOWER_INFO__STATE__FLUSHING,
        [FOLLOWER_REFUSED] = KAIRN__FOLLOWER_INFO__STATE__REFUSED,
        [FOLLOWER_JOINING] = KAIRN__FOLLOWER_INFO__STATE__JOINING,
    };
    void **pointers;
    size_t count = (size_t)entry->follower_count;

    if (count == 0)
        return 0;
    Kairn__FollowerInfo *infos = request_messages(request, count, sizeof *infos, &pointers);
    if (infos == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct follower_report *from = &entry->followers[i];
        kairn__follower_info__init(&infos[i]);
        infos[i].broker = from->broker;
        infos[i].state = states[from->state];
        infos[i].end = from->end;
        infos[i].lag = (uint64_t)from->lag;
        infos[i].behind_ms = (uint64_t)from->behind_ms;
        infos[i].silent_ms = (uint64_t)from->silent_ms;
    }
    to->followers = (Kairn__FollowerInfo **)pointers;
    to->n_followers = count;
    return 0;
}

static void answer(struct logs_question *question)
{
    struct request *request = question->request;
    void **pointers;
    Kairn__DescribeLogsResponse *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__LogCleaning *cleanings =
        arena_calloc(&request->arena, question->count + 1, sizeof *cleanings);
    Kairn__LogInfo *results =
        request_messages(request, question->count, sizeof *results, &pointers);

    if (body == NULL || cleanings == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < question->count; i++) {
        const struct logs_entry *entry = &question->entries[i];
        Kairn__LogInfo *result = &results[i];
        kairn__log_info__init(result);
        result->error = hint_error(request, &entry->question.outcome);
        result->log_start = result->log_end = result->high_watermark = -1;
        if (result->error != NULL)
            continue;
        result->directory = (char *)entry->directory;
        result->log_start = entry->start;
        result->log_end = entry->end;
        result->high_watermark = entry->high_watermark;
        result->bytes = (uint64_t)entry->bytes;
        result->segments = entry->segments;
        fill_cleaner(&entry->cleaner, &cleanings[i]);
        result->cleaning = &cleanings[i];
        if (fill_followers(request, entry, result) != 0) {
            request_fail(request, K_NOMEM, NULL);
            return;
        }
    }
    kairn__describe_logs_response__init(body);
    body->n_results = question->count;
    body->results = (Kairn__LogInfo **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_LOGS;
    request->response.describe_logs = body;
    request_finish(request);
}

void api_describe_logs(struct request *request)
{
    const Kairn__DescribeLogsRequest *body = request->head->describe_logs;

    logs_ask(request, body->partitions, body->n_partitions, false, OPERATION_DESCRIBE, answer);
}
