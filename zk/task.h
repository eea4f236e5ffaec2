/* zk/task.h - an operation of several calls: bootstrap, registration, election.
 *
 * Only inside zk/. A task finishes itself: it always waits for a call or for the connection, both
 * of which are answered when the session is closed. Owner's thread. */
#ifndef ZK_TASK_H
#define ZK_TASK_H

#include "common/arena.h"
#include "common/list.h"
#include "zk/session.h"

enum { ZK_TASK_MEMORY_MAX = 64 * 1024 * 1024 };

/* First member of every task. */
struct zk_task {
    struct list node;
    struct zk_session *session;
    struct arena arena;                                /* of the whole task */
    void (*connected)(struct zk_task *task, int code); /* set while it waits; see below */
};

/* `size` bytes, cleared, that begin with a struct zk_task. NULL when out of memory. */
void *zk_task_new(struct zk_session *session, size_t size);
void zk_task_free(struct zk_task *task);

/* Go on with connected(task, 0) when the session is connected again, with SESSION_LOST when it
 * expired instead. The session is ZK_SUSPENDED now. */
void zk_task_await_connection(struct zk_task *task,
                              void (*connected)(struct zk_task *task, int code));

/* Id of the session, 0 when there is none. */
int64_t zk_session_id(const struct zk_session *session);

#endif
