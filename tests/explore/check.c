/* What must hold in every state, and that it can become whole from there. */
#include <inttypes.h>
#include <string.h>

#include "tests/explore/machine.h"

static bool has_committed(const struct state *state, int node)
{
    const struct node *log = &state->nodes[node];

    for (int i = 0; i < state->committed; i++)
        if (i >= log->end || log->ids[i] != state->ids[i])
            return false;
    return true;
}

/* Below its watermark a log says what is committed; what a leader's covers beyond is so from now
 * on. */
static const char *commit_of(struct state *state, const struct node *node)
{
    bool leads = node->role == REPLICA_LEADING;

    for (int i = 0; i < node->watermark; i++) {
        if (i == state->committed && leads)
            state->ids[state->committed++] = node->ids[i];
        else if (i >= state->committed)
            return "a follower's watermark is above what is committed";
        else if (node->ids[i] != state->ids[i])
            return "below a watermark stands what is not committed";
    }
    return NULL;
}

const char *state_commit(struct state *state)
{
    const char *why = NULL;

    for (int n = 0; n < NODES && why == NULL; n++)
        if (state->nodes[n].up && state->nodes[n].role == REPLICA_LEADING)
            why = commit_of(state, &state->nodes[n]);
    for (int n = 0; n < NODES && why == NULL; n++)
        if (state->nodes[n].up && state->nodes[n].role != REPLICA_LEADING)
            why = commit_of(state, &state->nodes[n]);
    return why;
}

static const char *compare_logs(const struct node *a, const struct node *b)
{
    for (int i = 0; i < a->end && i < b->end; i++)
        if (a->epochs[i] == b->epochs[i] && a->ids[i] != b->ids[i])
            return "one offset of one epoch has two records";
    return NULL;
}

const char *state_check(const struct state *state)
{
    const char *why = NULL;

    for (int n = 0; n < NODES && why == NULL; n++) {
        const struct node *node = &state->nodes[n];
        for (int i = 1; i < node->end; i++)
            if (node->epochs[i] < node->epochs[i - 1])
                why = "epochs fall within a log";
        for (int m = 0; m < n && why == NULL; m++)
            why = compare_logs(node, &state->nodes[m]);
        bool impaired = state->impaired >> n & 1;
        if (why == NULL && (state->stored.isr >> n & 1) && !impaired && !has_committed(state, n))
            why = "a member of the stored set lacks what is committed";
        if (why == NULL && node->up && node->role == REPLICA_LEADING &&
            node->known.epoch == state->stored.epoch && !has_committed(state, n))
            why = "the leader lacks what is committed";
    }
    return why;
}

/* --- whole again ------------------------------------------------------------------------------ */

static bool is_whole(const struct state *state)
{
    const struct node *first = &state->nodes[0];

    if (state->stored.isr != (1 << NODES) - 1 || state->stored.leader < 0)
        return false;
    for (int n = 0; n < NODES; n++) {
        const struct node *node = &state->nodes[n];
        if (!node->up || node->end != first->end || node->watermark != node->end ||
            memcmp(node->ids, first->ids, sizeof node->ids) != 0 ||
            node->known.epoch != state->stored.epoch)
            return false;
    }
    return true;
}

static const char *act(struct state *state, const struct bounds *bounds, enum action_kind kind,
                       int a, int b)
{
    const char *why = NULL;

    if (!state_act(state, bounds, kind, a, b, &why))
        return NULL;
    if (why == NULL)
        why = state_commit(state);
    return why != NULL ? why : state_check(state);
}

/* Everything once that brings it on. */
static const char *round_of(struct state *state, const struct bounds *bounds)
{
    static const enum action_kind kinds[] = {ACTION_START,   ACTION_DECIDE,   ACTION_CLEAR,
                                             ACTION_TELL,    ACTION_ASK,      ACTION_ANSWER,
                                             ACTION_RETRY,   ACTION_PROPOSAL, ACTION_VERDICT,
                                             ACTION_PROPOSE};
    const char *why = NULL;

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (int a = 0; a < NODES && why == NULL; a++)
            why = act(state, bounds, kinds[k], a, kinds[k] == ACTION_START);
    return why;
}

const char *state_settle(const struct state *from, const struct bounds *bounds)
{
    struct state state = *from;
    struct bounds wide = *bounds;
    const char *why = NULL;

    wide.epochs = wide.versions = 100;
    for (int turn = 0; turn < 80 && why == NULL; turn++) {
        why = round_of(&state, &wide);
        if (why == NULL && is_whole(&state))
            return NULL;
        for (int a = 0; a < NODES && why == NULL && turn % 4 == 3; a++)
            why = act(&state, &wide, ACTION_TIMEOUT, a, 0);
    }
    return why != NULL ? why : "it does not become whole again";
}

/* --- told ------------------------------------------------------------------------------------- */

void action_say(enum action_kind kind, int a, int b, FILE *file)
{
    static const char *const names[] = {
        "tell",    "produce",  "ask",     "answer", "timeout", "retry", "lag",    "propose",
        "proposal", "verdict", "crash", "power",  "start",   "expire", "decide", "move", "clear"};

    fprintf(file, "%s %d %d\n", names[kind], a, b);
}

void state_say(const struct state *state, FILE *file)
{
    fprintf(file, "  stored: leader %d epoch %d version %d in sync %x eligible %x, committed %d\n",
            state->stored.leader, state->stored.epoch, state->stored.version, state->stored.isr,
            state->stored.eligible, state->committed);
    for (int n = 0; n < NODES; n++) {
        const struct node *node = &state->nodes[n];
        fprintf(file, "  %d:%s role %d epoch %d watermark %d log", n, node->up ? "" : " dead",
                node->role, node->assigned ? node->known.epoch : -1, node->watermark);
        for (int i = 0; i < node->end; i++)
            fprintf(file, " %d@%d", node->ids[i], node->epochs[i]);
        fprintf(file, "%s%s\n", node->lossy ? " lossy" : "", node->doubt ? " in doubt" : "");
    }
}
