/* zk/guardian.h - a tiny process that ends our ZooKeeper session the moment we die.
 *
 * Without it a crashed broker stays registered for a whole session timeout. The guardian is the
 * broker's own program run again in its own process session, every other descriptor closed; it
 * holds a pidfd on the broker and gets the session's key by pipe. Only the pidfd proves death. Then
 * it re-attaches to the session and closes it, trying at most until the session's timeout has
 * passed. */
#ifndef ZK_GUARDIAN_H
#define ZK_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

#include "zk/session.h"

struct guardian;

/* Spawn it. `connect` as for the session; copied. Returns 0, NOMEM, INVALID_CONFIG or IO (fork or
 * exec failed). Owner's thread. A guardian that dies is spawned again by guardian_tend(). */
int guardian_start(const char *connect, struct guardian **out);

/* Tell it which session to end if we die; call at every new session. Returns 0 or IO. */
int guardian_watch(struct guardian *guardian, const struct zk_session_key *key, int32_t timeout_ms);

/* Call about once a second: spawns it again when it died. True when it had to. */
bool guardian_tend(struct guardian *guardian);

/* Dismiss it: it exits without touching the session. NULL is allowed. */
void guardian_stop(struct guardian *guardian);

int64_t guardian_pid(const struct guardian *guardian);

/* main() calls this first: when the program was started as a guardian it does its work and never
 * returns. */
void guardian_main_if_asked(int argc, char **argv);

#endif
