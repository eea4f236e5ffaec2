#include "zk/bootstrap.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "zk/task.h"
#include "zk/znode.h"

struct bootstrap {
    struct zk_task task;
    const char *proposal;
    void (*done)(void *context, int code, const char *cluster_id);
    void *context;
    size_t under_way;
    int code; /* the first that went wrong */
};

static void read_id(struct bootstrap *bootstrap);

static void ended(struct bootstrap *bootstrap, int code, const char *id)
{
    void (*done)(void *, int, const char *) = bootstrap->done;
    void *context = bootstrap->context;
    char copy[128];

    snprintf(copy, sizeof copy, "%s", id == NULL ? "" : id);
    zk_task_free(&bootstrap->task);
    done(context, code, code == 0 ? copy : NULL);
}

/* --- directories ----------------------------------------------------------------------------- */

/* All nodes are looked for at once and only those that are missing are made, each by itself: so
 * a start in a complete cluster writes nothing, and brokers that start together help each other. */
struct directory {
    struct bootstrap *bootstrap;
    enum znode node;
};

/* One of the questions is settled; after the last comes the cluster id. */
static void settled(struct bootstrap *bootstrap, int code)
{
    if (code != 0 && bootstrap->code == 0)
        bootstrap->code = code;
    if (--bootstrap->under_way > 0)
        return;
    if (bootstrap->code == 0)
        read_id(bootstrap);
    else
        ended(bootstrap, bootstrap->code, NULL);
}

static void directory_made(void *context, const struct zk_reply *reply)
{
    const struct directory *directory = context;

    settled(directory->bootstrap, reply->code == K_EXISTS ? 0 : reply->code);
}

/* What a node holds at first. Everything that registers checks /feature, also before anything is
 * finalised there. */
static const char *first_data(enum znode node)
{
    return node == ZNODE_CONTROLLER_EPOCH ? "0"
         : node == ZNODE_FEATURE          ? "{\"version\":2,\"status\":1,\"features\":{}}"
                                          : NULL;
}

/* Answers come in the order of the questions, and the catalogue names parents first: so does
 * what is made. */
static void directory_sought(void *context, const struct zk_reply *reply)
{
    struct directory *directory = context;
    const char *data = first_data(directory->node);
    const struct zk_op create = { .kind = ZK_OP_CREATE,
                                  .path = znode_row(directory->node)->pattern,
                                  .data = data,
                                  .size = data == NULL ? 0 : strlen(data) };
    int code = reply->code;

    if (code == K_NOT_FOUND) {
        code = zk_multi(directory->bootstrap->task.session, &create, 1, directory_made, directory);
        if (code == 0)
            return;
    }
    settled(directory->bootstrap, code);
}

/* --- cluster id ------------------------------------------------------------------------------ */

static void id_made(void *context, const struct zk_reply *reply)
{
    struct bootstrap *bootstrap = context;

    if (reply->code == K_EXISTS)
        read_id(bootstrap); /* another broker was faster: its id counts */
    else
        ended(bootstrap, reply->code, bootstrap->proposal);
}

static int make_id(struct bootstrap *bootstrap)
{
    char *data = znode_encode_cluster_id(&bootstrap->task.arena, bootstrap->proposal);

    if (data == NULL)
        return K_NOMEM;
    const struct zk_op create = { .kind = ZK_OP_CREATE,
                                  .path = znode_row(ZNODE_CLUSTER_ID)->pattern,
                                  .data = data,
                                  .size = strlen(data) };
    return zk_multi(bootstrap->task.session, &create, 1, id_made, bootstrap);
}

static void id_read(void *context, const struct zk_reply *reply)
{
    struct bootstrap *bootstrap = context;
    struct k_reason reason;
    char *id = NULL;
    int code = reply->code;

    if (code == K_NOT_FOUND) {
        code = make_id(bootstrap);
        if (code == 0)
            return;
    } else if (code == 0) {
        code =
            znode_decode_cluster_id(&bootstrap->task.arena, reply->data, reply->size, &id, &reason);
        if (code == K_CORRUPT)
            LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\"",
                      znode_row(ZNODE_CLUSTER_ID)->pattern, reason.text);
    }
    ended(bootstrap, code, id);
}

static void read_id(struct bootstrap *bootstrap)
{
    int code = zk_get(bootstrap->task.session, znode_row(ZNODE_CLUSTER_ID)->pattern, NULL, id_read,
                      bootstrap);

    if (code != 0)
        ended(bootstrap, code, NULL);
}

int zk_bootstrap(struct zk_session *session, const char *proposal,
                 void (*done)(void *context, int code, const char *cluster_id), void *context)
{
    struct bootstrap *bootstrap = zk_task_new(session, sizeof *bootstrap);
    struct directory *directories;
    int code = K_NOMEM;

    if (bootstrap == NULL)
        return K_NOMEM;
    bootstrap->done = done;
    bootstrap->context = context;
    bootstrap->proposal = arena_strdup(&bootstrap->task.arena, proposal);
    directories = arena_calloc(&bootstrap->task.arena, ZNODE_COUNT, sizeof *directories);
    if (bootstrap->proposal == NULL || directories == NULL)
        goto free_task;
    for (int node = 0; node < ZNODE_COUNT; node++) {
        if (!znode_row((enum znode)node)->made_at_start)
            continue;
        directories[node] = (struct directory){ .bootstrap = bootstrap, .node = (enum znode)node };
        code = zk_exists(session, znode_row((enum znode)node)->pattern, NULL, directory_sought,
                         &directories[node]);
        if (code != 0)
            break;
        bootstrap->under_way++;
    }
    /* What is under way knows the task: then its end is told by an answer. */
    if (bootstrap->under_way > 0) {
        bootstrap->code = code;
        return 0;
    }

free_task:
    zk_task_free(&bootstrap->task);
    return code;
}

/* --- generated broker ids -------------------------------------------------------------------- */

struct generation {
    struct zk_task task;
    int32_t reserved_max;
    void (*done)(void *context, int code, int32_t id);
    void *context;
};

static void sequence_grown(void *context, const struct zk_reply *reply)
{
    struct generation *generation = context;
    void (*done)(void *, int, int32_t) = generation->done;
    void *owner = generation->context;
    int64_t id = (int64_t)generation->reserved_max + reply->stat.version;
    int code = reply->code;

    zk_task_free(&generation->task);
    if (code == 0 && id > INT32_MAX)
        code = K_IO;
    done(owner, code, code == 0 ? (int32_t)id : -1);
}

int zk_generate_broker_id(struct zk_session *session, int32_t reserved_max,
                          void (*done)(void *context, int code, int32_t id), void *context)
{
    struct generation *generation = zk_task_new(session, sizeof *generation);

    if (generation == NULL)
        return K_NOMEM;
    generation->reserved_max = reserved_max;
    generation->done = done;
    generation->context = context;
    int code = zk_set(session, znode_row(ZNODE_BROKER_SEQID)->pattern, "", 0, -1, sequence_grown,
                      generation);
    if (code != 0)
        zk_task_free(&generation->task);
    return code;
}
