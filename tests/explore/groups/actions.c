/* What can happen in a state: to processes, their requests, and by deadlines. */
#include <string.h>

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/explore/groups/state.h"

void state_init(struct state *state)
{
    memset(state, 0, sizeof *state);
    for (int p = 0; p < PROCESSES; p++) {
        state->processes[p].up = 1;
        state->processes[p].generation = -1;
        memset(state->processes[p].position, -1, PARTITIONS);
    }
    state->next_id = 1;
    memset(state->offsets, -1, sizeof state->offsets);
    memset(state->heard, -1, sizeof state->heard);
    memset(state->core.offsets, -1, sizeof state->core.offsets);
    state->core.phase = PHASE_SERVING;
    state->core.epoch = 1;
}

/* --- processes -------------------------------------------------------------------------------- */

static bool is_static(const struct bounds *bounds, int process)
{
    return process < bounds->statics;
}

/* What it waited for goes to nobody. */
static void let_go(struct state *state, int number)
{
    uint8_t waiter = (uint8_t)(WAITER_FIRST + number);

    state->processes[number].open = ASK_NONE;
    memset(&state->answers[number], 0, sizeof state->answers[number]);
    for (int i = 0; i < state->core.count; i++) {
        struct core_member *member = &state->core.members[i];
        if (member->waiter == waiter)
            member->waiter = WAITER_STALE;
        if (member->beater == waiter)
            member->beater = WAITER_STALE;
    }
    for (int i = 0; i < STORES; i++)
        if (state->stores[i].waiter == waiter)
            state->stores[i].waiter = WAITER_STALE;
}

static void send(struct state *state, const struct bounds *bounds, int number,
                 struct request *request)
{
    struct process *process = &state->processes[number];
    struct request *slots = state->requests[number];

    let_go(state, number);
    request->id = process->id;
    request->version = (uint8_t)(process->version | (is_static(bounds, number) ? 0x80 : 0));
    request->generation = request->ask == ASK_JOIN ? -1 : process->generation;
    process->open = request->ask;
    memmove(&slots[1], &slots[0], (SLOTS - 1) * sizeof *slots);
    slots[0] = *request;
}

/* It joins again, with its id or without. */
static void go_out(struct process *process, bool forget)
{
    process->phase = PHASE_OUT;
    process->owns = 0;
    memset(process->position, -1, PARTITIONS);
    process->generation = -1;
    process->former = 0;
    if (forget)
        process->id = 0;
}

static void die(struct state *state, int number)
{
    struct process *process = &state->processes[number];

    let_go(state, number);
    go_out(process, true);
    process->up = 0;
    process->crashes++;
}

static bool ask(struct state *state, const struct bounds *bounds, enum action_kind kind,
                int number, int partition)
{
    struct process *process = &state->processes[number];
    struct request request = {.ask = ASK_NONE};

    if (!process->up || process->open != ASK_NONE)
        return false;
    if (kind == ACTION_JOIN && process->phase == PHASE_OUT) {
        request.ask = ASK_JOIN;
        process->phase = PHASE_JOINING;
    } else if (kind == ACTION_BEAT && process->phase == PHASE_IN) {
        request.ask = ASK_BEAT;
    } else if (kind == ACTION_COMMIT && process->phase == PHASE_IN &&
               (process->owns >> partition & 1) && process->position[partition] >= 0 &&
               state->commits < bounds->commits) {
        request.ask = ASK_COMMIT;
        request.partition = (uint8_t)partition;
        request.offset = ++process->position[partition];
        state->commits++;
    } else if (kind == ACTION_LEAVE && process->id != 0 && process->crashes < bounds->crashes) {
        request.ask = ASK_LEAVE;
    } else {
        return false;
    }
    send(state, bounds, number, &request);
    if (kind == ACTION_LEAVE)
        die(state, number);
    return true;
}

static bool fetch(struct state *state, int number, int partition, const char **why)
{
    struct process *process = &state->processes[number];

    if (!process->up || process->phase != PHASE_IN || !(process->owns >> partition & 1) ||
        process->position[partition] >= 0)
        return false;
    int offset = machine_offset(state, partition);
    if (offset >= -1 && state->core.phase != PHASE_SERVING)
        *why = "a coordinator that is none, or loads, shows offsets";
    if (offset < -1)
        return false;
    process->position[partition] = (int8_t)(offset < 0 ? 0 : offset);
    return true;
}

static bool change(struct state *state, const struct bounds *bounds, int number)
{
    struct process *process = &state->processes[number];

    if (!process->up || process->phase != PHASE_IN || state->changes >= bounds->changes)
        return false;
    state->changes++;
    process->version++;
    let_go(state, number);
    go_out(process, false);
    return true;
}

static bool start(struct state *state, int number)
{
    if (state->processes[number].up)
        return false;
    state->processes[number].up = 1;
    return true;
}

static bool give_up(struct state *state, int number)
{
    struct process *process = &state->processes[number];
    bool joins = process->open == ASK_JOIN || process->open == ASK_SYNC;

    if (!process->up || process->open == ASK_NONE)
        return false;
    let_go(state, number);
    if (joins)
        go_out(process, false);
    return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* A leader gives partitions to the members in turn. */
static void hear_joined(struct state *state, const struct bounds *bounds, int number,
                        const struct answer *answer)
{
    struct process *process = &state->processes[number];
    struct request request = {.ask = ASK_SYNC};

    process->id = answer->id;
    process->generation = answer->generation;
    process->phase = PHASE_SYNCING;
    if (answer->leads && !answer->skip) {
        request.count = answer->count;
        memcpy(request.ids, answer->ids, sizeof request.ids);
        for (int p = 0; p < PARTITIONS; p++) {
            uint8_t *share = &request.shares[p % answer->count];
            *share = (uint8_t)(*share | 1 << p);
        }
    }
    send(state, bounds, number, &request);
}

static void hear_synced(struct state *state, int number, const struct answer *answer,
                        const char **why)
{
    struct process *process = &state->processes[number];

    let_go(state, number);
    process->phase = PHASE_IN;
    process->owns = answer->share;
    for (int other = 0; other < PROCESSES; other++)
        if (other != number && !state->processes[other].former &&
            state->processes[other].generation == process->generation &&
            (state->processes[other].owns & process->owns) != 0)
            *why = "two processes own a partition in one generation";
}

static void hear_failed(struct state *state, int number, const struct answer *answer)
{
    struct process *process = &state->processes[number];
    bool joins = answer->ask == ASK_JOIN || answer->ask == ASK_SYNC;

    let_go(state, number);
    switch (answer->error) {
    case K_FENCED_INSTANCE_ID:          /* it ends, and is started again */
    case K_UNKNOWN_MEMBER_ID:
        go_out(process, true);
        break;
    case K_ILLEGAL_GENERATION:
    case K_REBALANCE_IN_PROGRESS:
        go_out(process, false);
        break;
    default:
        if (joins)
            go_out(process, false);
        break;
    }
}

static bool hear(struct state *state, const struct bounds *bounds, int number, const char **why)
{
    struct answer answer = state->answers[number];

    if (answer.ask == ASK_NONE)
        return false;
    if (answer.error != 0)
        hear_failed(state, number, &answer);
    else if (answer.ask == ASK_JOIN)
        hear_joined(state, bounds, number, &answer);
    else if (answer.ask == ASK_SYNC)
        hear_synced(state, number, &answer, why);
    else
        let_go(state, number);
    return true;
}

/* --- the coordinator hears -------------------------------------------------------------------- */

static int find_member(const struct core *core, int id)
{
    for (int i = 0; i < core->count; i++)
        if (core->members[i].id == id)
            return i;
    return -1;
}

static int last_written(const struct state *state, int partition)
{
    for (int i = STORES; i-- > 0;) {
        const struct store *store = &state->stores[i];
        if (store->kind == STORE_OFFSET && store->partition == partition)
            return store->offset;
        if (store->kind == STORE_TOMBSTONES && (store->share >> partition & 1))
            return -1;
    }
    return state->offsets[partition];
}

/* `twice`: the request was here before, or a later one of the process was: the network may turn
 * round what one process says. */
static const char *check_accepted(const struct state *before, const struct request *request,
                                  bool twice)
{
    const struct core *core = &before->core;
    int place = find_member(core, request->id);

    if (place < 0 || request->generation != core->generation)
        return "somebody is heard who is no member of this generation";
    if (request->ask == ASK_COMMIT && core->state == GROUP_COMPLETING)
        return "a commit is accepted between join and sync";
    if (request->ask == ASK_SYNC && (core->leader != place + 1 || core->state != GROUP_COMPLETING))
        return "somebody assigns who does not lead";
    if (request->ask == ASK_COMMIT && !twice &&
        request->offset < last_written(before, request->partition))
        return "a committed offset goes back";
    return NULL;
}

static bool arrive(struct state *state, const struct bounds *bounds, int number, int slot,
                   const char **why)
{
    struct request *request = &state->requests[number][slot];
    const struct process *process = &state->processes[number];
    bool sends = slot == 0 && process->open == request->ask && process->up;
    bool twice = slot > 0 || request->arrived;
    bool new_id = request->ask == ASK_JOIN && request->id == 0;

    if (request->ask == ASK_NONE || (new_id && state->next_id > bounds->ids) ||
        state->answers[number].ask != ASK_NONE)
        return false;
    struct state before = *state;
    struct request copy = *request;
    request->arrived = 1;
    if (!machine_request(state, number, &copy, sends, why))
        return false;
    if (new_id && state->core.phase == PHASE_SERVING)
        state->next_id++;
    bool stores = topic_stores(state) > topic_stores(&before);
    if (*why == NULL && stores && (copy.ask == ASK_COMMIT || copy.ask == ASK_SYNC))
        *why = check_accepted(&before, &copy, twice);
    return state->core.generation <= bounds->generations;
}

static bool due(struct state *state, const struct bounds *bounds, enum due what, int place,
                const char **why)
{
    struct groups_event event = {.type = GROUPS_TICK};
    const struct machine_input input = {.event = &event, .due = what, .place = place};

    return machine_step(state, &input, why) && state->core.generation <= bounds->generations;
}

static bool expire(struct state *state, const struct bounds *bounds, const char **why)
{
    bool has_members = state->core.count > 0;
    int stores = topic_stores(state);

    if (state->core.state == GROUP_DEAD || !due(state, bounds, DUE_EXPIRY, 0, why))
        return false;
    if (*why == NULL && has_members && topic_stores(state) > stores)
        *why = "a group with members is forgotten";
    return true;
}

static bool tick(struct state *state, const struct bounds *bounds, enum action_kind kind,
                 int place, const char **why)
{
    const struct core *core = &state->core;
    const struct core_member *member = &core->members[place];

    if (core->phase != PHASE_SERVING || !core->there)
        return false;
    switch (kind) {
    case ACTION_SESSION:
        return place < core->count && member->waits == 0 &&
               due(state, bounds, DUE_SESSION, place, why);
    case ACTION_WAITED:
        return place < core->count && member->beater != WAITER_NONE &&
               due(state, bounds, DUE_BEAT, place, why);
    case ACTION_JOIN_ENDS:
        return core->state == GROUP_PREPARING && due(state, bounds, DUE_JOIN, 0, why);
    case ACTION_SYNC_ENDS:
        return core->sync_until && due(state, bounds, DUE_SYNC, 0, why);
    case ACTION_ANSWER_ENDS:
        return (core->answering || topic_stores(state) > 0) &&
               due(state, bounds, DUE_ANSWER, 0, why);
    case ACTION_RETRY:
        return core->retrying && due(state, bounds, DUE_RETRY, 0, why);
    default:
        return expire(state, bounds, why);
    }
}

static bool forget(struct state *state, const struct bounds *bounds, const char **why)
{
    struct groups_event event = {.type = GROUPS_DELETE};
    const struct machine_input input = {.event = &event};

    if (state->deletions >= bounds->deletions || state->core.phase != PHASE_SERVING)
        return false;
    state->deletions++;
    event.asker = (struct groups_asker){.ticket = WAITER_ADMIN, .group = "g", .member = ""};
    return machine_step(state, &input, why);
}

bool state_act(struct state *state, const struct bounds *bounds, enum action_kind kind, int a,
               int b, const char **why)
{
    switch (kind) {
    case ACTION_JOIN:
    case ACTION_BEAT:
    case ACTION_COMMIT:
    case ACTION_LEAVE:
        return ask(state, bounds, kind, a, b);
    case ACTION_FETCH:
        return fetch(state, a, b, why);
    case ACTION_CHANGE:
        return change(state, bounds, a);
    case ACTION_CRASH:
        if (!state->processes[a].up || state->processes[a].crashes >= bounds->crashes)
            return false;
        die(state, a);
        return true;
    case ACTION_START:
        return start(state, a);
    case ACTION_GIVE_UP:
        return give_up(state, a);
    case ACTION_ARRIVE:
        return arrive(state, bounds, a, b, why);
    case ACTION_HEAR:
        return hear(state, bounds, a, why);
    case ACTION_DELETE:
        return forget(state, bounds, why);
    case ACTION_COMMITTED:
        return topic_commit_next(state, why);
    case ACTION_TOLD:
        return topic_tell_stored(state, bounds, 0, 0, why);
    case ACTION_REFUSED:
        return topic_tell_stored(state, bounds, b, K_NOT_ENOUGH_REPLICAS, why);
    case ACTION_MOVE:
        return topic_move(state, b, why);
    case ACTION_DIE:
        return topic_die(state, b, why);
    case ACTION_GAIN:
        return topic_gain(state, bounds, why);
    case ACTION_LOADED:
        return topic_load(state, why);
    default:
        return tick(state, bounds, kind, a, why);
    }
}
