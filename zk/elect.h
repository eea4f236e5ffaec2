/* zk/elect.h - the controller's chair: who has it, claiming it, leaving it. */
#ifndef ZK_ELECT_H
#define ZK_ELECT_H

#include <stdint.h>

struct zk_session;
struct zk_watch;

struct zk_controller {
    int code;       /* 0 */
    int32_t broker; /* -1: nobody */
    int64_t owner;  /* session id behind /controller */
};

/* Read /controller and arm `watch` on it (also when it does not exist). */
int zk_controller_read(struct zk_session *session, struct zk_watch *watch,
                       void (*done)(void *context, const struct zk_controller *result),
                       void *context);

struct zk_elected {
    int code;              /* 0: won; EXISTS: somebody else has it; SESSION_LOST; IO */
    int32_t epoch;         /* the new controller epoch */
    int32_t epoch_version; /* version of /controller_epoch: the fence of every write */
};

/* One multi: create ephemeral /controller, set /controller_epoch at the version just read. A lost
 * answer is resolved by sync and read: it is ours when the owner is our session and the epoch is
 * the one we wrote. */
int zk_elect(struct zk_session *session, int32_t broker,
             void (*done)(void *context, const struct zk_elected *result), void *context);

/* Give the chair up, if it is ours. done may be NULL. */
int zk_resign(struct zk_session *session, void (*done)(void *context, int code), void *context);

#endif
