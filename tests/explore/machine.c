/* Steps of the replicas: a state becomes a core, the core takes a step, what it orders and what it
 * is now become the state again. */
#include "tests/explore/machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

enum { NOW_MS = 1000000, ROUND = 1000, PROPOSE_ROUND = 2000, NEXT_ROUND = 3000, OLD_ROUND = 7 };

static struct uuid incarnation_uuid(int number)
{
    struct uuid id = {.bytes = {(uint8_t)number}};
    return id;
}

static struct replica_set set_of(uint8_t mask)
{
    struct replica_set set = {.count = 0};
    for (int32_t i = 0; i < NODES; i++)
        if (mask >> i & 1)
            replica_set_add(&set, i);
    return set;
}

static uint8_t mask_of(const struct replica_set *set)
{
    uint8_t mask = 0;
    for (int32_t i = 0; i < set->count; i++)
        mask = (uint8_t)(mask | 1 << set->ids[i]);
    return mask;
}

struct partition_state machine_state(const struct known *known, const struct bounds *bounds)
{
    struct partition_state state = {.leader = known->leader,
                                    .leader_epoch = known->epoch,
                                    .version = known->version,
                                    .unclean_epoch = -1,
                                    .min_insync = bounds->min_insync};
    state.replicas = set_of((1 << NODES) - 1);
    state.isr = set_of(known->isr);
    state.eligible = set_of(known->eligible);
    return state;
}

struct known machine_known(const struct partition_state *state)
{
    return (struct known){.leader = (int8_t)state->leader,
                          .epoch = (int8_t)state->leader_epoch,
                          .version = (int8_t)state->version,
                          .isr = mask_of(&state->isr),
                          .eligible = mask_of(&state->eligible)};
}

/* --- the log ---------------------------------------------------------------------------------- */

static int32_t last_epoch(const struct node *node)
{
    return node->end > 0 ? node->epochs[node->end - 1] : -1;
}

static int32_t epoch_end(const struct node *node, int32_t epoch, int64_t *end)
{
    int at = node->end;
    while (at > 0 && node->epochs[at - 1] > epoch)
        at--;
    *end = at;
    return at > 0 ? node->epochs[at - 1] : -1;
}

static void cut(struct node *node, int end)
{
    for (int i = end; i < node->end; i++)
        node->ids[i] = node->epochs[i] = 0;
    node->end = (uint8_t)end;
}

/* --- core and state --------------------------------------------------------------------------- */

static void restore_progress(struct replica *replica, const struct node *node)
{
    replica->progress = calloc(NODES - 1, sizeof *replica->progress);
    assert(replica->progress != NULL);
    for (int i = 0; i < NODES; i++) {
        const struct seen *seen = &node->seen[i];
        if (i == replica->self)
            continue;
        replica->progress[replica->progress_count++] =
            (struct replica_progress){.id = i,
                                      .at_end = seen->at_end,
                                      .applies = seen->applies,
                                      .incarnation = incarnation_uuid(seen->incarnation),
                                      .proposed = incarnation_uuid(seen->proposed),
                                      .end = seen->end,
                                      .flushed = seen->end < 0 ? -1 : 0,
                                      .caught_up_ms = NOW_MS,
                                      .asked_ms = NOW_MS,
                                      .asked_end = -1,
                                      .propose_at_ms = INT64_MIN};
    }
}

void machine_restore(struct replica *replica, const struct state *state, int self,
                     const struct bounds *bounds)
{
    const struct node *node = &state->nodes[self];

    replica_init(replica, self);
    replica->role = (enum replica_role)node->role;
    replica->open = true;
    replica->assigned = node->assigned;
    replica->lag_max_ms = 5000;
    if (node->assigned)
        replica->state = machine_state(&node->known, bounds);
    replica->end = node->end;
    replica->last_epoch = last_epoch(node);
    replica->high_watermark = node->watermark;
    replica->watermark_epoch = node->watermark_epoch;
    replica->epoch_start = node->epoch_start;
    if (node->role == REPLICA_LEADING)
        restore_progress(replica, node);
    replica->doubt = set_of(node->doubt);
    replica->propose_round = node->proposing ? PROPOSE_ROUND : 0;
    replica->propose_retry_ms = node->waiting ? NOW_MS + 500 : INT64_MAX;
    replica->round = node->asking ? ROUND : 0;
    replica->next_round = NEXT_ROUND;
    replica->fetch_retry_ms = node->retrying ? NOW_MS + 10 : INT64_MAX;
    replica->fetch_wait_ms = 10;
    replica->leader_watermark = node->leader_watermark;
}

static void keep(struct state *state, const struct replica *replica)
{
    struct node *node = &state->nodes[replica->self];

    node->role = (uint8_t)replica->role;
    node->assigned = replica->assigned;
    node->known = machine_known(&replica->state);
    node->watermark = (uint8_t)replica->high_watermark;
    node->watermark_epoch = (int8_t)replica->watermark_epoch;
    node->epoch_start = (int8_t)replica->epoch_start;
    memset(node->seen, 0, sizeof node->seen);
    for (int32_t i = 0; i < replica->progress_count; i++) {
        const struct replica_progress *progress = &replica->progress[i];
        node->seen[progress->id] =
            (struct seen){.end = (int8_t)progress->end,
                          .incarnation = progress->incarnation.bytes[0],
                          .proposed = replica->doubt.count > 0 ? progress->proposed.bytes[0] : 0,
                          .at_end = progress->at_end,
                          .applies = progress->applies};
    }
    node->doubt = mask_of(&replica->doubt);
    node->proposing = replica->propose_round != 0;
    node->waiting = replica->propose_retry_ms != INT64_MAX;
    node->asking = replica->round != 0;
    node->retrying = replica->fetch_retry_ms != INT64_MAX;
    node->leader_watermark = (int8_t)replica->leader_watermark;
}

/* --- what a step orders ----------------------------------------------------------------------- */

static void say_question(struct state *state, const struct replica *replica,
                         const struct replica_effect *effect)
{
    struct question *slots = state->questions[replica->self];

    memmove(&slots[1], &slots[0], (SLOTS - 1) * sizeof *slots);
    slots[0] = (struct question){.there = 1,
                                 .open = 1,
                                 .to = (uint8_t)effect->fetch.leader,
                                 .incarnation = state->nodes[replica->self].incarnation,
                                 .epoch = (int8_t)effect->fetch.leader_epoch,
                                 .offset = (int8_t)effect->fetch.offset,
                                 .last_epoch = (int8_t)effect->fetch.last_epoch};
}

static void say_answer(struct state *state, const struct replica *replica,
                       const struct replica_effect *effect, int follower,
                       const struct question *question)
{
    const struct node *node = &state->nodes[replica->self];
    struct answer *slots = state->answers[follower];
    struct answer answer = {.there = 1,
                            .open = question->open,
                            .refused = effect->answer_fetch.code != 0,
                            .diverged = effect->answer_fetch.diverged,
                            .diverged_epoch = (int8_t)effect->answer_fetch.diverged_epoch,
                            .diverged_end = (int8_t)effect->answer_fetch.diverged_end,
                            .watermark = (uint8_t)effect->answer_fetch.high_watermark,
                            .first = question->offset};

    if (answer.refused)
        answer = (struct answer){.there = 1, .open = question->open, .refused = 1};
    for (int64_t at = question->offset; !answer.refused && at < effect->answer_fetch.end; at++) {
        answer.ids[answer.count] = node->ids[at];
        answer.epochs[answer.count++] = node->epochs[at];
    }
    if (slots[0].there && memcmp(&slots[0], &answer, sizeof answer) == 0)
        return; /* said before */
    memmove(&slots[1], &slots[0], (SLOTS - 1) * sizeof *slots);
    slots[0] = answer;
}

static void say_proposal(struct state *state, const struct replica *replica,
                         const struct replica_effect *effect)
{
    struct proposal proposal = {.there = 1,
                                .open = 1,
                                .incarnation = state->nodes[replica->self].incarnation,
                                .epoch = (int8_t)effect->propose.leader_epoch,
                                .version = (int8_t)effect->propose.version};

    for (int32_t i = 0; i < effect->propose.count; i++) {
        const struct replica_member *member = &effect->propose.members[i];
        proposal.set = (uint8_t)(proposal.set | 1 << member->id);
        proposal.incarnations[member->id] = member->incarnation.bytes[0];
    }
    state->proposals[replica->self] = proposal;
}

/* Orders to the log are carried out at once; the event that tells of it, if any. */
static bool perform(struct state *state, const struct replica *replica,
                    const struct replica_effect *effect, const struct machine_input *input,
                    struct replica_event *next, const char **why)
{
    struct node *node = &state->nodes[replica->self];

    switch (effect->type) {
    case REPLICA_DO_FETCH:
        say_question(state, replica, effect);
        return false;
    case REPLICA_DO_APPEND:
        for (int i = 0; i < input->answer->count; i++) {
            node->ids[node->end] = input->answer->ids[i];
            node->epochs[node->end++] = input->answer->epochs[i];
        }
        *next = (struct replica_event){.type = REPLICA_APPENDED};
        next->appended.end = node->end;
        next->appended.last_epoch = last_epoch(node);
        return true;
    case REPLICA_DO_TRUNCATE:
    case REPLICA_DO_RESET:
        cut(node, (int)effect->truncate.end);
        *next = (struct replica_event){.type = REPLICA_TRUNCATED};
        next->truncated.end = node->end;
        next->truncated.last_epoch = last_epoch(node);
        return true;
    case REPLICA_DO_ANSWER_FETCH:
        say_answer(state, replica, effect, input->follower, input->question);
        return false;
    case REPLICA_DO_PROPOSE:
        say_proposal(state, replica, effect);
        return false;
    case REPLICA_DO_FAIL:
        *why = effect->fail.reason;
        return false;
    default:
        return false;
    }
}

/* Messages whose round is not open any more. */
static void close_rounds(struct state *state, const struct replica *replica)
{
    int self = replica->self;

    for (int i = 0; i < SLOTS && replica->round != ROUND; i++)
        state->questions[self][i].open = state->answers[self][i].open = 0;
    if (replica->propose_round != PROPOSE_ROUND)
        state->proposals[self].open = state->verdicts[self].open = 0;
}

void machine_step(struct state *state, int self, const struct bounds *bounds,
                  const struct machine_input *input, const char **why)
{
    struct replica replica;
    struct replica_effects effects;
    struct replica_event event = input->event, next;
    bool more = true;

    machine_restore(&replica, state, self, bounds);
    for (int32_t i = 0; i < replica.progress_count; i++)
        if (input->behind == replica.progress[i].id + 1)
            replica.progress[i].caught_up_ms = replica.progress[i].asked_ms = NOW_MS - 6000;
    for (int turn = 0; more; turn++) {
        more = false;
        event.now_ms = NOW_MS + input->later_ms;
        uint64_t round = replica.round, propose_round = replica.propose_round;
        replica_step(&replica, &event, &effects);
        if (replica.round != round || replica.propose_round != propose_round)
            close_rounds(state, &replica);
        for (size_t i = 0; i < effects.count; i++)
            more |= perform(state, &replica, &effects.items[i], input, &next, why);
        event = next;
        assert(turn < 8);
    }
    keep(state, &replica);
    replica_fini(&replica);
}

/* --- events ----------------------------------------------------------------------------------- */

void machine_tell(struct state *state, int self, const struct bounds *bounds, const char **why)
{
    struct partition_state told = machine_state(&state->stored, bounds);
    struct machine_input input = {.event = {.type = REPLICA_ASSIGNED, .assigned = &told}};

    machine_step(state, self, bounds, &input, why);
}

void machine_produce(struct state *state, int self, const struct bounds *bounds, const char **why)
{
    struct node *node = &state->nodes[self];
    struct machine_input input = {.event = {.type = REPLICA_APPENDED}};

    node->ids[node->end] = state->next_id++;
    node->epochs[node->end++] = (uint8_t)node->known.epoch;
    input.event.appended.end = node->end;
    input.event.appended.last_epoch = last_epoch(node);
    machine_step(state, self, bounds, &input, why);
}

void machine_ask(struct state *state, int follower, const struct question *question,
                 const struct bounds *bounds, const char **why)
{
    struct machine_input input = {.event = {.type = REPLICA_FETCH},
                                  .question = question,
                                  .follower = follower};

    input.event.fetch.follower = follower;
    input.event.fetch.incarnation = incarnation_uuid(question->incarnation);
    input.event.fetch.leader_epoch = question->epoch;
    input.event.fetch.offset = question->offset;
    input.event.fetch.last_epoch = question->last_epoch;
    input.event.fetch.our_epoch = epoch_end(&state->nodes[question->to], question->last_epoch,
                                            &input.event.fetch.our_end);
    machine_step(state, question->to, bounds, &input, why);
}

void machine_answer(struct state *state, int self, const struct answer *answer,
                    const struct bounds *bounds, const char **why)
{
    struct machine_input input = {.event = {.type = REPLICA_FETCHED}, .answer = answer};

    input.event.fetched.round = answer->open ? ROUND : OLD_ROUND;
    input.event.fetched.code = answer->refused ? K_NOT_LEADER_OR_FOLLOWER : 0;
    input.event.fetched.high_watermark = answer->watermark;
    input.event.fetched.diverged = answer->diverged;
    input.event.fetched.diverged_epoch = answer->diverged_epoch;
    input.event.fetched.diverged_end = answer->diverged_end;
    input.event.fetched.our_epoch = epoch_end(&state->nodes[self], answer->diverged_epoch,
                                              &input.event.fetched.our_end);
    input.event.fetched.first = answer->first;
    input.event.fetched.end = answer->first + answer->count;
    machine_step(state, self, bounds, &input, why);
}

void machine_timeout(struct state *state, int self, const struct bounds *bounds, const char **why)
{
    struct machine_input input = {.event = {.type = REPLICA_FETCHED}};

    input.event.fetched.round = ROUND;
    input.event.fetched.code = K_REQUEST_TIMED_OUT;
    machine_step(state, self, bounds, &input, why);
}

void machine_tick(struct state *state, int self, int64_t later_ms, int behind,
                  const struct bounds *bounds, const char **why)
{
    struct machine_input input = {
        .event = {.type = REPLICA_TICK}, .later_ms = later_ms, .behind = behind};

    machine_step(state, self, bounds, &input, why);
}

void machine_verdict(struct state *state, int self, const struct verdict *verdict,
                     const struct bounds *bounds, const char **why)
{
    static const int codes[] = {0, K_INELIGIBLE_REPLICA, K_BAD_VERSION};
    struct machine_input input = {.event = {.type = REPLICA_ISR_ANSWERED}};

    input.event.isr_answered.round = verdict->open ? PROPOSE_ROUND : OLD_ROUND;
    input.event.isr_answered.code = codes[verdict->code];
    machine_step(state, self, bounds, &input, why);
}

void machine_start(struct state *state, int self, bool checkpointed, const struct bounds *bounds,
                   const char **why)
{
    struct node *node = &state->nodes[self];
    struct replica replica;
    struct replica_effects effects;
    struct replica_event event = {.type = REPLICA_OPENED, .now_ms = NOW_MS};

    (void)bounds;
    replica_init(&replica, self);
    replica.lag_max_ms = 5000;
    event.opened.end = node->end;
    event.opened.high_watermark = checkpointed && node->watermark < node->end ? node->watermark
                                  : checkpointed                             ? node->end : 0;
    event.opened.last_epoch = last_epoch(node);
    replica_step(&replica, &event, &effects);
    if (replica.broken != NULL)
        *why = replica.broken;
    keep(state, &replica);
    replica_fini(&replica);
}

void machine_cut(struct state *state, int self, int end)
{
    cut(&state->nodes[self], end);
}
