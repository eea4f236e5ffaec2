/* fetch_answers.c - what brokers answer to fetches: bytes, logs that part, errors. Belongs to the
 * loop. */
#include <stdlib.h>
#include <string.h>

#include "client/broker.h"
#include "client/fetcher_private.h"
#include "common/error.h"
#include "common/log.h"
#include "common/slab.h"

/* The offset after the last batch, and its epoch; or -1: these are no batches, or they do not lead
 * on. */
static int64_t end_of(const uint8_t *bytes, size_t size, int64_t from, int32_t *epoch)
{
    int64_t end = from;

    while (size > 0) {
        size_t batch;
        int code = batch_check_shape(bytes, size, false, &batch);
        /* The reader of the records says what is wrong with the codec. */
        if (code == K_UNSUPPORTED_COMPRESSION_TYPE)
            batch = batch_size(bytes);
        else if (code != 0)
            return -1;
        if (batch_last_offset(bytes) < end)
            return -1;
        end = batch_last_offset(bytes) + 1;
        *epoch = batch_leader_epoch(bytes);
        bytes += batch;
        size -= batch;
    }
    return end;
}

static int copy_aborted(struct chunk *chunk, const Kairn__FetchResult *result)
{
    if (result->n_aborted == 0)
        return 0;
    chunk->aborted = calloc(result->n_aborted, sizeof *chunk->aborted);
    if (chunk->aborted == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < result->n_aborted; i++)
        chunk->aborted[chunk->aborted_count++] = (struct aborted){
            result->aborted[i]->producer_id, result->aborted[i]->first_offset,
        };
    return 0;
}

/* Keep the bytes in place, unless they are a small part of a large slab. */
static int keep_bytes(struct chunk *chunk, struct slab *slab, const uint8_t *bytes, size_t size)
{
    if (size >= slab->size / 4) {
        chunk->slab = slab_ref(slab);
        chunk->bytes = bytes;
    } else {
        chunk->slab = slab_new(size);
        if (chunk->slab == NULL)
            return K_NOMEM;
        memcpy(chunk->slab->bytes, bytes, size);
        chunk->bytes = chunk->slab->bytes;
    }
    chunk->size = size;
    chunk->charged = size;
    atomic_fetch_add(&chunk->budget->held, (int64_t)size);
    return 0;
}

static void take_bytes(struct fetcher *fetcher, struct entry *entry,
                       const Kairn__FetchResult *result, struct slab *slab, const uint8_t *bytes)
{
    struct assigned *assigned = entry->assigned;
    struct chunk *chunk = chunk_new(fetcher->consumer->budget, assigned, entry->generation);

    if (chunk == NULL || keep_bytes(chunk, slab, bytes, result->size) != 0 ||
        (fetcher_values(fetcher)->isolation == ISOLATION_COMMITTED &&
         copy_aborted(chunk, result) != 0)) {
        if (chunk != NULL)
            chunk_unref(chunk);
        fetcher_retry_later(fetcher, assigned);
        return;
    }
    int32_t epoch = -1;
    int64_t end = end_of(bytes, result->size, entry->offset, &epoch);
    chunk->position = entry->offset;
    atomic_fetch_add(&assigned->unread, 1);
    consumer_arrived(fetcher->consumer, chunk);
    if (end > entry->offset) {
        assigned->next_offset = end;
        assigned->told_end = false;
        assigned->last_epoch = epoch;
        assigned->last_id = entry->topic_id;
    } else {
        /* The application finds what is wrong where it is, after all that is right before it. */
        assigned->state = FETCH_STUCK;
    }
}

/* A leader that sends us elsewhere says as well where its log begins and ends; the next fetch may
 * be long in coming. */
static void take_marks(struct assigned *assigned, const Kairn__FetchResult *result)
{
    if (result != NULL && result->log_start >= 0 && result->high_watermark >= 0)
        consumer_marks_told(assigned, result->log_start, result->high_watermark,
                            result->last_stable);
}

/* Was what we have read written in an epoch after the leader's own? Then it was deposed and has not
 * heard of it: neither where it ends nor where its log parts from ours can send anybody back. */
static bool is_deposed(const struct entry *entry)
{
#ifdef MUTANT_DEPOSED_BELIEVED
    return false;
#endif
    return entry->last_epoch > entry->epoch;
}

/* What the answer means, if the leader is not one any more. */
static int judge(const struct entry *entry, const Kairn__FetchResult *result, int code)
{
    bool sends_back = code == K_OFFSET_OUT_OF_RANGE || (code == 0 && result->diverged != NULL);

    return sends_back && is_deposed(entry) ? K_UNKNOWN_LEADER_EPOCH : code;
}

/* Epochs of committed offsets come from outside: one that never was would be waited for in vain.
 * So it is told once, when news would have come. */
static void tell_deposed(struct fetcher *fetcher, struct assigned *assigned)
{
    if (!fetch_leader_insists(fetcher, assigned) || assigned->told_unknown)
        return;
    assigned->told_unknown = true;
    fetcher_tell(fetcher, assigned, K_UNKNOWN_LEADER_EPOCH, -1);
}

/* What was read before `offset` is not what this leader has: it was elected without it. Reading
 * goes on where both part, which no policy could find. */
static void take_divergence(struct fetcher *fetcher, struct entry *entry,
                            const Kairn__FetchResult *result)
{
    struct assigned *assigned = entry->assigned;
    const Kairn__Divergence *diverged = result->diverged;

    if (diverged->end < 0 || diverged->end > entry->offset || entry->last_epoch < 0) {
        fetcher_retry_later(fetcher, assigned);     /* nobody sane says so */
        return;
    }
    LOG_WARN("log-truncated", "topic=%s partition=%d offset=%lld epoch=%d end=%lld",
             assigned->topic, assigned->partition, (long long)entry->offset,
             (int)entry->last_epoch, (long long)diverged->end);
    take_marks(assigned, result);
    if (assigned->values->offset_reset == RESET_NONE) {
        fetcher_stick(fetcher, assigned, K_LOG_TRUNCATION);
        return;
    }
    fetch_start_at(fetcher, assigned, diverged->end);
    fetcher_tell(fetcher, assigned, K_LOG_TRUNCATION, diverged->end);
}

static void take_error(struct fetcher *fetcher, struct entry *entry, int code,
                       const Kairn__FetchResult *result)
{
    struct assigned *assigned = entry->assigned;
    struct cluster *cluster = fetcher_klient(fetcher)->cluster;
    const Kairn__Error *error = result == NULL ? NULL : result->error;
    bool hinted = false;

    if (code == K_UNKNOWN_LEADER_EPOCH && is_deposed(entry))
        tell_deposed(fetcher, assigned);
    if (code == K_OFFSET_OUT_OF_RANGE && fetch_leader_is_behind(fetcher, assigned, result))
        code = K_NOT_LEADER_OR_FOLLOWER;
    if (code == K_OFFSET_OUT_OF_RANGE) {
        LOG_INFO("offset-out-of-range", "topic=%s partition=%d offset=%lld", assigned->topic,
                 assigned->partition, (long long)entry->offset);
        take_marks(assigned, result);
        fetch_start_at(fetcher, assigned, POSITION_BY_POLICY);
        return;
    }
    if (!k_error_retriable(code)) {
        fetcher_stick(fetcher, assigned, code);
        return;
    }
    if (code == K_UNKNOWN_TOPIC_OR_PARTITION || code == K_UNKNOWN_TOPIC_ID)
        cluster_refresh(cluster);
    else if (k_error_stale(code) && uuid_equal(&assigned->held->id, &entry->topic_id))
        hinted = cluster_stale(cluster, assigned->held, assigned->partition, entry->epoch, error);
    if (!hinted || assigned->backoff_ms > 0) {
        fetch_refused(fetcher, assigned, code);
        fetcher_retry_later(fetcher, assigned);
    } else {
        assigned->backoff_ms = 1;
    }
}

/* Is the answer about what was asked, and are its sizes those of the payload? */
static int check_answer(const struct fetch *fetch, const Kairn__FetchResponse *answer, size_t size)
{
    uint64_t total = 0;

    if (answer->n_results != fetch->count)
        return K_MALFORMED;
    for (size_t i = 0; i < fetch->count; i++) {
        struct uuid id;
        if (head_uuid(answer->results[i]->topic_id, &id) != 0 ||
            !uuid_equal(&id, &fetch->entries[i].topic_id) ||
            answer->results[i]->partition != (uint32_t)fetch->entries[i].assigned->partition)
            return K_MALFORMED;
        total += answer->results[i]->size;
    }
    return total == size ? 0 : K_MALFORMED;
}

void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    for (size_t i = 0; i < fetch->count; i++) {
        if (fetch->entries[i].assigned->fetch == fetch)
            fetch->entries[i].assigned->fetch = NULL;
        assigned_unref(fetch->entries[i].assigned);
    }
    request_fini(&fetch->request);
    free(fetch);
}

void fetch_take_result(struct fetcher *fetcher, struct link *link, struct entry *entry, int code,
                       const Kairn__FetchResult *result, struct slab *slab, const uint8_t *bytes,
                       bool quick)
{
    struct assigned *assigned = entry->assigned;

    if (code == 0)
        code = judge(entry, result, head_error_code(result->error));
    if (code != 0) {
        take_error(fetcher, entry, code, result);
        return;
    }
    assigned->backoff_ms = assigned->behind_since_ms = 0;
    assigned->told_unknown = false;
    fetch_unhindered(fetcher, assigned);
    assigned->fetched_bytes += result->size;
    link_count(link->broker, entry->loop, result->size);
    if (result->diverged != NULL) {
        take_divergence(fetcher, entry, result);
        return;
    }
    consumer_marks_told(assigned, result->log_start, result->high_watermark, result->last_stable);
    if (result->size > 0)
        take_bytes(fetcher, entry, result, slab, bytes);
    else if (quick)
        assigned->retry_at_ms = fetcher_now_ms(fetcher) + QUICK_EMPTY_MS;
    fetch_tell_end(fetcher, assigned);
}

static void take_all(struct fetch *fetch, int code, const Kairn__FetchResponse *answer,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    struct fetcher *fetcher = fetch->fetcher;
    bool quick = size == 0 && code == 0 &&
                 fetcher_now_ms(fetcher) - fetch->sent_ms <
                     fetcher_values(fetcher)->fetch_wait_ms_max / 2;

    if (code == 0)
        code = check_answer(fetch, answer, size);
    for (size_t i = 0; i < fetch->count; i++) {
        struct entry *entry = &fetch->entries[i];
        const Kairn__FetchResult *result = code == 0 ? answer->results[i] : NULL;
        const uint8_t *bytes = payload;
        if (result != NULL)
            payload += result->size;
        /* Only if nobody has gone elsewhere meanwhile. */
        if (entry->assigned->fetch != fetch)
            continue;
        entry->assigned->fetch = NULL;
        fetch_take_result(fetcher, fetch->lane->link, entry, code, result, slab, bytes, quick);
    }
}

void fetch_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                    struct slab *slab, const uint8_t *payload, size_t size)
{
    struct fetch *fetch = LIST_OWNER(request, struct fetch, request);
    struct fetcher *fetcher = fetch->fetcher;
    const Kairn__FetchResponse *answer = code == 0 ? head->fetch : NULL;

    fetch->lane->in_flight--;
    fetcher->counts.fetches++;
    fetcher->counts.bytes += (int64_t)size;
    fetcher->counts.failed += code != 0;
    if (fetch->in_session)
        fetch_session_answered(fetch, code, answer, slab, payload, size);
    else
        take_all(fetch, code, answer, slab, payload, size);
    fetch_free(fetch);
    fetcher_pump_soon(fetcher);
}
