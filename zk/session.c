#include "zk/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "zk/connect.h"
#include "zk/link.h"
#include "zk/task.h"

struct zk_session {
    void (*changed)(void *context, enum zk_state state);
    void *context;
    enum zk_state state;
    int32_t timeout_asked_ms, timeout_ms;
    struct zk_connect connect;
    char *digest;
    struct gate *gate;
    struct link *link; /* the current one */
    struct link *lost; /* the former one, while it is told that its session expired */
    struct list tasks;
    bool root_wanted; /* there was no memory to look for the chroot */
    int entered; /* callbacks of ours on the stack */
    bool closed; /* freed when the last of them returns */
};

/* --- callbacks ------------------------------------------------------------------------------- */

static void session_free(struct zk_session *session)
{
    if (session->gate != NULL)
        gate_unref(session->gate);
    zk_connect_fini(&session->connect);
    free(session->digest);
    free(session);
}

void session_enter(struct zk_session *session)
{
    session->entered++;
}

void session_leave(struct zk_session *session)
{
    if (--session->entered == 0 && session->closed)
        session_free(session);
}

bool session_closed(const struct zk_session *session)
{
    return session->closed;
}

static void tell(struct zk_session *session, enum zk_state state)
{
    session->state = state;
    if (session->changed != NULL)
        session->changed(session->context, state);
}

/* --- tasks ----------------------------------------------------------------------------------- */

void *zk_task_new(struct zk_session *session, size_t size)
{
    struct zk_task *task = calloc(1, size);

    if (task == NULL)
        return NULL;
    task->session = session;
    arena_init(&task->arena, NULL, 0, ZK_TASK_MEMORY_MAX);
    list_append(&session->tasks, &task->node);
    return task;
}

void zk_task_free(struct zk_task *task)
{
    list_remove(&task->node);
    arena_fini(&task->arena);
    free(task);
}

void zk_task_await_connection(struct zk_task *task,
                              void (*connected)(struct zk_task *task, int code))
{
    task->connected = connected;
}

/* One by one from the start: a task that goes on may free itself and others. */
static void resume_tasks(struct zk_session *session, int code)
{
    struct list *node = session->tasks.next;

    while (node != &session->tasks) {
        struct zk_task *task = LIST_OWNER(node, struct zk_task, node);
        void (*connected)(struct zk_task *, int) = task->connected;

        node = node->next;
        if (connected == NULL)
            continue;
        task->connected = NULL;
        connected(task, code);
        node = session->tasks.next;
    }
}

/* --- states ---------------------------------------------------------------------------------- */

static void connected(struct zk_session *session)
{
    struct link *link = session->link;

    session->state = ZK_CONNECTED;
    session->timeout_ms = zoo_recv_timeout(link->zh);
    LOG_INFO("zookeeper-connected", "session=0x%llx timeout_ms=%d",
             (unsigned long long)zk_session_id(session), session->timeout_ms);
    tell(session, ZK_CONNECTED);
    resume_tasks(session, 0);
}

/* The session is gone: whoever waits for it is answered, and a new one is begun. The old handle
 * is closed by the new link's helper. */
static void expired(struct zk_session *session)
{
    struct link *old = session->link, *next = NULL;

    LOG_WARN("zookeeper-session-expired", "session=0x%llx",
             (unsigned long long)zk_session_id(session));
    session->state = ZK_EXPIRED;
    session->timeout_ms = 0;
    session->root_wanted = false;
    link_ref(old);
    int code = link_open(session, session->gate, session->connect.hosts, session->digest,
                         session->timeout_asked_ms, old, &next);
    if (code == 0)
        session->link = next;

    /* Any of these may close the session, which then answers the rest itself. */
    session->lost = old;
    calls_lose(old);
    armings_fire(old);
    session->lost = NULL;
    if (code == 0)
        old->session = NULL;
    resume_tasks(session, K_SESSION_LOST);
    if (!session->closed)
        tell(session, ZK_EXPIRED);
    if (code != 0 && !session->closed) {
        LOG_ERROR("zookeeper-gave-up", "reason=\"no memory for a new session\"");
        tell(session, ZK_REFUSED);
    }
    link_unref(old);
}

static void refused(struct zk_session *session)
{
    LOG_ERROR("zookeeper-refused",
              "reason=\"authentication failed or the chroot can not be made\"");
    session->state = ZK_REFUSED;
    calls_lose(session->link);
    resume_tasks(session, K_SESSION_LOST);
    if (!session->closed)
        tell(session, ZK_REFUSED);
}

/* --- chroot ---------------------------------------------------------------------------------- */

static void root_made(void *context, const struct zk_reply *reply)
{
    struct link *link = context;

    if (reply->code == 0 || reply->code == K_EXISTS) {
        link->rooted = true;
        if (link->session->state != ZK_CONNECTED) /* a state told twice asks twice */
            connected(link->session);
    } else if (reply->code == K_NOMEM) {
        link->session->root_wanted = true;
    } else if (reply->code != K_SESSION_LOST) {
        refused(link->session);
    }
}

static void ignore(void *context, const struct zk_reply *reply)
{
    (void)context;
    (void)reply;
}

/* Answers come in the order of the calls, so that of the last part tells how it went. */
static void root_sought(void *context, const struct zk_reply *reply)
{
    struct link *link = context;
    const char *root = link->session->connect.chroot;
    char path[ZK_CHROOT_MAX + 1];

    if (reply->code != K_NOT_FOUND) {
        root_made(context, reply);
        return;
    }
    for (const char *end = strchr(root + 1, '/');; end = strchr(end + 1, '/')) {
        size_t size = end == NULL ? strlen(root) : (size_t)(end - root);

        memcpy(path, root, size);
        path[size] = '\0';
        const struct zk_op create = { .kind = ZK_OP_CREATE, .path = path };
        if (call_multi(link, "", &create, 1, end == NULL ? root_made : ignore, link) == K_NOMEM) {
            link->session->root_wanted = true;
            break;
        }
        if (end == NULL)
            break;
    }
}

static void seek_root(struct link *link)
{
    struct zk_session *session = link->session;

    session->root_wanted = call_read(link, READ_EXISTS, "", session->connect.chroot, NULL,
                                     root_sought, link) == K_NOMEM;
}

void zk_session_tend(struct zk_session *session)
{
    if (session->root_wanted && session->state != ZK_CONNECTED)
        seek_root(session->link);
}

void session_link_changed(struct link *link, int zoo_state)
{
    struct zk_session *session = link->session;

    if (session->state == ZK_REFUSED)
        return;
    session_enter(session);
    if (zoo_state == ZOO_EXPIRED_SESSION_STATE) {
        expired(session);
    } else if (zoo_state == ZOO_AUTH_FAILED_STATE) {
        refused(session);
    } else if (zoo_state == ZOO_CONNECTED_STATE) {
        if (session->state == ZK_CONNECTED)
            ; /* lost and found again faster than we were told */
        else if (link->rooted || session->connect.chroot[0] == '\0')
            connected(session);
        else
            seek_root(link);
    } else if (session->state == ZK_CONNECTED) {
        LOG_WARN("zookeeper-suspended", "session=0x%llx",
                 (unsigned long long)zk_session_id(session));
        tell(session, ZK_SUSPENDED);
    }
    session_leave(session);
}

/* --- opening and closing --------------------------------------------------------------------- */

int zk_session_open(const struct zk_session_options *options, struct zk_session **out,
                    struct k_reason *reason)
{
    struct zk_session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return K_NOMEM;
    list_init(&session->tasks);
    session->changed = options->changed;
    session->context = options->context;
    session->state = ZK_SUSPENDED;
    session->timeout_asked_ms = options->timeout_ms;
    int code = zk_connect_parse(options->connect, &session->connect, reason);
    if (code != 0)
        goto free_session;

    code = K_NOMEM;
    session->gate = gate_new(options->target);
    if (session->gate == NULL)
        goto free_session;
    if (options->digest != NULL && (session->digest = strdup(options->digest)) == NULL)
        goto free_session;
    code = link_open(session, session->gate, session->connect.hosts, session->digest,
                     options->timeout_ms, NULL, &session->link);
    if (code != 0)
        goto free_session;
    *out = session;
    return 0;

free_session:
    session_free(session);
    return code;
}

void zk_session_close(struct zk_session *session, int64_t limit_ms)
{
    if (session == NULL)
        return;
    struct link *link = session->link;

    session_enter(session);
    session->closed = true; /* from here on every new call is refused */
    if (session->lost != NULL) {
        armings_cancel(session->lost);
        calls_lose(session->lost);
    }
    armings_cancel(link);
    calls_lose(link);
    resume_tasks(session, K_SESSION_LOST);
    /* A task waits for a call or for the connection, so none is left. */
    assert(list_empty(&session->tasks));
    link->session = NULL;
    link_close(link, limit_ms);
    gate_shut(session->gate);
    session_leave(session);
}

enum zk_state zk_session_state(const struct zk_session *session)
{
    return session->state;
}

int32_t zk_session_timeout_ms(const struct zk_session *session)
{
    return session->timeout_ms;
}

bool zk_session_key(const struct zk_session *session, struct zk_session_key *out)
{
    const struct link *link = session->link;

    if ((session->state != ZK_CONNECTED && session->state != ZK_SUSPENDED) || !link->opened)
        return false;
    const clientid_t *id = zoo_client_id(link->zh);
    if (id == NULL || id->client_id == 0)
        return false;
    out->id = id->client_id;
    memcpy(out->password, id->passwd, sizeof out->password);
    return true;
}

int64_t zk_session_id(const struct zk_session *session)
{
    struct zk_session_key key;

    return zk_session_key(session, &key) ? key.id : 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static bool usable(const struct zk_session *session)
{
    return session->state == ZK_CONNECTED && !session->closed;
}

int zk_get(struct zk_session *session, const char *path, struct zk_watch *watch, zk_answer answer,
           void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_read(session->link, READ_DATA, session->connect.chroot, path, watch, answer,
                     context);
}

int zk_exists(struct zk_session *session, const char *path, struct zk_watch *watch,
              zk_answer answer, void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_read(session->link, READ_EXISTS, session->connect.chroot, path, watch, answer,
                     context);
}

int zk_children(struct zk_session *session, const char *path, struct zk_watch *watch,
                zk_answer answer, void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_read(session->link, READ_CHILDREN, session->connect.chroot, path, watch, answer,
                     context);
}

int zk_set(struct zk_session *session, const char *path, const void *data, size_t size,
           int32_t version, zk_answer answer, void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_set(session->link, session->connect.chroot, path, data, size, version, answer,
                    context);
}

int zk_sync(struct zk_session *session, const char *path, zk_answer answer, void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_sync(session->link, session->connect.chroot, path, answer, context);
}

int zk_multi(struct zk_session *session, const struct zk_op *ops, size_t count, zk_answer answer,
             void *context)
{
    if (!usable(session))
        return K_SESSION_LOST;
    return call_multi(session->link, session->connect.chroot, ops, count, answer, context);
}
