/* members.h - consumers of a group within a test: all polled by the test's thread, in turns. */
#ifndef TESTS_CLIENT_MEMBERS_H
#define TESTS_CLIENT_MEMBERS_H

#include <stdbool.h>

#include "tests/client/helpers.h"

enum { MEMBERS_MAX = 4 };

struct member {
    klient_consumer_t *consumer;
    int revoked, assigned, lost;    /* partitions told, in all */
    int calls;                      /* of the listener's `assigned` */
    long records;                   /* read, in all */
    klient_code_t code;             /* the last that a poll returned, but KLIENT_OK */
    void (*revoking)(struct member *member);    /* called inside `revoked`; may be NULL */
    void (*reading)(const klient_record_t *record);     /* called for each; may be NULL */
};

/* A consumer of group "g" with short times, the given name, value pairs up to NULL, and no
 * subscription yet. */
void member_open(struct member *member, const struct fake *fake, ...) __attribute__((sentinel));
void member_close(struct member *member);

/* To topics, comma-separated; with a listener that counts. */
void member_subscribe(struct member *member, const char *topics);
klient_listener_t member_listener(struct member *member);

/* One poll; frees what it returned. */
void member_poll(struct member *member, int64_t timeout_ms);

/* Each of them polls once. */
void members_poll(struct member *members, int count);

/* `count` members that divide the `partitions` of topic "t" by this strategy. */
void members_form(struct member *members, int count, struct fake *fake, const char *strategy,
                  int partitions);

/* A member that reads `count` records of partition 0 of "t", ten at a time; it commits what was
 * freed each 20 ms when `auto_commit` is "true". */
void member_fill_and_join(struct member *member, struct fake *fake, int count,
                          const char *auto_commit);

/* Poll until it has read so many and where it started is committed: nothing else is under way. */
void member_read_all(struct member *member, struct fake *fake, long count);

/* Poll until there are records: to be freed by the caller. */
klient_records_t *member_read_some(struct member *member);

/* How many partitions it holds, and all of them; no partition twice, or the test fails. */
int member_holds(const struct member *member);
int members_hold(const struct member *members, int count);

/* Poll all of them until `condition` holds. */
#define POLL_UNTIL(members, count, condition)                                                      \
    do {                                                                                           \
        for (int poll_looks = 0; !(condition); poll_looks++) {                                     \
            ck_assert_msg(poll_looks < 10000, "never: %s", #condition);                            \
            members_poll(members, count);                                                          \
        }                                                                                          \
    } while (0)

#endif
