/* zk/session.h - one ZooKeeper session, kept alive, and asynchronous calls on it.
 *
 * ZooKeeper's own threads only post: every callback given here runs on the owner's mail target
 * (a loop, or a test's inbox), never from inside the call that caused it. Nothing blocks on
 * ZooKeeper. When a session expires, calls in flight are answered SESSION_LOST, the owner is told
 * ZK_EXPIRED, and a new session is opened by itself. Functions belong to the owner's thread. */
#ifndef ZK_SESSION_H
#define ZK_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct mail_target;
struct zk_session;

enum zk_state {
    ZK_CONNECTED, /* usable; session id and negotiated timeout are known */
    ZK_SUSPENDED, /* no server reachable; the session may still be alive */
    ZK_EXPIRED,   /* ephemeral nodes are gone or going; a new session is being opened */
    ZK_REFUSED    /* authentication failed, or the chroot can not be made: final */
};

struct zk_session_options {
    const char *connect;        /* "host:port,host:port/chroot"; copied */
    int32_t timeout_ms;         /* asked for; the server has the last word */
    const char *digest;         /* "user:password" for ACLs, NULL: world-writable nodes; copied */
    struct mail_target *target; /* where callbacks run; borrowed */
    void (*changed)(void *context, enum zk_state state);
    void *context;
};

/* Start connecting. A chroot is created when missing before the first ZK_CONNECTED is told.
 * Returns 0, INVALID_CONFIG (connect string) or NOMEM. */
int zk_session_open(const struct zk_session_options *options, struct zk_session **out,
                    struct k_reason *reason);

/* End the session (its ephemeral nodes go at once) and free. Answers still due are given before it
 * returns, as SESSION_LOST, so that every call is answered exactly once and its context can be
 * freed there; calls made from within them are refused. Watches are not told. May be called from a
 * callback of the session, once. Waits at most `limit_ms` for ZooKeeper; not from a ZooKeeper
 * callback thread. NULL is allowed. */
void zk_session_close(struct zk_session *session, int64_t limit_ms);

/* To be called once a second: what found no memory while the session came to be is tried again. */
void zk_session_tend(struct zk_session *session);

enum zk_state zk_session_state(const struct zk_session *session);
int32_t zk_session_timeout_ms(const struct zk_session *session); /* negotiated; 0: not yet */

/* What a guardian needs to end this session for us. False while not connected. */
struct zk_session_key {
    int64_t id;
    char password[16];
};
bool zk_session_key(const struct zk_session *session, struct zk_session_key *out);

/* --- calls ----------------------------------------------------------------------------------- */

struct zk_stat {
    int64_t czxid, mzxid; /* of creation and last change */
    int32_t version;      /* of the data: what conditional writes name */
    int64_t owner;        /* session id of an ephemeral node, else 0 */
    int64_t ctime_ms, mtime_ms;
};

/* Valid during the callback. code: 0, NOT_FOUND, EXISTS, BAD_VERSION, BUSY (the node has
 * children), SESSION_LOST (expired, or the connection was lost: the call may or may not have been
 * carried out), NOMEM, INVALID_ARGUMENT, POLICY_VIOLATION (ACL), IO (anything else). */
struct zk_reply {
    int code;
    const char *data; /* zk_get: not terminated; NULL for no data */
    size_t size;
    struct zk_stat stat;         /* zk_get, zk_exists, zk_set */
    const char *const *children; /* zk_children */
    size_t child_count;
    size_t failed_op;    /* zk_multi: index of the op that failed; its code is `code` */
    const char *created; /* zk_multi: path of the first sequential create, or NULL */
};
typedef void (*zk_answer)(void *context, const struct zk_reply *reply);

/* ZooKeeper closes the connection of whoever sends more than jute.maxbuffer (1 MiB), again and
 * again: so the data, paths and ZK_OP_OVERHEAD per op of one call are bounded here. */
enum { ZK_REQUEST_SIZE_MAX = 1000 * 1000, ZK_OP_OVERHEAD = 64 };

/* All return 0 (the answer will come) or NOMEM / SESSION_LOST (it will not; also while not
 * ZK_CONNECTED) / INVALID_ARGUMENT (too large, or the path is not one). With `watch`, the
 * one-shot watch is armed by the very same read; `zk_watched` is then told once. */
struct zk_watch;
int zk_get(struct zk_session *session, const char *path, struct zk_watch *watch, zk_answer answer,
           void *context);
int zk_exists(struct zk_session *session, const char *path, struct zk_watch *watch,
              zk_answer answer, void *context);
int zk_children(struct zk_session *session, const char *path, struct zk_watch *watch,
                zk_answer answer, void *context);
int zk_set(struct zk_session *session, const char *path, const void *data, size_t size,
           int32_t version, zk_answer answer, void *context); /* version -1: any */
/* Make this server catch up with the leader before the next read. */
int zk_sync(struct zk_session *session, const char *path, zk_answer answer, void *context);

/* A watch is owned by the caller, reusable after it fired; `fired` runs on the mail target, also
 * once when the session expires (whatever was watched must be read again). */
struct zk_watch {
    void (*fired)(struct zk_watch *watch, const char *path);
    void *context;
    bool armed; /* kept by session.c */
    void *link; /* kept by session.c */
};
/* `fired` will not run any more. */
void zk_watch_cancel(struct zk_session *session, struct zk_watch *watch);

/* --- multi: all or nothing ------------------------------------------------------------------- */

enum zk_op_kind {
    ZK_OP_CREATE,
    ZK_OP_CREATE_EPHEMERAL,
    ZK_OP_CREATE_SEQUENTIAL,
    ZK_OP_SET,
    ZK_OP_DELETE,
    ZK_OP_CHECK
};

struct zk_op {
    enum zk_op_kind kind;
    const char *path; /* copied by zk_multi() */
    const void *data; /* CREATE*, SET; copied; NULL: no data */
    size_t size;
    int32_t version; /* SET, DELETE, CHECK; -1: any */
};

/* Error of a multi: the first op that failed tells code and index. */
int zk_multi(struct zk_session *session, const struct zk_op *ops, size_t count, zk_answer answer,
             void *context);

#endif
