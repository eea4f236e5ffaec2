/* Offsets of topics that are no more. What goes while we coordinate is told to the core as it goes.
 * Of what went before, or is committed by who has not heard of it yet, the topic is a suspect until
 * the picture says what became of it. An offset knows the id of its topic, and how new the picture
 * was by which it was let in: so a topic that is missing from an older picture than that is not
 * taken for a deleted one, and one that was made anew under its name is not taken for it.
 *
 * An offset that Kafka stored, or we before offsets had ids, is its topic's by name alone: when
 * that was made anew while nobody coordinated the group, it stays. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/runtime/drive_groups_private.h"
#include "server/runtime/shard_state.h"

struct suspect { struct uuid id; char name[]; };

static bool is_newer(const struct groups_known *known, const struct groups_known *than)
{
    return known->epoch != than->epoch ? known->epoch > than->epoch
                                       : known->sequence > than->sequence;
}

void group_gone_init(struct coordinator *coordinator)
{
    map_init(&coordinator->suspects);
}

static void clear_suspects(struct coordinator *coordinator)
{
    size_t position = 0;
    void *value;

    while (map_next(&coordinator->suspects, &position, NULL, NULL, &value))
        free(value);
    map_fini(&coordinator->suspects);
    map_init(&coordinator->suspects);
}

void group_gone_clear(struct coordinator *coordinator)
{
    clear_suspects(coordinator);
    coordinator->known = (struct groups_known){0};
}

/* --- suspects --------------------------------------------------------------------------------- */

/* Without memory the epoch ends: it begins with a look at all of them. */
static void suspect(struct coordinator *coordinator, const char *name, const struct uuid *id)
{
    size_t text = strlen(name) + 1, size = sizeof(struct suspect) + text;
    struct suspect *one = malloc(size);
    void *former = NULL;

    if (one != NULL) {
        one->id = *id;
        memcpy(one->name, name, text);
    }
    if (one == NULL || map_put(&coordinator->suspects, one, size, one, &former) != 0) {
        free(one);
        coordinator->starved = true;
        coordinator_look_soon(coordinator);
    }
    free(former);
}

/* Its topic, or for want of an id one of its name. */
static bool is_there(const struct metadata *picture, const char *name, const struct uuid *id)
{
    return uuid_is_zero(id) ? metadata_topic_by_name(picture, name) != NULL
                            : metadata_topic_by_id(picture, id) != NULL;
}

static void look_at(struct coordinator *coordinator, const struct groups_offset *offset)
{
    if (!is_there(coordinator->shard->picture, offset->topic, &offset->topic_id))
        suspect(coordinator, offset->topic, &offset->topic_id);
}

void group_gone_add(struct coordinator *coordinator, const struct groups_offset *offset)
{
    if (is_newer(&offset->known, &coordinator->known))
        coordinator->known = offset->known;
    look_at(coordinator, offset);
}

static void visit(void *context, const char *group, const struct groups_offset *offset)
{
    (void)group;
    look_at(context, offset);
}

/* What is suspected may be of records that others have superseded since. */
void group_gone_begin(struct coordinator *coordinator)
{
    if (coordinator->suspects.count == 0)
        return;
    clear_suspects(coordinator);
    (void)groups_offsets(coordinator->groups, NULL, visit, coordinator);
    group_gone_look(coordinator);
}

/* --- what became of them ---------------------------------------------------------------------- */

static void tell(struct coordinator *coordinator, const char *name, const struct uuid *id)
{
    struct groups_event event = {.type = GROUPS_TOPIC_GONE};

    event.topic_gone.topic = name;
    event.topic_gone.id = *id;
    coordinator_step(coordinator, &event);
}

/* C5. */
static bool is_gone(const struct coordinator *coordinator, const struct suspect *one)
{
    const struct metadata *picture = coordinator->shard->picture;
    const struct groups_known ours = {picture->controller_epoch, picture->sequence};
    bool replaced = metadata_topic_by_name(picture, one->name) != NULL;
    bool behind = is_newer(&coordinator->known, &ours), missing = picture->topics_missing;

#ifdef MUTANT_OLD_PICTURE_BELIEVED
    behind = false;
#endif
#ifdef MUTANT_UNREAD_TOPIC_FORGOTTEN
    missing = false;
#endif
    return metadata_was_deleted(picture, &one->id) || (!behind && (replaced || !missing));
}

void group_gone_look(struct coordinator *coordinator)
{
    size_t position = 0, size;
    const void *key;
    void *value;

    while (map_next(&coordinator->suspects, &position, &key, &size, &value)) {
        struct suspect *one = value;
        bool there = is_there(coordinator->shard->picture, one->name, &one->id);
        bool gone = !there && is_gone(coordinator, one);
        if (gone) {
            LOG_INFO("offsets-forgotten", "topic=%s coordinator=%s-%" PRId32, one->name,
                     coordinator->partition->topic, coordinator->partition->key.index);
            tell(coordinator, one->name, &one->id);
        }
        if (gone || there)
            free(map_remove(&coordinator->suspects, key, size));
    }
}

/* This only marks what the core holds, so it does not matter that the same picture may end our
 * leadership a moment later. */
void drive_groups_topic_gone(struct shard *shard, const struct metadata_topic *topic, bool left)
{
    static const struct uuid none;

    LIST_EACH(&shard->coordinators, node)
    {
        struct coordinator *coordinator = LIST_OWNER(node, struct coordinator, node);
        bool loading = coordinator->phase == COORDINATOR_LOADING;
        if (!loading && coordinator->phase != COORDINATOR_SERVING)
            continue;
        void (*what)(struct coordinator *, const char *, const struct uuid *) =
            left || loading ? suspect : tell;
        what(coordinator, topic->name, &topic->id);
        what(coordinator, topic->name, &none);
    }
}

void drive_groups_pictured(struct shard *shard)
{
    LIST_EACH(&shard->coordinators, node)
    {
        struct coordinator *coordinator = LIST_OWNER(node, struct coordinator, node);
        if (coordinator->suspects.count > 0)
            coordinator_look_soon(coordinator);
    }
}
