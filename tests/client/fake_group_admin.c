/* fake_group_admin.c - what a fake coordinator answers to who is no member. */
#include <string.h>

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/client/fake_private.h"

static const char *const states[] = { "Empty", "PreparingRebalance", "CompletingRebalance",
                                      "Stable", "Dead" };

static ProtobufCBinaryData bytes(struct arena *arena, struct groups_span from)
{
    return (ProtobufCBinaryData){
        .len = from.size,
        .data = from.size == 0 ? NULL : arena_copy(arena, from.data, from.size),
    };
}

/* --- describe --------------------------------------------------------------------------------- */

struct description {
    struct arena *arena;
    Kairn__GroupInfo *info;
    bool found;
};

static void take_description(void *context, const struct groups_description *from)
{
    struct description *description = context;
    struct arena *arena = description->arena;
    Kairn__GroupInfo *info = description->info;

    description->found = true;
    info->state = fake_text(arena, states[from->state]);
    info->protocol_type = fake_text(arena, from->protocol_type);
    info->protocol = fake_text(arena, from->protocol);
    info->leader = fake_text(arena, from->leader);
    info->generation = from->generation;
    info->members = arena_calloc(arena, from->member_count + 1, sizeof(void *));
    for (size_t i = 0; i < from->member_count; i++) {
        Kairn__GroupMember *member = NEW(arena, group_member, GroupMember);
        member->member = fake_text(arena, from->members[i].id);
        member->instance = fake_text(arena, from->members[i].instance);
        member->client_id = fake_text(arena, from->members[i].client_id);
        member->client_host = fake_text(arena, from->members[i].client_host);
        member->metadata = bytes(arena, from->members[i].metadata);
        member->assignment = bytes(arena, from->members[i].assignment);
        member->session_timeout_ms = (uint32_t)from->members[i].session_timeout_ms;
        member->rebalance_timeout_ms = (uint32_t)from->members[i].rebalance_timeout_ms;
        info->members[info->n_members++] = member;
    }
}

static void describe(struct arena *arena, const struct groups *core, int broker,
                     const Kairn__DescribeGroupsRequest *request, Kairn__ResponseHead *head)
{
    Kairn__DescribeGroupsResponse *body =
        NEW(arena, describe_groups_response, DescribeGroupsResponse);

    body->groups = arena_calloc(arena, request->n_groups + 1, sizeof(void *));
    for (size_t i = 0; i < request->n_groups; i++) {
        struct description description = { .arena = arena,
                                           .info = NEW(arena, group_info, GroupInfo) };
        description.info->group = request->groups[i];
        description.info->coordinator = broker;
        groups_describe(core, request->groups[i], take_description, &description);
        if (!description.found)
            description.info->error = head_error(arena, K_GROUP_ID_NOT_FOUND, NULL);
        body->groups[body->n_groups++] = description.info;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_GROUPS;
    head->describe_groups = body;
}

/* --- list ------------------------------------------------------------------------------------- */

enum { LISTED_MAX = 64 };

struct list_context {
    struct arena *arena;
    const Kairn__ListGroupsRequest *request;
    Kairn__ListGroupsResponse *body;
};

static void take_listed(void *context, const struct groups_description *from)
{
    struct list_context *list = context;
    bool wanted = list->request->n_states == 0;

    for (size_t i = 0; i < list->request->n_states; i++)
        wanted |= strcmp(list->request->states[i], states[from->state]) == 0;
    if (!wanted || list->body->n_groups == LISTED_MAX)
        return;
    Kairn__ListedGroup *row = NEW(list->arena, listed_group, ListedGroup);
    row->group = fake_text(list->arena, from->group);
    row->protocol_type = fake_text(list->arena, from->protocol_type);
    row->state = fake_text(list->arena, states[from->state]);
    list->body->groups[list->body->n_groups++] = row;
}

static void list_groups(struct arena *arena, const struct groups *core,
                        const Kairn__ListGroupsRequest *request, Kairn__ResponseHead *head)
{
    struct list_context list = { arena, request,
                                 NEW(arena, list_groups_response, ListGroupsResponse) };

    list.body->groups = arena_calloc(arena, LISTED_MAX, sizeof(void *));
    if (core != NULL)
        groups_describe(core, NULL, take_listed, &list);
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_GROUPS;
    head->list_groups = list.body;
}

/* --- offsets ---------------------------------------------------------------------------------- */

enum { OFFSETS_MAX = 8192 };

struct offsets_context {
    struct arena *arena;
    Kairn__OffsetFetchResponse *body;
};

static void take_offset(void *context, const char *group, const struct groups_offset *from)
{
    struct offsets_context *offsets = context;
    struct arena *arena = offsets->arena;

    (void)group;
    if (offsets->body->n_offsets == OFFSETS_MAX)
        return;
    Kairn__CommittedOffset *row = NEW(arena, committed_offset, CommittedOffset);
    row->partition = NEW(arena, topic_partition, TopicPartition);
    row->partition->topic = fake_text(arena, from->topic);
    row->partition->partition = (uint32_t)from->partition;
    row->offset = from->offset;
    row->leader_epoch = from->leader_epoch;
    row->metadata = fake_text(arena, from->metadata);
    row->topic_known = true;
    offsets->body->offsets[offsets->body->n_offsets++] = row;
}

static void fetch_all(struct arena *arena, const struct groups *core, const char *group,
                      Kairn__ResponseHead *head)
{
    struct offsets_context offsets = { arena,
                                       NEW(arena, offset_fetch_response, OffsetFetchResponse) };

    offsets.body->offsets = arena_calloc(arena, OFFSETS_MAX, sizeof(void *));
    groups_offsets(core, group, take_offset, &offsets);
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH;
    head->offset_fetch = offsets.body;
}

/* --- all of them ------------------------------------------------------------------------------ */

bool fake_group_look(struct arena *arena, const struct groups *core, int broker,
                     const Kairn__RequestHead *request, Kairn__ResponseHead *head)
{
    switch (request->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_GROUPS:
        describe(arena, core, broker, request->describe_groups, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_LIST_GROUPS:
        list_groups(arena, core, request->list_groups, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH:
        if (!request->offset_fetch->all)
            return false;
        fetch_all(arena, core, request->offset_fetch->group, head);
        return true;
    default: return false;
    }
}
