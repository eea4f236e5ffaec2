#include "client/progress.h"

#include <stdlib.h>

void progress_init(struct progress *progress)
{
    *progress = (struct progress){ .done = -1, .epoch = -1, .asked = -1,
                                    .bound = INT64_MAX };
    progress->last = &progress->first;
}

void handout_unref(struct handout *handout)
{
    if (atomic_fetch_sub(&handout->references, 1) == 1)
        free(handout);
}

static void drop_first(struct progress *progress)
{
    struct handout *handout = progress->first;

    progress->first = handout->next;
    if (progress->first == NULL)
        progress->last = &progress->first;
    handout_unref(handout);
}

void progress_restart(struct progress *progress)
{
    while (progress->first != NULL)
        drop_first(progress);
    progress->done = -1;
    progress->blocked = false;
}

struct handout *handout_new(int64_t end, int32_t epoch)
{
    struct handout *handout = malloc(sizeof *handout);

    if (handout == NULL)
        return NULL;
    *handout = (struct handout){ .end = end, .epoch = epoch };
    atomic_init(&handout->references, 2);
    atomic_init(&handout->done, false);
    return handout;
}

void progress_block(struct progress *progress)
{
    progress->blocked = true;
}

void progress_hand_out(struct progress *progress, struct handout *handout)
{
    if (progress->blocked) {
        handout_unref(handout);
        return;
    }
    *progress->last = handout;
    progress->last = &handout->next;
}

void handout_done(struct handout *handout)
{
    atomic_store(&handout->done, true);
    handout_unref(handout);
}

bool handout_is_done(struct handout *handout)
{
#ifdef MUTANT_COMMIT_HELD
    return true;
#endif
    return atomic_load(&handout->done);
}

int64_t progress_take(struct progress *progress, int32_t *epoch)
{
    while (progress->first != NULL && handout_is_done(progress->first)) {
        progress->done = progress->first->end;
        progress->epoch = progress->first->epoch;
        drop_first(progress);
    }
    int32_t of_done = progress->epoch;
    int64_t offset = progress_bounded(progress, progress->done, &of_done);
    if (offset <= progress->asked)
        return -1;
    *epoch = of_done;
    return progress->asked = offset;
}

int64_t progress_bounded(const struct progress *progress, int64_t offset, int32_t *epoch)
{
#ifdef MUTANT_COMMIT_FAILED
    return offset;
#endif
    if (offset <= progress->bound)
        return offset;
    *epoch = -1;
    return progress->bound;
}

void progress_set_bound(struct progress *progress, int64_t bound)
{
    progress->bound = bound;
}

void progress_cut(struct progress *progress, int64_t end)
{
    for (struct handout *handout = progress->first; handout != NULL; handout = handout->next) {
        if (handout->end <= end)
            continue;
        handout->end = end;
        handout->epoch = -1;
    }
}

void progress_store(struct progress *progress, int64_t offset)
{
    progress->done = offset;
    progress->epoch = -1;
}

void progress_asked(struct progress *progress, int64_t offset)
{
    progress->asked = offset;
}
