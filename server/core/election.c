#include "server/core/election.h"

const struct controller_broker *broker_find(const struct controller_broker *brokers, size_t count,
                                            int32_t id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (brokers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && brokers[low].id == id ? &brokers[low] : NULL;
}

int32_t election_first(const struct replica_set *order, const struct replica_set *among,
                       const struct replica_set *able)
{
    for (int32_t i = 0; i < order->count; i++) {
        int32_t id = order->ids[i];
        bool is_able = replica_set_has(able, id);

#ifdef MUTANT_DEAD_LEADER
        is_able = true;
#endif
        if (is_able && replica_set_has(among, id))
            return id;
    }
    return -1;
}

static bool standing_end(const struct standing *standing, int32_t id, struct log_end *end)
{
    for (int32_t i = 0; i < standing->told.count; i++) {
        if (standing->told.ids[i] != id)
            continue;
        *end = standing->ends[i];
        return true;
    }
    return false;
}

struct replica_set election_common(const struct replica_set *set, const struct replica_set *other)
{
    struct replica_set both = {.count = 0};

    for (int32_t i = 0; i < set->count; i++)
        if (replica_set_has(other, set->ids[i]))
            replica_set_add(&both, set->ids[i]);
    return both;
}

struct replica_set election_pruned(const struct replica_set *isr, const struct standing *standing)
{
    struct replica_set sound = election_common(isr, &standing->sound);
    struct replica_set staying = election_common(isr, &standing->staying);

#ifdef MUTANT_LAST_MEMBER_REMOVED
    return staying;
#endif
    if (sound.count == 0)
        return *isr; /* perhaps one comes back: nobody else has all that is committed */
    return staying.count > 0 ? staying : sound;
}

/* Those who may have all that is committed, in the order of the assignment, if all of them live and
 * all of them may have lost something: it gets no better by waiting. Else nobody. */
static struct replica_set last_resort(const struct partition_state *state,
                                      const struct standing *standing)
{
    const struct replica_set nobody = {.count = 0};
    struct replica_set all = nobody;

    for (int32_t i = 0; i < state->replicas.count; i++) {
        int32_t id = state->replicas.ids[i];
        if (!replica_set_has(&state->isr, id) && !replica_set_has(&state->eligible, id))
            continue;
        if (!replica_set_has(&standing->live, id) || replica_set_has(&standing->sound, id))
            return nobody;
        replica_set_add(&all, id);
    }
    return all;
}

/* Whose log ends last; the first of equals, and of those who told nothing. */
static int32_t longest(const struct replica_set *order, const struct replica_set *among,
                       const struct standing *standing)
{
    struct replica_set able = election_common(order, among);
    struct log_end best = {.last_epoch = -1, .end = -1};
    int32_t winner = able.count > 0 ? able.ids[0] : -1;

#ifdef MUTANT_LOSSY_FIRST
    return winner;
#endif
    for (int32_t i = 0; i < able.count; i++) {
        struct log_end end;
        if (!standing_end(standing, able.ids[i], &end) || !log_end_is_longer(end, best))
            continue;
        best = end;
        winner = able.ids[i];
    }
    return winner;
}

/* Who was sound and in a set would lead already. Of the others the longest keeps most; whether it
 * is lossy tells something only where nobody has said how long it is. */
static int32_t unclean_winner(const struct partition_state *state, const struct standing *standing)
{
    struct replica_set told = election_common(&standing->told, &standing->live);
#ifdef MUTANT_UNCLEAN_SOUND_FIRST
    told.count = 0;
#endif
    if (told.count > 0)
        return longest(&state->replicas, &told, standing);
    int32_t sound = election_first(&state->replicas, &standing->sound, &standing->sound);

    return sound != -1 ? sound : longest(&state->replicas, &standing->live, standing);
}

static void lead_alone(struct partition_state *state, int32_t leader)
{
    state->leader = leader;
    state->isr = (struct replica_set){.count = 1, .ids = {leader}};
}

bool election_run(struct partition_state *state, const struct standing *standing, bool unclean)
{
    struct replica_set sound_members = election_common(&state->isr, &standing->sound);

    state->leader = election_first(&state->replicas, &state->isr, &standing->staying);
#ifdef MUTANT_LOSSY_LEADER
    if (state->leader == -1)
        state->leader = election_first(&state->replicas, &state->isr, &standing->live);
#endif
#ifdef MUTANT_ELIGIBLE_FIRST
    sound_members.count = 0;
#endif
    if (state->leader != -1 || sound_members.count > 0)
        return false;

    int32_t winner = election_first(&state->replicas, &state->eligible, &standing->staying);
    if (winner != -1) {
        lead_alone(state, winner);
        return false;
    }
    struct replica_set lossy = last_resort(state, standing);
    bool doubtful = lossy.count > 1 || election_common(&lossy, &standing->incomplete).count > 0;
#ifdef MUTANT_EMPTY_DISK_LEADS
    doubtful = lossy.count > 1;
#endif
    bool waits = doubtful && election_common(&lossy, &standing->awaited).count > 0;
#ifdef MUTANT_LOSSY_UNAWAITED
    waits = false;
#endif
    if (waits)
        return false;
    winner = longest(&lossy, &lossy, standing);
    if (winner == -1 && unclean)
        winner = unclean_winner(state, standing);
    if (winner == -1)
        return false;
    lead_alone(state, winner);
    state->eligible.count = 0;
    state->flush_on_ack = false; /* what it has on its disk is not known */
    return true;
}

void election_settle_eligible(struct partition_state *state, const struct partition_state *stored,
                              const struct standing *standing)
{
    struct replica_set before = stored->eligible, after = {.count = 0};

    if (state->isr.count >= state->min_insync) {
        state->eligible = after;
#ifdef MUTANT_ELIGIBLE_KEPT
        state->eligible = before;
#endif
        return;
    }
    for (int32_t i = 0; i < stored->replicas.count; i++) {
        int32_t id = stored->replicas.ids[i];
        bool has_all = replica_set_has(&before, id) || replica_set_has(&stored->isr, id);
        /* With a leader that has all, a copy that may lack something is worth nothing; and its
         * broker stays lossy as long as anything relies on it. */
        bool lossy = state->leader != -1 && replica_set_has(&standing->lossy, id);
        if (has_all && !lossy && !replica_set_has(&state->isr, id))
            replica_set_add(&after, id);
    }
    state->eligible = after;
}
