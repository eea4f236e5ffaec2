/* store.c - carry out a controller's DO_STORE as multis fenced by the controller epoch.
 *
 * A store is split into units: each topic to create or remove is one, partition states are grouped.
 * Units run side by side, the multis of one unit in order (a topic whose nodes do not fit into one
 * multi becomes visible with the first and complete with the last; a controller that takes over in
 * between finds states missing and makes them).
 *
 * A multi that fails by one entry gives that entry its verdict and is sent again without it. A
 * lost answer is never resent blindly: the unit syncs and reads what is stored, and goes on from
 * there. When every unit is done the core is told, one verdict per change. */
#include "server/runtime/store_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/runtime/state_node.h"

enum { MULTI_BYTES_MAX = 400 * 1024, RETRY_MS = 100, UNREAD_LOG_MS = 60 * 1000 };

/* One read of a partition's state. */
struct state_read {
    struct unit *unit;
    size_t op;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void give_up_chair(struct control *control)
{
    drive_member(control, &(struct member_event){ .type = MEMBER_DEPOSED,
                                                  .now_ms = control_boot_ms(control) });
}

/* The core learns what stands in each of these nodes, but for nonsense that it never knew. */
static void tell_quarantine(struct store *store)
{
    if (!store->control->chair.states_missing || store->life != store->control->life)
        return;
    for (size_t i = 0; i < store->unit_count; i++)
        for (size_t at = 0; at < store->units[i]->count; at++) {
            const struct unit_op *op = &store->units[i]->ops[at];
            enum store_verdict verdict = store->verdicts[op->change];
            if (verdict == STORE_OK ||
                (verdict == STORE_STALE && store->states[op->change].version >= 0))
                quarantine_state_known(store->control, op->op.path);
        }
}

/* One unit less, or the hold of store_run(): the last one tells the core. */
static void store_release(struct store *store)
{
    struct control *control = store->control;

    if (--store->units_left > 0)
        return;
    list_remove(&store->node);
    tell_quarantine(store);
    if (store->life == control->life) {
        struct controller_event event = { .type = CONTROLLER_STORED };
        event.stored.token = store->token;
        event.stored.verdicts = store->verdicts;
        event.stored.states = store->states;
        event.stored.count = store->count;
        event.stored.config = &store->found;
        drive_controller(control, &event);
    }
    /* The core waits for its end when an outcome can not be known; the session may well live. */
    bool lost = false;
    for (size_t i = 0; i < store->count; i++)
        lost |= store->verdicts[i] == STORE_LOST;
    if (lost && store->life == control->life)
        give_up_chair(control);
    arena_fini(&store->arena);
    free(store);
}

static void hold_ended(struct mail *mail)
{
    store_release(LIST_OWNER(mail, struct store, hold));
}

void unit_done(struct unit *unit)
{
    timer_free(unit->retry);
    unit->retry = NULL;
    store_release(unit->store);
}

static void unit_give_up(struct unit *unit, enum store_verdict verdict)
{
    for (size_t i = unit->next; i < unit->count; i++)
        if (!unit->ops[i].skipped)
            unit->store->verdicts[unit->ops[i].change] = verdict;
    unit_done(unit);
}

/* --- out of reach ----------------------------------------------------------------------------- */

static void unit_resolve(struct unit *unit);

static void retry(void *context)
{
    unit_resolve(context);
}

/* ZooKeeper does not answer: what became of the unit is found out when it does, or does not matter
 * any more when the session has expired by then and with it the chair. */
void unit_retry_later(struct unit *unit)
{
    struct control *control = unit->store->control;

    if (unit->store->life != control->life ||
        (unit->retry == NULL && timer_new(control->options.loop, retry, unit, &unit->retry) != 0))
        unit_give_up(unit, STORE_LOST);
    else
        timer_after(unit->retry, RETRY_MS);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void unit_answered(void *context, const struct zk_reply *reply);

/* The ops of one state stay together: its checks count for the multi that they are in. */
static bool is_full(const struct unit *unit, size_t at, size_t count, size_t bytes)
{
    size_t more = 1;

    if (unit->kind == STORE_STATE && count > 0) {
        if (unit->ops[at - 1].change == unit->ops[at].change)
            return false;
        while (at + more < unit->count && unit->ops[at + more].change == unit->ops[at].change)
            more++;
    }
    return count + more > ZK_FENCED_OPS_MAX || bytes >= MULTI_BYTES_MAX;
}

/* Many partitions get one leader at a time: it is looked for once in each multi. */
static bool is_checked(const struct unit *unit, const struct zk_op *op, size_t count)
{
    if (op->kind != ZK_OP_CHECK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (unit->multi[i].kind == ZK_OP_CHECK && strcmp(unit->multi[i].path, op->path) == 0)
            return true;
    return false;
}

void unit_send(struct unit *unit)
{
    struct control *control = unit->store->control;
    size_t count = 0, bytes = 0, at = unit->next;

    for (; at < unit->count && !is_full(unit, at, count, bytes); at++) {
        struct unit_op *op = &unit->ops[at];
        if (op->skipped || is_checked(unit, &op->op, count))
            continue;
        bytes += strlen(op->op.path) + op->op.size + 64;
        unit->multi[count] = op->op;
        unit->multi_of[count++] = at;
    }
    unit->sent = at;
    if (count == 0) {
        unit_done(unit);
        return;
    }
    if (unit->store->life != control->life)
        unit_give_up(unit, STORE_LOST);
    else if (zk_fenced(control->session, control->chair.epoch_version, unit->multi, count,
                       unit_answered, unit) != 0)
        unit_retry_later(unit);
}

/* --- one entry failed: find out why, give it its verdict, send the rest ----------------------- */

/* Its ops have their verdict: all of them stand side by side. */
static void skip_change(struct unit *unit, size_t change)
{
    for (size_t i = unit->next; i < unit->count; i++)
        if (unit->ops[i].change == change)
            unit->ops[i].skipped = true;
}

/* What stands there is no state. Where we know what should, it is no successor of that, and is
 * overwritten. Where we never did (the state was to be made, and is there), nobody knows who has
 * what is committed: it stays, and is looked at again when the core asks for the same again. */
static void take_nonsense(struct partition_state *state, const struct zk_op *op,
                          const struct zk_reply *reply, const struct k_reason *reason)
{
    bool known = op->kind == ZK_OP_SET;

#ifdef MUTANT_UNREAD_STATE_OVERWRITTEN
    known = true;
#endif
    if (known || log_rarely("state-unread", op->path, UNREAD_LOG_MS))
        LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\" action=\"%s\"", op->path, reason->text,
                  known ? "it is written anew" : "mend it: until then nobody leads the partition");
    state->version = known ? reply->stat.version : -1;
    state->leader_epoch = -1;
}

/* The record is not what was expected: `reply` is what stands there. */
static void take_stored(struct unit *unit, struct unit_op *op, const struct zk_reply *reply)
{
    struct store *store = unit->store;
    struct partition_state *state = &store->states[op->change];
    struct partition_state wanted = *state, stored = *state;
    struct k_reason reason = { "" };
    int code = reply->code;

    if (code == 0)
        code = state_node_decode(&store->arena, reply->data, reply->size, &stored, &reason);
    if (code == K_NOMEM) {
        unit->reads_failed = true;      /* it may well be a state: it is read again */
        return;
    }
    skip_change(unit, op->change);
    store->verdicts[op->change] = STORE_STALE;
    if (reply->code != 0) {
        state->version = -1;
        return;
    }
    if (code != 0) {
        take_nonsense(state, &op->op, reply, &reason);
        return;
    }
    *state = stored;
    state->version = reply->stat.version;
    /* After a lost answer our own write may be what is stored: same content, version one more. */
    if ((unit->resolving || op->op.kind == ZK_OP_CREATE) && state->version == wanted.version &&
        state->leader == wanted.leader && state->leader_epoch == wanted.leader_epoch &&
        state->controller_epoch == wanted.controller_epoch)
        store->verdicts[op->change] = STORE_OK;
}

/* Send what is left of the unit, unless not everything could be read. */
static void reads_finished(struct unit *unit)
{
    bool failed = unit->reads_failed;

    unit->reads_failed = false;
    if (failed)
        unit_retry_later(unit);
    else
        unit_send(unit);
}

static void state_read_answered(void *context, const struct zk_reply *reply)
{
    struct state_read *read = context;
    struct unit *unit = read->unit;
    struct unit_op *op = &unit->ops[read->op];

    free(read);
    if (reply->code != 0 && reply->code != K_NOT_FOUND) {
        unit->reads_failed = true;
    } else if (unit->resolving && op->op.kind == ZK_OP_SET && reply->code == 0 &&
               reply->stat.version == op->op.version) {
        /* The lost multi was not carried out: this entry goes again. */
    } else {
        take_stored(unit, op, reply);
    }
    if (--unit->reads_left == 0)
        reads_finished(unit);
}

static void read_state(struct unit *unit, size_t at)
{
    struct state_read *read = malloc(sizeof *read);
    if (read != NULL)
        *read = (struct state_read){ unit, at };
    if (read == NULL || zk_get(unit->store->control->session, unit->ops[at].op.path, NULL,
                               state_read_answered, read) != 0) {
        free(read);
        unit->reads_failed = true;
        return;
    }
    unit->reads_left++;
}

/* Not that of the topic's record, which goes with a state, and is written whatever stands there. */
static bool is_state_set(const struct zk_op *op)
{
    return op->kind == ZK_OP_SET && op->version >= 0;
}

static void synced(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    if (reply->code != 0 || unit->store->life != unit->store->control->life) {
        unit_retry_later(unit);
        return;
    }
    if (unit->kind == STORE_CONFIG) {
        config_look(unit);
        return;
    }
    if (unit->kind == STORE_STATE)
        for (size_t i = unit->next; i < unit->sent; i++)
            if (!unit->ops[i].skipped && is_state_set(&unit->ops[i].op))
                read_state(unit, i);
    if (unit->reads_left == 0)
        reads_finished(unit);     /* repeats of creates and deletes are recognised one by one */
}

/* An answer was lost, or could not be waited for: what is stored tells how to go on. */
static void unit_resolve(struct unit *unit)
{
    struct control *control = unit->store->control;

    unit->resolving = true;
    if (unit->store->life != control->life ||
        zk_sync(control->session, "/brokers", synced, unit) != 0)
        unit_retry_later(unit);
}

/* EXISTS on a create: ours from before, or somebody else's? */
static void topic_read(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    struct store *store = unit->store;
    size_t change = unit->ops[0].change;
    struct znode_topic node, wanted;
    int code = reply->code;

    if (code == 0)
        code = znode_decode_topic(&store->arena, reply->data, reply->size, &node, NULL);
    if (code == 0)
        code = znode_decode_topic(&store->arena, unit->ops[0].op.data, unit->ops[0].op.size,
                                  &wanted, NULL);
    if (code == K_NOT_FOUND) {
        unit_send(unit);
    } else if (reply->code != 0 || code == K_NOMEM || store->life != store->control->life) {
        unit_retry_later(unit);
    } else if (code == 0 && uuid_equal(&node.id, &wanted.id)) {
        unit->ops[0].skipped = true;
        unit->resolving = true;
        unit_send(unit);
    } else {
        store->verdicts[change] = STORE_EXISTS;
        unit_done(unit);
    }
}

/* --- a topic that is half made or half removed ------------------------------------------------ */

/* What the list of partitions tells is done already is skipped. */
static void partitions_listed(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    size_t count = unit->partition_count, highest = 0;
    bool *exists = arena_calloc(&unit->store->arena, count + 1, sizeof *exists);

    if ((reply->code != 0 && reply->code != K_NOT_FOUND) || exists == NULL) {
        unit_retry_later(unit);
        return;
    }
    for (size_t i = 0; reply->code == 0 && i < reply->child_count; i++) {
        char *end;
        unsigned long partition = strtoul(reply->children[i], &end, 10);
        if (*end != '\0' || partition < unit->first_partition ||
            partition - unit->first_partition >= count)
            continue;
        partition -= unit->first_partition;
        exists[partition] = true;
        highest = partition > highest ? partition : highest;
    }
    for (size_t p = 0; p < count; p++) {
        /* Of the last that was made the state may be missing: a multi can end between the two. */
        bool done = unit->kind == STORE_REMOVE ? !exists[p] : exists[p] && p != highest;
        unit->ops[unit->first_op + 2 * p].skipped |= done;
        unit->ops[unit->first_op + 2 * p + 1].skipped |= done;
    }
    unit->listed = true;
    unit_send(unit);
}

/* Somebody, perhaps we ourselves, was here before. With thousands of partitions it takes too long
 * to be told so by one multi for each. */
static void list_partitions(struct unit *unit)
{
    if (zk_children(unit->store->control->session, unit->directory, NULL, partitions_listed,
                    unit) != 0)
        unit_retry_later(unit);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void log_refusal(const struct unit_op *op, int code)
{
    const char *action =
        code == K_BUSY               ? " action=\"delete what somebody put below it\""
        : code == K_POLICY_VIOLATION ? " action=\"ACLs keep this broker out: see getAcl of zkCli, "
                                       "and zookeeper.digest\""
        : op->op.kind == ZK_OP_CREATE_SEQUENTIAL && code == K_NOT_FOUND
            ? " action=\"start a broker anew: that makes /kairn/deleted\""
            : "";

    LOG_ERROR("store-refused", "path=%s code=%s%s", op->op.path, k_error_name(code), action);
}

static void topic_entry_failed(struct unit *unit, int code, size_t at)
{
    struct unit_op *op = &unit->ops[at];
    bool expected = code == (unit->kind == STORE_REMOVE ? K_NOT_FOUND : K_EXISTS);

    if (op->op.kind == ZK_OP_CREATE_SEQUENTIAL) {
        log_refusal(op, code);    /* it has no place any more: the topic goes all the same */
        op->skipped = true;
        unit_send(unit);
    } else if (!expected) {
        log_refusal(op, code);
        unit_give_up(unit, STORE_STALE);
    } else if (unit->kind == STORE_TOPIC && at == CREATE_TOPIC) {
        if (zk_get(unit->store->control->session, op->op.path, NULL, topic_read, unit) != 0)
            unit_retry_later(unit);
    } else if (unit->kind == STORE_TOPIC && at == CREATE_CONFIG) {
        op->op.kind = ZK_OP_SET;  /* left behind by a topic that was deleted by hand */
        op->op.version = -1;
        unit_send(unit);
    } else {
        op->skipped = true;       /* done before, by us or by our predecessor */
        if (unit->listed)
            unit_send(unit);
        else
            list_partitions(unit);
    }
}

/* Whatever counts on this broker is not written. */
static void broker_is_absent(struct unit *unit, const char *path)
{
    for (size_t i = unit->next; i < unit->count; i++) {
        const struct unit_op *op = &unit->ops[i];
        if (op->skipped || op->op.kind != ZK_OP_CHECK || strcmp(op->op.path, path) != 0)
            continue;
        unit->store->verdicts[op->change] = STORE_ABSENT;
        skip_change(unit, op->change);
    }
}

static void state_entry_failed(struct unit *unit, int code, size_t at)
{
    struct store *store = unit->store;
    struct unit_op *op = &unit->ops[at];
    bool is_state = op->op.data != NULL;

    if (code == K_EXISTS && !is_state) {
        op->skipped = true;       /* the partition's node without a state */
        unit_send(unit);
    } else if (op->op.kind == ZK_OP_CHECK && code == K_NOT_FOUND) {
        broker_is_absent(unit, op->op.path);
        unit_send(unit);
    } else if (is_state && (op->op.kind == ZK_OP_SET || code == K_EXISTS)) {
        read_state(unit, at);
        if (unit->reads_left == 0)
            reads_finished(unit);
    } else {
        /* Nothing can be stored there, for instance because the topic's node is gone. */
        log_refusal(op, code);
        skip_change(unit, op->change);
        store->verdicts[op->change] = STORE_STALE;
        store->states[op->change].version = -1;
        unit_send(unit);
    }
}

static void config_entry_failed(struct unit *unit, int code, size_t at)
{
    bool creates = unit->ops[at].op.kind == ZK_OP_CREATE;

    if (at == CONFIG_NODE &&
        (code == K_BAD_VERSION || code == (creates ? K_EXISTS : K_NOT_FOUND))) {
        config_look(unit);
        return;
    }
    log_refusal(&unit->ops[at], code);
    unit_give_up(unit, STORE_STALE);
}

static void unit_answered(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    struct store *store = unit->store;

    if (store->life != store->control->life) {
        unit_give_up(unit, STORE_LOST);
    } else if (reply->code == 0) {
        unit->next = unit->sent;
        unit_send(unit);
    } else if (reply->code == K_STALE_CONTROLLER_EPOCH) {
#ifdef MUTANT_CTRL_ADOPT_EPOCH
        store->control->chair.epoch_version++;
        unit_send(unit);
        return;
#endif
        unit_give_up(unit, STORE_FENCED);
    } else if (reply->code == K_SESSION_LOST || reply->code == K_NOMEM) {
        unit_resolve(unit);
    } else if (unit->kind == STORE_STATE) {
        state_entry_failed(unit, reply->code, unit->multi_of[reply->failed_op]);
    } else if (unit->kind == STORE_CONFIG) {
        config_entry_failed(unit, reply->code, unit->multi_of[reply->failed_op]);
    } else {
        topic_entry_failed(unit, reply->code, unit->multi_of[reply->failed_op]);
    }
}

/* --- from the first to the last --------------------------------------------------------------- */

void store_run(struct control *control, uint64_t token, const struct store_change *changes,
               size_t count)
{
    struct store *store = calloc(1, sizeof *store);
    bool made = store != NULL;

    if (made) {
        list_init(&store->node);
        store->control = control;
        store->token = token;
        store->life = control->life;
        store->count = count;
        arena_init(&store->arena, NULL, 0, SIZE_MAX);
        store->verdicts = arena_calloc(&store->arena, count, sizeof *store->verdicts);
        store->states = arena_calloc(&store->arena, count, sizeof *store->states);
        made = store->verdicts != NULL && store->states != NULL && store_build(store, changes);
    }
    if (!made) {
        /* Nothing was sent. Without memory for a store this broker is no good controller. */
        LOG_ERROR("out-of-memory", "where=store action=\"giving up the controller's chair\"");
        if (store != NULL)
            arena_fini(&store->arena);
        free(store);
        give_up_chair(control);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        store->verdicts[i] = STORE_OK;
        if (changes[i].kind == STORE_REMOVE)
            deletions_grew(control);
        if (changes[i].kind == STORE_CONFIG)  /* until something else is found */
            store->found = (struct stored_config){ .version = changes[i].version, .broken = true };
        store->states[i] = changes[i].state;
        store->states[i].version++;           /* a set makes one more, a create makes 0 of -1 */
    }
    list_append(&control->stores, &store->node);
    store->units_left = store->unit_count + 1;
    store->hold.deliver = hold_ended;
    for (size_t i = 0; i < store->unit_count; i++)
        unit_send(store->units[i]);
    loop_post(control->options.loop, &store->hold);
}

/* Those with a call under way end when it is answered. */
void stores_abandon(struct control *control)
{
    LIST_EACH_SAFE(&control->stores, node, after)
    {
        struct store *store = LIST_OWNER(node, struct store, node);

        store->units_left++;
        for (size_t i = 0; i < store->unit_count; i++)
            if (store->units[i]->retry != NULL && timer_pending(store->units[i]->retry))
                unit_give_up(store->units[i], STORE_LOST);
        store_release(store);
    }
}

