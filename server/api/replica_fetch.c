/* ReplicaFetch: what a follower on another broker copies, as spans of our logs, or waits for. */
#include "server/runtime/replica_session.h"

#include "common/error.h"
#include "proto/head.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/key.h"
#include "server/api/request.h"

enum { ANSWERS_MAX = 8000 };                /* in one answer: its head has a limit */

struct copying {
    struct replica_fetch fetch;
    struct request *request;
};

/* --- the answer ------------------------------------------------------------------------------- */

struct item {
    Kairn__ReplicaAnswer answer;
    Kairn__Divergence diverged;
    struct uuid topic_id;
};

static void take_span(struct request *request, const struct log_span *span,
                      Kairn__ReplicaAnswer *answer)
{
    if (span->size == 0)
        return;
    if (chain_file(&request->batches, span->fd, span->position, span->size, log_span_release,
                   span->segment) == 0) {
        answer->size = (uint32_t)span->size;
        return;
    }
    log_span_release(span->segment);
    answer->error = hint_code(request, K_NOMEM, NULL);
}

static void fill_item(struct request *request, const struct replica_answer *from,
                      struct item *item)
{
    Kairn__ReplicaAnswer *answer = &item->answer;

    kairn__replica_answer__init(answer);
    item->topic_id = from->key.topic_id;
    answer->topic_id = head_bytes_of_uuid(&item->topic_id);
    answer->partition = (uint32_t)from->key.index;
    answer->round = from->round;
    answer->log_start = from->fetch.start;
    answer->high_watermark = from->fetch.high_watermark;
    if (request->head->version >= 1)
        answer->log_end = from->fetch.end;
    if (from->fetch.code != 0)
        answer->error = hint_code(request, from->fetch.code, NULL);
    if (from->fetch.diverged) {
        kairn__divergence__init(&item->diverged);
        item->diverged.epoch = from->fetch.diverged_epoch;
        item->diverged.end = from->fetch.diverged_end;
        answer->diverged = &item->diverged;
    }
    take_span(request, &from->span, answer);
}

static void ready(struct replica_fetch *fetch)
{
    struct copying *copying = LIST_OWNER(fetch, struct copying, fetch);
    struct request *request = copying->request;
    struct replica_session *session = fetch->session;
    size_t most = replica_session_count(session);
    if (most > ANSWERS_MAX)
        most = ANSWERS_MAX;
    Kairn__ReplicaFetchResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    struct item *items = request_messages(request, most, sizeof *items, &pointers);

    request->hurry = NULL;
    if (body == NULL || items == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__replica_fetch_response__init(body);
    body->session = replica_session_id(session);
    body->answers = (Kairn__ReplicaAnswer **)pointers;
    struct replica_answer answer;
    while (body->n_answers < most) {
        size_t taken = request->batches.size;
        size_t room = taken < fetch->bytes_max ? fetch->bytes_max - taken : 0;
        if (!replica_session_next(session, room, taken == 0, &answer))
            break;
        fill_item(request, &answer, &items[body->n_answers++]);
    }
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_REPLICA_FETCH;
    request->response.replica_fetch = body;
    metric_add(request->api->metrics, METRIC_REPLICA_BYTES_OUT, (int64_t)request->batches.size);
    request_finish(request);
}

/* The connection is gone, and with it the follower's session. */
static void hurry(struct request *request)
{
    struct copying *copying = request->waiter;
    struct replica_session *session = copying->fetch.session;

    request->hurry = NULL;
    replica_session_unpark(session);
    replica_session_free(session);
    request_fail(request, K_CLOSED, NULL);
}

/* --- the question ----------------------------------------------------------------------------- */

static int ask(struct replica_session *session, const Kairn__ReplicaQuestion *question)
{
    struct replica_ask ask = {
        .round = question->round,
        .leader_epoch = question->leader_epoch,
        .last_epoch = question->last_epoch,
        .offset = question->offset,
        .flushed = question->flushed,
        .version = question->known_version <= INT32_MAX ? (int32_t)question->known_version - 1 : -1,
    };
    int code = key_read(question->topic_id, question->partition, &ask.key);

    if (code == 0 && (ask.offset < 0 || ask.flushed < 0 || ask.flushed > ask.offset ||
                      ask.leader_epoch < 0 || ask.last_epoch < -1))
        code = K_INVALID_REQUEST;
    return code != 0 ? code : replica_session_ask(session, &ask);
}

static int take_questions(struct replica_session *session, const Kairn__ReplicaFetchRequest *body)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < body->n_forgotten; i++) {
        struct partition_key key;
        code = key_read(body->forgotten[i]->topic_id, body->forgotten[i]->partition, &key);
        if (code == 0)
            replica_session_forget(session, &key);
    }
    for (size_t i = 0; code == 0 && i < body->n_questions; i++)
        code = ask(session, body->questions[i]);
    return code;
}

static int find_session(struct request *request, struct replica_session **out)
{
    const Kairn__ReplicaFetchRequest *body = request->head->replica_fetch;
    struct uuid incarnation;

    if (head_uuid(body->incarnation, &incarnation) != 0 || body->broker < 0)
        return K_INVALID_REQUEST;
    return replica_session_find(request->shard, body->session, body->session_epoch, body->broker,
                                &incarnation, out);
}

void api_replica_fetch(struct request *request)
{
    const Kairn__ReplicaFetchRequest *body = request->head->replica_fetch;
    struct replica_session *session;
    int code = authorise_cluster(request->principal, OPERATION_CLUSTER_ACTION);
    struct copying *copying = arena_calloc(&request->arena, 1, sizeof *copying);

    if (code == 0 && copying == NULL)
        code = K_NOMEM;
    if (code == 0)
        code = find_session(request, &session);
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    code = take_questions(session, body);
    if (code != 0) {                    /* half of it was taken: it begins anew */
        replica_session_free(session);
        request_fail(request, code, NULL);
        return;
    }
    int64_t wait_ms = body->max_wait_ms < REQUEST_WAIT_MAX_MS ? body->max_wait_ms
                                                              : REQUEST_WAIT_MAX_MS;
    if (body->session == 0)
        wait_ms = 0;                    /* the follower needs its number before anything else */
    copying->request = request;
    copying->fetch = (struct replica_fetch){
        .session = session,
        .bytes_max = body->max_bytes,
        .deadline_ms = request->started_us / 1000 + wait_ms,
        .ready = ready,
    };
    request->waiter = copying;
    request->hurry = hurry;
    replica_session_start(session, &copying->fetch);
}
