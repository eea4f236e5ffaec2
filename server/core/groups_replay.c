/* What a successor reads from the topic, and what may be asked. */
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

/* --- loading ---------------------------------------------------------------------------------- */

static void forget_members(struct groups *groups, struct group *group)
{
    LIST_EACH_SAFE(&group->members, node, after)
    group_drop_member(groups, group, LIST_OWNER(node, struct member, link), 0, NULL);
    group->state = GROUP_EMPTY;
    group->chosen = false;
    group->leader = NULL;
}

/* It knows one protocol, as far as the topic tells: the chosen one. */
static int load_member(struct group *group, const struct groups_member *stored)
{
    const struct groups_protocol protocol = {group->protocol, stored->metadata};

    if (member_find(group, stored->id) != NULL ||
        (stored->instance != NULL && member_of_instance(group, stored->instance) != NULL))
        return K_CORRUPT;
    struct member *member = member_new(stored, &protocol, 1);
    if (member == NULL)
        return K_NOMEM;
    if (stored->assignment.size > 0) {
        member->assignment.data = malloc(stored->assignment.size);
        member->assignment.size = stored->assignment.size;
    }
    if ((stored->assignment.size > 0 && member->assignment.data == NULL) ||
        group_add_member(group, member) != 0) {
        member_free(member);
        return K_NOMEM;
    }
    if (stored->assignment.size > 0)
        memcpy(member->assignment.data, stored->assignment.data, stored->assignment.size);
    member->synced = true;
    return 0;
}

static int load_members(struct group *group, const struct groups_record *record)
{
    const struct groups_protocol chosen = {.name = record->state.protocol};
    int error = 0;

    if (record->state.member_count == 0)
        return 0;
    if (record->state.protocol == NULL || group->protocol_type == NULL)
        return K_CORRUPT;
    if (group_reserve_protocols(group, &chosen, 1) != 0)
        return K_NOMEM;
    memcpy(group->protocol, chosen.name, strlen(chosen.name) + 1);
    group->chosen = true;
    for (size_t i = 0; i < record->state.member_count && error == 0; i++)
        error = load_member(group, &record->state.members[i]);
    if (error != 0)
        return error;
    if (record->state.leader != NULL)
        group->leader = member_find(group, record->state.leader);
    if (group->leader == NULL)
        group->leader = LIST_OWNER(group->members.next, struct member, link);
    group->state = GROUP_STABLE;
    return 0;
}

static int replay_state(struct groups *groups, struct group *group,
                        const struct groups_record *record)
{
    forget_members(groups, group);
    free(group->protocol_type);
    group->protocol_type = NULL;
    group->recorded = !record->tombstone;
    if (record->tombstone) {
        group->generation = 0;
        return 0;
    }
#ifndef MUTANT_GENERATION_FORGOTTEN
    group->generation = record->state.generation > 0 ? record->state.generation : 0;
#endif
    group->since_ms = record->state.since_ms;
    if (record->state.protocol_type[0] != '\0' &&
        !group_set_type(group, record->state.protocol_type))
        return K_NOMEM;

    int error = load_members(group, record);
    if (error != 0)
        forget_members(groups, group);
    return error;
}

static int replay_offset(struct group *group, const struct groups_record *record)
{
    struct topic_offsets *topic = record->tombstone
                                      ? offsets_topic(group, record->offset.topic)
                                      : offsets_make_topic(group, record->offset.topic);
    struct offset_entry *entry = NULL;
    const char *note = record->tombstone ? NULL : record->offset.metadata;
    char *metadata = NULL;

    if (record->tombstone) {
#ifndef MUTANT_TOMBSTONE_IGNORED
        entry = offsets_find(topic, record->offset.partition);
#endif
        if (entry != NULL) {
            offsets_clear(entry);
            offsets_drop_void(group, topic, entry);
        }
        return 0;
    }
    if (topic != NULL)
        entry = offsets_make(group, topic, record->offset.partition);
    if (note != NULL && note[0] != '\0')
        metadata = strdup(note);
    if (entry == NULL || (metadata == NULL && note != NULL && note[0] != '\0')) {
        if (topic != NULL)
            offsets_drop_void(group, topic, entry);
        free(metadata);
        return K_NOMEM;
    }
    offsets_clear(entry);
    entry->offset = record->offset.offset;
    entry->leader_epoch = record->offset.leader_epoch;
    entry->committed_ms = record->offset.committed_ms;
    entry->topic_id = record->offset.topic_id;
    entry->metadata = metadata;
    return 0;
}

int groups_replay(struct groups *groups, const struct groups_record *record)
{
    if (groups->phase != GROUPS_LOADING)
        return K_INVALID_ARGUMENT;
    bool offset = record->type == GROUPS_RECORD_OFFSET;
    if (offset && !record->tombstone &&
        (record->offset.offset < 0 || record->offset.partition < 0))
        return K_CORRUPT;

    struct group *group = group_make(groups, record->group);
    if (group == NULL)
        return K_NOMEM;
    return offset ? replay_offset(group, record) : replay_state(groups, group, record);
}

/* --- questions -------------------------------------------------------------------------------- */

size_t groups_count(const struct groups *groups)
{
    return groups->by_name.count;
}

static struct groups_offset view_of(const struct topic_offsets *topic,
                                    const struct offset_entry *entry)
{
    return (struct groups_offset){.topic = topic->name,
                                  .topic_id = entry->topic_id,
                                  .partition = entry->partition,
                                  .offset = entry->offset,
                                  .leader_epoch = entry->leader_epoch,
                                  .metadata = entry->metadata != NULL ? entry->metadata : "",
                                  .committed_ms = entry->committed_ms};
}

int groups_committed(const struct groups *groups, const char *group_name, const char *topic_name,
                     int32_t partition, struct groups_offset *out)
{
    int error = groups_ready(groups);
    if (error != 0)
        return error;

    const struct group *group = group_find(groups, group_name);
    const struct topic_offsets *topic = group != NULL ? offsets_topic(group, topic_name) : NULL;
    const struct offset_entry *entry = offsets_find(topic, partition);
    if (entry != NULL && offsets_shown(entry))
        *out = view_of(topic, entry);
    else
        *out = (struct groups_offset){.topic = topic_name, .partition = partition, .offset = -1,
                                      .leader_epoch = -1, .metadata = ""};
    return 0;
}

bool groups_topic_known(const struct groups *groups, const char *group_name, const char *topic_name)
{
    const struct group *group = group_find(groups, group_name);
    const struct topic_offsets *topic = group != NULL ? offsets_topic(group, topic_name) : NULL;

    for (size_t i = 0; topic != NULL && i < topic->count; i++)
        if (offsets_shown(&topic->entries[i]))
            return true;
    return false;
}

static void visit_offsets(const struct group *group,
                          void (*visit)(void *context, const char *group,
                                        const struct groups_offset *offset),
                          void *context)
{
    size_t position = 0;
    void *value;

    while (map_next(&group->topics, &position, NULL, NULL, &value)) {
        const struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count; i++) {
            struct groups_offset offset = view_of(topic, &topic->entries[i]);
            if (offsets_shown(&topic->entries[i]))
                visit(context, group->name, &offset);
        }
    }
}

int groups_offsets(const struct groups *groups, const char *name,
                   void (*visit)(void *context, const char *group,
                                 const struct groups_offset *offset),
                   void *context)
{
    int error = groups_ready(groups);
    const struct group *only = name != NULL ? group_find(groups, name) : NULL;

    if (error != 0)
        return error;
    if (only != NULL)
        visit_offsets(only, visit, context);
    for (const struct list *node = groups->all.next; node != &groups->all && name == NULL;
         node = node->next)
        visit_offsets(LIST_OWNER(node, const struct group, link), visit, context);
    return 0;
}

static void visit_group(struct group *group,
                        void (*visit)(void *context,
                                      const struct groups_description *description),
                        void *context)
{
    const struct groups_description description = {
        .group = group->name,
        .protocol_type = group->protocol_type != NULL ? group->protocol_type : "",
        .protocol = group->chosen ? group->protocol : NULL,
        .leader = group->leader != NULL ? group->leader->id : NULL,
        .state = group->state,
        .generation = group->generation,
        .members = group_views(group),
        .member_count = group->member_count};
    visit(context, &description);
}

int groups_describe(const struct groups *groups, const char *name,
                    void (*visit)(void *context, const struct groups_description *description),
                    void *context)
{
    int error = groups_ready(groups);
    struct group *only = name != NULL ? group_find(groups, name) : NULL;

    if (error != 0)
        return error;
    if (only != NULL)
        visit_group(only, visit, context);
    for (struct list *node = groups->all.next; node != &groups->all && name == NULL;
         node = node->next)
        visit_group(LIST_OWNER(node, struct group, link), visit, context);
    return 0;
}
