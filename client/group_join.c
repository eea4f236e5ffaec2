/* group_join.c - what a member asks its coordinator: to join, to sync, to count it as alive, to let
 * it go. */
#include <string.h>

#include "client/group_private.h"
#include "common/buffer.h"
#include "common/error.h"

enum {
    GRACE_MS = 5000                 /* for an answer that may take as long as a rebalance */
};

static const char protocol_type[] = "consumer";

static char *instance(const struct group *group)
{
    char *id = group_values(group)->group_instance_id;

    return id == NULL ? (char *)"" : id;
}

/* The group waits for the slowest application. */
static int64_t rebalance_limit_ms(const struct group *group)
{
    int64_t longest_ms = (int64_t)group_values(group)->poll_interval_ms_max + GRACE_MS;
    int64_t request_ms = group_values(group)->request_timeout_ms;

    return longest_ms > request_ms ? longest_ms : request_ms;
}

static void ask(struct group *group, uint64_t round, int64_t limit_ms,
                int (*build)(struct coordinator_call *, struct request *),
                void (*answer)(struct coordinator_call *, int, const Kairn__ResponseHead *))
{
    coordinator_cancel(&group->call);
    coordinator_call_init(&group->call, build, answer);
    group->call.parked = true;
    group->call_round = round;
    coordinator_ask(&group->coordinator, &group->call, limit_ms);
}

/* --- join ------------------------------------------------------------------------------------- */

/* What the member says for one of its assignors. Who cooperates tells what it holds; others have
 * given that up and only remember it. */
static int write_metadata(struct group *group, const struct assignor *assignor,
                          struct arena *arena, Kairn__GroupProtocol *out)
{
    const struct partitions *owned = assignor->cooperative ? &group->held : &group->assigned;
    const struct topic_names *names = &group->names;
    const char *rack = group_values(group)->client_rack;
    struct consumer_text *topics = arena_calloc(arena, names->count + 1, sizeof *topics);
    struct consumer_partitions *claims;
    struct buffer bytes;
    int32_t count;

    if (topics == NULL || partitions_by_topic(owned, arena, &claims, &count) != 0)
        return K_NOMEM;
    for (size_t i = 0; i < names->count; i++)
        topics[i] = (struct consumer_text){ names->names[i], strlen(names->names[i]) };
    struct assign_joining joining = {
        .topics = topics,
        .topic_count = (int32_t)names->count,
        .owned = claims,
        .owned_count = count,
        .generation = count > 0 ? group->assigned_generation : CONSUMER_GENERATION_NONE,
        .rack = { rack, rack == NULL ? 0 : strlen(rack) },
    };
    buffer_init(&bytes);
    int code = assignor_subscription_write(assignor, &joining, &bytes);
    if (code == 0) {
        out->name = (char *)assignor->name;
        out->metadata.len = bytes.size;
        out->metadata.data = arena_copy(arena, bytes.bytes, bytes.size);
        code = out->metadata.data == NULL ? K_NOMEM : 0;
    }
    buffer_fini(&bytes);
    return code;
}

static int build_join(struct coordinator_call *call, struct request *request)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    const struct strategy *strategy = &group->strategy;
    struct arena *arena = &request->arena;
    Kairn__JoinGroupRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__GroupProtocol *protocols = arena_calloc(arena, strategy->count, sizeof *protocols);
    Kairn__GroupProtocol **pointers =
        arena_calloc(arena, strategy->count, sizeof(Kairn__GroupProtocol *));

    if (body == NULL || protocols == NULL || pointers == NULL)
        return K_NOMEM;
    partitions_clear(&group->claimed);
    if (partitions_unite(&group->claimed, &group->held) != 0)
        return K_NOMEM;
    kairn__join_group_request__init(body);
    body->group = (char *)group->coordinator.group;
    body->member = group->member;
    body->instance = instance(group);
    body->protocol_type = (char *)protocol_type;
    body->session_timeout_ms = (uint32_t)group_values(group)->session_timeout_ms;
    body->rebalance_timeout_ms = (uint32_t)group_values(group)->poll_interval_ms_max;
    body->protocols = pointers;
    body->n_protocols = strategy->count;
    for (size_t i = 0; i < strategy->count; i++) {
        pointers[i] = &protocols[i];
        kairn__group_protocol__init(&protocols[i]);
        int code = write_metadata(group, strategy->assignors[i], arena, &protocols[i]);
        if (code != 0)
            return code;
    }
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_JOIN_GROUP;
    request->head.join_group = body;
    return 0;
}

/* The id comes with a success, and with MEMBER_ID_REQUIRED. */
static int take_join(struct group *group, int code, const Kairn__ResponseHead *head,
                     struct membership_event *event)
{
    if (code != 0 && code != K_MEMBER_ID_REQUIRED)
        return code;
    if (head == NULL || head->body_case != KAIRN__RESPONSE_HEAD__BODY_JOIN_GROUP ||
        head->join_group->member[0] == '\0')
        return K_MALFORMED;
    const Kairn__JoinGroupResponse *answer = head->join_group;
    if (group_set_text(&group->member, answer->member) != 0)
        return K_NOMEM;
    if (code != 0)
        return code;
    if (answer->generation < 0 || strategy_find(&group->strategy, answer->protocol) == NULL)
        return K_MALFORMED;
    if (group_set_text(&group->protocol, answer->protocol) != 0)
        return K_NOMEM;
    event->joined.generation = answer->generation;
    event->joined.leads = strcmp(answer->leader, answer->member) == 0;
    event->joined.skip_assignment = answer->skip_assignment;
    if (event->joined.leads)
        return group_lead_take(group, answer);
    group_lead_resign(group);
    return 0;
}

static void join_answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    struct membership_event event = { .type = MEMBERSHIP_JOINED, .round = group->call_round };

    event.code = take_join(group, code, head, &event);
    group_step(group, &event);
}

void group_ask_join(struct group *group, uint64_t round)
{
    ask(group, round, rebalance_limit_ms(group), build_join, join_answered);
}

/* --- sync ------------------------------------------------------------------------------------- */

static int build_sync(struct coordinator_call *call, struct request *request)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    Kairn__SyncGroupRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__sync_group_request__init(body);
    body->group = (char *)group->coordinator.group;
    body->member = group->member;
    body->instance = instance(group);
    body->generation = group->membership.generation;
    body->protocol_type = (char *)protocol_type;
    body->protocol = group->protocol;
    if (group->assigns) {
        body->assignments = group->lead.assignments;
        body->n_assignments = group->lead.assignment_count;
    }
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_SYNC_GROUP;
    request->head.sync_group = body;
    return 0;
}

/* What the leader's assignor has to say to ours. */
static void learn(const struct group *group, ProtobufCBinaryData bytes)
{
    const struct assignor *assignor = strategy_find(&group->strategy, group->protocol);
    struct consumer_assignment assignment;

    if (assignor->learn != NULL && bytes.len > 0 &&
        consumer_assignment_read(bytes.data, bytes.len, &assignment) == 0)
        assignor->learn(assignor->context, group->membership.generation, &assignment);
}

/* Replace what we were assigned. What it was stays when this can not be read. */
static int take_sync(struct group *group, ProtobufCBinaryData bytes)
{
    struct partitions fresh;

    partitions_init(&fresh);
    int code = partitions_read(&fresh, bytes.data, bytes.len);
    if (code != 0) {
        partitions_fini(&fresh);
        return code;
    }
    partitions_fini(&group->assigned);
    group->assigned = fresh;
    group->assigned_generation = group->membership.generation;
    learn(group, bytes);
    return 0;
}

static void sync_answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    struct membership_event event = { .type = MEMBERSHIP_SYNCED, .round = group->call_round };

    event.code = code == 0 ? take_sync(group, head->sync_group->assignment) : code;
    event.synced.holds_any = group->assigned.count > 0;
    /* The application may have given it up since the join: nobody got it all the same. */
    event.synced.gives_up = !partitions_within(&group->held, &group->assigned) ||
                            !partitions_within(&group->claimed, &group->assigned);
    group_step(group, &event);
}

void group_ask_sync(struct group *group, uint64_t round, bool assigns)
{
    group->assigns = assigns;
    ask(group, round, rebalance_limit_ms(group), build_sync, sync_answered);
}

/* --- heartbeats ------------------------------------------------------------------------------- */

static int build_beat(struct coordinator_call *call, struct request *request)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    Kairn__HeartbeatRequest *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL)
        return K_NOMEM;
    kairn__heartbeat_request__init(body);
    body->group = (char *)group->coordinator.group;
    body->member = group->member;
    body->instance = instance(group);
    body->generation = group->membership.generation;
    body->wait_ms = (uint32_t)group->wait_ms;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_HEARTBEAT;
    request->head.heartbeat = body;
    return 0;
}

static void beat_answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct group *group = LIST_OWNER(call, struct group, call);
    struct membership_event event = { .type = MEMBERSHIP_BEATEN, .round = group->call_round,
                                      .code = code };

    (void)head;
    group_step(group, &event);
}

/* A coordinator that does not answer must be replaced well before the session ends. */
void group_ask_beat(struct group *group, uint64_t round, int64_t wait_ms)
{
    int64_t limit_ms = group_values(group)->request_timeout_ms;
    int64_t third_ms = group_values(group)->session_timeout_ms / 3;

    group->wait_ms = wait_ms;
    ask(group, round, wait_ms + (third_ms < limit_ms ? third_ms : limit_ms), build_beat,
        beat_answered);
}

/* --- leaving ---------------------------------------------------------------------------------- */

static int build_leave(struct coordinator_call *call, struct request *request)
{
    struct group *group = LIST_OWNER(call, struct group, leave);
    struct arena *arena = &request->arena;
    Kairn__LeaveGroupRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__LeavingMember *member = arena_alloc(arena, sizeof *member);

    if (body == NULL || member == NULL)
        return K_NOMEM;
    kairn__leaving_member__init(member);
    member->member = group->left;
    member->instance = instance(group);
    kairn__leave_group_request__init(body);
    body->group = (char *)group->coordinator.group;
    body->members = arena_copy(arena, &member, sizeof member);
    body->n_members = 1;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_LEAVE_GROUP;
    request->head.leave_group = body;
    return body->members == NULL ? K_NOMEM : 0;
}

/* Whatever it says: if it did not work the session ends by itself. */
static void leave_answered(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    struct group *group = LIST_OWNER(call, struct group, leave);

    (void)code, (void)head;
    group->leaving = false;
    if (group->subscription == NULL)
        coordinator_not_needed(&group->coordinator);
    group_go_on(group);
}

void group_ask_leave(struct group *group)
{
    coordinator_cancel(&group->leave);
    group->leaving = true;
    coordinator_ask(&group->coordinator, &group->leave, group_values(group)->request_timeout_ms);
}

void group_cancel(struct group *group)
{
    coordinator_cancel(&group->call);
}

void group_join_init(struct group *group)
{
    coordinator_call_init(&group->call, build_join, join_answered);
    coordinator_call_init(&group->leave, build_leave, leave_answered);
}

void group_join_fini(struct group *group)
{
    coordinator_cancel(&group->call);
    coordinator_cancel(&group->leave);
}
