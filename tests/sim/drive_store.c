/* A DO_STORE as one multi, fenced by the controller epoch: what server/runtime/store.c does. A
 * multi that fails by one entry is sent again without it; a lost answer is found out by sync and
 * read. */
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { RETRY_US = 20 * 1000 };

static void send_rest(struct broker *broker, struct store_run *run);
static void resolve(struct broker *broker, struct store_run *run);

static struct store_run *run_find(struct broker *broker, uint64_t token, int64_t reign)
{
    struct chair *chair = &broker->chair;

    for (int i = 0; i < CHAIR_STORES_MAX; i++)
        if (chair->stores[i].token == token && token != 0 && chair->reign == (uint64_t)reign)
            return &chair->stores[i];
    return NULL;
}

static void finish(struct broker *broker, struct store_run *run)
{
    struct controller_event event = {.type = CONTROLLER_STORED};
    struct store_run done = *run;
    bool lost = false;

    run->token = 0;
    for (size_t i = 0; i < done.count; i++)
        lost |= done.verdicts[i] == STORE_LOST;
    event.stored.token = done.token;
    event.stored.verdicts = done.verdicts;
    event.stored.states = done.states;
    event.stored.count = done.count;
    chair_drive(broker, &event);
    if (lost)
        member_drive(broker, &(struct member_event){.type = MEMBER_DEPOSED});
}

static void finish_rest(struct broker *broker, struct store_run *run, enum store_verdict verdict)
{
    for (size_t i = 0; i < run->count; i++)
        if (!run->settled[i])
            run->verdicts[i] = verdict;
    finish(broker, run);
}

/* --- what stands there ------------------------------------------------------------------------ */

static bool same_state(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && a->isr.count == b->isr.count &&
           memcmp(a->isr.ids, b->isr.ids, (size_t)a->isr.count * sizeof a->isr.ids[0]) == 0 &&
           a->flush_on_ack == b->flush_on_ack && a->min_insync == b->min_insync;
}

static void take_found(struct broker *broker, struct store_run *run, size_t at,
                       const struct zk_node *node)
{
    const struct partition_state *wanted = &run->changes[at].state;

    run->settled[at] = true;
    run->verdicts[at] = STORE_STALE;
    run->states[at] = node->value.state;
    run->states[at].version = node->exists ? node->version : -1;
    if (run->resolving && node->exists && node->version == wanted->version + 1 &&
        same_state(&node->value.state, wanted)) {
        run->verdicts[at] = STORE_OK; /* ours, whose answer was lost */
        broker->world->counters.resolved_stores++;
    }
}

static void retry(struct broker *broker, uint64_t token, uint64_t reign)
{
    struct store_run *run = run_find(broker, token, (int64_t)reign);
    if (run != NULL)
        resolve(broker, run);
}

static void retry_later(struct broker *broker, struct store_run *run)
{
    broker_later(broker, RETRY_US, retry, run->token, run->reign);
}

/* `round` carries the token and which change. */
static void state_read(void *owner, const struct zk_reply *reply, uint64_t round, int64_t reign)
{
    struct broker *broker = owner;
    struct store_run *run = run_find(broker, round >> 8, reign);
    size_t at = round & 0xff;

    if (run == NULL)
        return;
    if (reply->code != 0 && reply->code != K_NOT_FOUND)
        run->read_failed = true;
    else if (!(run->resolving && reply->node.exists &&
               reply->node.version == run->changes[at].state.version) &&
             !(run->resolving && !reply->node.exists && run->changes[at].state.version < 0))
        take_found(broker, run, at, &reply->node);
    if (--run->reads_left > 0)
        return;
    if (run->read_failed)
        retry_later(broker, run);
    else
        send_rest(broker, run);
}

static void read_state(struct broker *broker, struct store_run *run, size_t at)
{
    if (zk_get(&broker->client, ZN_STATE + run->changes[at].partition, false, state_read,
               run->token << 8 | at, (int64_t)run->reign) == 0)
        run->reads_left++;
    else
        run->read_failed = true;
}

static void synced(void *owner, const struct zk_reply *reply, uint64_t token, int64_t reign)
{
    struct broker *broker = owner;
    struct store_run *run = run_find(broker, token, reign);

    if (run == NULL)
        return;
    run->read_failed = reply->code != 0;
    run->reads_left = 0;
    for (size_t i = 0; i < run->count && reply->code == 0; i++)
        if (!run->settled[i])
            read_state(broker, run, i);
    if (run->reads_left == 0)
        retry_later(broker, run);
}

static void resolve(struct broker *broker, struct store_run *run)
{
    run->resolving = true;
    if (zk_sync(&broker->client, synced, run->token, (int64_t)run->reign) != 0)
        retry_later(broker, run);
}

/* --- the multi -------------------------------------------------------------------------------- */

/* The ops of what is not settled, behind the fence; of which change each is. */
static int build(const struct store_run *run, struct zk_op *ops, int *change_of)
{
    int count = 0;

    change_of[count] = -1;
    ops[count++] =
        (struct zk_op){.kind = ZK_CHECK, .node = ZN_EPOCH, .version = run->epoch_version};
#ifdef MUTANT_CTRL_NO_MULTI
    ops[0].version = -1;
#endif
    for (size_t i = 0; i < run->count; i++) {
        const struct store_change *change = &run->changes[i];
        if (run->settled[i])
            continue;
        for (int32_t c = 0; c < change->check_count; c++) {
            change_of[count] = (int)i;
            ops[count++] = (struct zk_op){.kind = ZK_CHECK_ID,
                                          .node = ZN_INC + change->checks[c].id,
                                          .value = {.id = change->checks[c].incarnation}};
        }
        change_of[count] = (int)i;
        ops[count++] = (struct zk_op){.kind = change->state.version < 0 ? ZK_CREATE : ZK_SET,
                                      .node = ZN_STATE + change->partition,
                                      .version = change->state.version,
                                      .value = {.state = change->state}};
    }
    return count;
}

static void answered(void *owner, const struct zk_reply *reply, uint64_t token, int64_t reign)
{
    struct broker *broker = owner;
    struct store_run *run = run_find(broker, token, reign);
    struct zk_op ops[ZK_OPS_MAX];
    int change_of[ZK_OPS_MAX];

    if (run == NULL)
        return;
    if (reply->code == 0) {
        finish(broker, run);
    } else if (reply->code == K_SESSION_LOST) {
        resolve(broker, run);
    } else if (reply->failed_op == 0) {
#ifdef MUTANT_CTRL_ADOPT_EPOCH
        broker->chair.epoch_version = ++run->epoch_version;
        send_rest(broker, run);
        return;
#endif
        finish_rest(broker, run, STORE_FENCED);
    } else {
        build(run, ops, change_of);
        size_t at = (size_t)change_of[reply->failed_op];
        if (ops[reply->failed_op].kind == ZK_CHECK_ID) {
            run->settled[at] = true;
            run->verdicts[at] = STORE_ABSENT;
            send_rest(broker, run);
            return;
        }
        run->read_failed = false;
        run->reads_left = 0;
        read_state(broker, run, at);
        if (run->reads_left == 0)
            retry_later(broker, run);
    }
}

static void send_rest(struct broker *broker, struct store_run *run)
{
    struct zk_op ops[ZK_OPS_MAX];
    int change_of[ZK_OPS_MAX];
    int count = build(run, ops, change_of);

    if (count == 1)
        finish(broker, run);
    else if (zk_multi(&broker->client, ops, count, answered, run->token, (int64_t)run->reign) != 0)
        retry_later(broker, run);
}

static void first_send(struct broker *broker, uint64_t token, uint64_t reign)
{
    struct store_run *run = run_find(broker, token, (int64_t)reign);
    if (run != NULL)
        send_rest(broker, run);
}

void store_begin(struct broker *broker, const struct controller_effect *effect)
{
    struct chair *chair = &broker->chair;
    int at = 0;

    while (at < CHAIR_STORES_MAX && chair->stores[at].token != 0)
        at++;
    if (at == CHAIR_STORES_MAX || effect->store.count > SIM_PARTITIONS_MAX) {
        world_violated(broker->world, "the controller orders more stores than partitions");
        return;
    }
    struct store_run *run = &chair->stores[at];
    memset(run, 0, sizeof *run);
    run->token = effect->store.token;
    run->reign = chair->reign;
    run->epoch_version = chair->epoch_version;
    run->count = effect->store.count;
    for (size_t i = 0; i < run->count; i++) {
        const struct store_change *change = &effect->store.changes[i];
        run->changes[i] = *change;
        truth_ordered(broker, change);
        /* The checks are the core's and go with the store; they are few. */
        for (int32_t c = 0; c < change->check_count; c++)
            run->checks[i][c] = change->checks[c];
        run->changes[i].checks = run->checks[i];
        run->verdicts[i] = STORE_OK;
        run->states[i] = change->state;
        run->states[i].version++;
    }
    broker_later(broker, 1, first_send, run->token, run->reign); /* not from inside the step */
}
