/* Fetch: what lies in the logs, as spans of files, or wait for it. */
#include "server/runtime/fetch.h"

#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"

enum { ISOLATION_COMMITTED = 1 };

struct fetching {
    struct fetch fetch;
    struct request *request;
    size_t count;
    struct fetch_entry *entries;            /* in the order of the request */
};

/* --- the answer ------------------------------------------------------------------------------- */

/* Several loops read without knowing of each other: together they may have read too much. */
static void take_span(struct fetching *fetching, struct fetch_entry *entry,
                      Kairn__FetchResult *result)
{
    struct request *request = fetching->request;
    size_t taken = request->batches.size, size = entry->span.size;

    if (size == 0)
        return;
    if (taken > 0 && taken + size > fetching->fetch.bytes_max) {
        fetch_drop(entry);
        return;
    }
    if (fetch_take(entry, &request->batches) != 0) {
        fetch_drop(entry);
        result->error = hint_code(request, K_NOMEM, NULL);
        return;
    }
    result->size = (uint32_t)size;
}

/* Which transactions of the range were aborted. */
static int name_aborted(struct request *request, const struct fetch_entry *entry,
                        Kairn__FetchResult *result)
{
    void **pointers;
    if (entry->aborted_count == 0)
        return 0;
    Kairn__AbortedTransaction *rows =
        request_messages(request, entry->aborted_count, sizeof *rows, &pointers);
    if (rows == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < entry->aborted_count; i++) {
        kairn__aborted_transaction__init(&rows[i]);
        fetch_aborted(entry, i, &rows[i].producer_id, &rows[i].first_offset);
    }
    result->aborted = (Kairn__AbortedTransaction **)pointers;
    result->n_aborted = entry->aborted_count;
    return 0;
}

static bool name_divergence(struct request *request, const struct fetch_entry *entry,
                            Kairn__FetchResult *result)
{
    if (!entry->diverged)
        return true;
    result->diverged = arena_alloc(&request->arena, sizeof *result->diverged);
    if (result->diverged == NULL)
        return false;
    kairn__divergence__init(result->diverged);
    result->diverged->epoch = entry->diverged_epoch;
    result->diverged->end = entry->diverged_end;
    return true;
}

static void fill_result(struct fetching *fetching, size_t index, Kairn__FetchResult *result)
{
    struct request *request = fetching->request;
    struct fetch_entry *entry = &fetching->entries[index];
    const Kairn__FetchPartition *asked = request->head->fetch->partitions[index];

    kairn__fetch_result__init(result);
    result->topic_id = asked->topic_id;
    result->partition = asked->partition;
    result->high_watermark = entry->high_watermark;
    result->last_stable = entry->last_stable;
    result->log_start = entry->log_start;
    result->error = hint_error(request, &entry->outcome);
    if (result->error == NULL && !name_divergence(request, entry, result))
        result->error = hint_code(request, K_NOMEM, NULL);
    if (result->error == NULL && name_aborted(request, entry, result) != 0)
        result->error = hint_code(request, K_NOMEM, NULL);
    if (result->error == NULL)
        take_span(fetching, entry, result);
    fetch_drop(entry);                  /* what was not taken */
}

static void drop_all(struct fetching *fetching)
{
    for (size_t i = 0; i < fetching->count; i++)
        fetch_drop(&fetching->entries[i]);
}

static void fetched(struct fetch *fetch)
{
    struct fetching *fetching = LIST_OWNER(fetch, struct fetching, fetch);
    struct request *request = fetching->request;
    Kairn__FetchResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__FetchResult *results =
        request_messages(request, fetching->count, sizeof *results, &pointers);

    if (body == NULL || results == NULL) {
        drop_all(fetching);
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < fetching->count; i++)
        fill_result(fetching, i, &results[i]);
    kairn__fetch_response__init(body);
    body->n_results = fetching->count;
    body->results = (Kairn__FetchResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_FETCH;
    request->response.fetch = body;
    metric_add(request->api->metrics, METRIC_BYTES_OUT, (int64_t)request->batches.size);
    request_observe(request, METRIC_FETCH_US);
    request_finish(request);
}

/* --- the question ----------------------------------------------------------------------------- */

/* Returns why the entry can not be asked for; 0: it can. */
static int fill_entry(struct request *request, const Kairn__FetchPartition *partition,
                      struct fetch_entry *entry)
{
    entry->outcome = OUTCOME_NONE;
    entry->span.fd = -1;
    entry->high_watermark = entry->log_start = entry->last_stable = -1;
    entry->offset = partition->offset;
    entry->bytes_max = partition->max_bytes != 0 ? partition->max_bytes : UINT32_MAX;
    entry->leader_epoch = partition->leader_epoch;
    entry->last_epoch = partition->last_epoch;
    int code = key_read(partition->topic_id, partition->partition, &entry->key);
    if (code != 0)
        return code;
    return authorise_topic_id(request->principal, OPERATION_READ, &entry->key.topic_id);
}

static size_t bytes_max(const struct request *request)
{
    uint32_t wanted = request->head->fetch->max_bytes, most = request->api->fetch_bytes_max;

    return wanted != 0 && wanted < most ? wanted : most;
}

/* However long the asker says it would wait: not longer than for any other answer. */
static int64_t fetch_deadline_ms(const struct request *request)
{
    int64_t wanted = request->started_us / 1000 + request->head->fetch->max_wait_ms;
    int64_t most = request_deadline_ms(request);

    return wanted < most ? wanted : most;
}

static void hurry(struct request *request)
{
    fetch_hurry(request->waiter);
}

void api_fetch(struct request *request)
{
    const Kairn__FetchRequest *body = request->head->fetch;
    struct fetching *fetching = arena_calloc(&request->arena, 1, sizeof *fetching);
    struct fetch_entry *entries =
        arena_calloc(&request->arena, body->n_partitions + 1, sizeof *entries);
    if (fetching == NULL || entries == NULL ||
        fetch_init(&fetching->fetch, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    fetching->request = request;
    fetching->count = body->n_partitions;
    fetching->entries = entries;

    struct fetch *fetch = &fetching->fetch;
    fetch->committed = body->isolation == ISOLATION_COMMITTED;
    fetch->bytes_max = bytes_max(request);
    fetch->bytes_min = body->min_bytes < fetch->bytes_max ? body->min_bytes : fetch->bytes_max;
    fetch->deadline_ms = fetch_deadline_ms(request);
    fetch->done = fetched;
    request->waiter = fetch;
    request->hurry = hurry;
    for (size_t i = 0; i < fetching->count; i++) {
        entries[i].outcome.code = fill_entry(request, body->partitions[i], &entries[i]);
        if (entries[i].outcome.code == 0)
            fetch_add(fetch, &entries[i]);
        else
            fetch->deadline_ms = 0;                     /* an error does not wait */
    }
    fetch_start(fetch);
}
