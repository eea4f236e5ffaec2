/* Fetch: what lies in the logs, as spans of files, or wait for it. */
#include "server/runtime/fetch.h"

#include "common/error.h"
#include "server/api/fetch_answer.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

enum { ISOLATION_COMMITTED = 1 };

struct fetching {
    struct fetch fetch;
    struct request *request;
    size_t count;
    struct fetch_entry *entries;            /* in the order of the request */
};

/* --- the answer ------------------------------------------------------------------------------- */

static void fill_result(struct request *request, const Kairn__FetchPartition *asked,
                        struct fetch_item *item, Kairn__FetchResult *result)
{
    kairn__fetch_result__init(result);
    result->topic_id = asked->topic_id;
    result->partition = asked->partition;
    result->round = asked->round;
    fetch_answer_fill(request, item, result);
}

static void drop_all(struct fetching *fetching)
{
    for (size_t i = 0; i < fetching->count; i++)
        fetch_drop(&fetching->entries[i].item);
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
        fill_result(request, request->head->fetch->partitions[i], &fetching->entries[i].item,
                    &results[i]);
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

static void fill_entry(const Kairn__FetchPartition *partition, struct fetch_entry *entry)
{
    fetch_item_init(&entry->item);
    entry->item.offset = partition->offset;
    entry->item.bytes_max = partition->max_bytes != 0 ? partition->max_bytes : UINT32_MAX;
    entry->item.leader_epoch = partition->leader_epoch;
    entry->item.last_epoch = partition->last_epoch;
}

static void hurry(struct request *request)
{
    fetch_hurry(request->waiter);
}

void api_fetch(struct request *request)
{
    const Kairn__FetchRequest *body = request->head->fetch;

    /* After its last number a session goes on with 0. */
    bool in_session = body->session_epoch != 0 || body->session != 0;

    if (request->head->version >= 1 && in_session && fetch_in_session(request))
        return;
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
    fetch->bytes_max = fetch_bytes_max(request);
    fetch->bytes_min = body->min_bytes < fetch->bytes_max ? body->min_bytes : fetch->bytes_max;
    fetch->deadline_ms = fetch_deadline_ms(request);
    fetch->done = fetched;
    request->waiter = fetch;
    request->hurry = hurry;
    for (size_t i = 0; i < fetching->count; i++) {
        struct fetch_item *item = &entries[i].item;
        fill_entry(body->partitions[i], &entries[i]);
        item->outcome.code = fetch_question(request, body->partitions[i], &item->key);
        if (item->outcome.code == 0)
            fetch_add(fetch, &entries[i]);
        else
            fetch->deadline_ms = 0;                     /* an error does not wait */
    }
    fetch_start(fetch);
}
