/* delete_requests.c - topics that somebody wants deleted and said so in ZooKeeper.
 *
 * A request is a child of /admin/delete_topics; zkCli and Kafka's tools write them. The core
 * removes the topic and, with it, the request. A request that is not served is removed here, with a
 * word in the log, or it would wait for a topic of that name to be made: for what does not exist,
 * or can not (it is no name of a topic), for the cluster's own topics, as Kafka's tool had it, and
 * while delete.topic.enable is false. One for a topic that is there but could not be loaded stays,
 * for the person who has to look after that topic anyway. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/core/topic_plan.h"
#include "server/runtime/group_place.h"
#include "zk/fence.h"

enum { RETRY_MS = 200, SAY_MS = 60 * 1000 };

/* One request, from the moment it is seen until it is settled or the chair is lost. */
struct delete_request {
    struct control *control;
    uint64_t life;
    bool kept;                    /* for a person to see to; tried at the next reading */
    const char *reason;           /* why it is removed */
    char name[];
};

static void read_again_later(struct control *control)
{
    control->chair.delete_requests_wanted = true;
    timer_after(control->chair.retry, RETRY_MS);
}

static char *path_of(struct arena *arena, const struct delete_request *request, enum znode node)
{
    return znode_path(arena, node, request->name);
}

/* --- the end of a request --------------------------------------------------------------------- */

static void request_free(struct delete_request *request)
{
    struct control *control = request->control;
    if (request->life == control->life)
        map_remove_text(&control->chair.delete_requests, request->name);
    free(request);
}

/* What a person has to mend is tried again as everything else, and said now and then. */
static void tell_failure(int code)
{
    const char *path = znode_row(ZNODE_DELETE_TOPICS)->pattern;

    if (code == K_POLICY_VIOLATION && log_rarely("delete-requests-closed", path, SAY_MS))
        LOG_WARN("delete-requests-closed",
                 "path=%s reason=\"ACLs keep this broker from reading, serving or removing what is "
                 "asked for there\" action=\"trying again; see getAcl of zkCli, and "
                 "zookeeper.digest\"",
                 path);
}

/* It stands there still. */
static void request_failed(struct delete_request *request, int code)
{
    tell_failure(code);
    if (request->life == request->control->life)
        read_again_later(request->control);
    request_free(request);
}

static void node_removed(void *context, const struct zk_reply *reply)
{
    struct delete_request *request = context;

    if (reply->code == K_BUSY && request->life == request->control->life) {
        request->kept = true;     /* it would be refused for as long as that is there */
        LOG_ERROR("delete-request-kept",
                  "topic=\"%.249s\" reason=\"%s, and something is below its node\" "
                  "action=\"delete all of it by hand, as with deleteall of zkCli\"",
                  request->name, request->reason);
        return;
    }
    if (reply->code != 0 && reply->code != K_NOT_FOUND) {
        request_failed(request, reply->code);
        return;
    }
    LOG_WARN("delete-request-dropped", "topic=\"%.249s\" reason=\"%s\"", request->name,
             request->reason);
    request_free(request);
}

static int remove_node(struct delete_request *request)
{
    struct control *control = request->control;
    char memory[512];
    struct arena arena;

    arena_init(&arena, memory, sizeof memory, SIZE_MAX);
    const struct zk_op drop = { .kind = ZK_OP_DELETE,
                                .path = path_of(&arena, request, ZNODE_DELETE_TOPIC),
                                .version = -1 };
    int error = drop.path == NULL ? K_NOMEM
                                  : zk_fenced(control->session, control->chair.epoch_version, &drop,
                                              1, node_removed, request);
    arena_fini(&arena);
    return error;
}

static void drop(struct delete_request *request, const char *reason)
{
    request->reason = reason;
    if (remove_node(request) != 0)
        request_failed(request, K_NOMEM);
}

static void topic_sought(void *context, const struct zk_reply *reply)
{
    struct delete_request *request = context;

    if (request->life != request->control->life) {
        request_free(request);
    } else if (reply->code == 0) {
        request->kept = true;
        LOG_ERROR("delete-request-kept",
                  "topic=%s reason=\"the topic's znodes could not be read\" action=\"delete "
                  "/brokers/topics/%s by hand\"",
                  request->name, request->name);
    } else if (reply->code != K_NOT_FOUND) {
        request_failed(request, reply->code);
    } else {
        drop(request, "there is no such topic");
    }
}

/* The core knows no such topic. Is it really not there? */
static void seek_topic(struct delete_request *request)
{
    char memory[512];
    struct arena arena;

    arena_init(&arena, memory, sizeof memory, 4096);
    const char *path = path_of(&arena, request, ZNODE_TOPIC);
    if (path == NULL ||
        zk_exists(request->control->session, path, NULL, topic_sought, request) != 0)
        request_failed(request, K_NOMEM);
    arena_fini(&arena);
}

void delete_request_answered(struct delete_request *request, int error)
{
    if (request->life == request->control->life && error == K_UNKNOWN_TOPIC_OR_PARTITION)
        seek_topic(request);
    else if (request->life == request->control->life && error == K_TOPIC_DELETION_DISABLED)
        drop(request, "delete.topic.enable is false");
    else if (error != 0)
        request_failed(request, error);
    else
        request_free(request);
}

/* --- reading them ----------------------------------------------------------------------------- */

static void serve(struct delete_request *request)
{
    request->kept = false;
    if (!topic_name_valid(request->name))
        drop(request, "that is no name of a topic");
    else if (topic_is_internal(request->name))
        drop(request, "it is the cluster's own: who means it asks a broker, with kairn topic "
                      "delete");
    else
        requests_delete_topic(request->control, request, request->name);
}

static void take(struct control *control, const char *name)
{
    struct chair *chair = &control->chair;
    size_t size = strlen(name) + 1;
    struct delete_request *request = map_get_text(&chair->delete_requests, name);

    if (request != NULL) {
        if (request->kept)        /* else it is under way */
            serve(request);
        return;
    }
    request = malloc(sizeof *request + size);
    if (request == NULL || map_put_text(&chair->delete_requests, name, request, NULL) != 0) {
        free(request);
        read_again_later(control);
        return;
    }
    request->control = control;
    request->life = control->life;
    memcpy(request->name, name, size);
    serve(request);
}

static void listed(void *context, const struct zk_reply *reply)
{
    struct control *control = context;

    if (!control->chair.loaded)
        return;                   /* read anew as soon as it is */
    if (reply->code != 0) {
        tell_failure(reply->code);
        read_again_later(control);
    }
    for (size_t i = 0; i < reply->child_count && control->chair.loaded; i++)
        take(control, reply->children[i]);
}

void delete_requests_read(struct control *control)
{
    struct chair *chair = &control->chair;

    chair->delete_requests_wanted = false;
    if (zk_children(control->session, znode_row(ZNODE_DELETE_TOPICS)->pattern, &chair->doomed,
                    listed, control) != 0)
        read_again_later(control);
}

static void changed(struct zk_watch *watch, const char *path)
{
    struct control *control = watch->context;
    (void)path;
    if (control->chair.loaded)
        delete_requests_read(control);
}

void delete_requests_init(struct control *control)
{
    map_init(&control->chair.delete_requests);
    control->chair.doomed = (struct zk_watch){ .fired = changed, .context = control };
}

/* Those that the core or ZooKeeper still has to answer free themselves when it does; the ones that
 * were kept wait for nobody. */
void delete_requests_forget(struct control *control)
{
    size_t position = 0;
    void *value;

    while (map_next(&control->chair.delete_requests, &position, NULL, NULL, &value)) {
        struct delete_request *request = value;
        if (request->kept)
            free(request);
    }
    zk_watch_cancel(control->session, &control->chair.doomed);
    map_fini(&control->chair.delete_requests);
    map_init(&control->chair.delete_requests);
}
