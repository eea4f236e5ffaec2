#include "server/runtime/purge.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/later.h"
#include "net/loop.h"
#include "server/runtime/io_pool.h"
#include "server/storage/logdir.h"

enum { BATCH_MAX = 256, RETRY_MS = 1000 };

struct purge_batch {
    struct mail mail;
    struct purge *purge;
    struct doomed_list due;
};

static void deleted(struct mail *mail)
{
    struct purge_batch *batch = LIST_OWNER(mail, struct purge_batch, mail);
    struct purge *purge = batch->purge;

    doomed_fini(&batch->due);           /* the pool stopped before it came to these */
    free(batch);
    purge->busy = false;
    purge_wake(purge);
}

static bool stopping(const void *context)
{
    return io_pool_stopping(context);
}

static void delete_batch(struct mail *mail)
{
    struct purge_batch *batch = LIST_OWNER(mail, struct purge_batch, mail);

    doomed_delete(&batch->due, stopping, batch->purge->pool);
    batch->mail.deliver = deleted;
    loop_post(batch->purge->loop, &batch->mail);
}

static void tick(void *context)
{
    struct purge *purge = context;
    if (purge->closed || purge->busy)
        return;
    struct purge_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        timer_after(purge->timer, RETRY_MS);
        return;
    }
    doomed_init(&batch->due);
    doomed_take_due(&purge->waiting, loop_now_ms(purge->loop), BATCH_MAX, &batch->due);
    batch->purge = purge;
    batch->mail.deliver = delete_batch;
    purge->busy = true;
    mail_post(io_pool_background(purge->pool), &batch->mail);
}

int purge_init(struct purge *purge, struct loop *loop, struct io_pool *pool)
{
    *purge = (struct purge){ .loop = loop, .pool = pool };
    doomed_init(&purge->waiting);
    return timer_new(loop, tick, purge, &purge->timer);
}

void purge_fini(struct purge *purge)
{
    doomed_fini(&purge->waiting);
    timer_free(purge->timer);
}

int64_t purge_due_ms(const struct purge *purge, int64_t delay_ms)
{
    return later_ms(loop_now_ms(purge->loop), delay_ms);
}

void purge_directory(struct purge *purge, struct logdir *owner, const char *path, int64_t delay_ms)
{
    /* No memory for it: the next start deletes it. */
    if (doomed_add_directory(&purge->waiting, owner, logdir_io(owner), path,
                             purge_due_ms(purge, delay_ms)) == 0)
        purge_wake(purge);
}

void purge_wake(struct purge *purge)
{
    int64_t next = doomed_next_ms(&purge->waiting);
    if (next < INT64_MAX && !purge->closed && !purge->busy)
        timer_at(purge->timer, next);
}

void purge_close(struct purge *purge)
{
    purge->closed = true;
    timer_stop(purge->timer);
}
