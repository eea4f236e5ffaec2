/* group_lead.c - what the leader of a group does for the others: it assigns, and sees to it that
 * new topics and partitions are assigned, too. */
#include <stdlib.h>
#include <string.h>

#include "client/group_private.h"
#include "client/retry_policy.h"
#include "common/buffer.h"
#include "common/error.h"
#include "common/map.h"

enum { PATIENCE_MS = 5000 };        /* for topics that nobody has told anything of */

/* --- who joined ------------------------------------------------------------------------------- */

static struct consumer_text copy_text(struct arena *arena, const char *text, int *code)
{
    char *copy = arena_strdup(arena, text);

    if (copy == NULL)
        *code = K_NOMEM;
    return (struct consumer_text){ copy, strlen(text) };
}

static int copy_members(struct lead *lead, const Kairn__JoinGroupResponse *answer)
{
    int code = 0;

    lead->members = arena_calloc(&lead->arena, answer->n_members + 1, sizeof *lead->members);
    if (lead->members == NULL)
        return K_NOMEM;
    for (size_t i = 0; code == 0 && i < answer->n_members; i++) {
        const Kairn__JoinedMember *from = answer->members[i];
        struct assign_joined *to = &lead->members[i];
        to->id = copy_text(&lead->arena, from->member, &code);
        if (from->instance[0] != '\0')
            to->instance = copy_text(&lead->arena, from->instance, &code);
        to->size = from->metadata.len;
        to->metadata = to->size == 0 ? ""
                                     : arena_copy(&lead->arena, from->metadata.data, to->size);
        if (to->metadata == NULL)
            code = K_NOMEM;
    }
    lead->member_count = answer->n_members;
    return code;
}

/* --- their topics ----------------------------------------------------------------------------- */

static size_t count_topics(const struct lead *lead)
{
    struct consumer_subscription subscription;
    size_t count = 0;

    for (size_t i = 0; i < lead->member_count; i++)
        if (consumer_subscription_read(lead->members[i].metadata, lead->members[i].size,
                                       &subscription) == 0)
            count += (size_t)subscription.topics.count;
    return count;
}

/* Retry topics are made by who writes to them first, like those whose records they get. */
static bool may_be_made(const struct group *group, const char *topic)
{
    const struct klient_config *config = group->consumer->config;

    return config->values.create_topics &&
           (config->retry_policy == NULL ||
            !retry_policy_is_own(config->retry_policy, config_group(config), topic));
}

static int hold(struct group *group, struct map *seen, struct consumer_text name)
{
    struct lead *lead = &group->lead;

    if (name.size == 0 || name.size > TOPIC_NAME_MAX || map_get(seen, name.data, name.size) != NULL)
        return 0;
    char *text = arena_printf(&lead->arena, "%.*s", (int)name.size, name.data);
    int code = text == NULL ? K_NOMEM : map_put(seen, name.data, name.size, text, NULL);
    if (code != 0)
        return code;
    struct topic *topic = cluster_hold(group_klient(group)->cluster, text,
                                       may_be_made(group, text));
    if (topic == NULL)
        return K_NOMEM;
    lead->topics[lead->topic_count++].topic = topic;
    return 0;
}

static int hold_topics(struct group *group)
{
    struct lead *lead = &group->lead;
    struct consumer_subscription subscription;
    struct consumer_text name;
    struct map seen;
    int code = 0;

    lead->topics = arena_calloc(&lead->arena, count_topics(lead) + 1, sizeof *lead->topics);
    if (lead->topics == NULL)
        return K_NOMEM;
    map_init(&seen);
    for (size_t i = 0; i < lead->member_count; i++) {
        if (consumer_subscription_read(lead->members[i].metadata, lead->members[i].size,
                                       &subscription) != 0)
            continue;               /* it gets nothing */
        while (code == 0 && consumer_topic_next(&subscription.topics, &name))
            code = hold(group, &seen, name);
    }
    map_fini(&seen);
    return code;
}

/* What can be assigned of it: what was last told, until all insist that there is no such topic. */
static int32_t partition_count(const struct group *group, const struct topic *topic)
{
    int code = cluster_topic_code(group_klient(group)->cluster, topic);

    return code == 0 || code == K_LEADER_NOT_AVAILABLE ? topic->count : 0;
}

static void note_counts(struct group *group)
{
    struct lead *lead = &group->lead;

    for (size_t i = 0; i < lead->topic_count; i++)
        lead->topics[i].count = partition_count(group, lead->topics[i].topic);
    lead->noted = true;
}

static bool all_told(const struct lead *lead)
{
    for (size_t i = 0; i < lead->topic_count; i++)
        if (lead->topics[i].topic->code == K_LEADER_NOT_AVAILABLE)
            return false;
    return true;
}

bool group_lead_is_stale(struct group *group)
{
    struct lead *lead = &group->lead;

    /* It came back to what another process assigned, which nobody tells: take it for all. */
    if (lead->leads && !lead->noted && all_told(lead))
        note_counts(group);
    for (size_t i = 0; lead->noted && i < lead->topic_count; i++) {
        const struct topic *topic = lead->topics[i].topic;
        bool untold = topic->code == K_LEADER_NOT_AVAILABLE && topic->count == 0;
        if (!untold && lead->topics[i].count != partition_count(group, topic))
            return true;
    }
    return false;
}

/* It came back to what it has assigned itself: of those partitions which there were then. */
static int keep_counts(struct lead *lead, const struct lead *former)
{
    struct map counted;
    int code = 0;

    map_init(&counted);
    for (size_t i = 0; code == 0 && i < former->topic_count; i++)
        code = map_put(&counted, &former->topics[i].topic, sizeof former->topics[i].topic,
                       &former->topics[i], NULL);
    for (size_t i = 0; code == 0 && i < lead->topic_count; i++) {
        struct lead_topic *topic = &lead->topics[i];
        const struct lead_topic *before = map_get(&counted, &topic->topic, sizeof topic->topic);
        topic->count = before == NULL ? 0 : before->count;
    }
    map_fini(&counted);
    lead->noted = code == 0;
    return code;
}

static int32_t last_of(const struct consumer_claim *claim)
{
    int32_t last = -1;

    for (int32_t i = 0; i < claim->count; i++)
        if (consumer_partition(claim, i) > last)
            last = consumer_partition(claim, i);
    return last;
}

/* Topics of an assignment have at least the partitions that somebody has. */
static void count_claims(struct consumer_list *partitions, const struct map *topics)
{
    struct consumer_claim claim;

    while (consumer_claim_next(partitions, &claim)) {
        struct lead_topic *topic = map_get(topics, claim.topic.data, claim.topic.size);
        int32_t last = last_of(&claim);
        if (topic != NULL && last >= topic->count && last < INT32_MAX)
            topic->count = last + 1;
    }
}

/* It came back to what another process, its former one, has assigned: of as many partitions as the
 * members have. A coordinator that does not tell leaves it to what there is now. */
static int count_assigned(struct lead *lead, const Kairn__JoinGroupResponse *answer)
{
    struct consumer_assignment assignment;
    struct map topics;
    bool told = false;
    int code = 0;

    map_init(&topics);
    for (size_t i = 0; code == 0 && i < lead->topic_count; i++) {
        lead->topics[i].count = 0;
        code = map_put_text(&topics, lead->topics[i].topic->name, &lead->topics[i], NULL);
    }
    for (size_t i = 0; code == 0 && i < answer->n_members; i++) {
        const ProtobufCBinaryData *bytes = &answer->members[i]->assignment;
        if (bytes->len == 0 || consumer_assignment_read(bytes->data, bytes->len, &assignment) != 0)
            continue;
        told = true;
        count_claims(&assignment.partitions, &topics);
    }
    map_fini(&topics);
    lead->noted = code == 0 && told;
    return code;
}

/* --- troubles --------------------------------------------------------------------------------- */

/* Only the leader asks for all topics of the group, and so tells which there are not. */
void group_lead_watch(struct group *group)
{
    struct troubles *troubles = &group->consumer->troubles;

    for (size_t i = 0; i < group->lead.topic_count; i++) {
        const struct topic *topic = group->lead.topics[i].topic;
        if (topic->code == K_UNKNOWN_TOPIC_OR_PARTITION)
            troubles_of_partition(troubles, TROUBLE_TOPIC_UNKNOWN, topic->name, -1, topic->code);
        else if (topic->code == 0)
            troubles_of_partition_over(troubles, TROUBLE_TOPIC_UNKNOWN, topic->name, -1);
    }
}

/* --- the assignment --------------------------------------------------------------------------- */

static int write_one(struct lead *lead, const struct assign_group *assigned, uint32_t member,
                     Kairn__MemberAssignment *out)
{
    const struct assign_member *to = &assigned->members[member];
    struct buffer bytes;

    buffer_init(&bytes);
    int code = assign_group_write(assigned, member, &bytes);
    if (code == 0) {
        kairn__member_assignment__init(out);
        out->member = (char *)lead->members[to->joined].id.data;
        out->assignment.len = bytes.size;
        out->assignment.data = arena_copy(&lead->arena, bytes.bytes, bytes.size);
        if (out->assignment.data == NULL)
            code = K_NOMEM;
    }
    buffer_fini(&bytes);
    return code;
}

static int write_all(struct lead *lead, const struct assign_group *assigned)
{
    Kairn__MemberAssignment *rows =
        arena_calloc(&lead->arena, assigned->member_count + 1, sizeof *rows);
    int code = 0;

    lead->assignments =
        arena_calloc(&lead->arena, assigned->member_count + 1, sizeof(Kairn__MemberAssignment *));
    if (rows == NULL || lead->assignments == NULL)
        return K_NOMEM;
    for (uint32_t i = 0; code == 0 && i < assigned->member_count; i++) {
        lead->assignments[i] = &rows[i];
        code = write_one(lead, assigned, i, &rows[i]);
    }
    lead->assignment_count = assigned->member_count;
    return code;
}

static int assign(struct group *group)
{
    struct lead *lead = &group->lead;
    struct assign_topic *topics =
        arena_calloc(&lead->arena, lead->topic_count + 1, sizeof *topics);
    struct assign_group *assigned;

    if (topics == NULL)
        return K_NOMEM;
    int code = 0;
    for (size_t i = 0; code == 0 && i < lead->topic_count; i++) {
        const struct lead_topic *from = &lead->topics[i];
        topics[i] = (struct assign_topic){ .name = from->topic->name,
                                           .partition_count = from->count };
        code = group_place(group, from->topic, from->count, &topics[i].places);
    }
    if (code == 0)
        code = assign_group_new(topics, (uint32_t)lead->topic_count, lead->members,
                                (uint32_t)lead->member_count, &assigned);
    if (code != 0)
        return code;
    code = assignor_assign(strategy_find(&group->strategy, group->protocol), assigned);
    if (code == 0)
        code = write_all(lead, assigned);
    assign_group_free(assigned);
    return code;
}

void group_lead_try(struct group *group)
{
    struct lead *lead = &group->lead;
    struct membership_event event = { .type = MEMBERSHIP_DECIDED, .round = lead->round };

    if (!all_told(lead) && group_now_ms(group) < lead->patience_ms)
        return;                     /* the next change of the picture, or the timer */
    lead->decides = false;
    note_counts(group);
    event.code = assign(group);
    group_step(group, &event);
}

void group_lead_decide(struct group *group, uint64_t round)
{
    group->lead.decides = true;
    group->lead.round = round;
    group->lead.patience_ms = group_now_ms(group) + PATIENCE_MS;
    group_go_on(group);
}

/* --- life ------------------------------------------------------------------------------------- */

static void forget(struct group *group, struct lead *lead)
{
    for (size_t i = 0; i < lead->topic_count; i++) {
        struct topic *topic = lead->topics[i].topic;
        troubles_of_partition_over(&group->consumer->troubles, TROUBLE_TOPIC_UNKNOWN, topic->name,
                                   -1);
        cluster_release(group_klient(group)->cluster, topic);
    }
    arena_fini(&lead->arena);
}

int group_lead_take(struct group *group, const Kairn__JoinGroupResponse *answer)
{
    struct lead former = group->lead;

    group_lead_init(group);
    group->lead.leads = true;
    int code = copy_members(&group->lead, answer);
    if (code == 0)
        code = hold_topics(group);
    if (code == 0 && answer->skip_assignment)
        code = former.noted ? keep_counts(&group->lead, &former)
                            : count_assigned(&group->lead, answer);
    forget(group, &former);         /* after: what is held by both stays known */
    group_lead_watch(group);
    return code;
}

void group_lead_init(struct group *group)
{
    group->lead = (struct lead){ .leads = false };
    arena_init(&group->lead.arena, NULL, 0, SIZE_MAX);
}

void group_lead_resign(struct group *group)
{
    forget(group, &group->lead);
    group_lead_init(group);
}
