#include "tests/explore/search.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAY_MAX = 1024 };

struct explorer {
    const struct search_model *model;
    uint16_t possible[SEARCH_ACTIONS_MAX];
    int possible_count;
    uint64_t states_max;
    uint64_t *table;            /* fingerprints, 0: free; a power of two */
    uint64_t mask;
    unsigned char *level, *next;        /* states, one after the other */
    unsigned char *scratch;             /* one state */
    uint32_t *level_ids, *next_ids;
    size_t level_count, next_count, next_capacity;
    uint32_t *parents;          /* of each state: from which, */
    uint16_t *actions;          /* by which action */
    uint64_t states, steps, settled;
    const char *why;
};

static uint64_t fingerprint(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15), word;
    size_t at = 0;

    for (; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    for (; at < size; at++)
        hash = (hash ^ bytes[at]) * UINT64_C(0x100000001b3);
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

/* True: it was not there. */
static bool table_add(struct explorer *explorer, uint64_t print)
{
    for (uint64_t at = print & explorer->mask;; at = (at + 1) & explorer->mask) {
        if (explorer->table[at] == print)
            return false;
        if (explorer->table[at] == 0) {
            explorer->table[at] = print;
            return true;
        }
    }
}

static bool next_add(struct explorer *explorer, const unsigned char *state, uint32_t id)
{
    size_t size = explorer->model->state_size;

    if (explorer->next_count == explorer->next_capacity) {
        size_t capacity = explorer->next_capacity * 2 + 1024;
        unsigned char *states = realloc(explorer->next, capacity * size);
        if (states != NULL)
            explorer->next = states;
        uint32_t *ids = realloc(explorer->next_ids, capacity * sizeof *ids);
        if (ids != NULL)
            explorer->next_ids = ids;
        if (states == NULL || ids == NULL)
            return false;
        explorer->next_capacity = capacity;
    }
    memcpy(explorer->next + explorer->next_count * size, state, size);
    explorer->next_ids[explorer->next_count++] = id;
    return true;
}

static void say_way(struct explorer *explorer, uint32_t id, int last)
{
    const struct search_model *model = explorer->model;
    uint16_t actions[WAY_MAX];
    int count = 0;
    const char *why = NULL;

    if (last >= 0)
        actions[count++] = (uint16_t)last;
    for (; id != 0 && count < WAY_MAX; id = explorer->parents[id])
        actions[count++] = explorer->actions[id];
    model->init(model->context, explorer->scratch);
    model->say(explorer->scratch, stdout);
    while (count-- > 0) {
        model->say_action(actions[count], stdout);
        fflush(stdout);
        model->act(model->context, explorer->scratch, actions[count], &why);
        model->say(explorer->scratch, stdout);
    }
}

/* False: a violation, or no memory. */
static bool expand(struct explorer *explorer, const unsigned char *from, uint32_t id, int action)
{
    const struct search_model *model = explorer->model;
    unsigned char *to = explorer->scratch;

    memcpy(to, from, model->state_size);
    if (!model->act(model->context, to, action, &explorer->why))
        return true;
    explorer->steps++;
    uint64_t print = fingerprint(to, model->state_size);
    if (explorer->why == NULL && !table_add(explorer, print))
        return true;
    if (explorer->why == NULL && print % 64 == 0) {
        explorer->why = model->settle(model->context, to);
        explorer->settled++;
    }
    if (explorer->why != NULL) {
        say_way(explorer, id, action);
        return false;
    }
    uint32_t new_id = (uint32_t)explorer->states++;
    explorer->parents[new_id] = id;
    explorer->actions[new_id] = (uint16_t)action;
    if (next_add(explorer, to, new_id))
        return true;
    explorer->why = "out of memory";
    return false;
}

static bool expand_all(struct explorer *explorer, const unsigned char *from, uint32_t id)
{
    for (int i = 0; i < explorer->possible_count; i++)
        if (explorer->states < explorer->states_max &&
            !expand(explorer, from, id, explorer->possible[i]))
            return false;
    return true;
}

static bool run(struct explorer *explorer)
{
    for (int depth = 0; explorer->level_count > 0; depth++) {
        for (size_t i = 0; i < explorer->level_count; i++)
            if (!expand_all(explorer, explorer->level + i * explorer->model->state_size,
                            explorer->level_ids[i]))
                return false;
        printf("depth %d: %" PRIu64 " states, %zu new\n", depth, explorer->states,
               explorer->next_count);
        free(explorer->level);
        free(explorer->level_ids);
        explorer->level = explorer->next;
        explorer->level_ids = explorer->next_ids;
        explorer->level_count = explorer->next_count;
        explorer->next = NULL;
        explorer->next_ids = NULL;
        explorer->next_count = explorer->next_capacity = 0;
        if (explorer->states >= explorer->states_max)
            break;
    }
    return true;
}

static bool begin(struct explorer *explorer)
{
    const struct search_model *model = explorer->model;
    uint64_t size = 1024;

    while (size < explorer->states_max * 4 / 3 + 1024)
        size *= 2;
    explorer->mask = size - 1;
    explorer->table = calloc(size, sizeof *explorer->table);
    explorer->parents = calloc(explorer->states_max + 1, sizeof *explorer->parents);
    explorer->actions = calloc(explorer->states_max + 1, sizeof *explorer->actions);
    explorer->level = calloc(1, model->state_size);
    explorer->scratch = calloc(1, model->state_size);
    explorer->level_ids = calloc(1, sizeof *explorer->level_ids);
    if (explorer->table == NULL || explorer->parents == NULL || explorer->actions == NULL ||
        explorer->level == NULL || explorer->scratch == NULL || explorer->level_ids == NULL)
        return false;
    explorer->possible_count = model->actions(model->context, explorer->possible);
    model->init(model->context, explorer->level);
    table_add(explorer, fingerprint(explorer->level, model->state_size));
    explorer->level_count = explorer->states = 1;
    return true;
}

static bool read_arguments(int argc, char **argv, struct explorer *explorer)
{
    const struct search_model *model = explorer->model;

    explorer->states_max = 2000000;
    for (int i = 1; i + 1 < argc; i += 2) {
        char *end;
        uint64_t value = strtoull(argv[i + 1], &end, 10);
        bool known = strcmp(argv[i], "--states") == 0 && value > 0 && value < UINT32_MAX;
        if (known)
            explorer->states_max = value;
        for (int b = 0; b < model->bound_count; b++)
            if (strcmp(argv[i], model->bounds[b].name) == 0) {
                *model->bounds[b].value = (int)value;
                known = true;
            }
        if (!known || *end != '\0')
            return false;
    }
    return argc % 2 == 1 && model->makes_sense(model->context);
}

static int usage(const struct search_model *model)
{
    fprintf(stderr, "usage: %s [--states N]", model->program);
    for (int b = 0; b < model->bound_count; b++)
        fprintf(stderr, " [%s N]", model->bounds[b].name);
    fputc('\n', stderr);
    return 2;
}

int search_main(int argc, char **argv, const struct search_model *model)
{
    struct explorer explorer = {.model = model};
    clock_t started = clock();

    if (!read_arguments(argc, argv, &explorer))
        return usage(model);
    if (!begin(&explorer)) {
        fprintf(stderr, "%s: out of memory\n", model->program);
        return 2;
    }
    bool ended = run(&explorer);
    printf("%" PRIu64 " states, %" PRIu64 " steps, %" PRIu64 " let run, %.1f s of processor%s\n",
           explorer.states, explorer.steps, explorer.settled,
           (double)(clock() - started) / CLOCKS_PER_SEC,
           explorer.states < explorer.states_max && ended ? ", nothing left" : "");
    printf("%s%s\n", ended ? "nothing violated" : "FAIL ", ended ? "" : explorer.why);
    free(explorer.table);
    free(explorer.parents);
    free(explorer.actions);
    free(explorer.level);
    free(explorer.scratch);
    free(explorer.level_ids);
    free(explorer.next);
    free(explorer.next_ids);
    return ended ? 0 : 1;
}
