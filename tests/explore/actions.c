/* What can happen in a state. The controller is reduced to its choices, made by core/election. */
#include <string.h>

#include "server/core/election.h"
#include "tests/explore/machine.h"

void state_init(struct state *state, const struct bounds *bounds)
{
    memset(state, 0, sizeof *state);
    state->stored = (struct known){.leader = 0, .isr = (1 << NODES) - 1};
    state->next_id = 1;
    state->leader_incarnation = 1;
    for (int i = 0; i < NODES; i++) {
        const char *why = NULL;
        state->nodes[i].incarnation = state->registered[i] = 1;
        state->nodes[i].up = 1;
        machine_start(state, i, true, bounds, &why);
    }
    /* The beginning is the same for all: they know who leads, and the followers ask. */
    for (int i = 0; i < NODES; i++) {
        const char *why = NULL;
        machine_tell(state, i, bounds, &why);
    }
}

static bool is_member(const struct state *state, int node)
{
    return state->stored.isr >> node & 1;
}

static bool may_rely_on(const struct state *state, int node)
{
    return is_member(state, node) || (state->stored.eligible >> node & 1);
}

/* Who lost records and is in no set any more has to catch up as everybody; but as long as the
 * former process is registered, it may yet be believed. */
static void forgive(struct state *state)
{
    bool whole = state->stored.isr == (1 << NODES) - 1;

    for (int i = 0; i < NODES; i++) {
        if (!may_rely_on(state, i) &&
            (state->registered[i] == 0 || state->registered[i] == state->nodes[i].incarnation))
            state->impaired = (uint8_t)(state->impaired & ~(1 << i));
        whole &= !state->nodes[i].lossy;
    }
    if (whole && state->impaired == 0)
        state->lost = 0;
}

/* --- the controller --------------------------------------------------------------------------- */

static struct standing standing_of(const struct state *state)
{
    struct standing standing = {.live = {.count = 0}};

    for (int32_t i = 0; i < NODES; i++) {
        if (state->registered[i] == 0)
            continue;
        replica_set_add(&standing.live, i);
        if (state->nodes[i].lossy) {
            replica_set_add(&standing.lossy, i);
            continue;
        }
        replica_set_add(&standing.sound, i);
        replica_set_add(&standing.staying, i);
    }
    return standing;
}

static bool store(struct state *state, const struct bounds *bounds,
                  const struct partition_state *wanted, bool new_epoch)
{
    struct known next = machine_known(wanted);

    next.epoch = (int8_t)(state->stored.epoch + new_epoch);
    next.version = (int8_t)(state->stored.version + 1);
    if (next.epoch >= bounds->epochs || next.version >= bounds->versions)
        return false;
    if (new_epoch)
        state->leader_incarnation = next.leader >= 0 ? state->registered[next.leader] : 0;
    state->stored = next;
    forgive(state);
    return true;
}

static bool decide(struct state *state, const struct bounds *bounds)
{
    struct standing standing = standing_of(state);
    struct partition_state stored = machine_state(&state->stored, bounds), wanted = stored;
    int leader = state->stored.leader;

    wanted.isr = election_pruned(&stored.isr, &standing);
    bool stays = leader >= 0 && state->registered[leader] == state->leader_incarnation &&
                 replica_set_has(&wanted.isr, leader);
    if (!stays && election_run(&wanted, &standing, false))
        return false; /* unclean: not looked at here */
    election_settle_eligible(&wanted, &stored, &standing);
    bool elected = !stays && (wanted.leader != -1 || leader != -1);
    struct known next = machine_known(&wanted);
    if (!elected && next.isr == state->stored.isr && next.eligible == state->stored.eligible)
        return false;
    return store(state, bounds, &wanted, elected);
}

static bool move(struct state *state, const struct bounds *bounds, int node)
{
    struct standing standing = standing_of(state);
    struct partition_state wanted = machine_state(&state->stored, bounds);

    if (state->stored.leader < 0 || state->stored.leader == node || !is_member(state, node) ||
        !replica_set_has(&standing.staying, node))
        return false;
    wanted.leader = node;
    return store(state, bounds, &wanted, true);
}

static bool newcomers_live(const struct state *state, const struct proposal *proposal)
{
    for (int i = 0; i < NODES; i++)
        if ((proposal->set >> i & 1) && !is_member(state, i) &&
            (state->registered[i] == 0 || state->registered[i] != proposal->incarnations[i]))
            return false;
    return true;
}

static enum verdict_code judge(struct state *state, const struct bounds *bounds, int leader,
                               const struct proposal *proposal)
{
    struct standing standing = standing_of(state);
    struct partition_state stored = machine_state(&state->stored, bounds), wanted = stored;

    if (state->stored.leader != leader || proposal->epoch != state->stored.epoch ||
        proposal->incarnation != state->registered[leader] ||
        proposal->version != state->stored.version)
        return VERDICT_OLD;
    wanted.isr.count = 0;
    for (int32_t i = 0; i < NODES; i++)
        if (proposal->set >> i & 1)
            replica_set_add(&wanted.isr, i);
    struct replica_set pruned = election_pruned(&wanted.isr, &standing);
    if (!newcomers_live(state, proposal) || pruned.count != wanted.isr.count)
        return VERDICT_REFUSED;
    election_settle_eligible(&wanted, &stored, &standing);
    return store(state, bounds, &wanted, false) ? VERDICT_OK : VERDICT_REFUSED;
}

/* --- faults ----------------------------------------------------------------------------------- */

static void forget_core(struct node *node)
{
    node->role = node->assigned = 0;
    node->known = (struct known){.leader = 0};
    node->epoch_start = node->watermark_epoch = node->leader_watermark = 0;
    memset(node->seen, 0, sizeof node->seen);
    node->doubt = node->proposing = node->waiting = node->asking = node->retrying = 0;
}

static void die(struct state *state, int self)
{
    struct node *node = &state->nodes[self];

    node->up = 0;
    node->crashes++;
    forget_core(node);
    for (int i = 0; i < SLOTS; i++)
        state->questions[self][i].open = state->answers[self][i].open = 0;
    memset(state->answers[self], 0, sizeof state->answers[self]); /* nobody would take them */
    memset(&state->verdicts[self], 0, sizeof state->verdicts[self]);
    state->proposals[self].open = 0;
}

static bool lose_power(struct state *state, const struct bounds *bounds, int self, int end)
{
    struct node *node = &state->nodes[self];
    int lost = 1;

    for (int i = 0; i < NODES; i++)
        lost += i != self && (state->lost >> i & 1);
    if (!node->up || node->crashes >= bounds->crashes || end >= node->end ||
        lost >= bounds->min_insync)
        return false;
    die(state, self);
    machine_cut(state, self, end);
    if (node->watermark > node->end)
        node->watermark = node->end;
    node->lossy = 1;
    state->impaired = (uint8_t)(state->impaired | 1 << self);
    state->lost = (uint8_t)(state->lost | 1 << self);
    return true;
}

static bool start(struct state *state, const struct bounds *bounds, int self, bool checkpointed)
{
    struct node *node = &state->nodes[self];
    const char *why = NULL;

    if (node->up || (!checkpointed && node->watermark == 0))
        return false;
    node->up = 1;
    node->incarnation++;
    state->registered[self] = node->incarnation;
    machine_start(state, self, checkpointed, bounds, &why);
    forgive(state);
    return true;
}

static bool clear_mark(struct state *state, int self)
{
    struct node *node = &state->nodes[self];

    if (!node->up || !node->lossy || may_rely_on(state, self))
        return false;
    node->lossy = 0;
    return true;
}

/* --- messages --------------------------------------------------------------------------------- */

static bool tell(struct state *state, const struct bounds *bounds, int self, const char **why)
{
    struct node *node = &state->nodes[self];
    bool held = state->registered[self] != node->incarnation ||
                (state->stored.leader == self && state->leader_incarnation != node->incarnation);

    if (!node->up || held ||
        (node->assigned && node->known.epoch == state->stored.epoch &&
         node->known.version == state->stored.version))
        return false;
    machine_tell(state, self, bounds, why);
    return true;
}

static bool produce(struct state *state, const struct bounds *bounds, int self, const char **why)
{
    struct node *node = &state->nodes[self];
    struct replica replica;

    if (!node->up || node->role != REPLICA_LEADING || node->end >= bounds->records ||
        state->next_id > bounds->records + 1)
        return false;
    machine_restore(&replica, state, self, bounds);
    int code = replica_may_append(&replica, true, false); /* without its lease: the hard case */
    int leased = state->stored.leader == self && replica_may_append(&replica, true, true) == 0;
    replica_fini(&replica);
    if (code != 0 && !leased)
        return false;
    machine_produce(state, self, bounds, why);
    return true;
}

static bool ask(struct state *state, const struct bounds *bounds, int follower, int slot,
                const char **why)
{
    struct question question = state->questions[follower][slot];

    if (!question.there || !state->nodes[question.to].up)
        return false;
    machine_ask(state, follower, &question, bounds, why);
    return true;
}

static bool answer(struct state *state, const struct bounds *bounds, int self, int slot,
                   const char **why)
{
    struct answer taken = state->answers[self][slot];

    if (!taken.there || !state->nodes[self].up)
        return false;
    machine_answer(state, self, &taken, bounds, why);
    return true;
}

static bool propose(struct state *state, const struct bounds *bounds, int self)
{
    struct proposal *proposal = &state->proposals[self];

    if (!proposal->there)
        return false;
    struct verdict verdict = {.there = 1, .open = proposal->open};
    verdict.code = (int8_t)judge(state, bounds, self, proposal);
    memset(proposal, 0, sizeof *proposal); /* one connection carries them, each once */
    if (state->nodes[self].up && verdict.open)
        state->verdicts[self] = verdict;
    return true;
}

static bool hear(struct state *state, const struct bounds *bounds, int self, const char **why)
{
    struct verdict verdict = state->verdicts[self];

    if (!verdict.there || !state->nodes[self].up)
        return false;
    memset(&state->verdicts[self], 0, sizeof verdict);
    machine_verdict(state, self, &verdict, bounds, why);
    return true;
}

static bool tick(struct state *state, const struct bounds *bounds, enum action_kind kind, int self,
                 int other, const char **why)
{
    const struct node *node = &state->nodes[self];

    if (!node->up || (kind == ACTION_TIMEOUT && !node->asking) ||
        (kind == ACTION_RETRY && !node->retrying) || (kind == ACTION_PROPOSE && !node->waiting))
        return false;
    if (kind == ACTION_LAG && (node->role != REPLICA_LEADING || other == self ||
                               node->seen[other].at_end || !(node->known.isr >> other & 1) ||
                               node->doubt != 0))
        return false;
    if (kind == ACTION_TIMEOUT)
        machine_timeout(state, self, bounds, why);
    else if (kind == ACTION_LAG)
        machine_tick(state, self, 0, other + 1, bounds, why);
    else
        machine_tick(state, self, 600, 0, bounds, why);
    return true;
}

bool state_act(struct state *state, const struct bounds *bounds, enum action_kind kind, int a,
               int b, const char **why)
{
    struct node *node = &state->nodes[a % NODES];

    switch (kind) {
    case ACTION_TELL:
        return tell(state, bounds, a, why);
    case ACTION_PRODUCE:
        return produce(state, bounds, a, why);
    case ACTION_ASK:
        return ask(state, bounds, a, b, why);
    case ACTION_ANSWER:
        return answer(state, bounds, a, b, why);
    case ACTION_TIMEOUT:
    case ACTION_RETRY:
    case ACTION_LAG:
    case ACTION_PROPOSE:
        return tick(state, bounds, kind, a, b, why);
    case ACTION_PROPOSAL:
        return propose(state, bounds, a);
    case ACTION_VERDICT:
        return hear(state, bounds, a, why);
    case ACTION_CRASH:
        if (!node->up || node->crashes >= bounds->crashes)
            return false;
        die(state, a);
        return true;
    case ACTION_POWER:
        return lose_power(state, bounds, a, b);
    case ACTION_START:
        return start(state, bounds, a, b != 0);
    case ACTION_EXPIRE:
        if (node->up || state->registered[a] == 0)
            return false;
        state->registered[a] = 0;
        forgive(state);
        return true;
    case ACTION_DECIDE:
        return decide(state, bounds);
    case ACTION_MOVE:
        return move(state, bounds, a);
    case ACTION_CLEAR:
        return clear_mark(state, a);
    case ACTION_KINDS:
        break;
    }
    return false;
}
