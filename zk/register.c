/* A registration looks at what stands under our id, decides whose it is, and replaces it by one
 * multi that fails when anything changed in between: then it looks again. */
#include "zk/register.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "zk/task.h"

enum { LOOKS_MAX = 5 }; /* before a registration that is changed under us is given up */

/* A node that was looked at. */
struct seen {
    const char *path;
    bool there;
    struct zk_stat stat;
    const char *data; /* arena; zk_get only */
    size_t size;
    struct registering *registering;
};

struct registering {
    struct zk_task task;
    int32_t id;
    struct uuid incarnation, previous;
    struct znode_kairn_broker record; /* as given; arena */
    const char *broker_json;
    struct feature_ranges ranges;
    struct seen broker, current, former, kairn, heartbeat, feature;
    size_t under_way;
    int code, looks;
    const struct uuid *known;
    size_t known_count;
    bool fenced;
    bool lossy, first; /* as recorded; nothing was */
    size_t missing;
    void (*done)(void *context, const struct zk_registered *result);
    void *context;
};

static int look(struct registering *registering);

static void ended(struct registering *registering, const struct zk_registered *result)
{
    void (*done)(void *, const struct zk_registered *) = registering->done;
    void *context = registering->context;

    zk_task_free(&registering->task);
    done(context, result);
}

static void failed(struct registering *registering, int code)
{
    struct zk_registered result = { .code = code };

    if (code != K_SESSION_LOST && code != K_NOMEM)
        result.code = K_IO;
    ended(registering, &result);
}

/* --- done ------------------------------------------------------------------------------------ */

static void epoch_known(struct registering *registering, int64_t czxid)
{
    struct zk_registered result = { .broker_epoch = czxid, .lossy = registering->lossy,
                                    .first = registering->first,
                                    .missing = registering->missing };

    ended(registering, &result);
}

static void reread(void *context, const struct zk_reply *reply)
{
    struct registering *registering = context;

    if (reply->code != 0)
        failed(registering, reply->code == K_NOT_FOUND ? K_SESSION_LOST : reply->code);
    else
        epoch_known(registering, reply->stat.czxid);
}

static void stored(void *context, const struct zk_reply *reply)
{
    struct registering *registering = context;
    int code = reply->code;

    if (code == 0) {
        code = zk_exists(registering->task.session, registering->broker.path, NULL, reread,
                         registering);
    } else if (code == K_EXISTS || code == K_NOT_FOUND || code == K_BAD_VERSION) {
        /* Something expired or was written since we looked. */
        code = ++registering->looks < LOOKS_MAX ? look(registering) : K_IO;
    }
    if (code != 0)
        failed(registering, code);
}

/* --- whose is it ----------------------------------------------------------------------------- */

/* Not provably ours: name the holder, the caller waits. */
static void held(struct registering *registering)
{
    struct zk_registered result = { .code = K_ID_IN_USE };
    const struct seen *seen = &registering->broker;
    struct znode_broker broker;
    const char *host = "an unreadable address";
    int port = 0;

    if (znode_decode_broker(&registering->task.arena, seen->data, seen->size, &broker, NULL) == 0) {
        host = broker.endpoints[0].host;
        port = broker.endpoints[0].port;
    }
    snprintf(result.holder, sizeof result.holder, "%.160s:%d (ZooKeeper session 0x%llx)", host,
             port, (unsigned long long)seen->stat.owner);
    ended(registering, &result);
}

static bool among(const struct uuid *uuids, size_t count, const struct uuid *sought)
{
    for (size_t i = 0; i < count; i++)
        if (uuid_equal(&uuids[i], sought))
            return true;
    return false;
}

/* Directories that are not there (any more): those that went since the last registration, and those
 * before that the cluster has not come to terms with. NOMEM. */
static int note_missing(struct registering *registering, const struct znode_kairn_broker *recorded)
{
    struct znode_kairn_broker *record = &registering->record;
    size_t count = 0, before = recorded->lossy ? recorded->missing_count : 0;
    struct uuid *missing = arena_calloc(&registering->task.arena,
                                        before + recorded->directory_count + 1, sizeof *missing);
    if (missing == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < before + recorded->directory_count; i++) {
        const struct uuid *id = i < before ? &recorded->missing[i]
                                           : &recorded->directories[i - before];
        if (!among(record->directories, record->directory_count, id) && !among(missing, count, id))
            missing[count++] = *id;
    }
    record->missing = missing;
    record->missing_count = registering->missing = count;
    return 0;
}

/* The mark stays until the controller clears it. A record of an incarnation that the disks do not
 * know says that they are not those that the cluster relies on. NOMEM. */
static int judge(struct registering *registering)
{
    struct znode_kairn_broker recorded;
    struct k_reason reason = { "no memory" };

    registering->first = !registering->kairn.there;
    registering->lossy = registering->record.lossy || registering->fenced;
    if (registering->first)
        return 0;
    int code = znode_decode_kairn_broker(&registering->task.arena, registering->kairn.data,
                                         registering->kairn.size, &recorded, &reason);
    if (code == K_NOMEM)
        return code;
    if (code != 0) {
        LOG_WARN("znode-corrupt", "path=%s reason=\"%s\" taken-as=lossy", registering->kairn.path,
                 reason.text);
        registering->lossy = true;
        return 0;
    }
    code = note_missing(registering, &recorded);
    if (uuid_equal(&recorded.incarnation, &registering->incarnation))
        registering->lossy = recorded.lossy || registering->fenced;
    else
        registering->lossy =
            registering->lossy || recorded.lossy ||
            !among(registering->known, registering->known_count, &recorded.incarnation);
    registering->lossy = registering->lossy || registering->missing > 0;
    return code;
}

/* Can we do what the cluster has agreed on? 0, UNSUPPORTED_VERSION, CORRUPT or NOMEM. */
static int fits(struct registering *registering, struct k_reason *reason)
{
    const struct seen *seen = &registering->feature;
    struct znode_features features;
    struct feature_levels levels;

    if (!seen->there)
        return 0;
    int code = znode_decode_features(&registering->task.arena, seen->data, seen->size, &features,
                                     reason);
    if (code == K_CORRUPT)
        LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\"", seen->path, reason->text);
    return code != 0 ? code
                     : znode_features_check(&features, &registering->ranges, &levels, reason);
}

static int replace(struct registering *registering)
{
    struct zk_op ops[10];
    size_t count = 0;

    int code = judge(registering);
    if (code != 0)
        return code;
    struct znode_kairn_broker record = registering->record;
    record.lossy = registering->lossy;
    char *kairn_json = znode_encode_kairn_broker(&registering->task.arena, &record);
    if (kairn_json == NULL)
        return K_NOMEM;

    /* The incarnation's node goes in the same multi as the registration it vouches for: if a
     * foreign broker took the id since we looked, it is gone, and the multi fails. */
    const struct seen *stale[] = { &registering->broker, &registering->former,
                                   &registering->current };
    for (size_t i = 0; i < 3; i++)
        if (stale[i]->there)
            ops[count++] = (struct zk_op){ .kind = ZK_OP_DELETE,
                                           .path = stale[i]->path,
                                           .version = stale[i]->stat.version };
    ops[count++] = (struct zk_op){ .kind = ZK_OP_CREATE_EPHEMERAL,
                                   .path = registering->broker.path,
                                   .data = registering->broker_json,
                                   .size = strlen(registering->broker_json) };
    ops[count++] =
        (struct zk_op){ .kind = ZK_OP_CREATE_EPHEMERAL, .path = registering->current.path };
    ops[count++] = (struct zk_op){ .kind = registering->kairn.there ? ZK_OP_SET : ZK_OP_CREATE,
                                   .path = registering->kairn.path,
                                   .data = kairn_json,
                                   .size = strlen(kairn_json),
                                   .version = registering->kairn.stat.version };
    if (registering->feature.there)
        ops[count++] = (struct zk_op){ .kind = ZK_OP_CHECK,
                                       .path = registering->feature.path,
                                       .version = registering->feature.stat.version };
    ops[count++] = (struct zk_op){ .kind = ZK_OP_SET,
                                   .path = znode_row(ZNODE_KAIRN_BROKERS)->pattern,
                                   .version = -1 };
    if (!registering->heartbeat.there)
        ops[count++] = (struct zk_op){ .kind = ZK_OP_CREATE, .path = registering->heartbeat.path };
    return zk_multi(registering->task.session, ops, count, stored, registering);
}

/* Everything was looked at. */
static void decide(struct registering *registering)
{
    const struct seen *broker = &registering->broker, *current = &registering->current;
    const struct seen *former = &registering->former;
    int64_t session = zk_session_id(registering->task.session);

    bool stands = broker->there && current->there && broker->stat.owner == session &&
                  current->stat.owner == session;
#ifdef MUTANT_NODEEXISTS_IS_OK
    stands = broker->there && current->there;
#endif
    if (stands) {
        int code = judge(registering);              /* the answer to our own multi was lost */
        if (code == 0)
            epoch_known(registering, broker->stat.czxid);
        else
            failed(registering, code);
        return;
    }
    /* Our session's own, whose companion somebody deleted; or our former life's. */
    bool ours = broker->stat.owner == session ||
                (current->there && current->stat.owner == broker->stat.owner) ||
                (former->there && former->stat.owner == broker->stat.owner);
    if (broker->there && !ours) {
        held(registering);
        return;
    }
    struct zk_registered unfit = { .code = 0 };
    int code = fits(registering, &unfit.reason);
    if (code == K_UNSUPPORTED_VERSION) {
        unfit.code = code;
        ended(registering, &unfit);
        return;
    }
    if (code == 0)
        code = replace(registering);
    if (code != 0)
        failed(registering, code);
}

/* One of the questions is answered; after the last comes the decision. */
static void answered(struct registering *registering, int code)
{
    if (code != 0 && code != K_NOT_FOUND && registering->code == 0)
        registering->code = code;
    if (--registering->under_way > 0)
        return;
    if (registering->code == 0)
        decide(registering);
    else
        failed(registering, registering->code);
}

static void synced(void *context, const struct zk_reply *reply)
{
    answered(context, reply->code);
}

static void seen(void *context, const struct zk_reply *reply)
{
    struct seen *node = context;
    struct registering *registering = node->registering;
    int code = reply->code;

    node->there = code == 0;
    if (code == 0) {
        node->stat = reply->stat;
        node->size = reply->size;
        node->data = arena_copy(&registering->task.arena, reply->data == NULL ? "" : reply->data,
                                reply->size);
        if (node->data == NULL)
            code = K_NOMEM;
    }
    answered(registering, code);
}

/* The sync comes first: a server that lags would show what stood there before. */
static int look(struct registering *registering)
{
    struct seen *nodes[] = { &registering->broker, &registering->current, &registering->kairn,
                             &registering->heartbeat, &registering->feature,
                             &registering->former };
    size_t count = uuid_is_zero(&registering->previous) ||
                           uuid_equal(&registering->previous, &registering->incarnation)
                       ? 5
                       : 6;

    int code = zk_sync(registering->task.session, registering->broker.path, synced, registering);
    if (code != 0)
        return code;
    registering->under_way = 1;
    for (size_t i = 0; i < count && code == 0; i++) {
        nodes[i]->registering = registering;
        code = zk_get(registering->task.session, nodes[i]->path, NULL, seen, nodes[i]);
        if (code == 0)
            registering->under_way++;
    }
    registering->code = code; /* to be told with the answers that still come */
    return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

static const char *incarnation_path(struct arena *arena, int32_t id, const struct uuid *incarnation)
{
    char text[UUID_TEXT_SIZE];

    uuid_format(incarnation, text);
    return znode_path(arena, ZNODE_BROKER_INC, (int)id, text);
}

static bool prepare(struct registering *registering, const struct zk_registration *registration)
{
    struct arena *arena = &registering->task.arena;
    size_t directories_size = registration->record.directory_count * sizeof(struct uuid);

    registering->id = registration->id;
    registering->incarnation = registration->incarnation;
    registering->previous = registration->previous;
    registering->record = registration->record;
    registering->record.directories =
        arena_copy(arena, registration->record.directories, directories_size);
    registering->known = arena_copy(arena, registration->known,
                                    registration->known_count * sizeof(struct uuid));
    registering->known_count = registration->known_count;
    registering->fenced = registration->fenced;
    registering->ranges = registration->broker.features;
    registering->feature.path = znode_row(ZNODE_FEATURE)->pattern;
    registering->broker_json = znode_encode_broker(arena, &registration->broker);
    registering->broker.path = znode_path(arena, ZNODE_BROKER, (int)registration->id);
    registering->kairn.path = znode_path(arena, ZNODE_KAIRN_BROKER, (int)registration->id);
    registering->heartbeat.path = znode_path(arena, ZNODE_KAIRN_HEARTBEAT, (int)registration->id);
    registering->current.path =
        incarnation_path(arena, registration->id, &registration->incarnation);
    registering->former.path = incarnation_path(arena, registration->id, &registration->previous);
    return registering->record.directories != NULL && registering->known != NULL &&
           registering->broker_json != NULL &&
           registering->broker.path != NULL && registering->kairn.path != NULL &&
           registering->heartbeat.path != NULL && registering->current.path != NULL &&
           registering->former.path != NULL;
}

int zk_register(struct zk_session *session, const struct zk_registration *registration,
                void (*done)(void *context, const struct zk_registered *result), void *context)
{
    struct registering *registering = zk_task_new(session, sizeof *registering);
    int code = K_NOMEM;

    if (registering == NULL)
        return K_NOMEM;
    registering->done = done;
    registering->context = context;
    if (!prepare(registering, registration))
        goto free_task;
    code = look(registering);
    if (code != 0)
        goto free_task;
    return 0;

free_task:
    zk_task_free(&registering->task);
    return code;
}

/* --- leaving --------------------------------------------------------------------------------- */

struct unregistering {
    struct zk_task task;
    void (*done)(void *context, int code);
    void *context;
};

static void removed(void *context, const struct zk_reply *reply)
{
    struct unregistering *unregistering = context;
    void (*done)(void *, int) = unregistering->done;
    void *owner = unregistering->context;

    zk_task_free(&unregistering->task);
    if (done != NULL)
        done(owner, reply->code == K_NOT_FOUND ? 0 : reply->code);
}

/* Nobody but us has this incarnation's node, and it goes together with the registration: so a
 * foreign one is not removed. */
int zk_unregister(struct zk_session *session, int32_t id, const struct uuid *incarnation,
                  void (*done)(void *context, int code), void *context)
{
    struct unregistering *unregistering = zk_task_new(session, sizeof *unregistering);
    int code = K_NOMEM;

    if (unregistering == NULL)
        return K_NOMEM;
    unregistering->done = done;
    unregistering->context = context;
    struct arena *arena = &unregistering->task.arena;
    const struct zk_op ops[] = {
        { .kind = ZK_OP_DELETE, .path = incarnation_path(arena, id, incarnation), .version = -1 },
        { .kind = ZK_OP_DELETE, .path = znode_path(arena, ZNODE_BROKER, (int)id), .version = -1 },
    };
    if (ops[0].path == NULL || ops[1].path == NULL)
        goto free_task;
    code = zk_multi(session, ops, 2, removed, unregistering);
    if (code != 0)
        goto free_task;
    return 0;

free_task:
    zk_task_free(&unregistering->task);
    return code;
}
