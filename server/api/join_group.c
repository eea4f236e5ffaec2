/* JoinGroup: become a member, or come back for a rebalance; answered when all are there. */
#include <string.h>

#include "common/error.h"
#include "common/uuid.h"
#include "proto/frame.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

/* Ways to assign that a member may know: the core compares them with those of all others. */
enum { PROTOCOLS_MAX = 100 };

/* --- the answer ------------------------------------------------------------------------------- */

/* Everything is in the arena, but some of it is not there. */
static char *text_of(const char *text)
{
    return text != NULL ? (char *)text : (char *)protobuf_c_empty_string;
}

/* What members have been assigned is told if there is room: the leader can do without it. */
static bool has_room(const struct group_answer *answer)
{
    size_t size = 0;

    for (size_t i = 0; i < answer->member_count; i++)
        size += answer->members[i].metadata.size + answer->members[i].assignment.size;
    return size <= FRAME_HEAD_MAX / 2;
}

static bool fill_members(struct request *request, const struct group_answer *answer,
                         Kairn__JoinGroupResponse *body)
{
    bool assigned = answer->skip_assignment && has_room(answer);
    void **pointers;
    Kairn__JoinedMember *members =
        request_messages(request, answer->member_count, sizeof *members, &pointers);

    if (members == NULL)
        return false;
    for (size_t i = 0; i < answer->member_count; i++) {
        const struct groups_member *member = &answer->members[i];
        kairn__joined_member__init(&members[i]);
        members[i].member = (char *)member->id;
        members[i].instance = text_of(member->instance);
        members[i].metadata.data = (uint8_t *)member->metadata.data;
        members[i].metadata.len = member->metadata.size;
        if (!assigned)
            continue;
        members[i].assignment.data = (uint8_t *)member->assignment.data;
        members[i].assignment.len = member->assignment.size;
    }
    body->n_members = answer->member_count;
    body->members = (Kairn__JoinedMember **)pointers;
    return true;
}

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct group_call *call = &calls->calls[0];
    const struct group_answer *answer = &call->answer;
    int code = call->outcome.code;
    Kairn__JoinGroupResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (code != 0 && code != K_MEMBER_ID_REQUIRED) {
        group_fail(request, call);
        return;
    }
    if (body != NULL)
        kairn__join_group_response__init(body);
    if (body == NULL || !fill_members(request, answer, body)) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    body->member = text_of(answer->member);
    body->generation = answer->generation;
    body->protocol_type = text_of(answer->protocol_type);
    body->protocol = text_of(answer->protocol);
    body->leader = text_of(answer->leader);
    body->skip_assignment = answer->skip_assignment;
    request->response.error = group_error(request, call);
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_JOIN_GROUP;
    request->response.join_group = body;
    request_finish(request);
}

/* --- the question ----------------------------------------------------------------------------- */

/* As Kafka has it: what the member calls itself, and something that nobody else has. */
static const char *new_member_id(struct request *request)
{
    const char *instance = request->head->join_group->instance;
    struct uuid uuid = uuid_random();
    char text[UUID_TEXT_SIZE];

    uuid_format(&uuid, text);
    return arena_printf(&request->arena, "%s-%s",
                        instance[0] != '\0' ? instance : request->head->client_id, text);
}

/* As Kafka has it: "/10.0.0.7". */
static const char *host_of(struct request *request)
{
    const char *peer = request->peer, *end = strrchr(peer, ':');
    int size = end != NULL ? (int)(end - peer) : (int)strlen(peer);

    if (size >= 2 && peer[0] == '[')
        return arena_printf(&request->arena, "/%.*s", size - 2, peer + 1);
    return arena_printf(&request->arena, "/%.*s", size, peer);
}

static int32_t bounded_ms(uint32_t ms)
{
    return ms < INT32_MAX ? (int32_t)ms : INT32_MAX;
}

static int check(const struct request *request, const char **text)
{
    const Kairn__JoinGroupRequest *body = request->head->join_group;
    int code = group_check(request, body->group, OPERATION_READ);
    bool fits = group_text_fits(body->member) && group_text_fits(body->protocol_type) &&
                strlen(body->instance) + UUID_TEXT_SIZE <= GROUP_TEXT_MAX &&
                strlen(request->head->client_id) + UUID_TEXT_SIZE <= GROUP_TEXT_MAX;

    if (code != 0)
        return code;
    for (size_t i = 0; i < body->n_protocols; i++)
        fits = fits && group_text_fits(body->protocols[i]->name);
    *text = !fits                              ? "a name is too long"
            : body->n_protocols > PROTOCOLS_MAX ? "there are too many protocols"
                                                : NULL;
    return *text != NULL ? K_INVALID_REQUEST : 0;
}

/* False when out of memory. */
static bool fill_event(struct request *request, struct groups_event *event)
{
    const Kairn__JoinGroupRequest *body = request->head->join_group;
    struct groups_protocol *protocols =
        arena_calloc(&request->arena, body->n_protocols + 1, sizeof *protocols);

    event->type = GROUPS_JOIN;
    event->asker.member = body->member;
    event->asker.instance = text_or_null(body->instance);
    event->join.new_id = new_member_id(request);
    event->join.known_only = true;
    event->join.client_id = request->head->client_id;
    event->join.client_host = host_of(request);
    event->join.protocol_type = body->protocol_type;
    event->join.session_timeout_ms = bounded_ms(body->session_timeout_ms);
    event->join.rebalance_timeout_ms = bounded_ms(body->rebalance_timeout_ms);
    event->join.protocols = protocols;
    event->join.protocol_count = body->n_protocols;
    if (protocols == NULL || event->join.new_id == NULL || event->join.client_host == NULL)
        return false;
    for (size_t i = 0; i < body->n_protocols; i++) {
        const Kairn__GroupProtocol *protocol = body->protocols[i];
        protocols[i].name = protocol->name;
        protocols[i].metadata =
            (struct groups_span){protocol->metadata.data, protocol->metadata.len};
    }
    return true;
}

void api_join_group(struct request *request)
{
    const char *text = NULL;
    int code = check(request, &text);
    struct group_call *call = group_call_new(request, request->head->join_group->group, answered);
    struct groups_event *event = arena_calloc(&request->arena, 1, sizeof *event);

    if (code == 0 && (call == NULL || event == NULL || !fill_event(request, event)))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, text);
        return;
    }
    call->event = event;
    group_call_ask(call);
}
