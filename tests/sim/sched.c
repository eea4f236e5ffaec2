#include "tests/sim/sched.h"

#include <stdio.h>
#include <stdlib.h>

void sched_init(struct sched *sched, uint64_t seed)
{
    *sched = (struct sched){.now_us = 0};
    rand_seed(&sched->rand, seed);
}

void sched_fini(struct sched *sched)
{
    for (size_t i = 0; i < sched->count; i++)
        free(sched->heap[i].payload);
    free(sched->heap);
}

static void no_memory(void)
{
    fputs("sim: out of memory\n", stderr);
    abort();
}

void *sched_payload(size_t size)
{
    void *payload = calloc(1, size);
    if (payload == NULL)
        no_memory();
    return payload;
}

static bool before(const struct sched_event *a, const struct sched_event *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    return a->tie != b->tie ? a->tie < b->tie : a->number < b->number;
}

static void add(struct sched *sched, int64_t at_us, uint64_t tie, sched_handler handler,
                void *context, void *payload)
{
    if (sched->count == sched->capacity) {
        sched->capacity = sched->capacity * 2 + 256;
        sched->heap = realloc(sched->heap, sched->capacity * sizeof *sched->heap);
        if (sched->heap == NULL)
            no_memory();
    }
    struct sched_event event = {.at_us = at_us > sched->now_us ? at_us : sched->now_us,
                                .tie = tie,
                                .number = sched->added++,
                                .handler = handler,
                                .context = context,
                                .payload = payload};
    size_t at = sched->count++;
    for (; at > 0 && before(&event, &sched->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sched->heap[at] = sched->heap[(at - 1) / 2];
    sched->heap[at] = event;
}

void sched_at(struct sched *sched, int64_t at_us, sched_handler handler, void *context,
              void *payload)
{
    add(sched, at_us, 1 + (rand_u64(&sched->rand) & 0xff), handler, context, payload);
}

void sched_in_order(struct sched *sched, int64_t at_us, sched_handler handler, void *context,
                    void *payload)
{
    add(sched, at_us, 0, handler, context, payload);
}

static struct sched_event take_first(struct sched *sched)
{
    struct sched_event first = sched->heap[0], last = sched->heap[--sched->count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sched->count)
            break;
        if (child + 1 < sched->count && before(&sched->heap[child + 1], &sched->heap[child]))
            child++;
        if (!before(&sched->heap[child], &last))
            break;
        sched->heap[at] = sched->heap[child];
        at = child;
    }
    if (sched->count > 0)
        sched->heap[at] = last;
    return first;
}

bool sched_next(struct sched *sched, int64_t until_us)
{
    if (sched->count == 0 || sched->heap[0].at_us > until_us)
        return false;
    struct sched_event event = take_first(sched);
    sched->now_us = event.at_us;
    sched->fired++;
    event.handler(event.context, event.payload);
    return true;
}
