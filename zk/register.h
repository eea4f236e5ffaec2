/* zk/register.h - a broker's registration, bound to an incarnation.
 *
 * One multi deletes our own previous nodes and creates /brokers/ids/N and /brokers/inc/N-<uuid>
 * anew, and records us in /kairn/brokers/N. A node under our id that is not provably ours is
 * answered ID_IN_USE with its holder: the caller (core/member) waits and tries again.
 *
 * The multi checks /feature, and counts in the version of /kairn/brokers, which whoever raises a
 * level checks: so nobody is registered who can not do what is finalised. */
#ifndef ZK_REGISTER_H
#define ZK_REGISTER_H

#include "common/error.h"
#include "common/uuid.h"
#include "zk/znode.h"

struct zk_session;

struct zk_registration {
    int32_t id;
    struct uuid incarnation; /* new for every start of the process */
    struct uuid previous;    /* the last one that this directory used; zero: none */
    const struct uuid *known;       /* those of which the disks say that one registered last */
    size_t known_count;
    bool fenced;             /* a directory went out of use since the start */
    struct znode_broker broker;
    struct znode_kairn_broker record;   /* without `missing`; lossy: as it was at the start */
};

struct zk_registered {
    int code;             /* 0, ID_IN_USE, UNSUPPORTED_VERSION, SESSION_LOST, NOMEM, IO */
    int64_t broker_epoch; /* czxid of /brokers/ids/N */
    bool lossy;           /* the mark as recorded: ours, or one that stood there */
    bool first;           /* there was no record of us */
    size_t missing;       /* directories that were recorded and are not there any more */
    char holder[256];     /* ID_IN_USE: host, port and session of the other */
    struct k_reason reason;   /* UNSUPPORTED_VERSION: which level, and what to do */
};

/* The lossy mark is set when the registration says so, when it stands there already, when the
 * recorded incarnation is neither this one nor known to the disks (others than the cluster relies
 * on), or when a recorded directory is missing. Those stay recorded as missing as long as the mark
 * stands. Once this incarnation is recorded, the mark there is the truth, but for a directory that
 * is fenced since. `registration` and what it points to are copied. Returns 0, NOMEM or
 * SESSION_LOST. */
int zk_register(struct zk_session *session, const struct zk_registration *registration,
                void (*done)(void *context, const struct zk_registered *result), void *context);

/* Remove our registration (controlled stop). Best effort; done may be NULL. */
int zk_unregister(struct zk_session *session, int32_t id, const struct uuid *incarnation,
                  void (*done)(void *context, int code), void *context);

#endif
