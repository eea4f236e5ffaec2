/* fetch_session.c - Fetch within a session: what changed is asked, what is new is answered. */
#include "server/runtime/fetch_session.h"

#include "common/error.h"
#include "proto/head.h"
#include "server/api/fetch_answer.h"
#include "server/api/key.h"
#include "server/api/request.h"

enum { ISOLATION_COMMITTED = 1, EPOCH_FIRST = 1 };

struct sitting {
    struct session_fetch fetch;
    struct request *request;
    uint64_t session;
};

struct row {
    Kairn__FetchResult result;
    struct uuid topic_id;
};

/* --- the answer ------------------------------------------------------------------------------- */

static void fill_row(struct request *request, struct fetch_item *item, uint64_t round,
                     struct row *row)
{
    kairn__fetch_result__init(&row->result);
    row->topic_id = item->key.topic_id;
    row->result.topic_id = head_bytes_of_uuid(&row->topic_id);
    row->result.partition = (uint32_t)item->key.index;
    row->result.round = round;
    fetch_answer_fill(request, item, &row->result);
}

static int fill_body(struct sitting *sitting)
{
    struct request *request = sitting->request;
    size_t most = sitting->fetch.answer_count;
    Kairn__FetchResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    struct row *rows = request_messages(request, most, sizeof *rows, &pointers);
    struct fetch_item *item;
    uint64_t round;

    if (body == NULL || rows == NULL)
        return K_NOMEM;
    kairn__fetch_response__init(body);
    body->session = sitting->session;
    body->results = (Kairn__FetchResult **)pointers;
    while ((item = session_fetch_next(&sitting->fetch, &round)) != NULL) {
        if (fetch_answer_fits(request, item))
            fill_row(request, item, round, &rows[body->n_results++]);
        else
            session_fetch_put_back(item);
    }
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_FETCH;
    request->response.fetch = body;
    return 0;
}

static void answered(struct session_fetch *fetch)
{
    struct sitting *sitting = LIST_OWNER(fetch, struct sitting, fetch);
    struct request *request = sitting->request;
    int code = fetch->code;

    request->hurry = NULL;
    if (code == 0) {
        code = fill_body(sitting);
        if (code != 0)                  /* what was to be said is lost */
            fetch_session_end(fetch->session);
    }
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    metric_add(request->api->metrics, METRIC_BYTES_OUT, (int64_t)request->batches.size);
    request_observe(request, METRIC_FETCH_US);
    request_finish(request);
}

static void hurry(struct request *request)
{
    struct sitting *sitting = request->waiter;

    session_fetch_hurry(&sitting->fetch);
}

/* --- the question ----------------------------------------------------------------------------- */

/* A partition that can not be asked for is answered by its error; but what names none can not be
 * remembered. */
static int read_questions(const struct request *request, struct session_fetch *fetch)
{
    const Kairn__FetchRequest *body = request->head->fetch;

    for (size_t i = 0; i < body->n_partitions; i++) {
        const Kairn__FetchPartition *from = body->partitions[i];
        fetch->asks[i] = (struct session_ask){
            .offset = from->offset,
            .round = from->round,
            .bytes_max = from->max_bytes != 0 ? from->max_bytes : UINT32_MAX,
            .leader_epoch = from->leader_epoch,
            .last_epoch = from->last_epoch,
        };
        int code = fetch_question(request, from, &fetch->asks[i].key);
        if (code == K_INVALID_REQUEST || code == K_UNKNOWN_TOPIC_OR_PARTITION)
            return K_INVALID_REQUEST;
        fetch->asks[i].refused = code;
    }
    for (size_t i = 0; i < body->n_forgotten; i++) {
        int code = key_read(body->forgotten[i]->topic_id, body->forgotten[i]->partition,
                            &fetch->forgotten[i]);
        if (code != 0)
            return K_INVALID_REQUEST;
    }
    fetch->ask_count = body->n_partitions;
    fetch->forgotten_count = body->n_forgotten;
    return 0;
}

static struct sitting *sitting_new(struct request *request)
{
    const Kairn__FetchRequest *body = request->head->fetch;
    struct sitting *sitting = arena_calloc(&request->arena, 1, sizeof *sitting);

    if (sitting == NULL)
        return NULL;
    struct session_fetch *fetch = &sitting->fetch;
    fetch->asks = arena_calloc(&request->arena, body->n_partitions + 1, sizeof *fetch->asks);
    fetch->forgotten =
        arena_calloc(&request->arena, body->n_forgotten + 1, sizeof *fetch->forgotten);
    if (fetch->asks == NULL || fetch->forgotten == NULL)
        return NULL;
    fetch->bytes_max = fetch_bytes_max(request);
    fetch->bytes_min = body->min_bytes < fetch->bytes_max ? body->min_bytes : fetch->bytes_max;
    fetch->deadline_ms = body->min_bytes > 0 ? fetch_deadline_ms(request) : 0;
    fetch->done = answered;
    sitting->request = request;
    return sitting;
}

static int find_session(struct request *request, struct sitting *sitting,
                        struct fetch_session **out)
{
    const Kairn__FetchRequest *body = request->head->fetch;

    if (body->session != 0 || body->session_epoch != EPOCH_FIRST)
        return fetch_session_find(request->sessions, body->session, body->session_epoch, out);
    sitting->fetch.deadline_ms = 0;     /* the client needs its number before anything else */
    return fetch_session_begin(request->sessions, request->shard,
                               body->isolation == ISOLATION_COMMITTED, body->n_partitions, out);
}

bool fetch_in_session(struct request *request)
{
    struct sitting *sitting = sitting_new(request);
    struct fetch_session *session;

    if (request->sessions == NULL)
        return false;
    int code = sitting == NULL ? K_NOMEM : read_questions(request, &sitting->fetch);
    if (code == 0)
        code = find_session(request, sitting, &session);
    if (code == K_BUSY)
        return false;
    if (code != 0) {
        request_fail(request, code, NULL);
        return true;
    }
    sitting->session = fetch_session_id(session);
    request->waiter = sitting;
    request->hurry = hurry;
    fetch_session_ask(session, &sitting->fetch);
    return true;
}
