#include "tests/server/lib/follower.h"

#include <check.h>
#include <stdlib.h>

#include "proto/head.h"
#include "tests/server/lib/plane.h"

struct question {
    Kairn__RequestHead head;
    Kairn__ReplicaFetchRequest body;
    Kairn__ReplicaQuestion entry, *entries[1];
    struct uuid id, incarnation;
};

struct follower follower_new(struct plane *plane, const struct plane_topic *topic, int32_t broker,
                             const struct uuid *incarnation)
{
    return (struct follower){ .plane = plane, .topic = topic, .broker = broker,
                              .incarnation = *incarnation, .bytes_max = 1 << 20,
                              .loop = plane_owner(plane, &topic->id, 0) };
}

struct asked *follower_ask(struct follower *follower, int64_t offset, int32_t last_epoch,
                           uint32_t wait_ms)
{
    struct question *own = calloc(1, sizeof *own);

    ck_assert_ptr_nonnull(own);
    kairn__request_head__init(&own->head);
    kairn__replica_fetch_request__init(&own->body);
    kairn__replica_question__init(&own->entry);
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_REPLICA_FETCH;
    own->head.replica_fetch = &own->body;
    own->head.version = follower->version;
    own->id = follower->topic->id;
    own->incarnation = follower->incarnation;
    own->body.broker = follower->broker;
    own->body.incarnation = head_bytes_of_uuid(&own->incarnation);
    own->body.session = follower->session;
    own->body.session_epoch = follower->epoch++;
    own->body.max_wait_ms = wait_ms;
    own->body.max_bytes = follower->bytes_max;
    own->body.questions = own->entries;
    own->entries[0] = &own->entry;
    own->entry.topic_id = head_bytes_of_uuid(&own->id);
    own->entry.round = ++follower->round;
    own->entry.leader_epoch = follower->topic->leader_epoch;
    own->entry.offset = own->entry.flushed = offset;
    own->entry.last_epoch = last_epoch;
    own->body.n_questions = offset >= 0;
    struct asked *asked = plane_start(follower->plane, follower->loop, &own->head, NULL, 0);
    asked->own = own;
    return asked;
}

const Kairn__ReplicaFetchResponse *follower_answer(struct follower *follower, struct asked *asked)
{
    asked_wait(asked);
    ck_assert_int_eq(head_error_code(asked->head->error), 0);
    follower->session = asked->head->replica_fetch->session;
    return asked->head->replica_fetch;
}

void follower_tell(struct follower *follower, int64_t offset)
{
    int32_t last_epoch = offset > 0 ? follower->topic->leader_epoch : -1;
    struct asked *asked = follower_ask(follower, offset, last_epoch, 0);

    follower_answer(follower, asked);
    asked_free(asked);
}
