/* fake_group_answers.c - what a coordinator's rules answer, as messages; and nonsense. */
#include "server/core/groups.h"
#include "tests/client/fake_private.h"

char *fake_text(struct arena *arena, const char *from)
{
    return arena_strdup(arena, from == NULL ? "" : from);
}

static ProtobufCBinaryData bytes(struct arena *arena, struct groups_span from)
{
    return (ProtobufCBinaryData){
        .len = from.size,
        .data = from.size == 0 ? NULL : arena_copy(arena, from.data, from.size),
    };
}

static Kairn__JoinGroupResponse *join_answer(struct arena *arena,
                                             const struct groups_effect *effect)
{
    Kairn__JoinGroupResponse *body = NEW(arena, join_group_response, JoinGroupResponse);
    size_t count = effect->answer.member_count;

    body->member = fake_text(arena, effect->answer.member);
    body->generation = effect->answer.generation;
    body->protocol_type = fake_text(arena, effect->answer.protocol_type);
    body->protocol = fake_text(arena, effect->answer.protocol);
    body->leader = fake_text(arena, effect->answer.leader);
    body->skip_assignment = effect->answer.skip_assignment;
    body->members = arena_calloc(arena, count + 1, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        Kairn__JoinedMember *member = NEW(arena, joined_member, JoinedMember);
        member->member = fake_text(arena, effect->answer.members[i].id);
        member->instance = fake_text(arena, effect->answer.members[i].instance);
        member->metadata = bytes(arena, effect->answer.members[i].metadata);
        if (effect->answer.skip_assignment)
            member->assignment = bytes(arena, effect->answer.members[i].assignment);
        body->members[body->n_members++] = member;
    }
    return body;
}

static Kairn__SyncGroupResponse *sync_answer(struct arena *arena,
                                             const struct groups_effect *effect)
{
    Kairn__SyncGroupResponse *body = NEW(arena, sync_group_response, SyncGroupResponse);

    body->protocol_type = fake_text(arena, effect->answer.protocol_type);
    body->protocol = fake_text(arena, effect->answer.protocol);
    body->assignment = bytes(arena, effect->answer.assignment);
    return body;
}

static Kairn__OffsetCommitResponse *commit_answer(struct arena *arena, size_t rows, int error)
{
    Kairn__OffsetCommitResponse *body = NEW(arena, offset_commit_response, OffsetCommitResponse);

    body->results = arena_calloc(arena, rows + 1, sizeof(void *));
    for (size_t i = 0; i < rows; i++) {
        body->results[i] = NEW(arena, offset_commit_result, OffsetCommitResult);
        body->results[i]->error = error == 0 ? NULL : head_error(arena, error, NULL);
    }
    body->n_results = rows;
    return body;
}

static Kairn__DeleteGroupsResponse *delete_answer(struct arena *arena, int error)
{
    Kairn__DeleteGroupsResponse *body = NEW(arena, delete_groups_response, DeleteGroupsResponse);
    Kairn__GroupResult *result = NEW(arena, group_result, GroupResult);

    result->error = error == 0 ? NULL : head_error(arena, error, NULL);
    body->results = arena_copy(arena, &result, sizeof result);
    body->n_results = 1;
    return body;
}

static Kairn__OffsetDeleteResponse *forget_answer(struct arena *arena, size_t rows)
{
    Kairn__OffsetDeleteResponse *body = NEW(arena, offset_delete_response, OffsetDeleteResponse);

    body->results = arena_calloc(arena, rows + 1, sizeof(void *));
    for (size_t i = 0; i < rows; i++)
        body->results[i] = NEW(arena, offset_delete_result, OffsetDeleteResult);
    body->n_results = rows;
    return body;
}

static Kairn__LeaveGroupResponse *leave_answer(struct arena *arena, const int *codes, size_t count)
{
    Kairn__LeaveGroupResponse *body = NEW(arena, leave_group_response, LeaveGroupResponse);

    body->results = arena_calloc(arena, count, sizeof(void *));
    for (; body->n_results < count; body->n_results++) {
        Kairn__LeaveResult *result = NEW(arena, leave_result, LeaveResult);
        if (codes[body->n_results] != 0)
            result->error = head_error(arena, codes[body->n_results], NULL);
        body->results[body->n_results] = result;
    }
    return body;
}

void fake_group_answer(struct fake *fake, const struct groups_effect *effect, size_t rows,
                       const int *codes, Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;

    switch (head->body_case) {
    case KAIRN__RESPONSE_HEAD__BODY_JOIN_GROUP:
        head->join_group = join_answer(arena, effect);
        break;
    case KAIRN__RESPONSE_HEAD__BODY_SYNC_GROUP:
        head->sync_group = sync_answer(arena, effect);
        break;
    case KAIRN__RESPONSE_HEAD__BODY_HEARTBEAT:
        head->heartbeat = NEW(arena, heartbeat_response, HeartbeatResponse);
        break;
    case KAIRN__RESPONSE_HEAD__BODY_LEAVE_GROUP:
        head->error = NULL;         /* each row has its own */
        head->leave_group = leave_answer(arena, codes, rows);
        break;
    case KAIRN__RESPONSE_HEAD__BODY_DELETE_GROUPS:
        head->error = NULL;         /* the row has it */
        head->delete_groups = delete_answer(arena, effect->answer.error);
        break;
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_DELETE:
        head->offset_delete = forget_answer(arena, rows);
        break;
    default:
        head->error = NULL;         /* each row has its own */
        head->offset_commit = commit_answer(arena, rows, effect->answer.error);
        break;
    }
}

void fake_group_spoil(struct fake *fake, Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;

    if ((int)head->body_case != atomic_load(&fake->faults.group_nonsense_body))
        return;
    switch (head->body_case) {
    case KAIRN__RESPONSE_HEAD__BODY_FIND_COORDINATOR:
        head->find_coordinator->coordinators[0]->port = 700000;
        break;
    case KAIRN__RESPONSE_HEAD__BODY_JOIN_GROUP:
        head->join_group->protocol = fake_text(arena, "by-chance");
        break;
    case KAIRN__RESPONSE_HEAD__BODY_SYNC_GROUP:
        head->sync_group->assignment = bytes(arena, (struct groups_span){ "\0\0\0\0\0\1\0\1", 8 });
        break;
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_COMMIT:
        head->offset_commit->n_results = 0;
        break;
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH:
        head->offset_fetch->offsets[0]->offset = -77;
        break;
    case KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_GROUPS:
        head->describe_groups->groups[0]->members[0]->assignment =
            bytes(arena, (struct groups_span){ "\0\0\0\0\0\1\0\1", 8 });
        break;
    case KAIRN__RESPONSE_HEAD__BODY_DELETE_GROUPS:
        head->delete_groups->n_results = 0;
        break;
    case KAIRN__RESPONSE_HEAD__BODY_OFFSET_DELETE:
        head->offset_delete->n_results = 0;
        break;
    default: break;
    }
}
