/* explore - all that can happen to three replicas (state.h), as far as memory reaches
 * (search.h). */
#include "tests/explore/search.h"
#include "tests/explore/state.h"

static int pack(int kind, int a, int b)
{
    return (kind * NODES + a) * ACTION_ARGUMENTS + b;
}

/* Arguments that an action can have beside the node. */
static int arguments_of(int kind, const struct bounds *bounds)
{
    switch (kind) {
    case ACTION_ASK:
    case ACTION_ANSWER:
        return SLOTS;
    case ACTION_LAG:
        return NODES;
    case ACTION_POWER:
        return bounds->records;
    case ACTION_START:
        return 2;
    default:
        return 1;
    }
}

static int list_actions(void *context, uint16_t out[SEARCH_ACTIONS_MAX])
{
    int count = 0;

    for (int kind = 0; kind < ACTION_KINDS; kind++)
        for (int a = 0; a < (kind == ACTION_DECIDE ? 1 : NODES); a++)
            for (int b = 0; b < arguments_of(kind, context); b++)
                out[count++] = (uint16_t)pack(kind, a, b);
    return count;
}

static void init(void *context, void *state)
{
    state_init(state, context);
}

static bool act(void *context, void *state, int action, const char **why)
{
    enum action_kind kind = (enum action_kind)(action / ACTION_ARGUMENTS / NODES);

    if (!state_act(state, context, kind, action / ACTION_ARGUMENTS % NODES,
                   action % ACTION_ARGUMENTS, why))
        return false;
    if (*why == NULL)
        *why = state_commit(state);
    if (*why == NULL)
        *why = state_check(state);
    return true;
}

static const char *settle(void *context, const void *state)
{
    return state_settle(state, context);
}

static void say(const void *state, FILE *file)
{
    state_say(state, file);
}

static void say_action(int action, FILE *file)
{
    action_say((enum action_kind)(action / ACTION_ARGUMENTS / NODES),
               action / ACTION_ARGUMENTS % NODES, action % ACTION_ARGUMENTS, file);
}

static bool makes_sense(void *context)
{
    const struct bounds *bounds = context;

    return bounds->records >= 1 && bounds->records <= RECORDS_MAX && bounds->min_insync >= 1 &&
           bounds->min_insync <= NODES;
}

int main(int argc, char **argv)
{
    struct bounds bounds = {
        .records = 2, .epochs = 3, .versions = 6, .crashes = 1, .min_insync = 2};
    const struct search_bound names[] = {{"--records", &bounds.records},
                                         {"--epochs", &bounds.epochs},
                                         {"--versions", &bounds.versions},
                                         {"--crashes", &bounds.crashes},
                                         {"--min-insync", &bounds.min_insync}};
    const struct search_model model = {.program = "explore",
                                       .context = &bounds,
                                       .state_size = sizeof(struct state),
                                       .bounds = names,
                                       .bound_count = sizeof names / sizeof names[0],
                                       .makes_sense = makes_sense,
                                       .actions = list_actions,
                                       .init = init,
                                       .act = act,
                                       .settle = settle,
                                       .say = say,
                                       .say_action = say_action};

    return search_main(argc, argv, &model);
}
