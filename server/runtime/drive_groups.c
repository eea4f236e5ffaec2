#include "server/runtime/drive_groups.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/drive_groups_private.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/group_call.h"
#include "server/runtime/group_members.h"
#include "server/runtime/group_mirror.h"
#include "server/runtime/shard_state.h"

/* A request that waits in the core, which knows it by this address. */
struct group_ticket {
    struct list node;             /* in coordinator.tickets */
    struct group_call *call;      /* NULL: the asker has left */
};

enum { RETRY_MIN_MS = 500, RETRY_MAX_MS = 30000 };

/* --- answers ---------------------------------------------------------------------------------- */

/* C4: why an answer that counts may not be given at this moment; 0: it may. */
static int why_silent(const struct coordinator *coordinator)
{
    const struct partition *partition = coordinator->partition;
    int code = replica_may_read(&partition->replica, partition_lease_holds(partition));

#ifdef MUTANT_GROUPS_WITHOUT_LEASE
    return 0;
#endif
    return code == 0                 ? 0
           : code == K_LEASE_EXPIRED ? K_COORDINATOR_NOT_AVAILABLE
                                     : K_NOT_COORDINATOR;
}

/* Who coordinates instead, as far as we know. */
static void name_leader(const struct partition *partition, struct outcome *outcome)
{
    const struct replica *replica = &partition->replica;

    if (!replica->assigned || replica->state.leader == replica->self)
        return;
    outcome->leader = replica->state.leader;
    outcome->leader_epoch = replica->state.leader_epoch;
}

static const char *copy(struct group_call *call, const char *text)
{
    if (text == NULL)
        return NULL;
    const char *copied = arena_strdup(call->arena, text);
    if (copied == NULL)
        call->outcome.code = K_NOMEM;
    return copied;
}

/* What the core says lasts until its next step. */
static void take_answer(struct group_call *call, const struct groups_effect *effect)
{
    struct group_answer *answer = &call->answer;

    answer->member = copy(call, effect->answer.member);
    answer->protocol_type = copy(call, effect->answer.protocol_type);
    answer->protocol = copy(call, effect->answer.protocol);
    answer->leader = copy(call, effect->answer.leader);
    answer->generation = effect->answer.generation;
    answer->skip_assignment = effect->answer.skip_assignment;
    answer->member_count = effect->answer.member_count;
    answer->members =
        group_members_copy(call->arena, effect->answer.members, answer->member_count);
    if (answer->members == NULL ||
        group_span_copy(call->arena, effect->answer.assignment, &answer->assignment) != 0)
        call->outcome.code = K_NOMEM;
}

static void answer(struct coordinator *coordinator, const struct groups_effect *effect)
{
    struct group_ticket *ticket = (struct group_ticket *)(uintptr_t)effect->answer.ticket;
    struct group_call *call = ticket->call;
    int code = effect->answer.error;

    list_remove(&ticket->node);
    free(ticket);
    if (code == 0 && effect->answer.member_count > 0 && !effect->answer.skip_assignment)
        metric_add(shard_options(coordinator->shard)->metrics, METRIC_REBALANCES, 1);
    if (call == NULL)
        return;
    call->ticket = NULL;
    if (code == 0)
        code = why_silent(coordinator);
    call->outcome.code = code;
    call->reason = effect->answer.reason;
    if (call->arena != NULL && (code == 0 || code == K_MEMBER_ID_REQUIRED))
        take_answer(call, effect);
    if (code == K_NOT_COORDINATOR)
        name_leader(coordinator->partition, &call->outcome);
    group_call_answered(call);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* A deadline that was put off is looked at when the former comes: so nothing moves in the heap. */
static void settle_tick(struct coordinator *coordinator)
{
    int64_t due_ms = groups_deadline_ms(coordinator->groups);

    if (due_ms >= coordinator->tick_at_ms)
        return;
    shard_deadline_hold(coordinator->shard, &coordinator->tick, due_ms);
    coordinator->tick_at_ms = due_ms;
}

void coordinator_step(struct coordinator *coordinator, struct groups_event *event)
{
    assert(!coordinator->stepping);
    coordinator->stepping = true;
    event->now_ms = shard_now_ms(coordinator->shard);
    event->wall_ms = shard_wall_ms(coordinator->shard);
    struct groups_effects effects = groups_step(coordinator->groups, event);
    for (size_t i = 0; i < effects.count; i++) {
        const struct groups_effect *effect = &effects.items[i];
        if (effect->type == GROUPS_DO_STORE)
            group_store_add(coordinator, effect->store.token, effect->store.records,
                            effect->store.count);
        else
            answer(coordinator, effect);
    }
    coordinator->stepping = false;
    settle_tick(coordinator);
}

static void tick(struct shard_deadline *deadline)
{
    struct coordinator *coordinator = LIST_OWNER(deadline, struct coordinator, tick);

    coordinator->tick_at_ms = INT64_MAX;
    if (coordinator->shard->closed)
        return;
    if (groups_deadline_ms(coordinator->groups) > shard_now_ms(coordinator->shard))
        settle_tick(coordinator);
    else
        coordinator_step(coordinator, &(struct groups_event){.type = GROUPS_TICK});
}

/* --- who leads -------------------------------------------------------------------------------- */

static bool leads(const struct partition *partition)
{
    return drive_leads(partition) && partition->state != PARTITION_OFFLINE &&
           partition->fate == PARTITION_STAYS && !partition->shard->closed;
}

static void lose(struct coordinator *coordinator, enum coordinator_phase phase)
{
    struct groups_event event = {.type = GROUPS_LOST};

    event.lost.epoch = coordinator->epoch;
    group_load_stop(coordinator);
    group_store_orphan(coordinator);
    group_mirror_clear(coordinator->mirror);
    group_gone_clear(coordinator);
    shard_deadline_clear(coordinator->shard, &coordinator->retry);
    coordinator->starved = false;
    coordinator->phase = phase;
    coordinator_step(coordinator, &event);
}

static void gain(struct coordinator *coordinator)
{
    struct groups_event event = {.type = GROUPS_GAINED};

    coordinator->epoch = coordinator->partition->replica.state.leader_epoch;
    coordinator->phase = COORDINATOR_GAINED;
    event.gained.epoch = coordinator->epoch;
    coordinator_step(coordinator, &event);
}

/* C1. */
static void check_leadership(struct coordinator *coordinator)
{
    const struct partition *partition = coordinator->partition;
    bool ours = leads(partition);

    if (coordinator->phase != COORDINATOR_ABSENT &&
        (!ours || partition->replica.state.leader_epoch != coordinator->epoch))
        lose(coordinator, COORDINATOR_ABSENT);
    if (coordinator->phase == COORDINATOR_ABSENT && ours)
        gain(coordinator);
}

/* Gain it anew. */
static void retry(struct shard_deadline *deadline)
{
    struct coordinator *coordinator = LIST_OWNER(deadline, struct coordinator, retry);

    if (coordinator->phase == COORDINATOR_FAILED)
        coordinator->phase = COORDINATOR_ABSENT;
    coordinator_look_soon(coordinator);
}

void coordinator_fail(struct coordinator *coordinator, int code)
{
    const struct partition *partition = coordinator->partition;
    struct shard *shard = coordinator->shard;
    int32_t wait_ms = coordinator->retry_ms;

    LOG_ERROR("groups-not-coordinated",
              "topic=%s partition=%" PRId32 " epoch=%" PRId32 " error=%s again_ms=%" PRId32,
              partition->topic, partition->key.index, coordinator->epoch, k_error_name(code),
              wait_ms);
    lose(coordinator, COORDINATOR_FAILED);
    coordinator->retry_ms = 2 * wait_ms < RETRY_MAX_MS ? 2 * wait_ms : RETRY_MAX_MS;
    shard_deadline_hold(shard, &coordinator->retry, shard_now_ms(shard) + wait_ms);
}

static void look(struct turn_hook *hook)
{
    struct coordinator *coordinator = LIST_OWNER(hook, struct coordinator, look);

    check_leadership(coordinator);
    if (coordinator->starved)
        coordinator_fail(coordinator, K_NOMEM);
    if (coordinator->phase == COORDINATOR_SERVING)
        group_store_settle(coordinator);
    if (coordinator->phase == COORDINATOR_GAINED || coordinator->phase == COORDINATOR_LOADING)
        group_load_go_on(coordinator);
    if (coordinator->phase == COORDINATOR_SERVING)
        group_gone_look(coordinator);
    if (coordinator->phase == COORDINATOR_SERVING)
        coordinator->retry_ms = RETRY_MIN_MS;
}

void coordinator_look_soon(struct coordinator *coordinator)
{
    loop_at_turn_end(coordinator->shard->loop, &coordinator->look);
}

static void log_opened(struct partition_wait *wait)
{
    coordinator_look_soon(LIST_OWNER(wait, struct coordinator, opening));
}

/* --- life ------------------------------------------------------------------------------------- */

static struct coordinator *new_coordinator(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct coordinator *coordinator = calloc(1, sizeof *coordinator);
    struct groups_event event = {.type = GROUPS_CONFIGURED,
                                 .configured = &shard_options(shard)->groups};

    if (coordinator == NULL)
        return NULL;
    coordinator->groups = groups_new(rand_u64(&shard->rand));
    if (coordinator->groups == NULL)
        goto free_coordinator;
    shard_deadline_init(&coordinator->tick, tick);
    shard_deadline_init(&coordinator->retry, retry);
    /* For both: who has run out of memory can still wait. */
    if (shard_deadline_make_room(shard) != 0)
        goto free_groups;
    if (shard_deadline_make_room(shard) != 0)
        goto drop_tick;
    coordinator->partition = partition;
    coordinator->shard = shard;
    turn_hook_init(&coordinator->look, look);
    coordinator->tick_at_ms = INT64_MAX;
    list_init(&coordinator->opening.node);
    coordinator->opening.run = log_opened;
    coordinator->retry_ms = RETRY_MIN_MS;
    list_init(&coordinator->tickets);
    coordinator->mirror = group_mirror_new(shard);
    group_store_init(coordinator);
    group_gone_init(coordinator);
    list_init(&coordinator->node);
    list_append(&shard->coordinators, &coordinator->node);
    coordinator_step(coordinator, &event);
    return coordinator;

drop_tick:
    shard_deadline_drop(shard, &coordinator->tick);
free_groups:
    groups_free(coordinator->groups);
free_coordinator:
    free(coordinator);
    return NULL;
}

/* Who only follows needs none. Without memory for one, the next change tries again. */
void drive_groups_changed(struct partition *partition)
{
    if (!partition->holds_groups)
        return;
    if (partition->coordinator == NULL && leads(partition)) {
        partition->coordinator = new_coordinator(partition);
        if (partition->coordinator == NULL)
            LOG_ERROR("groups-not-coordinated", "topic=%s partition=%" PRId32 " error=NOMEM",
                      partition->topic, partition->key.index);
    }
    if (partition->coordinator != NULL)
        coordinator_look_soon(partition->coordinator);
}

void drive_groups_retired(struct partition *partition)
{
    struct coordinator *coordinator = partition->coordinator;

    partition->holds_groups = false;
    if (coordinator == NULL)
        return;
    partition->coordinator = NULL;
    list_remove(&coordinator->node);
    if (coordinator->phase != COORDINATOR_ABSENT)
        lose(coordinator, COORDINATOR_ABSENT);
    assert(list_empty(&coordinator->tickets));
    group_store_fini(coordinator);
    group_mirror_free(coordinator->mirror);
    turn_hook_cancel(&coordinator->look);
    shard_deadline_drop(coordinator->shard, &coordinator->tick);
    shard_deadline_drop(coordinator->shard, &coordinator->retry);
    groups_free(coordinator->groups);
    free(coordinator);
}

size_t drive_groups_count(const struct partition *partition)
{
    const struct coordinator *coordinator = partition->coordinator;

    return coordinator != NULL && groups_ready(coordinator->groups) == 0
               ? groups_count(coordinator->groups)
               : 0;
}

/* --- requests --------------------------------------------------------------------------------- */

/* NULL: the outcome says why. */
static struct coordinator *find_coordinator(struct shard *shard, struct group_call *call)
{
    struct partition *partition = partition_find(shard, &call->key);

    if (shard->closed) {
        call->outcome.code = K_CLOSED;
        return NULL;
    }
    if (partition == NULL || !drive_leads(partition)) {
        call->outcome.code = K_NOT_COORDINATOR;
        if (partition != NULL)
            name_leader(partition, &call->outcome);
        return NULL;
    }
    struct coordinator *coordinator = partition->coordinator;
    if (coordinator != NULL)
        check_leadership(coordinator);
    if (coordinator == NULL || coordinator->phase == COORDINATOR_ABSENT ||
        coordinator->phase == COORDINATOR_FAILED) {
        call->outcome.code = K_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    return coordinator;
}

static int ask_question(struct coordinator *coordinator, struct group_call *call)
{
    int code = groups_ready(coordinator->groups);

    if (code == 0)
        code = why_silent(coordinator);
    return code != 0 ? code : call->look(call, coordinator->groups);
}

void drive_groups_ask(struct shard *shard, struct group_call *call)
{
    struct coordinator *coordinator = find_coordinator(shard, call);

    if (coordinator == NULL) {
        group_call_answered(call);
        return;
    }
    if (call->look != NULL)
        call->outcome.code = ask_question(coordinator, call);
    struct group_ticket *ticket = NULL;
    if (call->outcome.code == 0 && call->event != NULL) {
        ticket = malloc(sizeof *ticket);
        call->outcome.code = ticket == NULL ? K_NOMEM : 0;
    }
    if (ticket == NULL) {
        group_call_answered(call);
        return;
    }
    list_append(&coordinator->tickets, &ticket->node);
    ticket->call = call;
    call->ticket = ticket;
    struct groups_event event = *call->event;
    event.asker.group = call->group;
    event.asker.ticket = (uint64_t)(uintptr_t)ticket;
    coordinator_step(coordinator, &event);
}

void drive_groups_leave(struct group_call *call, int code)
{
    if (call->ticket == NULL)
        return;
    call->ticket->call = NULL;
    call->ticket = NULL;
    call->outcome.code = code;
    group_call_answered(call);
}
