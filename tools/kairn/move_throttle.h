/* move_throttle.h - replicas on their way copy no faster than a rate, as kafka-reassign-partitions
 * has it: the brokers get leader. and follower.replication.throttled.rate, the topics
 * leader. and follower.replication.throttled.replicas.
 *
 * Others may have set the same for reasons of their own. What is in the lists stays there, and a
 * rate comes back in the end; only what is still ours by then is taken away. */
#ifndef TOOLS_KAIRN_MOVE_THROTTLE_H
#define TOOLS_KAIRN_MOVE_THROTTLE_H

#include "tools/kairn/moves.h"

struct move_throttle;

/* --throttle, in bytes a second; 0: none. False: said, wrong usage. */
bool move_throttle_read(const struct args *args, int64_t *rate);

/* Set it for all that the moves copy. An exit status; what failed is said, and nothing of ours is
 * left but what is said, too. The moves are borrowed until it is lifted. */
int move_throttle_set(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                      const struct moves *moves, int64_t rate, struct move_throttle **out);

/* Take it away, and free. An exit status; what stays is said, and how to take it away. */
int move_throttle_lift(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                       struct move_throttle *throttle);

#endif
