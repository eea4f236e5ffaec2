/* search.h - all that can happen to a small model, breadth first: the command line of an explorer.
 *
 *   [--states N] [--BOUND N]...               N states (2,000,000); bounds are the model's
 *
 * Of a state that was seen only 64 bits are kept, in a flat table: two of 50 million states share
 * them with a chance of one in ten thousand, and then one is not looked at. Each state is checked,
 * and one in 64 is let run without further faults: it must become whole. On a violation the way to
 * it is printed. */
#ifndef TESTS_EXPLORE_SEARCH_H
#define TESTS_EXPLORE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SEARCH_ACTIONS_MAX = 4096 };

struct search_bound { const char *name; int *value; };

struct search_model {
    const char *program;
    void *context;                      /* handed to every call */
    size_t state_size;                  /* what no future can depend on is zero in it */
    const struct search_bound *bounds;
    int bound_count;
    bool (*makes_sense)(void *context); /* the bounds do */
    /* All that can happen in some state or other; how many. Below 65536 each. */
    int (*actions)(void *context, uint16_t out[SEARCH_ACTIONS_MAX]);
    void (*init)(void *context, void *state);
    /* False: it can not happen here. *why is set when a rule is broken. */
    bool (*act)(void *context, void *state, int action, const char **why);
    /* Let everything work from here on: does it become whole? NULL, or why not. */
    const char *(*settle)(void *context, const void *state);
    void (*say)(const void *state, FILE *file);
    void (*say_action)(int action, FILE *file);
};

/* Exit status 0: nothing violated; 1: something; 2: wrong usage or no memory. */
int search_main(int argc, char **argv, const struct search_model *model);

#endif
