/* producer_ids.c - a block at a time: read the last one, take the next by compare-and-set, give out
 * its ids one by one. Asks wait in a list while a block is on its way. */
#include "server/runtime/producer_ids.h"

#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/control_internal.h"

enum { BLOCK_SIZE = 1000, RETRY_MS = 100, SAY_MS = 10000 };

static void answer_delivered(struct mail *mail)
{
    struct producer_id_ask *ask = LIST_OWNER(mail, struct producer_id_ask, mail);

    ask->answered(ask);
}

static void answer(struct producer_id_ask *ask, int code, int64_t id)
{
    list_remove(&ask->node);
    ask->code = code;
    ask->id = id;
    ask->mail.deliver = answer_delivered;
    mail_post(ask->answer_to, &ask->mail);
}

static void answer_all(struct producer_ids *ids, int code)
{
    while (!list_empty(&ids->waiting))
        answer(LIST_OWNER(list_first(&ids->waiting), struct producer_id_ask, node), code, -1);
}

static void serve(struct control *control);

/* Whoever waits has more patience than a lost connection lasts. */
static void try_later(struct control *control)
{
    control->producer_ids.taking = false;
    if (!control->closed)
        timer_after(control->producer_ids.retry, RETRY_MS);
}

static void block_written(void *context, const struct zk_reply *reply)
{
    struct control *control = context;
    struct producer_ids *ids = &control->producer_ids;

    /* Without an answer the block may be ours or not: it stays unused, and the next one is read. */
    if (control->closed || (reply->code != 0 && reply->code != K_BAD_VERSION)) {
        try_later(control);
        return;
    }
    ids->taking = false;
    if (reply->code == 0) {
        ids->next = ids->wanted;
        ids->left = BLOCK_SIZE;
        LOG_INFO("producer-ids-taken", "first=%lld last=%lld", (long long)ids->next,
                 (long long)(ids->next + BLOCK_SIZE - 1));
    }
    serve(control);
}

/* The block after the stored one. */
static int next_block(struct arena *arena, const struct zk_reply *reply,
                      struct znode_producer_ids *block, struct k_reason *reason)
{
    struct znode_producer_ids last = { .last = -1 };
    int code = 0;

    if (reply->size > 0)
        code = znode_decode_producer_ids(arena, reply->data, reply->size, &last, reason);
    if (code == 0 && last.last > INT64_MAX - 1 - BLOCK_SIZE)
        code = K_PRODUCER_IDS_EXHAUSTED;
    if (code != 0)
        return code;
    block->first = last.last + 1;
    block->last = last.last + BLOCK_SIZE;
    return 0;
}

static void block_read(void *context, const struct zk_reply *reply)
{
    struct control *control = context;
    struct producer_ids *ids = &control->producer_ids;
    struct k_reason reason = { "" };
    char memory[1024];
    struct arena arena;

    if (control->closed || reply->code != 0) {
        try_later(control);
        return;
    }
    arena_init(&arena, memory, sizeof memory, 4096);
    char *path = znode_path(&arena, ZNODE_PRODUCER_IDS);
    struct znode_producer_ids block = { .broker = control->broker_id };
    int code = next_block(&arena, reply, &block, &reason);
    char *text = code == 0 ? znode_encode_producer_ids(&arena, &block) : NULL;
    ids->wanted = block.first;
    if (code == 0)
        code = path == NULL || text == NULL
                   ? K_NOMEM
                   : zk_set(control->session, path, text, strlen(text), reply->stat.version,
                            block_written, control);
    arena_fini(&arena);
    if (code == 0)
        return;
    if (code == K_PRODUCER_IDS_EXHAUSTED)
        answer_all(ids, code);
    if (code == K_CORRUPT && log_rarely("producer-ids", "damaged", SAY_MS))
        LOG_ERROR("producer-ids-damaged",
                  "znode=/latest_producer_id_block reason=\"%s\" "
                  "action=\"write by hand the last block that was given out, or a larger one\"",
                  reason.text);
    try_later(control);
}

static void take_block(struct control *control)
{
    char memory[256];
    struct arena arena;

    arena_init(&arena, memory, sizeof memory, 4096);
    control->producer_ids.taking = true;
    char *path = znode_path(&arena, ZNODE_PRODUCER_IDS);
    if (path == NULL || control->session == NULL ||
        zk_get(control->session, path, NULL, block_read, control) != 0)
        try_later(control);
    arena_fini(&arena);
}

/* Give out what there is; whoever waits too long is told. */
static void serve(struct control *control)
{
    struct producer_ids *ids = &control->producer_ids;

    if (control->closed || control->stopping)
        answer_all(ids, K_CLOSED);
    LIST_EACH_SAFE(&ids->waiting, node, after) {
        struct producer_id_ask *ask = LIST_OWNER(node, struct producer_id_ask, node);
        if (ids->left > 0) {
            ids->left--;
            answer(ask, 0, ids->next++);
        } else if (control_now_ms(control) >= ask->deadline_ms) {
            answer(ask, K_REQUEST_TIMED_OUT, -1);
        }
    }
    if (list_empty(&ids->waiting))
        timer_stop(ids->retry);
    else if (!ids->taking)
        take_block(control);
}

static void retry(void *context)
{
    serve(context);
}

static void arrived(struct mail *mail)
{
    struct producer_id_ask *ask = LIST_OWNER(mail, struct producer_id_ask, mail);
    struct control *control = ask->control;

    list_append(&control->producer_ids.waiting, &ask->node);
    serve(control);
}

void control_ask_producer_id(struct control *control, struct producer_id_ask *ask)
{
    list_init(&ask->node);
    ask->control = control;
    ask->mail.deliver = arrived;
    loop_post(control->options.loop, &ask->mail);
}

void producer_ids_stop(struct control *control)
{
    answer_all(&control->producer_ids, K_CLOSED);
}

int producer_ids_init(struct control *control)
{
    list_init(&control->producer_ids.waiting);
    return timer_new(control->options.loop, retry, control, &control->producer_ids.retry);
}

void producer_ids_fini(struct control *control)
{
    timer_free(control->producer_ids.retry);
}
