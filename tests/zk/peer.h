/* peer.h - one session in a test: its state as it was told, and calls that wait for their answer.
 */
#ifndef TESTS_ZK_PEER_H
#define TESTS_ZK_PEER_H

#include <check.h>

#include "common/clock.h"
#include "tests/zk/inbox.h"
#include "zk/session.h"

enum { PEER_WAIT_MS = 20 * 1000 };

struct peer {
    struct inbox *inbox;
    struct zk_session *session;
    enum zk_state state;
    int told[4]; /* how often each state was */
};

/* Deliver mail until `condition` holds; the test fails when it does not in time. */
#define UNTIL(inbox, condition)                                                                    \
    do {                                                                                           \
        int64_t until_deadline_ms = clock_mono_ms(&clock_system) + PEER_WAIT_MS;                   \
        while (!(condition))                                                                       \
            ck_assert_msg(inbox_turn((inbox), until_deadline_ms), "never: %s", #condition);        \
    } while (0)

/* Open and wait until connected. `suffix` is put behind the server's address, e.g. "/chroot". */
void peer_open(struct peer *peer, struct inbox *inbox, const char *suffix, int32_t timeout_ms);
void peer_start(struct peer *peer, struct inbox *inbox, const char *connect,
                int32_t timeout_ms); /* does not wait */
void peer_open_at(struct peer *peer, struct inbox *inbox, const char *connect, int32_t timeout_ms);
void peer_close(struct peer *peer);
int64_t peer_session_id(const struct peer *peer);

/* End the peer's session from outside, as the server does with a silent one. */
void peer_end_session(const struct peer *peer);
void end_session(const struct zk_session_key *key);       /* the same with anybody's */
/* The same, and wait until the peer was told. */
void peer_expire(struct peer *peer);

/* A reply that was copied. */
struct answer {
    bool given;
    int times, code;
    char data[1024];
    size_t size, child_count, failed_op;
    struct zk_stat stat;
    char created[256];
};
void answer_take(void *context, const struct zk_reply *reply); /* a zk_answer */

struct answer peer_get(struct peer *peer, const char *path, struct zk_watch *watch);
struct answer peer_exists(struct peer *peer, const char *path, struct zk_watch *watch);
struct answer peer_children(struct peer *peer, const char *path, struct zk_watch *watch);
struct answer peer_set(struct peer *peer, const char *path, const char *text, int32_t version);
struct answer peer_sync(struct peer *peer, const char *path);
struct answer peer_multi(struct peer *peer, const struct zk_op *ops, size_t count);
/* One op; `text` may be NULL. */
struct answer peer_do(struct peer *peer, enum zk_op_kind kind, const char *path, const char *text);

#endif
