/* What must hold in every state, and that it can become whole from there. */
#include <stdlib.h>
#include <string.h>

#include "server/core/groups.h"
#include "tests/explore/groups/state.h"

enum { TURNS = 240 };

const char *state_check(const struct state *state)
{
    const struct core *core = &state->core;

    for (int p = 0; p < PARTITIONS && core->phase == PHASE_SERVING; p++)
        if (core->offsets[p] != state->heard[p])
            return "what is shown is not what is known to be committed";
    return NULL;
}

/* --- whole again ------------------------------------------------------------------------------ */

static int member_of(const struct core *core, int id)
{
    for (int i = 0; i < core->count; i++)
        if (core->members[i].id == id)
            return i;
    return -1;
}

static bool is_whole(const struct state *state)
{
    const struct core *core = &state->core;
    int owned = 0;

    if (core->phase != PHASE_SERVING || core->state != GROUP_STABLE || core->count != PROCESSES ||
        state->stores[0].kind != STORE_NONE)
        return false;
    for (int p = 0; p < PROCESSES; p++) {
        const struct process *process = &state->processes[p];
        int place = member_of(core, process->id);
        if (!process->up || process->phase != PHASE_IN || place < 0 ||
            process->generation != core->generation ||
            process->owns != core->members[place].share || (owned & process->owns) != 0)
            return false;
        owned |= process->owns;
    }
    return owned == (1 << PARTITIONS) - 1;
}

static const char *act(struct state *state, const struct bounds *bounds, enum action_kind kind,
                       int a, int b)
{
    struct state next = *state;
    const char *why = NULL;

    if (!state_act(&next, bounds, kind, a, b, &why))
        return NULL;
    *state = next;
    return why != NULL ? why : state_check(state);
}

static bool waits_in_core(const struct state *state, int process)
{
    int waiter = WAITER_FIRST + process;

    for (int i = 0; i < state->core.count; i++)
        if (state->core.members[i].waiter == waiter || state->core.members[i].beater == waiter)
            return true;
    for (int i = 0; i < STORES; i++)
        if (state->stores[i].waiter == waiter)
            return true;
    return false;
}

/* Nobody who lives has this id, or waits to hear it. */
static bool is_deserted(const struct state *state, const struct core_member *member)
{
    for (int p = 0; p < PROCESSES; p++)
        if (state->processes[p].up &&
            (state->processes[p].id == member->id || member->waiter == WAITER_FIRST + p ||
             (state->answers[p].ask == ASK_JOIN && state->answers[p].id == member->id)))
            return false;
    return true;
}

static const char *settle_topic(struct state *state, const struct bounds *bounds)
{
    static const enum action_kind kinds[] = {ACTION_GAIN, ACTION_LOADED, ACTION_COMMITTED,
                                             ACTION_TOLD, ACTION_RETRY};
    const char *why = NULL;

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0] && why == NULL; k++)
        why = act(state, bounds, kinds[k], 0, 0);
    return why;
}

static const char *settle_process(struct state *state, const struct bounds *bounds, int p,
                                  bool patient)
{
    const char *why = act(state, bounds, ACTION_START, p, 0);

    if (why == NULL)
        why = act(state, bounds, ACTION_HEAR, p, 0);
    if (why == NULL && state->processes[p].open != ASK_NONE && !state->requests[p][0].arrived)
        why = act(state, bounds, ACTION_ARRIVE, p, 0);
    if (why == NULL && !patient && state->answers[p].ask == ASK_NONE && !waits_in_core(state, p))
        why = act(state, bounds, ACTION_GIVE_UP, p, 0);
    if (why == NULL)
        why = act(state, bounds, ACTION_BEAT, p, 0);
    return why;
}

/* First who is lost is found out, then the others join. */
static const char *turn(struct state *state, const struct bounds *bounds, int number)
{
    const char *why = settle_topic(state, bounds);

    for (int p = 0; p < PROCESSES && why == NULL; p++)
        why = settle_process(state, bounds, p, number % 6 != 5);
    for (int i = 0; i < MEMBERS && why == NULL; i++)
        if (i < state->core.count && is_deserted(state, &state->core.members[i]))
            why = act(state, bounds, ACTION_SESSION, i, 0);
    if (why == NULL && number % 12 == 11)
        why = act(state, bounds, ACTION_JOIN_ENDS, 0, 0);
    for (int p = 0; p < PROCESSES && why == NULL && number > TURNS / 4; p++)
        why = act(state, bounds, ACTION_JOIN, p, 0);
    return why;
}

static const char *settle(struct state *state, const struct bounds *bounds)
{
    struct bounds wide = *bounds;
    const char *why = NULL;

    wide.epochs = wide.generations = 100;
    wide.ids = 60;
    for (int number = 0; number < TURNS && why == NULL; number++) {
        why = turn(state, &wide, number);
        if (why == NULL && is_whole(state))
            return NULL;
    }
    return why != NULL ? why : "it does not become whole again";
}

const char *state_settle(const struct state *from, const struct bounds *bounds)
{
    struct state state = *from;

    return settle(&state, bounds);
}

/* Who was sent what on the way there is of no interest. */
void state_form(struct state *state, const struct bounds *bounds)
{
    const char *why = settle(state, bounds);

    if (why != NULL) {
        printf("FAIL on the way to a group: %s\n", why);
        exit(1);
    }
    memset(state->requests, 0, sizeof state->requests);
    for (int p = 0; p < PROCESSES; p++)
        state->processes[p].open = ASK_NONE;
    for (int i = 0; i < state->core.count; i++)
        state->core.members[i].beater = WAITER_NONE;
}

/* --- told ------------------------------------------------------------------------------------- */

void action_say(enum action_kind kind, int a, int b, FILE *file)
{
    static const char *const names[ACTION_KINDS] = {
        "join",      "beat",         "commit",      "fetch",     "change", "leave",  "crash",
        "start",     "give up",      "arrive",      "hear",      "session", "waited", "join ends",
        "sync ends", "answer ends",  "retry",       "expire",    "delete", "committed", "told",
        "refused",   "move",         "die",         "gain",      "loaded"};

    fprintf(file, "%s %d %d\n", names[kind], a, b);
}

static void say_core(const struct core *core, FILE *file)
{
    fprintf(file, "  core: phase %d epoch %d state %d generation %d leader %d", core->phase,
            core->epoch, core->there ? core->state : -1, core->generation, core->leader);
    fprintf(file, " offsets %d %d %d%s%s%s\n", core->offsets[0], core->offsets[1], core->offsets[2],
            core->assigned ? " assigned" : "", core->storing ? " storing" : "",
            core->retrying ? " retrying" : "");
    for (int i = 0; i < core->count; i++) {
        const struct core_member *member = &core->members[i];
        fprintf(file, "    m%d of %d%s waits %d share %x%s%s\n", member->id, member->process,
                member->is_static ? " static" : "", member->waits, member->share,
                member->synced ? " synced" : "", member->beater ? " beating" : "");
    }
}

void state_say(const struct state *state, FILE *file)
{
    say_core(&state->core, file);
    fprintf(file, "  stored: generation %d, %d members, offsets %d %d %d; under way:",
            state->stored.generation, state->stored.count, state->offsets[0], state->offsets[1],
            state->offsets[2]);
    for (int i = 0; i < STORES && state->stores[i].kind != STORE_NONE; i++)
        fprintf(file, " %d%s", state->stores[i].kind, state->stores[i].committed ? "!" : "");
    fputc('\n', file);
    for (int p = 0; p < PROCESSES; p++) {
        const struct process *process = &state->processes[p];
        fprintf(file, "  %d:%s phase %d m%d generation %d owns %x", p,
                process->up ? "" : " dead", process->phase, process->id, process->generation,
                process->owns);
        fprintf(file, " waits for %d, hears %d error %d\n", process->open, state->answers[p].ask,
                state->answers[p].error);
    }
}
