#include <stdlib.h>
#include <string.h>

#include "zk/link.h"

/* One call under way: made by the owner's thread, filled in by libzookeeper's completion thread,
 * delivered to the owner once. A session that is lost answers it early (answer becomes NULL);
 * the object itself always waits for libzookeeper, which knows its address. */
struct call {
    struct mail mail;
    struct list node;  /* in link->calls or link->orphans */
    struct link *link; /* referenced once posted */
    atomic_bool posted;
    zk_answer answer;
    void *context;
    struct arming *arming; /* NULL: no watch to be set */
    bool watch_set;        /* libzookeeper holds the watch now */
    struct zk_reply reply;
    void *owned;                  /* what the reply points to; NULL: nothing */
    size_t prefix_size, op_count; /* multi */
    zoo_op_result_t *results;     /* multi; within owned */
    char *created;                /* multi: room for the path of a sequential create */
    size_t created_size;
    char path[]; /* of a single call */
};

static int error_of(int rc)
{
    switch (rc) {
    case ZOK:
        return 0;
    case ZNONODE:
        return K_NOT_FOUND;
    case ZNODEEXISTS:
        return K_EXISTS;
    case ZBADVERSION:
        return K_BAD_VERSION;
    case ZNOTEMPTY:
        return K_BUSY;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
    case ZINVALIDSTATE:
    case ZCLOSING:
    case ZTHROTTLEDOP:
        return K_SESSION_LOST;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZINVALIDACL:
        return K_POLICY_VIOLATION;
    case ZBADARGUMENTS:
        return K_INVALID_ARGUMENT;
    default:
        return K_IO;
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static void call_free(struct call *call)
{
    list_remove(&call->node);
    free(call->owned);
    free(call);
}

static void deliver_call(struct mail *mail)
{
    struct call *call = LIST_OWNER(mail, struct call, mail);
    struct link *link = call->link;
    struct zk_session *session = link->session;

    zk_answer answer = call->answer;

    arming_settle(call->arming, call->watch_set);
    call->arming = NULL;
    call->answer = NULL; /* given once, also when it closes the session from within */
    if (session != NULL && answer != NULL) {
        session_enter(session);
        answer(call->context, &call->reply);
        session_leave(session);
    }
    call_free(call);
    link_unref(link);
}

/* Runs on libzookeeper's completion thread, or on the one that closes the handle. Behind a shut
 * gate nobody is left to take the call back: its owner did not wait for the end. */
static void finished(struct call *call)
{
    struct link *link = link_ref(call->link);

    atomic_store(&call->posted, true);
    if (!gate_post(link->gate, &call->mail))
        link_unref(link);
}

/* With `room` bytes behind the struct. */
static struct call *call_new(struct link *link, size_t room, zk_answer answer, void *context)
{
    struct call *call = calloc(1, sizeof *call + room);

    if (call == NULL)
        return NULL;
    call->mail.deliver = deliver_call;
    call->link = link;
    call->answer = answer;
    call->context = context;
    list_append(&link->calls, &call->node);
    return call;
}

/* What to put behind the prefix: the root of a chroot has no slash at its end. */
static const char *below(const char *prefix, const char *path)
{
    return prefix[0] != '\0' && strcmp(path, "/") == 0 ? "" : path;
}

static struct call *call_new_path(struct link *link, const char *prefix, const char *path,
                                  zk_answer answer, void *context)
{
    path = below(prefix, path);
    size_t prefix_size = strlen(prefix), path_size = strlen(path) + 1;
    struct call *call = call_new(link, prefix_size + path_size, answer, context);

    if (call != NULL) {
        memcpy(call->path, prefix, prefix_size);
        memcpy(call->path + prefix_size, path, path_size);
    }
    return call;
}

/* libzookeeper refused the call at once: it will not be answered. */
static int refuse(struct call *call, int rc)
{
    int code = error_of(rc);

    arming_settle(call->arming, false);
    call_free(call);
    if (rc == ZSYSTEMERROR)
        return K_NOMEM;
    return code == K_INVALID_ARGUMENT ? code : K_SESSION_LOST;
}

static void make_orphan(struct call *call)
{
    list_remove(&call->node);
    list_append(&call->link->orphans, &call->node);
    call->answer = NULL;
}

void calls_lose(struct link *link)
{
    const struct zk_reply lost = { .code = K_SESSION_LOST };

    while (!list_empty(&link->calls)) {
        struct call *call = LIST_OWNER(list_first(&link->calls), struct call, node);
        zk_answer answer = call->answer;

        make_orphan(call);
        if (call->arming != NULL && call->arming->watch != NULL)
            zk_watch_cancel(link->session, call->arming->watch);
        if (answer != NULL)
            answer(call->context, &lost);
    }
}

void calls_forget(struct link *link)
{
    while (!list_empty(&link->calls))
        make_orphan(LIST_OWNER(list_first(&link->calls), struct call, node));
}

void calls_sweep(struct link *link)
{
    calls_forget(link);
    LIST_EACH_SAFE(&link->orphans, node, after)
    {
        struct call *call = LIST_OWNER(node, struct call, node);

        if (!atomic_load(&call->posted)) {
            arming_settle(call->arming, false);
            call_free(call);
        }
    }
}

/* --- completions, on libzookeeper's thread --------------------------------------------------- */

static void fill_stat(struct zk_reply *reply, const struct Stat *stat)
{
    reply->stat = (struct zk_stat){
        .czxid = stat->czxid,
        .mzxid = stat->mzxid,
        .version = stat->version,
        .owner = stat->ephemeralOwner,
        .ctime_ms = stat->ctime,
        .mtime_ms = stat->mtime,
    };
}

static void data_done(int rc, const char *value, int size, const struct Stat *stat,
                      const void *data)
{
    struct call *call = (struct call *)data;

    call->reply.code = error_of(rc);
    call->watch_set = rc == ZOK;
    if (rc == ZOK) {
        fill_stat(&call->reply, stat);
        if (value != NULL && size >= 0) {
            call->owned = malloc((size_t)size + 1);
            if (call->owned == NULL) {
                call->reply.code = K_NOMEM;
            } else {
                memcpy(call->owned, value, (size_t)size);
                call->reply.data = call->owned;
                call->reply.size = (size_t)size;
            }
        }
    }
    finished(call);
}

static void stat_done(int rc, const struct Stat *stat, const void *data)
{
    struct call *call = (struct call *)data;

    call->reply.code = error_of(rc);
    call->watch_set = rc == ZOK || rc == ZNONODE; /* to be told of the creation */
    if (rc == ZOK)
        fill_stat(&call->reply, stat);
    finished(call);
}

/* Pointers first, the texts behind them, in one piece. */
static char **copy_texts(const struct String_vector *texts)
{
    size_t count = (size_t)texts->count, size = (count + 1) * sizeof(char *);

    for (size_t i = 0; i < count; i++)
        size += strlen(texts->data[i]) + 1;
    char **copy = malloc(size);
    if (copy == NULL)
        return NULL;
    char *at = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t text_size = strlen(texts->data[i]) + 1;

        copy[i] = memcpy(at, texts->data[i], text_size);
        at += text_size;
    }
    copy[count] = NULL;
    return copy;
}

static void children_done(int rc, const struct String_vector *texts, const void *data)
{
    struct call *call = (struct call *)data;

    call->reply.code = error_of(rc);
    call->watch_set = rc == ZOK;
    if (rc == ZOK) {
        char **copy = copy_texts(texts);

        call->owned = copy;
        call->reply.children = (const char *const *)copy;
        call->reply.child_count = copy == NULL ? 0 : (size_t)texts->count;
        if (copy == NULL)
            call->reply.code = K_NOMEM;
    }
    finished(call);
}

static void sync_done(int rc, const char *path, const void *data)
{
    struct call *call = (struct call *)data;

    (void)path;
    call->reply.code = error_of(rc);
    finished(call);
}

/* Ops before the one that failed say OK, those after it say RUNTIMEINCONSISTENCY. */
static void multi_done(int rc, const void *data)
{
    struct call *call = (struct call *)data;

    call->reply.code = error_of(rc);
    if (rc == ZOK && call->created != NULL)
        call->reply.created = call->created + call->prefix_size;
    for (size_t i = 0; rc != ZOK && i < call->op_count; i++) {
        int err = call->results[i].err;

        if (err != ZOK && err != ZRUNTIMEINCONSISTENCY) {
            call->reply.code = error_of(err);
            call->reply.failed_op = i;
            break;
        }
    }
    finished(call);
}

/* --- single calls ---------------------------------------------------------------------------- */

int call_read(struct link *link, enum read_kind kind, const char *prefix, const char *path,
              struct zk_watch *watch, zk_answer answer, void *context)
{
    if (path[0] != '/')
        return K_INVALID_ARGUMENT;
    struct call *call = call_new_path(link, prefix, path, answer, context);
    int rc = ZBADARGUMENTS;

    if (call == NULL)
        return K_NOMEM;
    if (watch != NULL && arming_new(link, watch, kind, prefix, path, &call->arming) != 0)
        return refuse(call, ZSYSTEMERROR);

    watcher_fn watcher = call->arming != NULL ? arming_watcher : NULL;
    switch (kind) {
    case READ_DATA:
        rc = zoo_awget(link->zh, call->path, watcher, call->arming, data_done, call);
        break;
    case READ_EXISTS:
        rc = zoo_awexists(link->zh, call->path, watcher, call->arming, stat_done, call);
        break;
    case READ_CHILDREN:
        rc = zoo_awget_children(link->zh, call->path, watcher, call->arming, children_done, call);
        break;
    }
    return rc == ZOK ? 0 : refuse(call, rc);
}

int call_set(struct link *link, const char *prefix, const char *path, const void *data, size_t size,
             int32_t version, zk_answer answer, void *context)
{
    if (path[0] != '/' || size > ZK_REQUEST_SIZE_MAX)
        return K_INVALID_ARGUMENT;
    struct call *call = call_new_path(link, prefix, path, answer, context);
    if (call == NULL)
        return K_NOMEM;
    int rc = zoo_aset(link->zh, call->path, data, data == NULL ? -1 : (int)size, version, stat_done,
                      call);
    return rc == ZOK ? 0 : refuse(call, rc);
}

int call_sync(struct link *link, const char *prefix, const char *path, zk_answer answer,
              void *context)
{
    if (path[0] != '/')
        return K_INVALID_ARGUMENT;
    struct call *call = call_new_path(link, prefix, path, answer, context);
    if (call == NULL)
        return K_NOMEM;
    int rc = zoo_async(link->zh, call->path, sync_done, call);
    return rc == ZOK ? 0 : refuse(call, rc);
}

/* --- multi ----------------------------------------------------------------------------------- */

/* Give the call what it needs until it is answered: results, paths with their prefix, and the
 * room into which libzookeeper writes the path of a sequential create (it adds 10 digits).
 * Returns the paths, one after the other, or NULL. */
static char *make_room(struct call *call, const char *prefix, const struct zk_op *ops, size_t count)
{
    size_t results_size = count * sizeof *call->results, paths_size = 0;

    for (size_t i = 0; i < count; i++) {
        size_t size = call->prefix_size + strlen(below(prefix, ops[i].path)) + 1;

        paths_size += size;
        if (ops[i].kind == ZK_OP_CREATE_SEQUENTIAL && call->created_size == 0)
            call->created_size = size + 16;
    }
    char *room = calloc(1, results_size + paths_size + call->created_size);
    if (room == NULL)
        return NULL;
    char *paths = room + results_size, *at = paths;
    for (size_t i = 0; i < count; i++) {
        const char *path = below(prefix, ops[i].path);
        size_t size = strlen(path) + 1;

        memcpy(at, prefix, call->prefix_size);
        memcpy(at + call->prefix_size, path, size);
        at += call->prefix_size + size;
    }
    call->owned = room;
    call->op_count = count;
    call->results = (zoo_op_result_t *)(void *)room;
    if (call->created_size > 0)
        call->created = at;
    return paths;
}

/* `created` is given to the first sequential create. */
static void fill_op(const struct zk_op *op, const char *path, const struct ACL_vector *acl,
                    char *created, size_t created_size, zoo_op_t *out)
{
    int size = op->data == NULL ? -1 : (int)op->size;

    switch (op->kind) {
    case ZK_OP_CREATE:
        zoo_create_op_init(out, path, op->data, size, acl, ZOO_PERSISTENT, NULL, 0);
        break;
    case ZK_OP_CREATE_EPHEMERAL:
        zoo_create_op_init(out, path, op->data, size, acl, ZOO_EPHEMERAL, NULL, 0);
        break;
    case ZK_OP_CREATE_SEQUENTIAL:
        zoo_create_op_init(out, path, op->data, size, acl, ZOO_PERSISTENT_SEQUENTIAL, created,
                           (int)created_size);
        break;
    case ZK_OP_SET:
        zoo_set_op_init(out, path, op->data, size, op->version, NULL);
        break;
    case ZK_OP_DELETE:
        zoo_delete_op_init(out, path, op->version);
        break;
    case ZK_OP_CHECK:
        zoo_check_op_init(out, path, op->version);
        break;
    }
}

/* The ops are needed only until libzookeeper has written them into its packet. */
static int submit(struct call *call, const struct zk_op *ops, size_t count, const char *paths)
{
    struct ACL owned[] = { { .perms = ZOO_PERM_ALL, .id = { (char *)"auth", (char *)"" } },
                           { .perms = ZOO_PERM_READ, .id = ZOO_ANYONE_ID_UNSAFE } };
    struct ACL_vector owner_all_world_read = { 2, owned };
    const struct ACL_vector *acl =
        call->link->digest == NULL ? &ZOO_OPEN_ACL_UNSAFE : &owner_all_world_read;
    char *created = call->created;
    zoo_op_t *zoo_ops = calloc(count, sizeof *zoo_ops);

    if (zoo_ops == NULL)
        return ZSYSTEMERROR;
    for (size_t i = 0; i < count; i++) {
        fill_op(&ops[i], paths, acl, created, created == NULL ? 0 : call->created_size,
                &zoo_ops[i]);
        if (ops[i].kind == ZK_OP_CREATE_SEQUENTIAL)
            created = NULL;
        paths += strlen(paths) + 1;
    }
    int rc = zoo_amulti(call->link->zh, (int)count, zoo_ops, call->results, multi_done, call);
    free(zoo_ops);
    return rc;
}

int call_multi(struct link *link, const char *prefix, const struct zk_op *ops, size_t count,
               zk_answer answer, void *context)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (ops[i].path[0] != '/')
            return K_INVALID_ARGUMENT;
        bytes += strlen(prefix) + strlen(ops[i].path) + (ops[i].data == NULL ? 0 : ops[i].size) +
                 ZK_OP_OVERHEAD;
    }
    if (count == 0 || bytes > ZK_REQUEST_SIZE_MAX)
        return K_INVALID_ARGUMENT;

    /* zoo_amulti() of 3.8 frees the path of an op, which is ours, when it finds the session expired
     * on its way. Told by a state that is not CONNECTED it is not asked at all; from there an
     * expiry takes a new connection to a server, far longer than that call. */
    if (zoo_state(link->zh) != ZOO_CONNECTED_STATE)
        return K_SESSION_LOST;
    struct call *call = call_new(link, 1, answer, context);
    if (call == NULL)
        return K_NOMEM;
    call->prefix_size = strlen(prefix);
    const char *paths = make_room(call, prefix, ops, count);
    int rc = paths == NULL ? ZSYSTEMERROR : submit(call, ops, count, paths);
    return rc == ZOK ? 0 : refuse(call, rc);
}
