/* fetch_answer.c - one partition's part of an answer to Fetch, with a session or without. */
#include "server/api/fetch_answer.h"

#include "common/error.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"

/* --- the question ----------------------------------------------------------------------------- */

int fetch_question(const struct request *request, const Kairn__FetchPartition *partition,
                   struct partition_key *key)
{
    int code = key_read(partition->topic_id, partition->partition, key);

    return code != 0 ? code
                     : authorise_topic_id(request->principal, OPERATION_READ, &key->topic_id);
}

size_t fetch_bytes_max(const struct request *request)
{
    uint32_t wanted = request->head->fetch->max_bytes, most = request->api->fetch_bytes_max;

    return wanted != 0 && wanted < most ? wanted : most;
}

/* However long the asker says it would wait: not longer than for any other answer. */
int64_t fetch_deadline_ms(const struct request *request)
{
    int64_t wanted = request->started_us / 1000 + request->head->fetch->max_wait_ms;
    int64_t most = request_deadline_ms(request);

    return wanted < most ? wanted : most;
}

/* --- the answer ------------------------------------------------------------------------------- */

bool fetch_answer_fits(const struct request *request, const struct fetch_item *item)
{
    size_t taken = request->batches.size, size = item->span.size;

    return size == 0 || taken == 0 || taken + size <= fetch_bytes_max(request);
}

static void take_span(struct request *request, struct fetch_item *item,
                      Kairn__FetchResult *result)
{
    size_t size = item->span.size;

    if (size == 0 || !fetch_answer_fits(request, item))
        return;
    if (fetch_take(item, &request->batches) == 0)
        result->size = (uint32_t)size;
    else
        result->error = hint_code(request, K_NOMEM, NULL);
}

/* Which transactions of the range were aborted. */
static int name_aborted(struct request *request, const struct fetch_item *item,
                        Kairn__FetchResult *result)
{
    void **pointers;
    if (item->aborted_count == 0)
        return 0;
    Kairn__AbortedTransaction *rows =
        request_messages(request, item->aborted_count, sizeof *rows, &pointers);
    if (rows == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < item->aborted_count; i++) {
        kairn__aborted_transaction__init(&rows[i]);
        fetch_aborted(item, i, &rows[i].producer_id, &rows[i].first_offset);
    }
    result->aborted = (Kairn__AbortedTransaction **)pointers;
    result->n_aborted = item->aborted_count;
    return 0;
}

static bool name_divergence(struct request *request, const struct fetch_item *item,
                            Kairn__FetchResult *result)
{
    if (!item->diverged)
        return true;
    result->diverged = arena_alloc(&request->arena, sizeof *result->diverged);
    if (result->diverged == NULL)
        return false;
    kairn__divergence__init(result->diverged);
    result->diverged->epoch = item->diverged_epoch;
    result->diverged->end = item->diverged_end;
    return true;
}

void fetch_answer_fill(struct request *request, struct fetch_item *item,
                       Kairn__FetchResult *result)
{
    result->high_watermark = item->high_watermark;
    result->last_stable = item->last_stable;
    result->log_start = item->log_start;
    result->error = hint_error(request, &item->outcome);
    if (result->error == NULL && !name_divergence(request, item, result))
        result->error = hint_code(request, K_NOMEM, NULL);
    if (result->error == NULL && name_aborted(request, item, result) != 0)
        result->error = hint_code(request, K_NOMEM, NULL);
    if (result->error == NULL)
        take_span(request, item, result);
    fetch_drop(item);                   /* what was not taken */
}
