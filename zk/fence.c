#include "zk/fence.h"

#include <string.h>

#include "zk/task.h"
#include "zk/znode.h"

struct fenced {
    struct zk_task task;
    zk_answer answer;
    void *context;
};

/* Op 0 is the fence; callers count without it. */
static void stored(void *context, const struct zk_reply *reply)
{
    struct fenced *fenced = context;
    struct zk_reply translated = *reply;
    zk_answer answer = fenced->answer;
    void *owner = fenced->context;
    int code = reply->code;

    if (reply->failed_op > 0)
        translated.failed_op--;
    else if (code == K_BAD_VERSION || code == K_NOT_FOUND)
        translated.code = K_STALE_CONTROLLER_EPOCH;
    zk_task_free(&fenced->task);
    answer(owner, &translated);
}

int zk_fenced(struct zk_session *session, int32_t epoch_version, const struct zk_op *ops,
              size_t count, zk_answer answer, void *context)
{
    struct fenced *fenced = zk_task_new(session, sizeof *fenced);
    int code = K_NOMEM;

    if (fenced == NULL)
        return K_NOMEM;
    fenced->answer = answer;
    fenced->context = context;
    struct zk_op *all = arena_calloc(&fenced->task.arena, count + 1, sizeof *all);
    if (all == NULL)
        goto free_task;
    all[0] = (struct zk_op){ .kind = ZK_OP_CHECK,
                             .path = znode_row(ZNODE_CONTROLLER_EPOCH)->pattern,
                             .version = epoch_version };
#ifdef MUTANT_CTRL_NO_MULTI
    all[0].version = -1;
#endif
    memcpy(all + 1, ops, count * sizeof *ops);
    code = zk_multi(session, all, count + 1, stored, fenced);
    if (code != 0)
        goto free_task;
    return 0;

free_task:
    zk_task_free(&fenced->task);
    return code;
}
