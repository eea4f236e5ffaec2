/* Groups and members as memory: whatever can fail for lack of it fails here, before anything
 * else has changed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

/* --- protocols -------------------------------------------------------------------------------- */

int protocols_copy(struct protocols *out, const struct groups_protocol *items, size_t count)
{
    size_t size = count * sizeof *items + 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(items[i].name) + 1 + items[i].metadata.size;

    struct groups_protocol *copies = malloc(size);
    if (copies == NULL)
        return K_NOMEM;
    char *place = (char *)&copies[count];
    for (size_t i = 0; i < count; i++) {
        size_t name_size = strlen(items[i].name) + 1, data_size = items[i].metadata.size;
        copies[i].name = memcpy(place, items[i].name, name_size);
        place += name_size;
        copies[i].metadata = (struct groups_span){place, data_size};
        if (data_size > 0)
            memcpy(place, items[i].metadata.data, data_size);
        place += data_size;
    }
    *out = (struct protocols){copies, count};
    return 0;
}

/* Lengths and tags of its fields, and what its id has before and behind it. */
enum { TOLD_OVERHEAD = 64 };

size_t groups_told_max(const char *id, const char *instance, const struct groups_protocol *items,
                       size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++)
        if (items[i].metadata.size > longest)
            longest = items[i].metadata.size;
    return TOLD_OVERHEAD + strlen(id) + (instance != NULL ? strlen(instance) : 0) + longest;
}

const struct groups_protocol *protocols_find(const struct protocols *protocols, const char *name)
{
    for (size_t i = 0; i < protocols->count; i++)
        if (strcmp(protocols->items[i].name, name) == 0)
            return &protocols->items[i];
    return NULL;
}

int group_reserve_protocols(struct group *group, const struct groups_protocol *items,
                            size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++)
        if (strlen(items[i].name) > longest)
            longest = strlen(items[i].name);
    if (longest < group->protocol_capacity)
        return 0;
    char *grown = realloc(group->protocol, longest + 1);
    if (grown == NULL)
        return K_NOMEM;
    group->protocol = grown;
    group->protocol_capacity = longest + 1;
    return 0;
}

/* --- members ---------------------------------------------------------------------------------- */

struct member *member_find(const struct group *group, const char *id)
{
    return map_get_text(&group->by_id, id);
}

struct member *member_of_instance(const struct group *group, const char *instance)
{
    return map_get_text(&group->by_instance, instance);
}

static char *put_text(char **place, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*place, text, size);
    *place += size;
    return copy;
}

struct member *member_new(const struct groups_member *like, const struct groups_protocol *items,
                          size_t count)
{
    const char *instance = like->instance;
    struct member *member =
        calloc(1, sizeof *member + strlen(like->id) + strlen(like->client_id) +
                      strlen(like->client_host) + (instance != NULL ? strlen(instance) : 0) + 4);
    if (member == NULL || protocols_copy(&member->protocols, items, count) != 0) {
        free(member);
        return NULL;
    }

    char *place = (char *)(member + 1);
    list_init(&member->link);
    member->id = put_text(&place, like->id);
    member->client_id = put_text(&place, like->client_id);
    member->client_host = put_text(&place, like->client_host);
    member->instance = instance != NULL ? put_text(&place, instance) : NULL;
    member->session_timeout_ms = like->session_timeout_ms;
    member->rebalance_timeout_ms = like->rebalance_timeout_ms;
    member->told_max = groups_told_max(like->id, instance, items, count);
    return member;
}

void member_free(struct member *member)
{
    free(member->protocols.items);
    free(member->assignment.data);
    free(member->staged.data);
    free(member);
}

static int reserve_views(struct group *group, size_t count)
{
    if (count <= group->view_capacity)
        return 0;
    struct groups_member *grown = realloc(group->views, 2 * count * sizeof *grown);
    if (grown == NULL)
        return K_NOMEM;
    group->views = grown;
    group->view_capacity = 2 * count;
    return 0;
}

int group_add_member(struct group *group, struct member *member)
{
    assert(member_find(group, member->id) == NULL); /* new ids are random, known ones checked */
    if (reserve_views(group, group->member_count + 1) != 0 ||
        group_reserve_protocols(group, member->protocols.items, member->protocols.count) != 0 ||
        map_put_text(&group->by_id, member->id, member, NULL) != 0)
        return K_NOMEM;
    if (member->instance != NULL &&
        map_put_text(&group->by_instance, member->instance, member, NULL) != 0) {
        map_remove_text(&group->by_id, member->id);
        return K_NOMEM;
    }
    list_append(&group->members, &member->link);
    group->member_count++;
    return 0;
}

int group_replace_member(struct group *group, struct member *member, struct member *other)
{
    if (group_reserve_protocols(group, other->protocols.items, other->protocols.count) != 0 ||
        map_put_text(&group->by_id, other->id, other, NULL) != 0)
        return K_NOMEM;
    if (map_put_text(&group->by_instance, other->instance, other, NULL) != 0) {
        map_remove_text(&group->by_id, other->id);
        return K_NOMEM;
    }
    map_remove_text(&group->by_id, member->id);
    list_insert_before(&member->link, &other->link);
    list_remove(&member->link);
    if (group->leader == member)
        group->leader = other;
    other->assignment = member->assignment;
    member->assignment = (struct blob){0};
    other->synced = member->synced;
    member_free(member);
    return 0;
}

void group_drop_member(struct groups *groups, struct group *group, struct member *member,
                       int error, const char *reason)
{
    member_answer(groups, member, error, reason);
    member_answer_beat(groups, member, error);
    map_remove_text(&group->by_id, member->id);
    if (member->instance != NULL)
        map_remove_text(&group->by_instance, member->instance);
    list_remove(&member->link);
    group->member_count--;
    if (group->leader == member)
        group->leader = NULL;
    member_free(member);
}

/* --- ids that were given out ------------------------------------------------------------------ */

int group_add_pending(struct groups *groups, struct group *group, const char *id, int64_t life_ms)
{
    size_t size = strlen(id) + 1;
    struct pending *pending = malloc(sizeof *pending + size);
    if (pending == NULL)
        return K_NOMEM;
    memcpy(pending->id, id, size);
    pending->grace_until_ms = groups->now_ms + PENDING_GRACE_MS;
    pending->until_ms = groups->now_ms + life_ms;
    list_init(&pending->link);
    list_append(&group->pending, &pending->link);
    if (++group->pending_count > PENDING_MAX)
        group_drop_pending(group, LIST_OWNER(group->pending.next, struct pending, link));
    return 0;
}

struct pending *group_find_pending(const struct group *group, const char *id)
{
    for (struct list *node = group->pending.next; node != &group->pending; node = node->next) {
        struct pending *pending = LIST_OWNER(node, struct pending, link);
        if (strcmp(pending->id, id) == 0)
            return pending;
    }
    return NULL;
}

void group_drop_pending(struct group *group, struct pending *pending)
{
    list_remove(&pending->link);
    group->pending_count--;
    free(pending);
}

/* --- groups ----------------------------------------------------------------------------------- */

struct group *group_find(const struct groups *groups, const char *name)
{
    return map_get_text(&groups->by_name, name);
}

bool group_set_type(struct group *group, const char *protocol_type)
{
    char *copy = strdup(protocol_type);
    if (copy == NULL)
        return false;
    free(group->protocol_type);
    group->protocol_type = copy;
    return true;
}

struct group *group_make(struct groups *groups, const char *name)
{
    struct group *group = group_find(groups, name);
    if (group != NULL)
        return group;

    group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->name = strdup(name);
    if (group->name == NULL || heap_reserve(&groups->due, groups->by_name.count + 1) != 0 ||
        map_put_text(&groups->by_name, name, group, NULL) != 0) {
        free(group->name);
        free(group);
        return NULL;
    }
    list_init(&group->link);
    list_init(&group->storing);
    list_init(&group->stale);
    list_init(&group->members);
    list_init(&group->pending);
    map_init_seeded(&group->by_id, groups->seed);
    map_init_seeded(&group->by_instance, groups->seed);
    map_init_seeded(&group->topics, groups->seed);
    group->since_ms = groups->wall_ms;
    group->sync_until_ms = group->store_retry_ms = group->answer_by_ms = INT64_MAX;
    heap_node_init(&group->due);
    heap_push(&groups->due, &group->due, INT64_MAX);
    list_append(&groups->all, &group->link);
    return group;
}

void group_free(struct groups *groups, struct group *group)
{
    if (groups->expiry_next == &group->link)
        groups->expiry_next = group->link.next;
    LIST_EACH_SAFE(&group->members, node, after)
    group_drop_member(groups, group, LIST_OWNER(node, struct member, link), K_NOT_COORDINATOR,
                      "the coordinator moved");
    LIST_EACH_SAFE(&group->pending, node, after)
    group_drop_pending(group, LIST_OWNER(node, struct pending, link));
    heap_remove(&groups->due, &group->due);
    map_remove_text(&groups->by_name, group->name);
    list_remove(&group->link);
    list_remove(&group->storing);
    list_remove(&group->stale);
    offsets_free(group);
    map_fini(&group->by_id);
    map_fini(&group->by_instance);
    free(group->views);
    free(group->protocol);
    free(group->protocol_type);
    free(group->name);
    free(group);
}

void group_free_void(struct groups *groups, struct group *group)
{
    if (group->state == GROUP_EMPTY && !group->recorded && group->store_token == 0 &&
        !group->store_due && group->store_retry_ms == INT64_MAX && group->entry_count == 0 &&
        group->order_count == 0 && group->pending_count == 0)
        group_free(groups, group);
}
