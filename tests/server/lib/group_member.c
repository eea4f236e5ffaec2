#include "tests/server/lib/group_member.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"

/* A request and all that it is made of: the asked owns it. */
struct group_request {
    Kairn__RequestHead head;
    union {
        Kairn__JoinGroupRequest join;
        Kairn__SyncGroupRequest sync;
        Kairn__HeartbeatRequest beat;
        Kairn__LeaveGroupRequest leave;
        Kairn__OffsetCommitRequest commit;
        Kairn__OffsetFetchRequest fetch;
    } body;
    Kairn__GroupProtocol protocol, *protocols[1];
    Kairn__MemberAssignment assignments[8], *assigned[8];
    Kairn__LeavingMember leaving, *leavers[1];
    Kairn__OffsetCommitPartition offset, *offsets[1];
    Kairn__TopicPartition partition, *partitions[1];
    char texts[8][128];
    char member[128];
};

static struct group_request *new_request(const struct group_member *member)
{
    struct group_request *own = calloc(1, sizeof *own);

    kairn__request_head__init(&own->head);
    own->head.client_id = (char *)"tester";
    own->head.timeout_ms = member->timeout_ms;
    snprintf(own->member, sizeof own->member, "%s", member->id);
    return own;
}

static struct asked *start(const struct group_member *member, struct group_request *own)
{
    struct asked *asked = plane_start(member->plane, member->loop, &own->head, NULL, 0);

    asked->own = own;
    return asked;
}

static char *instance_of(const struct group_member *member)
{
    return member->instance != NULL ? (char *)member->instance : (char *)"";
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){ .len = strlen(text), .data = (uint8_t *)text };
}

static int wait_and_free(struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    asked_free(asked);
    return code;
}

void member_init(struct group_member *member, struct plane *plane, int loop, const char *group)
{
    memset(member, 0, sizeof *member);
    member->plane = plane;
    member->loop = loop;
    member->group = group;
    member->metadata = "anything";
    member->session_ms = member->rebalance_ms = 10000;
    member->generation = -1;
}

/* --- join ------------------------------------------------------------------------------------- */

struct asked *member_join_start(struct group_member *member)
{
    struct group_request *own = new_request(member);
    Kairn__JoinGroupRequest *body = &own->body.join;

    kairn__join_group_request__init(body);
    kairn__group_protocol__init(&own->protocol);
    own->protocols[0] = &own->protocol;
    own->protocol.name = (char *)"range";
    own->protocol.metadata = bytes_of(member->metadata);
    body->group = (char *)member->group;
    body->member = own->member;
    body->instance = instance_of(member);
    body->protocol_type = (char *)"consumer";
    body->session_timeout_ms = member->session_ms;
    body->rebalance_timeout_ms = member->rebalance_ms;
    body->n_protocols = 1;
    body->protocols = own->protocols;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP;
    own->head.join_group = body;
    return start(member, own);
}

int member_joined(struct group_member *member, struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    const Kairn__JoinGroupResponse *body = asked->head->join_group;

    if (code == 0 || code == K_MEMBER_ID_REQUIRED)
        snprintf(member->id, sizeof member->id, "%s", body->member);
    if (code == 0) {
        member->generation = body->generation;
        member->leads = strcmp(body->leader, member->id) == 0;
        member->skips = body->skip_assignment;
        member->member_count = body->n_members;
        ck_assert_uint_le(body->n_members, 8);
        for (size_t i = 0; i < body->n_members; i++)
            snprintf(member->members[i], sizeof member->members[i], "%s",
                     body->members[i]->member);
    }
    asked_free(asked);
    return code;
}

int member_join(struct group_member *member)
{
    int code = member_joined(member, member_join_start(member));

    return code == K_MEMBER_ID_REQUIRED ? member_joined(member, member_join_start(member)) : code;
}

/* --- sync, heartbeat, leave ------------------------------------------------------------------- */

struct asked *member_sync_start(struct group_member *member)
{
    struct group_request *own = new_request(member);
    Kairn__SyncGroupRequest *body = &own->body.sync;

    kairn__sync_group_request__init(body);
    body->group = (char *)member->group;
    body->member = own->member;
    body->instance = instance_of(member);
    body->generation = member->generation;
    body->n_assignments = member->leads ? member->member_count : 0;
    body->assignments = own->assigned;
    for (size_t i = 0; i < body->n_assignments; i++) {
        kairn__member_assignment__init(&own->assignments[i]);
        own->assigned[i] = &own->assignments[i];
        own->assignments[i].member = member->members[i];
        snprintf(own->texts[i], sizeof own->texts[i], "its-%zu", i);
        own->assignments[i].assignment = bytes_of(own->texts[i]);
    }
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP;
    own->head.sync_group = body;
    return start(member, own);
}

int member_synced(struct group_member *member, struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->error);

    if (code == 0) {
        const ProtobufCBinaryData *got = &asked->head->sync_group->assignment;
        snprintf(member->assignment, sizeof member->assignment, "%.*s", (int)got->len,
                 (const char *)got->data);
    }
    asked_free(asked);
    return code;
}

int member_sync(struct group_member *member)
{
    return member_synced(member, member_sync_start(member));
}

struct asked *member_beat_start(struct group_member *member, uint32_t wait_ms)
{
    struct group_request *own = new_request(member);
    Kairn__HeartbeatRequest *body = &own->body.beat;

    kairn__heartbeat_request__init(body);
    body->group = (char *)member->group;
    body->member = own->member;
    body->instance = instance_of(member);
    body->generation = member->generation;
    body->wait_ms = wait_ms;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_HEARTBEAT;
    own->head.heartbeat = body;
    return start(member, own);
}

int member_beat(struct group_member *member)
{
    return wait_and_free(member_beat_start(member, 0));
}

int member_leave(struct group_member *member)
{
    struct group_request *own = new_request(member);
    Kairn__LeaveGroupRequest *body = &own->body.leave;

    kairn__leave_group_request__init(body);
    kairn__leaving_member__init(&own->leaving);
    own->leavers[0] = &own->leaving;
    own->leaving.member = own->member;
    own->leaving.instance = instance_of(member);
    body->group = (char *)member->group;
    body->n_members = 1;
    body->members = own->leavers;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_LEAVE_GROUP;
    own->head.leave_group = body;
    struct asked *asked = start(member, own);
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    if (code == 0)
        code = head_error_code(asked->head->leave_group->results[0]->error);
    asked_free(asked);
    return code;
}

/* --- offsets ---------------------------------------------------------------------------------- */

struct asked *member_commit_start(struct group_member *member, const char *topic,
                                  uint32_t partition, int64_t offset, const char *metadata)
{
    struct group_request *own = new_request(member);
    Kairn__OffsetCommitRequest *body = &own->body.commit;

    kairn__offset_commit_request__init(body);
    kairn__offset_commit_partition__init(&own->offset);
    own->offsets[0] = &own->offset;
    own->offset.topic = (char *)topic;
    own->offset.partition = partition;
    own->offset.offset = offset;
    own->offset.leader_epoch = -1;
    own->offset.metadata = (char *)metadata;
    body->group = (char *)member->group;
    body->member = own->member;
    body->instance = instance_of(member);
    body->generation = member->generation;
    body->n_partitions = 1;
    body->partitions = own->offsets;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT;
    own->head.offset_commit = body;
    return start(member, own);
}

int member_committed(const struct asked *asked)
{
    int code = head_error_code(asked->head->error);

    return code != 0 ? code : head_error_code(asked->head->offset_commit->results[0]->error);
}

int member_commit(struct group_member *member, const char *topic, uint32_t partition,
                  int64_t offset)
{
    struct asked *asked = member_commit_start(member, topic, partition, offset, "");
    asked_wait(asked);
    int code = member_committed(asked);
    asked_free(asked);
    return code;
}

int member_fetch_offset(struct group_member *member, const char *topic, uint32_t partition,
                        int64_t *offset)
{
    struct group_request *own = new_request(member);
    Kairn__OffsetFetchRequest *body = &own->body.fetch;

    kairn__offset_fetch_request__init(body);
    kairn__topic_partition__init(&own->partition);
    own->partitions[0] = &own->partition;
    own->partition.topic = (char *)topic;
    own->partition.partition = partition;
    body->group = (char *)member->group;
    body->n_partitions = 1;
    body->partitions = own->partitions;
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH;
    own->head.offset_fetch = body;
    struct asked *asked = start(member, own);
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    if (code == 0)
        *offset = asked->head->offset_fetch->offsets[0]->offset;
    asked_free(asked);
    return code;
}

int member_ask(struct group_member *member, Kairn__RequestHead *head, struct asked **asked)
{
    struct asked *answer = plane_ask(member->plane, member->loop, head, NULL, 0);
    int code = head_error_code(answer->head->error);

    if (asked != NULL)
        *asked = answer;
    else
        asked_free(answer);
    return code;
}
