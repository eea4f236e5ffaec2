/* group.h - a consumer's group: membership and committed offsets, on the handle's loop.
 *
 * membership.h decides, this carries out: it joins, syncs, sends heartbeats, assigns as leader,
 * looks for new topics and partitions, and offers the application what it is to hold. A consumer
 * that is assigned by hand uses only the coordinator and the commits. */
#ifndef CLIENT_GROUP_H
#define CLIENT_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "client/membership.h"
#include "client/partitions.h"

struct commit;
struct committed_ask;
struct assigned;
struct group;
struct klient_consumer;
struct subscription;

/* What the application is to hold, from the loop. */
struct offer {
    uint64_t number;
    enum membership_offer what;     /* of what is newest */
    uint64_t losses;                /* how often all was lost up to now */
    int32_t generation;
    char *member;                   /* owned */
    struct partitions partitions;
};

struct offer *offer_new(void);
void offer_free(struct offer *offer);           /* NULL is allowed */

/* --- the application's thread ----------------------------------------------------------------- */

/* For a consumer that has a group.id; before its loop's side starts. 0, K_NOMEM, or
 * K_INVALID_CONFIG: an assignor of the application does not start. */
int group_open(struct klient_consumer *consumer, struct group **out, klient_error_t **error);
void group_close(struct group *group);           /* stopped, or never started; NULL is allowed */

/* Be a member, for this; the loop takes a reference. 0 or K_NOMEM. */
int group_subscribe(struct group *group, struct subscription *subscription);

/* Be none: the application holds nothing any more. Returns how often all was lost up to now. */
uint64_t group_unsubscribe(struct group *group);

/* The application holds what this offer says. Its commits before go first. 0 or K_NOMEM. */
int group_reached(struct group *group, uint64_t offer);

/* It polls again, after the group went on without it. */
void group_polled(struct group *group);

/* Wait until all commits are carried out and the coordinator heard that the member is gone, after
 * group_unsubscribe() if it was one. 0, K_REQUEST_TIMED_OUT, or what the last automatic commit
 * failed with. */
int group_settle(struct group *group, int64_t deadline_ms);

/* --- the loop --------------------------------------------------------------------------------- */

int group_start(struct group *group);           /* 0 or K_NOMEM */
void group_stop(struct group *group);

/* The group had no offset of this partition: it starts here, and is committed. */
void group_starts(struct group *group, struct assigned *assigned, int64_t offset);

/* Ask what is committed; see committed.h. */
void group_ask_committed(struct group *group, struct committed_ask *ask);

/* The group has committed `offset` (-1: nothing) of a partition, as its coordinator said; what was
 * last heard of it, or -1. */
void group_note_committed(struct group *group, const char *topic, int32_t partition,
                          int64_t offset);
int64_t group_committed(const struct group *group, const char *topic, int32_t partition);

/* Carry out a commit; see commits.h. */
void group_commit(struct group *group, struct commit *commit);

#endif
