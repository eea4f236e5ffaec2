/* explore_groups - all that can happen to a group of three (state.h), as far as memory reaches
 * (search.h). */
#include "tests/explore/groups/state.h"
#include "tests/explore/search.h"

static int pack(int kind, int a, int b)
{
    return (kind * ACTION_ARGUMENTS + a) * ACTION_ARGUMENTS + b;
}

/* First and second arguments that an action can have. */
static void count_arguments(enum action_kind kind, int *a, int *b)
{
    *a = kind < ACTION_SESSION ? PROCESSES : 1;
    *b = 1;
    if (kind == ACTION_SESSION || kind == ACTION_WAITED)
        *a = MEMBERS;
    if (kind == ACTION_COMMIT || kind == ACTION_FETCH)
        *b = PARTITIONS;
    if (kind == ACTION_ARRIVE)
        *b = SLOTS;
    if (kind == ACTION_REFUSED)
        *b = STORES;
    if (kind == ACTION_MOVE || kind == ACTION_DIE)
        *b = STORES + 1;
}

static int list_actions(void *context, uint16_t out[SEARCH_ACTIONS_MAX])
{
    int count = 0, most_a, most_b;

    (void)context;
    for (int kind = 0; kind < ACTION_KINDS; kind++) {
        count_arguments((enum action_kind)kind, &most_a, &most_b);
        for (int a = 0; a < most_a; a++)
            for (int b = 0; b < most_b; b++)
                out[count++] = (uint16_t)pack(kind, a, b);
    }
    return count;
}

static void init(void *context, void *state)
{
    const struct bounds *bounds = context;

    state_init(state);
    if (bounds->formed)
        state_form(state, bounds);
}

static bool act(void *context, void *state, int action, const char **why)
{
    enum action_kind kind = (enum action_kind)(action / ACTION_ARGUMENTS / ACTION_ARGUMENTS);

    if (!state_act(state, context, kind, action / ACTION_ARGUMENTS % ACTION_ARGUMENTS,
                   action % ACTION_ARGUMENTS, why))
        return *why != NULL;
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
    action_say((enum action_kind)(action / ACTION_ARGUMENTS / ACTION_ARGUMENTS),
               action / ACTION_ARGUMENTS % ACTION_ARGUMENTS, action % ACTION_ARGUMENTS, file);
}

static bool makes_sense(void *context)
{
    const struct bounds *bounds = context;

    return bounds->epochs >= 1 && bounds->epochs < 100 && bounds->generations >= 1 &&
           bounds->generations < 100 && bounds->ids >= 1 && bounds->ids <= MEMBERS - 1 &&
           bounds->statics >= 0 && bounds->statics <= PROCESSES;
}

int main(int argc, char **argv)
{
    /* Narrow enough that a million states see the end of a rebalance. */
    struct bounds bounds = {.epochs = 2, .generations = 3, .ids = 4, .crashes = 1, .commits = 1,
                            .changes = 1, .deletions = 0, .statics = 1, .formed = 1};
    const struct search_bound names[] = {
        {"--epochs", &bounds.epochs},       {"--generations", &bounds.generations},
        {"--ids", &bounds.ids},             {"--crashes", &bounds.crashes},
        {"--commits", &bounds.commits},     {"--changes", &bounds.changes},
        {"--deletions", &bounds.deletions}, {"--statics", &bounds.statics},
        {"--formed", &bounds.formed}};
    const struct search_model model = {.program = "explore_groups",
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
