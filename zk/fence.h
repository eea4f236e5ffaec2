/* zk/fence.h - writes of a controller: multis that also check the controller epoch.
 *
 * Answers: 0; BAD_VERSION, EXISTS or NOT_FOUND with failed_op counting only the caller's ops;
 * STALE_CONTROLLER_EPOCH when the fence failed (resign at once); SESSION_LOST when the outcome is
 * not known: resolve by zk_sync() and reading, never by blind resending. */
#ifndef ZK_FENCE_H
#define ZK_FENCE_H

#include "zk/session.h"

/* At most this many ops are put into one multi by callers; a znode stays under ZNODE_SIZE_MAX. */
enum { ZK_FENCED_OPS_MAX = 500, ZNODE_SIZE_MAX = 512 * 1024 };

int zk_fenced(struct zk_session *session, int32_t epoch_version, const struct zk_op *ops,
              size_t count, zk_answer answer, void *context);

#endif
