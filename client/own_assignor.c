#include "client/own_assignor.h"

#include <stdio.h>
#include <string.h>

#include "client/assign_claims.h"
#include "client/error.h"
#include "common/error.h"

/* What klient.h calls the group. Lives for one call of `assign`. */
struct klient_assigning {
    struct assign_group *group;
    struct arena *arena;
    klient_assign_member_t *members;
};

/* --- texts and lists, as C has them ----------------------------------------------------------- */

/* NULL when out of memory. */
static const char *copy_text(struct arena *arena, struct consumer_text text)
{
    return text.size == 0 ? "" : arena_printf(arena, "%.*s", (int)text.size, text.data);
}

static size_t count_claims(struct consumer_list owned)
{
    struct consumer_claim claim;
    size_t count = 0;

    while (consumer_claim_next(&owned, &claim))
        count += (size_t)claim.count;
    return count;
}

/* NULL when out of memory. */
static const klient_topic_partition_t *list_claims(struct arena *arena, struct consumer_list owned,
                                                   size_t *count)
{
    klient_topic_partition_t *list = arena_calloc(arena, count_claims(owned) + 1, sizeof *list);
    struct consumer_claim claim;

    *count = 0;
    while (list != NULL && consumer_claim_next(&owned, &claim)) {
        const char *topic = copy_text(arena, claim.topic);
        if (topic == NULL)
            return NULL;
        for (int32_t i = 0; i < claim.count; i++)
            list[(*count)++] =
                (klient_topic_partition_t){ topic, consumer_partition(&claim, i) };
    }
    return list;
}

/* --- failures --------------------------------------------------------------------------------- */

/* Begin a call: room for what it has to say. */
static struct refusal *begin(struct own_assignor *own)
{
    arena_reset(&own->scratch);
    *own->refusal = (struct refusal){ 0 };
    return own->refusal;
}

/* It returned `detail`: the reason names it. */
static int end(struct own_assignor *own, const char *call, int detail)
{
    struct refusal *refusal = own->refusal;
    struct k_reason said = refusal->reason;

    if (detail == 0)
        return 0;
    refusal->detail = detail;
    return k_reason_set(&refusal->reason, K_ASSIGNOR_FAILED, "assignor %s: %s: %s (%d)",
                        own->assignor.name, call,
                        said.text[0] != '\0' ? said.text : k_error_text(K_ASSIGNOR_FAILED), detail);
}

/* --- joining ---------------------------------------------------------------------------------- */

static int list_joining(struct arena *arena, const struct assign_joining *from,
                        klient_joining_t *to)
{
    const char **topics = arena_calloc(arena, (size_t)from->topic_count + 1, sizeof *topics);
    klient_topic_partition_t *owned;
    size_t count = 0;

    for (int32_t i = 0; i < from->owned_count; i++)
        count += (size_t)from->owned[i].count;
    owned = arena_calloc(arena, count + 1, sizeof *owned);
    if (topics == NULL || owned == NULL)
        return K_NOMEM;
    *to = (klient_joining_t){ .size = sizeof *to, .topics = topics, .owned = owned,
                              .topic_count = (size_t)from->topic_count,
                              .generation = from->generation,
                              .rack = copy_text(arena, from->rack) };
    bool copied = to->rack != NULL;
    for (int32_t i = 0; copied && i < from->topic_count; i++) {
        topics[i] = copy_text(arena, from->topics[i]);
        copied = topics[i] != NULL;
    }
    for (int32_t i = 0; copied && i < from->owned_count; i++) {
        const char *topic = copy_text(arena, from->owned[i].topic);
        copied = topic != NULL;
        for (int32_t j = 0; copied && j < from->owned[i].count; j++)
            owned[to->owned_count++] =
                (klient_topic_partition_t){ topic, from->owned[i].numbers[j] };
    }
    return copied ? 0 : K_NOMEM;
}

static int tell(void *context, const struct assign_joining *joining, struct buffer *out)
{
    struct own_assignor *own = context;
    struct refusal *refusal = begin(own);
    klient_joining_t shown;
    const void *data = NULL;
    size_t size = 0;
    int code = list_joining(&own->scratch, joining, &shown);

    if (code != 0)
        return code;
    code = end(own, "user_data", own->calls.user_data(own->state, &shown, &data, &size,
                                                      refusal->reason.text,
                                                      sizeof refusal->reason.text));
    return code != 0 || data == NULL ? code : buffer_copy(out, data, size);
}

/* --- assigning -------------------------------------------------------------------------------- */

static int list_member(struct arena *arena, const struct assign_member *from,
                       klient_assign_member_t *to)
{
    struct consumer_list nothing = { .count = 0 };

    *to = (klient_assign_member_t){
        .size = sizeof *to,
        .id = copy_text(arena, from->id),
        .instance = copy_text(arena, from->instance),
        .rack = copy_text(arena, from->unreadable ? (struct consumer_text){ NULL, 0 }
                                                  : from->told.rack),
        .topics = from->topics,
        .topic_count = from->topic_count,
        .generation = from->told.generation,
        .user_data = from->unreadable ? NULL : from->told.user_data.data,
        .user_data_size = from->unreadable ? 0 : from->told.user_data.size,
    };
    to->owned = list_claims(arena, from->unreadable ? nothing : from->told.owned, &to->owned_count);
    return to->id != NULL && to->instance != NULL && to->rack != NULL && to->owned != NULL
               ? 0
               : K_NOMEM;
}

static int list_members(struct klient_assigning *assigning)
{
    const struct assign_group *group = assigning->group;
    int code = 0;

    assigning->members = arena_calloc(assigning->arena, (size_t)group->member_count + 1,
                                      sizeof *assigning->members);
    if (assigning->members == NULL)
        return K_NOMEM;
    for (uint32_t i = 0; code == 0 && i < group->member_count; i++)
        code = list_member(assigning->arena, &group->members[i], &assigning->members[i]);
    return code;
}

/* Members that cooperate keep reading: what one of them has not given up yet nobody else may get,
 * whatever the application decided. It sees that it lost it, gives it up, and all join again. */
static int withhold(struct arena *arena, struct assign_group *group)
{
    struct assign_claim *claims = assign_claims_new(arena, group);

    if (claims == NULL)
        return K_NOMEM;
    for (uint32_t m = 0; m < group->member_count; m++)
        assign_claims_hear(group, claims, (int32_t)m, group->members[m].told.owned,
                           group->members[m].told.generation);
    for (uint32_t p = 0; p < group->partition_count; p++)
        claims[p].counts = !claims[p].tied;
    assign_claims_withhold(group, claims);
    return 0;
}

static int assign(void *context, struct assign_group *group)
{
    struct own_assignor *own = context;
    struct refusal *refusal = begin(own);
    struct klient_assigning assigning = { .group = group, .arena = &own->scratch };
    int code = list_members(&assigning);

    if (code != 0)
        return code;
    code = end(own, "assign", own->calls.assign(own->state, &assigning, refusal->reason.text,
                                                sizeof refusal->reason.text));
    return code != 0 || !own->assignor.cooperative ? code : withhold(&own->scratch, group);
}

size_t klient_assigning_topic_count(const klient_assigning_t *assigning)
{
    return assigning->group->topic_count;
}

klient_code_t klient_assigning_topic(const klient_assigning_t *assigning, size_t index,
                                     klient_assign_topic_t *out)
{
    if (index >= assigning->group->topic_count || out == NULL || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    out->name = assigning->group->topics[index].name;
    out->partition_count = assigning->group->topics[index].partition_count;
    return KLIENT_OK;
}

size_t klient_assigning_member_count(const klient_assigning_t *assigning)
{
    return assigning->group->member_count;
}

klient_code_t klient_assigning_member(const klient_assigning_t *assigning, size_t index,
                                      klient_assign_member_t *out)
{
    if (index >= assigning->group->member_count || out == NULL || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    *out = assigning->members[index];
    return KLIENT_OK;
}

static bool is_subscribed(const struct assign_member *member, size_t topic)
{
    for (uint32_t i = 0; i < member->topic_count; i++)
        if (member->topics[i] == topic)
            return true;
    return false;
}

klient_code_t klient_assigning_give(klient_assigning_t *assigning, size_t topic, int32_t partition,
                                    size_t member)
{
    struct assign_group *group = assigning->group;

    if (topic >= group->topic_count || member >= group->member_count || partition < 0 ||
        partition >= group->topics[topic].partition_count ||
        !is_subscribed(&group->members[member], topic))
        return KLIENT_INVALID_ARGUMENT;
    group->owners[group->topics[topic].first + (uint32_t)partition] = (int32_t)member;
    return KLIENT_OK;
}

klient_code_t klient_assigning_tell(klient_assigning_t *assigning, size_t member, const void *data,
                                    size_t size)
{
    struct assign_group *group = assigning->group;

    if (member >= group->member_count || data == NULL || size > INT32_MAX)
        return KLIENT_INVALID_ARGUMENT;
    const char *copy = size == 0 ? "" : arena_copy(assigning->arena, data, size);
    if (copy == NULL)
        return KLIENT_NOMEM;
    group->members[member].answer = (struct consumer_text){ copy, size };
    return KLIENT_OK;
}

/* --- the outcome ------------------------------------------------------------------------------ */

/* Without memory it is not told: the next rebalance tells all there is again. */
static void learn(void *context, int32_t generation, const struct consumer_assignment *assignment)
{
    struct own_assignor *own = context;

    arena_reset(&own->scratch);
    klient_assigned_t shown = { .size = sizeof shown, .generation = generation,
                                .user_data = assignment->user_data.data,
                                .user_data_size = assignment->user_data.size };
    shown.partitions = list_claims(&own->scratch, assignment->partitions, &shown.count);
    if (shown.partitions != NULL)
        own->calls.on_assignment(own->state, &shown);
}

/* --- life ------------------------------------------------------------------------------------- */

void own_assignor_init(struct own_assignor *own, const struct extension *row)
{
    const klient_assignor_t *calls = &row->as.assignor;

    *own = (struct own_assignor){
        .assignor = { .name = row->name,
                      .cooperative = calls->cooperative != 0,
                      .context = own,
                      .tell = calls->user_data != NULL ? tell : NULL,
                      .assign = assign,
                      .learn = calls->on_assignment != NULL ? learn : NULL },
        .calls = *calls,
        .state = calls->context,
    };
}

int own_assignor_open(struct own_assignor *own, const struct klient_config *config,
                      struct refusal *refusal, klient_error_t **error)
{
    struct refusal why = { 0 };

    own->refusal = refusal;
    if (own->calls.open != NULL)
        why.detail = own->calls.open(own->calls.context, config, &own->state, why.reason.text,
                                     sizeof why.reason.text);
    if (why.detail != 0)
        return extension_refused(own->assignor.name, &why, error);
    arena_init(&own->scratch, NULL, 0, SIZE_MAX);
    own->opened = true;
    return 0;
}

void own_assignor_close(struct own_assignor *own)
{
    if (!own->opened)
        return;
    own->opened = false;
    if (own->calls.close != NULL)
        own->calls.close(own->state);
    arena_fini(&own->scratch);
}

void klient_assignor_init(klient_assignor_t *assignor)
{
    *assignor = (klient_assignor_t){ .size = sizeof *assignor };
}
