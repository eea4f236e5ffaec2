/* runtime/follower_report.h - what a leader knows of another replica of its partition: how far
 * behind it is, and why it is not in sync. Pure. */
#ifndef RUNTIME_FOLLOWER_REPORT_H
#define RUNTIME_FOLLOWER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/replica.h"

/* Its last question: answered, if there was one; open; or open, and held by a throttle. */
enum follower_question { QUESTION_ANSWERED, QUESTION_OPEN, QUESTION_HELD };

/* The first that is true. */
enum follower_state {
    FOLLOWER_LEAVING,       /* in the stored set, and the controller is asked to take it out */
    FOLLOWER_IN_SYNC,
    FOLLOWER_GONE,          /* its broker is not registered */
    FOLLOWER_LOST,          /* its broker says that it can not use its copy */
    FOLLOWER_THROTTLED,     /* its question is held by a throttle */
    FOLLOWER_SILENT,        /* it has not asked in this epoch, or lacks records and does not ask */
    FOLLOWER_BEHIND,        /* it asks, and lacks some that may be committed */
    FOLLOWER_FLUSHING,      /* it has them, but not yet on its disk, and that counts */
    FOLLOWER_REFUSED,       /* the controller refused it a moment ago; it is proposed again */
    FOLLOWER_JOINING        /* it has all that it needs, and is, or will be, proposed */
};

/* What the replica itself does not know. */
struct follower_facts {
    bool registered;        /* its broker */
    bool lost;              /* its broker has said so to the controller */
    enum follower_question question;
    int64_t now_ms;
};

struct follower_report {
    int32_t broker;
    enum follower_state state;
    int64_t end;            /* of its log; -1: it has not asked in this epoch */
    int64_t lag;            /* records that it lacks; all, while end is -1 */
    int64_t behind_ms;      /* since it had all of them, or since the epoch began; 0: it has */
    int64_t silent_ms;      /* since it last asked; with nothing to ask for it need not */
};

/* `replica` leads; `progress` is one of its own. */
void follower_report_of(const struct replica *replica, const struct replica_progress *progress,
                        const struct follower_facts *facts, struct follower_report *out);

#endif
