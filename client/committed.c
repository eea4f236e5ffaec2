#include "client/committed.h"

#include <string.h>

#include "client/cluster.h"
#include "client/config.h"
#include "client/handle.h"
#include "common/error.h"

enum { ASKS_MAX = 4096 };           /* in one request: a head has its limit */

static struct klient *klient_of(const struct committed *committed)
{
    return committed->coordinator->klient;
}

static int64_t now_ms(const struct committed *committed)
{
    return loop_now_ms(klient_of(committed)->loop);
}

/* --- the question ----------------------------------------------------------------------------- */

static int build(struct coordinator_call *call, struct request *request)
{
    struct committed *committed = LIST_OWNER(call, struct committed, call);
    struct arena *arena = &request->arena;
    Kairn__OffsetFetchRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__TopicPartition *rows = arena_calloc(arena, committed->asked_count, sizeof *rows);
    Kairn__TopicPartition **pointers =
        arena_calloc(arena, committed->asked_count, sizeof(Kairn__TopicPartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__offset_fetch_request__init(body);
    body->group = (char *)committed->coordinator->group;
    body->require_stable = true;
    body->partitions = pointers;
    LIST_EACH(&committed->asked, node) {
        const struct committed_ask *ask = LIST_OWNER(node, struct committed_ask, node);
        Kairn__TopicPartition *row = &rows[body->n_partitions];
        kairn__topic_partition__init(row);
        row->topic = (char *)ask->topic;
        row->partition = (uint32_t)ask->partition;
        pointers[body->n_partitions++] = row;
    }
    committed->asked_count = body->n_partitions;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    request->head.offset_fetch = body;
    return 0;
}

static void pump(struct turn_hook *hook)
{
    struct committed *committed = LIST_OWNER(hook, struct committed, hook);

    if (committed->asking || list_empty(&committed->waiting) ||
        timer_pending(committed->timer))
        return;
    committed->asked_count = 0;
    for (struct list *node; committed->asked_count < ASKS_MAX &&
                            (node = list_first(&committed->waiting)) != NULL;
         committed->asked_count++) {
        list_remove(node);
        list_append(&committed->asked, node);
    }
    committed->asking = true;
    coordinator_ask(committed->coordinator, &committed->call,
                    klient_of(committed)->config->values.request_timeout_ms);
}

static void pump_soon(struct committed *committed)
{
    loop_at_turn_end(klient_of(committed)->loop, &committed->hook);
}

static void fired(void *context)
{
    pump_soon(context);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void finish(struct committed_ask *ask, int code)
{
    list_remove(&ask->node);
    ask->done(ask, code);
}

/* Ask once more, unless its time is over. */
static bool again(struct committed *committed, struct committed_ask *ask, int code)
{
    if (!k_error_retriable(code) || ask->deadline_ms <= now_ms(committed))
        return false;
    list_remove(&ask->node);
    list_append(&committed->waiting, &ask->node);
    return true;
}

static bool is_about(const Kairn__CommittedOffset *row, const struct committed_ask *ask)
{
    return row->partition != NULL && strcmp(row->partition->topic, ask->topic) == 0 &&
           row->partition->partition == (uint32_t)ask->partition;
}

/* Rows come in the order of the question, in which some have lost interest. */
static int take(struct committed_ask *ask, const Kairn__OffsetFetchResponse *answer, size_t *at)
{
    while (*at < answer->n_offsets && !is_about(answer->offsets[*at], ask))
        ++*at;
    if (*at == answer->n_offsets)
        return K_MALFORMED;
    const Kairn__CommittedOffset *row = answer->offsets[*at];
    int code = head_error_code(row->error);
    if (code == 0 && row->offset < -1)
        return K_MALFORMED;
    ask->offset = row->offset;
    ask->epoch = row->leader_epoch;
    ask->metadata = row->metadata;
    ask->topic_known = row->topic_known;
    return code;
}

static void answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct committed *committed = LIST_OWNER(call, struct committed, call);
    struct list asked;
    bool failed = false;
    size_t at = 0;

    committed->asking = false;

    if (code == 0 && head->offset_fetch->n_offsets != committed->asked_count)
        code = K_MALFORMED;
    list_init(&asked);
    list_move(&asked, &committed->asked);
    for (struct list *node; (node = list_first(&asked)) != NULL;) {
        struct committed_ask *ask = LIST_OWNER(node, struct committed_ask, node);
        int outcome = code != 0 ? code : take(ask, head->offset_fetch, &at);
        coordinator_judge(committed->coordinator, outcome);
        failed |= outcome != 0;
        if (outcome == 0 || !again(committed, ask, outcome))
            finish(ask, outcome != 0 && k_error_retriable(outcome) ? K_REQUEST_TIMED_OUT : outcome);
    }
    committed->backoff_ms =
        failed ? cluster_backoff(klient_of(committed)->cluster, committed->backoff_ms) : 0;
    if (failed)
        timer_after(committed->timer, committed->backoff_ms);
    pump_soon(committed);
}

/* --- life ------------------------------------------------------------------------------------- */

void committed_start(struct committed *committed, struct committed_ask *ask)
{
    list_append(&committed->waiting, &ask->node);
    pump_soon(committed);
}

void committed_cancel(struct committed_ask *ask)
{
    list_remove(&ask->node);
}

int committed_init(struct committed *committed, struct coordinator *coordinator)
{
    *committed = (struct committed){ .coordinator = coordinator };
    list_init(&committed->waiting);
    list_init(&committed->asked);
    turn_hook_init(&committed->hook, pump);
    coordinator_call_init(&committed->call, build, answered);
    return timer_new(klient_of(committed)->loop, fired, committed, &committed->timer);
}

static void close_all(struct list *asks)
{
    for (struct list *node; (node = list_first(asks)) != NULL;)
        finish(LIST_OWNER(node, struct committed_ask, node), K_CLOSED);
}

void committed_fini(struct committed *committed)
{
    coordinator_cancel(&committed->call);
    turn_hook_cancel(&committed->hook);
    timer_free(committed->timer);
    close_all(&committed->asked);
    close_all(&committed->waiting);
}
