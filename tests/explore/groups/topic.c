/* What can happen to the offsets topic and to who coordinates by it. */
#include <string.h>

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/explore/groups/state.h"

/* --- stores ----------------------------------------------------------------------------------- */

int topic_stores(const struct state *state)
{
    int count = 0;

    while (count < STORES && state->stores[count].kind != STORE_NONE)
        count++;
    return count;
}

static bool same_shares(const struct record *a, const struct record *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (a->members[i].share != b->members[i].share ||
            a->members[i].process != b->members[i].process)
            return false;
    return true;
}

static const char *check_record(const struct state *state, const struct record *next)
{
    const struct record *stored = &state->stored;
    uint8_t owned = 0;

    for (int i = 0; i < next->count; i++) {
        if ((owned & next->members[i].share) != 0)
            return "a generation gives a partition to two members";
        owned |= next->members[i].share;
    }
    if (!stored->there)
        return NULL;
    if (next->generation < stored->generation)
        return "a generation goes back";
    if (next->generation == stored->generation && stored->count > 0 &&
        !same_shares(stored, next))
        return "a generation has two assignments";
    return NULL;
}

/* Generations begin anew: who believes to be in one of those before is in none of these. */
static void forget_group(struct state *state)
{
    memset(&state->stored, 0, sizeof state->stored);
    for (int p = 0; p < PROCESSES; p++)
        state->processes[p].former = state->processes[p].generation >= 0;
}

/* From now on it is what a successor reads. */
static void apply(struct state *state, struct store *store, const char **why)
{
    store->committed = 1;
    if (store->kind == STORE_OFFSET) {
        state->offsets[store->partition] = store->offset;
    } else if (store->kind == STORE_TOMBSTONES) {
        for (int p = 0; p < PARTITIONS; p++)
            if (store->share >> p & 1)
                state->offsets[p] = -1;
        if (store->last)
            forget_group(state);
    } else {
        if (*why == NULL)
            *why = check_record(state, &store->record);
        state->stored = store->record;
    }
}

static void remove_store(struct state *state, int place)
{
    memmove(&state->stores[place], &state->stores[place + 1],
            (size_t)(STORES - 1 - place) * sizeof state->stores[0]);
    memset(&state->stores[STORES - 1], 0, sizeof state->stores[0]);
}

bool topic_commit_next(struct state *state, const char **why)
{
    int count = topic_stores(state);

    for (int i = 0; i < count; i++)
        if (!state->stores[i].committed) {
            apply(state, &state->stores[i], why);
            return true;
        }
    return false;
}

bool topic_tell_stored(struct state *state, const struct bounds *bounds, int place, int code,
                        const char **why)
{
    struct groups_event event = {.type = GROUPS_STORED, .stored = {(uint64_t)place + 1, code}};
    const struct machine_input input = {.event = &event, .told = code == 0};
    const struct store *store = &state->stores[place];

    if (place >= topic_stores(state) || store->committed != (code == 0))
        return false;
    for (int p = 0; p < PARTITIONS && code == 0; p++) {
        if (store->kind == STORE_OFFSET && store->partition == p)
            state->heard[p] = store->offset;
        if (store->kind == STORE_TOMBSTONES && (store->share >> p & 1))
            state->heard[p] = -1;
    }
    if (!machine_step(state, &input, why))
        return false;
    remove_store(state, place);
    return state->core.generation <= bounds->generations;
}

/* --- leaderships ------------------------------------------------------------------------------ */

/* What was under way is gone but for the first ones. */
static bool cut(struct state *state, int kept, const char **why)
{
    int under_way = 0, count = topic_stores(state);

    for (int i = 0; i < count; i++)
        under_way += !state->stores[i].committed;
    if (kept > under_way)
        return false;
    while (kept-- > 0)
        topic_commit_next(state, why);
    memset(state->stores, 0, sizeof state->stores);
    memset(state->heard, -1, sizeof state->heard);
    return true;
}

bool topic_move(struct state *state, int kept, const char **why)
{
    struct groups_event event = {.type = GROUPS_LOST, .lost = {state->core.epoch}};
    const struct machine_input input = {.event = &event};

    if (state->core.phase == PHASE_ABSENT || !machine_step(state, &input, why))
        return false;
    return cut(state, kept, why);
}

bool topic_die(struct state *state, int kept, const char **why)
{
    int8_t epoch = state->core.epoch;

    if (state->core.phase == PHASE_ABSENT)
        return false;
    memset(&state->core, 0, sizeof state->core);
    memset(state->core.offsets, -1, sizeof state->core.offsets);
    state->core.epoch = epoch;
    return cut(state, kept, why);
}

bool topic_gain(struct state *state, const struct bounds *bounds, const char **why)
{
    struct groups_event event = {.type = GROUPS_GAINED,
                                 .gained = {state->core.epoch + 1}};
    const struct machine_input input = {.event = &event};

    return state->core.phase == PHASE_ABSENT && state->core.epoch < bounds->epochs &&
           machine_step(state, &input, why);
}

bool topic_load(struct state *state, const char **why)
{
    if (state->core.phase != PHASE_LOADING)
        return false;
    memcpy(state->heard, state->offsets, sizeof state->heard);
    if (!machine_load(state, why))
        return false;
    bool stable = state->core.there && state->core.state == GROUP_STABLE;
    if (*why == NULL && (stable != (state->stored.count > 0) ||
                         (stable && (state->core.count != state->stored.count ||
                                     state->core.generation != state->stored.generation))))
        *why = "a successor has another group than the topic";
    return true;
}
