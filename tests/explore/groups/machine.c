/* Steps of core/groups: a state becomes a core, the core takes a step, what it orders and what it
 * is now become the state again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/groups_private.h"
#include "tests/explore/groups/state.h"

enum { NOW_MS = 1000000, FAR_MS = NOW_MS + 100000, SESSION_MS = 10000, REBALANCE_MS = 20000,
       ID_SIZE = 8 };

/* --- numbers and names ------------------------------------------------------------------------ */

static void write_id(char text[ID_SIZE], int id)
{
    text[0] = 'm';
    text[1] = (char)('0' + id);
    text[2] = '\0';
}

static int read_id(const char *text)
{
    return text[1] - '0';
}

/* Every static process has an instance id of its own; its metadata tells which one it is. */
static const char *instance_of(int process)
{
    static const char *const names[PROCESSES] = {"i0", "i1", "i2"};
    return names[process];
}

/* --- state to core ---------------------------------------------------------------------------- */

static void must(bool done)
{
    if (!done)
        abort(); /* out of memory */
}

static void restore_member(struct groups *groups, struct group *group,
                           const struct core_member *from, const struct machine_input *input,
                           int place)
{
    char id[ID_SIZE];
    uint8_t said[2] = {from->process, from->version};
    const struct groups_protocol protocol = {"p", {said, sizeof said}};
    struct groups_member like = {.id = id,
                                 .client_id = "c",
                                 .client_host = "h",
                                 .session_timeout_ms = SESSION_MS,
                                 .rebalance_timeout_ms = REBALANCE_MS};

    write_id(id, from->id);
    like.instance = from->is_static ? instance_of(from->process) : NULL;
    struct member *member = member_new(&like, &protocol, 1);
    must(member != NULL && group_add_member(group, member) == 0);
    if (from->has_share) {
        member->assignment.data = malloc(1);
        must(member->assignment.data != NULL);
        member->assignment.size = 1;
        memcpy(member->assignment.data, &from->share, 1);
    }
    member->waits = (enum member_waits)from->waits;
    member->ticket = from->waiter;
    member->beating = from->beater != WAITER_NONE;
    member->beat_ticket = from->beater;
    member->beat_until_ms = input->due == DUE_BEAT && input->place == place ? NOW_MS : FAR_MS;
    member->synced = from->synced;
    member->session_at_ms = input->due == DUE_SESSION && input->place == place ? NOW_MS : FAR_MS;
    for (int i = 0; i < (member->waits != WAITS_NOT) + member->beating; i++)
        must(groups_ticket_take(groups) == 0);
}

static int64_t when(bool armed, bool due)
{
    return !armed ? INT64_MAX : due ? NOW_MS : FAR_MS;
}

static struct offset_entry *entry_of(struct group *group, int partition,
                                     struct topic_offsets **topic)
{
    *topic = offsets_make_topic(group, "t");
    must(*topic != NULL);
    struct offset_entry *entry = offsets_make(group, *topic, partition);
    must(entry != NULL);
    return entry;
}

static void restore_item(struct order *order, int partition, const struct store *store)
{
    struct topic_offsets *topic;
    struct offset_entry *entry = entry_of(order->group, partition, &topic);
    struct groups_record *record = &order->records[order->count];

    entry->pending++;
    order->items[order->count++].topic = topic;
    *record = (struct groups_record){.type = GROUPS_RECORD_OFFSET,
                                     .tombstone = store->kind == STORE_TOMBSTONES,
                                     .group = order->group->name};
    record->offset.topic = topic->name;
    record->offset.partition = partition;
    record->offset.offset = store->offset;
    record->offset.leader_epoch = -1;
    record->offset.metadata = "";
}

static void restore_order(struct groups *groups, struct group *group, const struct store *store,
                          uint64_t token, bool due)
{
    struct order *order = order_new(group, PARTITIONS);

    must(order != NULL);
    for (int p = 0; p < PARTITIONS; p++)
        if (store->kind == STORE_OFFSET ? store->partition == p : store->share >> p & 1)
            restore_item(order, p, store);
    order->last = store->last;
    order->token = token;
    group->order_count++;
    list_append(&groups->orders, &order->link);
    if (store->waiter == WAITER_NONE)
        return;
    must(groups_ticket_take(groups) == 0);
    order->answered = false;
    order->ticket = store->waiter;
    order->answer_by_ms = due ? NOW_MS : FAR_MS;
    list_append(&groups->waiting, &order->waiting);
}

static void restore_stores(struct groups *groups, struct group *group, const struct state *state,
                           const struct machine_input *input)
{
    struct topic_offsets *topic;

    for (int p = 0; p < PARTITIONS; p++)
        if (state->core.offsets[p] >= 0)
            entry_of(group, p, &topic)->offset = state->core.offsets[p];
    for (int i = 0; i < STORES && state->stores[i].kind != STORE_NONE; i++) {
        const struct store *store = &state->stores[i];
        groups->next_token = (uint64_t)i + 2;
        if (store->kind != STORE_GROUP) {
            restore_order(groups, group, store, (uint64_t)i + 1, input->due == DUE_ANSWER);
            continue;
        }
        group->store_token = (uint64_t)i + 1;
        list_append(&groups->storing, &group->storing);
    }
}

static void restore_group(struct groups *groups, const struct state *state,
                          const struct machine_input *input)
{
    const struct core *core = &state->core;
    const struct groups_protocol protocol = {.name = "p"};
    struct group *group = group_make(groups, "g");
    enum due due = input->due;

    must(group != NULL && group_reserve_protocols(group, &protocol, 1) == 0);
    must(!core->typed || group_set_type(group, "consumer"));
    if (core->chosen)
        memcpy(group->protocol, protocol.name, 2);
    group->chosen = core->chosen;
    group->state = (enum group_state)core->state;
    group->generation = core->generation;
    group->since_ms = 0;
    group->recorded = core->recorded;
    group->assigned = core->assigned;
    group->store_due = core->store_due;
    group->store_retry_ms = when(core->retrying, due == DUE_RETRY);
    group->answer_by_ms = when(core->answering, due == DUE_ANSWER);
    group->sync_until_ms = when(core->sync_until, due == DUE_SYNC);
    group->join_until_ms = when(true, due == DUE_JOIN);
    for (int i = 0; i < core->count; i++)
        restore_member(groups, group, &core->members[i], input, i);
    if (core->leader > 0) {
        char id[ID_SIZE];
        write_id(id, core->members[core->leader - 1].id);
        group->leader = member_find(group, id);
    }
    group->delete_asked = core->deleting != WAITER_NONE;
    group->delete_ticket = core->deleting;
    must(!group->delete_asked || groups_ticket_take(groups) == 0);
    restore_stores(groups, group, state, input);
    group_schedule(groups, group);
}

static struct groups *restore(const struct state *state, const struct machine_input *input)
{
    struct groups *groups = groups_new(1);

    must(groups != NULL);
    groups->phase = (enum groups_phase)state->core.phase;
    groups->epoch = state->core.epoch;
    groups->now_ms = groups->wall_ms = NOW_MS;
    groups->options = (struct groups_options){.store_timeout_ms = FAR_MS - NOW_MS,
                                              .retention_ms = input->due == DUE_EXPIRY,
                                              .retention_check_ms = FAR_MS - NOW_MS};
    groups->expiry_at_ms = input->due == DUE_EXPIRY ? NOW_MS : FAR_MS;
    if (state->core.there)
        restore_group(groups, state, input);
    return groups;
}

/* --- core to state ---------------------------------------------------------------------------- */

static void keep_member(struct core_member *to, const struct member *member)
{
    const uint8_t *said = member->protocols.items[0].metadata.data;

    *to = (struct core_member){.id = (uint8_t)read_id(member->id),
                               .is_static = member->instance != NULL,
                               .process = said[0],
                               .version = said[1],
                               .has_share = member->assignment.size > 0,
                               .waits = (uint8_t)member->waits,
                               .synced = member->synced};
    if (member->assignment.size > 0)
        memcpy(&to->share, member->assignment.data, 1);
    if (member->waits != WAITS_NOT)
        to->waiter = (uint8_t)member->ticket;
    if (member->beating)
        to->beater = (uint8_t)member->beat_ticket;
}

static bool keep_group(struct core *core, const struct group *group)
{
    core->there = 1;
    core->state = (uint8_t)group->state;
    core->generation = (int8_t)group->generation;
    core->typed = group->protocol_type != NULL;
    core->chosen = group->chosen;
    core->recorded = group->recorded;
    core->assigned = group->assigned;
    core->storing = group->store_token != 0;
    core->store_due = group->store_due;
    core->retrying = group->store_retry_ms != INT64_MAX;
    core->answering = group->answer_by_ms != INT64_MAX;
    core->sync_until = group->sync_until_ms != INT64_MAX;
    if (group->delete_asked)
        core->deleting = (uint8_t)group->delete_ticket;
    if (group->member_count > MEMBERS)
        return false;
    for (const struct list *node = group->members.next; node != &group->members;
         node = node->next) {
        const struct member *member = LIST_OWNER(node, const struct member, link);
        keep_member(&core->members[core->count++], member);
        if (member == group->leader)
            core->leader = core->count;
    }
    for (int p = 0; p < PARTITIONS; p++) {
        const struct offset_entry *entry = offsets_find(offsets_topic(group, "t"), p);
        core->offsets[p] = entry != NULL ? (int8_t)entry->offset : -1;
    }
    return true;
}

/* Whose answers came, hears no more of its orders. */
static void keep_waiters(struct state *state, const struct groups *groups)
{
    for (int i = 0; i < STORES; i++)
        state->stores[i].waiter = WAITER_NONE;
    for (const struct list *node = groups->orders.next; node != &groups->orders;
         node = node->next) {
        const struct order *order = LIST_OWNER(node, const struct order, link);
        if (!order->answered)
            state->stores[order->token - 1].waiter = (uint8_t)order->ticket;
    }
}

static bool keep(struct state *state, const struct groups *groups)
{
    struct core *core = &state->core;
    const struct group *group = group_find(groups, "g");

    *core = (struct core){.phase = (uint8_t)groups->phase, .epoch = (int8_t)groups->epoch};
    memset(core->offsets, -1, sizeof core->offsets);
    keep_waiters(state, groups);
    return group == NULL || keep_group(core, group);
}

/* --- what a step orders ----------------------------------------------------------------------- */

static struct record record_of(const struct groups_record *from)
{
    struct record record = {.there = 1,
                            .typed = from->state.protocol_type != NULL,
                            .count = (uint8_t)from->state.member_count,
                            .generation = (int8_t)from->state.generation};

    for (size_t i = 0; i < from->state.member_count && i < MEMBERS; i++) {
        const struct groups_member *member = &from->state.members[i];
        const uint8_t *said = member->metadata.data;
        struct stored_member *to = &record.members[i];
        *to = (struct stored_member){.id = (uint8_t)read_id(member->id),
                                     .is_static = member->instance != NULL,
                                     .process = said[0],
                                     .version = said[1]};
        if (member->assignment.size > 0)
            memcpy(&to->share, member->assignment.data, 1);
        if (from->state.leader != NULL && strcmp(from->state.leader, member->id) == 0)
            record.leader = to->id;
    }
    return record;
}

static bool append(struct state *state, const struct groups_effect *effect)
{
    const struct groups_record *records = effect->store.records;
    int place = 0;

    while (place < STORES && state->stores[place].kind != STORE_NONE)
        place++;
    if (place == STORES)
        return false;
    struct store *store = &state->stores[place];
    assert(effect->store.token == (uint64_t)place + 1);
    *store = (struct store){.kind = STORE_TOMBSTONES};
    if (records[0].type == GROUPS_RECORD_GROUP && !records[0].tombstone) {
        store->kind = STORE_GROUP;
        store->record = record_of(&records[0]);
        return true;
    }
    for (size_t i = 0; i < effect->store.count; i++) {
        const struct groups_record *record = &records[i];
        store->last |= record->type == GROUPS_RECORD_GROUP;
        if (record->type == GROUPS_RECORD_GROUP)
            continue;
        store->share = (uint8_t)(store->share | 1 << record->offset.partition);
        if (record->tombstone)
            continue;
        store->kind = STORE_OFFSET;
        store->share = 0;
        store->partition = (uint8_t)record->offset.partition;
        store->offset = (int8_t)record->offset.offset;
    }
    return true;
}

static uint8_t share_of(const struct groups_effect *effect)
{
    return effect->answer.assignment.size > 0 ? *(const uint8_t *)effect->answer.assignment.data
                                              : 0;
}

/* What an answer promises is in the topic. */
static const char *check_answer(const struct state *state, const struct groups_effect *effect,
                                const struct process *process)
{
    const struct record *stored = &state->stored;
    int id = effect->answer.member != NULL ? read_id(effect->answer.member) : 0;
    int place = 0;

    if (effect->answer.error != 0)
        return NULL;
    while (place < stored->count && stored->members[place].id != id)
        place++;
    if (process->open == ASK_SYNC &&
        (place == stored->count || stored->generation != effect->answer.generation ||
         stored->members[place].share != share_of(effect)))
        return "an assignment is told that is not stored";
    if (process->open == ASK_JOIN && stored->count > 0 && place == stored->count &&
        stored->generation == effect->answer.generation)
        return "a member hears of a generation in which it is not stored";
    return NULL;
}

static void answer(struct state *state, const struct groups_effect *effect,
                   const struct machine_input *input, const char **why)
{
    int number = (int)effect->answer.ticket - WAITER_FIRST;

    if (effect->answer.ticket >= WAITER_STALE) {
        if (effect->answer.ticket == WAITER_ADMIN && effect->answer.error == 0 &&
            (state->stored.there || state->offsets[0] >= 0 || state->offsets[1] >= 0 ||
             state->offsets[2] >= 0))
            *why = "a group is deleted, and there is something of it";
        return;
    }
    const struct process *process = &state->processes[number];
    struct answer *to = &state->answers[number];
    if (!process->up || process->open == ASK_NONE)
        return;
    if (*why == NULL)
        *why = check_answer(state, effect, process);
    if (process->open == ASK_COMMIT && effect->answer.error == 0 && !input->told)
        *why = "a commit is acknowledged before it is committed";
    *to = (struct answer){.ask = process->open,
                          .error = (uint8_t)effect->answer.error,
                          .generation = (int8_t)effect->answer.generation};
    if (effect->answer.error != 0 || process->open == ASK_COMMIT || process->open == ASK_BEAT)
        return;
    to->id = (uint8_t)read_id(effect->answer.member);
    to->share = share_of(effect);
    to->skip = effect->answer.skip_assignment;
    to->leads = effect->answer.member_count > 0;
    for (size_t i = 0; i < effect->answer.member_count && i < MEMBERS; i++)
        to->ids[to->count++] = (uint8_t)read_id(effect->answer.members[i].id);
}

bool machine_step(struct state *state, const struct machine_input *input, const char **why)
{
    struct groups *groups = restore(state, input);
    bool room = true;

    input->event->now_ms = input->event->wall_ms = NOW_MS;
    struct groups_effects effects = groups_step(groups, input->event);
    groups_check(groups);
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].type == GROUPS_DO_STORE)
            room = room && append(state, &effects.items[i]);
    for (size_t i = 0; i < effects.count && room; i++)
        if (effects.items[i].type == GROUPS_DO_ANSWER)
            answer(state, &effects.items[i], input, why);
    room = room && keep(state, groups);
    groups_free(groups);
    return room;
}

/* --- events ----------------------------------------------------------------------------------- */

static void fill_join(struct groups_event *event, const char *new_id,
                      const struct groups_protocol *protocol)
{
    event->type = GROUPS_JOIN;
    event->join.new_id = new_id;
    event->join.client_id = "c";
    event->join.client_host = "h";
    event->join.protocol_type = "consumer";
    event->join.session_timeout_ms = SESSION_MS;
    event->join.rebalance_timeout_ms = REBALANCE_MS;
    event->join.protocols = protocol;
    event->join.protocol_count = 1;
}

bool machine_request(struct state *state, int process, const struct request *request, bool sends,
                     const char **why)
{
    struct groups_event event = {.type = GROUPS_HEARTBEAT};
    char id[ID_SIZE] = "", new_id[ID_SIZE], ids[MEMBERS][ID_SIZE];
    uint8_t said[2] = {(uint8_t)process, (uint8_t)(request->version & 0x7f)};
    const struct groups_protocol protocol = {"p", {said, sizeof said}};
    struct groups_member shares[MEMBERS] = {{.id = NULL}};
    const struct groups_offset offset = {.topic = "t",
                                         .partition = request->partition,
                                         .offset = request->offset,
                                         .leader_epoch = -1};
    const struct machine_input input = {.event = &event};

    if (request->id != 0)
        write_id(id, request->id);
    event.asker = (struct groups_asker){
        .ticket = (uint64_t)(sends ? WAITER_FIRST + process : WAITER_STALE),
        .group = "g",
        .member = id,
        .instance = (request->version & 0x80) != 0 ? instance_of(process) : NULL,
        .generation = request->generation};
    write_id(new_id, state->next_id);
    if (request->ask == ASK_JOIN) {
        fill_join(&event, new_id, &protocol);
    } else if (request->ask == ASK_SYNC) {
        event.type = GROUPS_SYNC;
        for (int i = 0; i < request->count; i++) {
            write_id(ids[i], request->ids[i]);
            shares[i] = (struct groups_member){.id = ids[i],
                                               .assignment = {&request->shares[i], 1}};
        }
        event.sync.assignments = shares;
        event.sync.assignment_count = request->count;
    } else if (request->ask == ASK_BEAT) {
        event.heartbeat.wait_ms = 1000;
    } else if (request->ask == ASK_LEAVE) {
        event.type = GROUPS_LEAVE;
    } else {
        event.type = GROUPS_COMMIT;
        event.commit.offsets = &offset;
        event.commit.count = 1;
    }
    return machine_step(state, &input, why);
}

static void replay(struct groups *groups, const struct state *state)
{
    struct groups_record record = {.type = GROUPS_RECORD_GROUP, .group = "g"};
    struct groups_member members[MEMBERS];
    char ids[MEMBERS][ID_SIZE], leader[ID_SIZE];
    uint8_t said[MEMBERS][2];

    for (int i = 0; i < state->stored.count; i++) {
        const struct stored_member *from = &state->stored.members[i];
        write_id(ids[i], from->id);
        said[i][0] = from->process;
        said[i][1] = from->version;
        members[i] = (struct groups_member){
            .id = ids[i],
            .client_id = "c",
            .client_host = "h",
            .instance = from->is_static ? instance_of(from->process) : NULL,
            .session_timeout_ms = SESSION_MS,
            .rebalance_timeout_ms = REBALANCE_MS,
            .metadata = {said[i], 2},
            .assignment = {&from->share, 1}};
    }
    write_id(leader, state->stored.leader);
    record.state.protocol_type = state->stored.typed ? "consumer" : "";
    record.state.protocol = state->stored.count > 0 ? "p" : NULL;
    record.state.leader = state->stored.leader > 0 ? leader : NULL;
    record.state.generation = state->stored.generation;
    record.state.members = members;
    record.state.member_count = state->stored.count;
    must(!state->stored.there || groups_replay(groups, &record) == 0);
    for (int p = 0; p < PARTITIONS; p++) {
        record = (struct groups_record){.type = GROUPS_RECORD_OFFSET, .group = "g"};
        record.offset = (struct groups_offset){
            .topic = "t", .partition = p, .offset = state->offsets[p], .metadata = ""};
        must(state->offsets[p] < 0 || groups_replay(groups, &record) == 0);
    }
}

bool machine_load(struct state *state, const char **why)
{
    struct groups_event event = {.type = GROUPS_LOADED, .loaded = {state->core.epoch}};
    const struct machine_input input = {.event = &event};
    struct groups *groups = restore(state, &input);

    event.now_ms = event.wall_ms = NOW_MS;
    replay(groups, state);
    if (groups_ready(groups) == 0)
        *why = "a coordinator answers before everything is loaded";
    groups_step(groups, &event);
    groups_check(groups);
    bool room = keep(state, groups);
    groups_free(groups);
    return room;
}

int machine_offset(const struct state *state, int partition)
{
    const struct machine_input input = {.event = NULL};
    struct groups *groups = restore(state, &input);
    struct groups_offset offset;
    int shown = groups_committed(groups, "g", "t", partition, &offset) == 0 ? (int)offset.offset
                                                                            : -2;

    groups_free(groups);
    return shown;
}
