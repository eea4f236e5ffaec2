#include "zk/elect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "zk/task.h"
#include "zk/znode.h"

static const char *chair(void)
{
    return znode_row(ZNODE_CONTROLLER)->pattern;
}

static const char *epoch_path(void)
{
    return znode_row(ZNODE_CONTROLLER_EPOCH)->pattern;
}

/* --- who has it ------------------------------------------------------------------------------ */

struct looking {
    struct zk_task task;
#ifdef MUTANT_REARM_GAP
    struct zk_watch *watch;
#endif
    void (*done)(void *context, const struct zk_controller *result);
    void *context;
};

#ifdef MUTANT_REARM_GAP
static void ignore(void *context, const struct zk_reply *reply)
{
    (void)context, (void)reply;
}
#endif

static void looked(struct looking *looking, struct zk_controller result)
{
    void (*done)(void *, const struct zk_controller *) = looking->done;
    void *context = looking->context;

#ifdef MUTANT_REARM_GAP
    if (looking->watch != NULL)
        zk_exists(looking->task.session, chair(), looking->watch, ignore, NULL);
#endif
    zk_task_free(&looking->task);
    done(context, &result);
}

static void chair_read(void *context, const struct zk_reply *reply)
{
    struct looking *looking = context;
    struct zk_controller result = { .code = reply->code, .broker = -1 };
    struct znode_controller controller;
    struct k_reason reason;

    if (reply->code == K_NOT_FOUND) {
        result.code = 0; /* it left in between: the watch is about to fire */
    } else if (reply->code == 0) {
        result.code = znode_decode_controller(&looking->task.arena, reply->data, reply->size,
                                              &controller, &reason);
        if (result.code == 0) {
            result.broker = controller.broker;
            result.owner = reply->stat.owner;
        } else if (result.code == K_CORRUPT) {
            LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\"", chair(), reason.text);
        }
    }
    looked(looking, result);
}

/* The watch is set by exists, which also sets it when there is no node; data is read after. */
static void chair_sought(void *context, const struct zk_reply *reply)
{
    struct looking *looking = context;
    int code = reply->code;

    if (code == 0)
        code = zk_get(looking->task.session, chair(), NULL, chair_read, looking);
    else if (code == K_NOT_FOUND)
        looked(looking, (struct zk_controller){ .broker = -1 });
    else
        looked(looking, (struct zk_controller){ .code = code, .broker = -1 });
    if (reply->code == 0 && code != 0)
        looked(looking, (struct zk_controller){ .code = code, .broker = -1 });
}

int zk_controller_read(struct zk_session *session, struct zk_watch *watch,
                       void (*done)(void *context, const struct zk_controller *result),
                       void *context)
{
    struct looking *looking = zk_task_new(session, sizeof *looking);

    if (looking == NULL)
        return K_NOMEM;
    looking->done = done;
    looking->context = context;
#ifdef MUTANT_REARM_GAP
    looking->watch = watch;
    watch = NULL;
#endif
    int code = zk_exists(session, chair(), watch, chair_sought, looking);
    if (code != 0)
        zk_task_free(&looking->task);
    return code;
}

/* --- election -------------------------------------------------------------------------------- */

struct election {
    struct zk_task task;
    int32_t broker;
    int64_t session_id;     /* under which the chair was claimed */
    int32_t epoch, version; /* that we write; the version that it gives the node */
    bool chair_ours;        /* while a lost answer is resolved */
    void (*done)(void *context, const struct zk_elected *result);
    void *context;
};

static void resolve(struct zk_task *task, int code);

static void ended(struct election *election, int code)
{
    struct zk_elected result = { .code = code,
                                 .epoch = election->epoch,
                                 .epoch_version = election->version };
    void (*done)(void *, const struct zk_elected *) = election->done;
    void *context = election->context;

    zk_task_free(&election->task);
    done(context, &result);
}

/* The answer to the multi is lost: it may have been carried out. Only what stands in ZooKeeper
 * tells, and only after this server caught up with the leader. */
static void lost(struct election *election)
{
    if (zk_session_state(election->task.session) == ZK_CONNECTED)
        resolve(&election->task, 0);
    else if (zk_session_state(election->task.session) == ZK_SUSPENDED)
        zk_task_await_connection(&election->task, resolve);
    else
        ended(election, K_SESSION_LOST);
}

static void epoch_reread(void *context, const struct zk_reply *reply)
{
    struct election *election = context;
    int32_t epoch;

    if (reply->code == K_SESSION_LOST)
        lost(election);
    else if (reply->code != 0 || znode_decode_epoch(reply->data, reply->size, &epoch, NULL) != 0)
        ended(election, K_IO);
    else if (epoch == election->epoch && reply->stat.version == election->version)
        ended(election, 0);
    else
        ended(election, K_EXISTS);
}

static void chair_reread(void *context, const struct zk_reply *reply)
{
    struct election *election = context;

    if (reply->code == K_SESSION_LOST) {
        lost(election);
    } else if (reply->code != 0 || reply->stat.owner != election->session_id) {
        /* Nobody sits there: the multi was not carried out. Else: somebody was faster. */
        ended(election, reply->code == 0 ? K_EXISTS : K_SESSION_LOST);
    } else {
        int code = zk_get(election->task.session, epoch_path(), NULL, epoch_reread, election);
        if (code != 0)
            ended(election, code);
    }
}

static void synced(void *context, const struct zk_reply *reply)
{
    struct election *election = context;
    int code = reply->code;

    if (code == K_SESSION_LOST) {
        lost(election);
        return;
    }
    if (code == 0)
        code = zk_exists(election->task.session, chair(), NULL, chair_reread, election);
    if (code != 0)
        ended(election, code);
}

static void resolve(struct zk_task *task, int code)
{
    struct election *election = (struct election *)task;

    if (code == 0 && zk_session_id(task->session) != election->session_id)
        code = K_SESSION_LOST;
    if (code == 0)
        code = zk_sync(task->session, chair(), synced, election);
    if (code != 0)
        ended(election, code);
}

static void claimed(void *context, const struct zk_reply *reply)
{
    struct election *election = context;

    if (reply->code == K_SESSION_LOST)
        lost(election);
    else if (reply->code == K_BAD_VERSION)
        ended(election, K_EXISTS); /* somebody was elected since the epoch was read */
    else
        ended(election, reply->code == K_NOT_FOUND ? K_IO : reply->code);
}

static int claim(struct election *election)
{
    const struct znode_controller controller = { .broker = election->broker,
                                                 .timestamp_ms = clock_wall_ms(&clock_system) };
    char *data = znode_encode_controller(&election->task.arena, &controller);
    char *epoch = arena_printf(&election->task.arena, "%" PRId32, election->epoch);

    if (data == NULL || epoch == NULL)
        return K_NOMEM;
    const struct zk_op ops[] = {
        { .kind = ZK_OP_CREATE_EPHEMERAL, .path = chair(), .data = data, .size = strlen(data) },
        { .kind = ZK_OP_SET,
          .path = epoch_path(),
          .data = epoch,
          .size = strlen(epoch),
          .version = election->version - 1 },
    };
    return zk_multi(election->task.session, ops, 2, claimed, election);
}

static void epoch_read(void *context, const struct zk_reply *reply)
{
    struct election *election = context;
    struct k_reason reason;
    int32_t epoch;
    int code = reply->code;

    if (code == 0) {
        code = znode_decode_epoch(reply->data, reply->size, &epoch, &reason);
        if (code == 0 && epoch == INT32_MAX)
            code = k_reason_set(&reason, K_CORRUPT, "the epoch can not grow any more");
        if (code != 0)
            LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\"", epoch_path(), reason.text);
    }
    if (code == 0) {
        election->epoch = epoch + 1;
        election->version = reply->stat.version + 1;
        code = claim(election);
    }
    if (code != 0)
        ended(election, code == K_SESSION_LOST || code == K_NOMEM ? code : K_IO);
}

int zk_elect(struct zk_session *session, int32_t broker,
             void (*done)(void *context, const struct zk_elected *result), void *context)
{
    struct election *election = zk_task_new(session, sizeof *election);

    if (election == NULL)
        return K_NOMEM;
    election->broker = broker;
    election->session_id = zk_session_id(session);
    election->done = done;
    election->context = context;
    int code = zk_get(session, epoch_path(), NULL, epoch_read, election);
    if (code != 0)
        zk_task_free(&election->task);
    return code;
}

/* --- leaving --------------------------------------------------------------------------------- */

struct resignation {
    struct zk_task task;
    void (*done)(void *context, int code);
    void *context;
};

static void resigned(struct resignation *resignation, int code)
{
    void (*done)(void *, int) = resignation->done;
    void *context = resignation->context;

    zk_task_free(&resignation->task);
    if (done != NULL)
        done(context, code == K_NOT_FOUND ? 0 : code);
}

static void chair_left(void *context, const struct zk_reply *reply)
{
    resigned(context, reply->code);
}

/* Between this read and the delete only the end of our session can take the chair from us, and
 * then the delete is not carried out either. */
static void chair_checked(void *context, const struct zk_reply *reply)
{
    struct resignation *resignation = context;
    struct zk_session *session = resignation->task.session;
    const struct zk_op leave = { .kind = ZK_OP_DELETE, .path = chair(), .version = -1 };
    int code = reply->code;
    bool ours = code == 0 && reply->stat.owner == zk_session_id(session);

    if (ours)
        code = zk_multi(session, &leave, 1, chair_left, resignation);
    if (!ours || code != 0)
        resigned(resignation, code);
}

int zk_resign(struct zk_session *session, void (*done)(void *context, int code), void *context)
{
    struct resignation *resignation = zk_task_new(session, sizeof *resignation);

    if (resignation == NULL)
        return K_NOMEM;
    resignation->done = done;
    resignation->context = context;
    int code = zk_exists(session, chair(), NULL, chair_checked, resignation);
    if (code != 0)
        zk_task_free(&resignation->task);
    return code;
}
