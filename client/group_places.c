/* group_places.c - in which racks partitions are, for the assignors. */
#include "client/broker.h"
#include "client/group_private.h"
#include "common/error.h"

static const char *rack_of(struct group *group, int32_t id)
{
    const struct broker *broker =
        id < 0 ? NULL : cluster_broker(group_klient(group)->cluster, id);

    return broker == NULL ? NULL : broker->rack;
}

static bool racks_are_known(struct group *group)
{
    LIST_EACH(cluster_brokers(group_klient(group)->cluster), node)
        if (LIST_OWNER(node, struct broker, node)->rack != NULL)
            return true;
    return false;
}

int group_place(struct group *group, const struct topic *topic, int32_t count,
                const struct assign_place **out)
{
    struct arena *arena = &group->lead.arena;

    *out = NULL;
    if (!racks_are_known(group))
        return 0;
    size_t told = topic->placed_count == 0 ? 0 : topic->replica_first[topic->placed_count];
    const char **racks = arena_calloc(arena, told + 1, sizeof(const char *));
    struct assign_place *places = arena_calloc(arena, (size_t)count + 1, sizeof *places);
    if (racks == NULL || places == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < told; i++)
        racks[i] = rack_of(group, topic->replicas[i]);
    for (int32_t p = 0; p < count; p++) {
        if (p < topic->count)
            places[p].leader = rack_of(group, topic->partitions[p].leader);
        if (p >= topic->placed_count)
            continue;
        places[p].replicas = racks + topic->replica_first[p];
        places[p].replica_count = topic->replica_first[p + 1] - topic->replica_first[p];
    }
    *out = places;
    return 0;
}
