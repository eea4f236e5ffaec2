/* follower.h - a follower without a log: it asks the leader in a plane about partition 0 of a
 * topic, as another broker would. Asserts by Check, as plane.h does. */
#ifndef TESTS_SERVER_LIB_FOLLOWER_H
#define TESTS_SERVER_LIB_FOLLOWER_H

#include <stdint.h>

#include "common/uuid.h"
#include "proto/kairn.pb-c.h"

struct asked;
struct plane;
struct plane_topic;

struct follower {
    struct plane *plane;                /* borrowed, as is the topic */
    const struct plane_topic *topic;    /* its epoch, as it is when something is asked, counts */
    uint32_t version;                   /* that it asks in */
    uint32_t bytes_max;                 /* that it asks for: a megabyte */
    int32_t broker;
    struct uuid incarnation;
    uint64_t session, round;
    uint32_t epoch;
    int loop;
};

struct follower follower_new(struct plane *plane, const struct plane_topic *topic, int32_t broker,
                             const struct uuid *incarnation);

/* The next request of its session, which names its end. `offset` -1: it names nothing. */
struct asked *follower_ask(struct follower *follower, int64_t offset, int32_t last_epoch,
                           uint32_t wait_ms);

/* Wait for the answer; it is valid until asked_free(). */
const Kairn__ReplicaFetchResponse *follower_answer(struct follower *follower, struct asked *asked);

/* Say how far it is, whatever is answered. */
void follower_tell(struct follower *follower, int64_t offset);

#endif
