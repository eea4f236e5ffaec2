/* zk/link.h - one handle of libzookeeper: opened, used and closed without blocking its owner.
 *
 * Only for zk/session.c and its parts (link.c, call.c, watch.c). A session that expires is
 * followed by a new one, and so a link by the next link. Everything here belongs to the owner's
 * thread, except where a comment names another: libzookeeper's threads fill in a reply and post
 * it, a helper thread opens and closes handles (both may wait: for name resolution, for the last
 * packet). zookeeper_close() never runs on one of libzookeeper's own threads.
 *
 * A link is counted: its owner, its helper thread and every mail in transit hold a reference.
 * `session` is NULL once the owner gave the link up; what comes then is dropped. */
#ifndef ZK_LINK_H
#define ZK_LINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <zookeeper/zookeeper.h>

#include "common/list.h"
#include "common/mail.h"
#include "zk/session.h"

/* What stands between libzookeeper's threads and the owner's mail target, shared by all links of
 * a session: once it is shut, nothing is posted any more and the target may go away. */
struct gate {
    struct mail_target *target;
    atomic_int references, posting;
    atomic_bool shut;
};

struct gate *gate_new(struct mail_target *target); /* NULL when out of memory */
struct gate *gate_ref(struct gate *gate);
void gate_unref(struct gate *gate);
/* False: not posted, the caller keeps the mail. Any thread. */
bool gate_post(struct gate *gate, struct mail *mail);
/* Returns when no post is under way and none will begin. */
void gate_shut(struct gate *gate);

struct link {
    struct zk_session *session;
    struct gate *gate;
    char *hosts, *digest; /* own copies; digest may be NULL */
    int32_t timeout_ms;
    struct link *predecessor; /* the helper's: is closed before this one is opened */
    pthread_t helper;
    int stop_fd, done_fd; /* eventfds: give up opening; link_finish() is through */
    zhandle_t *zh;        /* set by the helper before it posts `opened` */
    bool opened;          /* `opened` was delivered: zh may be used */
    bool rooted;          /* the chroot is known to exist */
    atomic_int references;
    atomic_int state; /* the last that libzookeeper told */
    atomic_bool told; /* `news` is in transit */
    struct mail opening, news, closing;
    struct list calls;   /* struct call, not answered yet */
    struct list orphans; /* struct call, answered early: libzookeeper still knows them */
    struct list armings; /* struct arming */
};

/* Start opening. `predecessor` (may be NULL) is taken over and closed first. 0 or NOMEM; on
 * failure the predecessor stays the caller's. */
int link_open(struct zk_session *session, struct gate *gate, const char *hosts, const char *digest,
              int32_t timeout_ms, struct link *predecessor, struct link **out);
struct link *link_ref(struct link *link);
void link_unref(struct link *link);

/* Close the handle, wait at most `limit_ms`, drop the owner's reference. The session has let go
 * of the link before. After a time-out the closing goes on alone; the caller shuts the gate. */
void link_close(struct link *link, int64_t limit_ms);

/* The part of session.c that link.c and call.c call on the owner's thread. */
void session_link_changed(struct link *link, int zoo_state);
void session_enter(struct zk_session *session);
void session_leave(struct zk_session *session); /* may free it */
bool session_closed(const struct zk_session *session);

/* --- watches (watch.c) ----------------------------------------------------------------------- */

enum read_kind { READ_DATA, READ_EXISTS, READ_CHILDREN };

/* A watch as libzookeeper holds it: lives until it fired, was not set after all, or the link ends.
 */
struct arming {
    struct mail mail;
    struct list node; /* in link->armings */
    struct link *link;
    struct zk_watch *watch; /* NULL: cancelled */
    enum read_kind kind;
    bool registered; /* the read that set it was answered */
    atomic_flag posted;
    size_t prefix_size; /* of the chroot within path */
    char path[];
};

/* Arm `watch` for a read about to be made. `*out` is NULL when it is armed for the same already:
 * then the read needs no watcher of its own. 0 or NOMEM. */
int arming_new(struct link *link, struct zk_watch *watch, enum read_kind kind, const char *prefix,
               const char *path, struct arming **out);
/* The read was answered; `set` says whether libzookeeper holds the watch now. NULL is allowed. */
void arming_settle(struct arming *arming, bool set);
void arming_free(struct arming *arming);
/* Tell all that are set that they fired: the session expired. */
void armings_fire(struct link *link);
/* Forget the owners of all. */
void armings_cancel(struct link *link);
/* What is given to libzookeeper beside the arming. */
void arming_watcher(zhandle_t *zh, int type, int state, const char *path, void *context);

/* --- calls (call.c); paths are those under `prefix`, the chroot or "" ------------------------ */

int call_read(struct link *link, enum read_kind kind, const char *prefix, const char *path,
              struct zk_watch *watch, zk_answer answer, void *context);
int call_set(struct link *link, const char *prefix, const char *path, const void *data, size_t size,
             int32_t version, zk_answer answer, void *context);
int call_sync(struct link *link, const char *prefix, const char *path, zk_answer answer,
              void *context);
int call_multi(struct link *link, const char *prefix, const struct zk_op *ops, size_t count,
               zk_answer answer, void *context);
/* Answer all that are under way SESSION_LOST: what still comes for them is dropped. */
void calls_lose(struct link *link);
/* Drop the answers of all. */
void calls_forget(struct link *link);
/* The handle is closed: free what libzookeeper never completed. It loses the calls that are made
 * while a session expires, and is known to. */
void calls_sweep(struct link *link);

#endif
