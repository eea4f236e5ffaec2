/* fake_fetch.c - a fake broker answers fetches. */
#include "common/error.h"
#include "common/slab.h"
#include "tests/client/fake_private.h"

/* Logs part after an unclean election; and a leader in whose epoch the asker has read further has
 * been deposed, as it may not know itself. */
static bool diverges(struct fake *fake, const struct fake_partition *partition,
                     const Kairn__FetchPartition *row, Kairn__FetchResult *result)
{
    bool lost = row->last_epoch >= 0 && row->last_epoch < partition->lost_epoch &&
                row->offset > partition->lost_end;
    bool deposed = row->last_epoch > partition->epoch;

    if (!lost && !deposed)
        return false;
    result->log_start = partition->start;
    result->high_watermark = result->last_stable = partition->end;
    result->diverged = NEW(&fake->arena, divergence, Divergence);
    result->diverged->epoch = deposed ? partition->epoch : row->last_epoch;
    result->diverged->end = deposed ? partition->end : partition->lost_end;
    return true;
}

static void fetch_one(struct fake *fake, int broker, const Kairn__FetchPartition *row,
                      Kairn__FetchResult *result, struct chain *payload, size_t room)
{
    struct fake_partition *partition = fake_partition_by_id(fake, row->topic_id, row->partition);

    result->topic_id = row->topic_id;
    result->partition = row->partition;
    bool behind = partition != NULL && fake_use_up(&fake->faults.behind);
    if (partition != NULL && partition->leader == broker && !behind &&
        diverges(fake, partition, row, result))
        return;
    int64_t end = partition == NULL ? -1 : behind ? row->offset - 1 : partition->end;
    int code = partition == NULL ? K_UNKNOWN_TOPIC_OR_PARTITION
               : partition->leader != broker ? K_NOT_LEADER_OR_FOLLOWER
               : row->offset < partition->start || row->offset > end ? K_OFFSET_OUT_OF_RANGE
                                                                     : 0;
    result->high_watermark = result->last_stable = end;
    if (partition != NULL)
        result->log_start = partition->start;
    if (code != 0) {
        result->error = head_error(&fake->arena, code, NULL);
        return;
    }
    for (size_t i = 0; i < partition->count; i++) {
        struct stored *batch = &partition->batches[i];
        if (batch_last_offset(batch->slab->bytes) < row->offset)
            continue;
        if (payload->size > 0 &&
            (payload->size + batch->size > room || result->size + batch->size > row->max_bytes))
            break;
        chain_slab(payload, batch->slab, batch->slab->bytes, batch->size);
        result->size += (uint32_t)batch->size;
    }
    if (result->size > 0 && partition->aborted_offset >= 0) {
        Kairn__AbortedTransaction *aborted =
            NEW(&fake->arena, aborted_transaction, AbortedTransaction);
        aborted->producer_id = partition->aborted_producer;
        aborted->first_offset = partition->aborted_offset;
        result->aborted = arena_copy(&fake->arena, &aborted, sizeof aborted);
        result->n_aborted = 1;
    }
}

/* Without a session all that is named is looked at, and answered. */
static size_t look(struct fake_conn *conn, const Kairn__FetchRequest *question,
                   struct fake_session *session, bool marks, Kairn__FetchResponse *body,
                   struct chain *payload)
{
    struct arena *arena = &conn->broker->fake->arena;
    Kairn__FetchPartition **rows = question->partitions;
    size_t count = question->n_partitions, failed = 0;

    if (session != NULL)
        count = fake_session_rows(session, arena, &rows);
    body->results = arena_calloc(arena, count + 1, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        Kairn__FetchResult *result = NEW(arena, fetch_result, FetchResult);
        fetch_one(conn->broker->fake, conn->broker->id, rows[i], result, payload,
                  question->max_bytes);
        result->round = rows[i]->round;
        if (session != NULL && !fake_session_is_news(rows[i], result, marks))
            continue;
        failed += result->error != NULL;
        body->results[body->n_results++] = result;
    }
    return failed;
}

void fake_fetch(struct fake_conn *conn, const Kairn__RequestHead *request,
                Kairn__ResponseHead *head, uint8_t *bytes, size_t size, int last_chance)
{
    struct fake *fake = conn->broker->fake;
    const Kairn__FetchRequest *question = request->fetch;
    Kairn__FetchResponse *body = NEW(&fake->arena, fetch_response, FetchResponse);
    struct fake_session *session = NULL;
    struct chain payload;

    if (!last_chance) {
        atomic_fetch_add(&fake->faults.fetch_rows, (int)question->n_partitions);
        atomic_fetch_add(&fake->faults.fetch_bytes, (int)size);
        atomic_store(&fake->faults.fetch_bytes_min, (int)question->min_bytes);
    }
    /* After its last number a session goes on with 0. */
    if (request->version >= 1 && (question->session_epoch > 0 || question->session != 0)) {
        int code = fake_session_take(conn, question, last_chance, &session);
        if (code != 0) {
            head->error = head_error(&fake->arena, code, NULL);
            fake_answer(conn, head, NULL);
            return;
        }
        body->session = session == NULL ? 0 : fake_session_id(session);
        last_chance |= session != NULL && fake_session_begins(question);
    }
    chain_init(&payload);
    bool marks = last_chance && !fake_session_begins(question);
    size_t failed = look(conn, question, session, marks, body, &payload);
    bool enough = session != NULL ? body->n_results > 0 : payload.size >= question->min_bytes;
    if (!enough && failed == 0 && !last_chance && !atomic_load(&fake->faults.hasty)) {
        fake_park(conn, &fake->fetches, question->max_wait_ms, bytes, size);
        chain_fini(&payload);
        return;
    }
    if (fake_use_up(&fake->faults.lose_fetches)) {
        chain_fini(&payload);
        return;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_FETCH;
    head->fetch = body;
    fake_answer(conn, head, &payload);
}
