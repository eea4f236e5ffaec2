#include "client/assign_racks.h"

#include <string.h>

#include "common/error.h"
#include "common/map.h"

static int32_t number_of(const struct map *numbers, const char *rack)
{
    const uint32_t *number =
        rack == NULL || rack[0] == '\0' ? NULL : map_get(numbers, rack, strlen(rack));

    return number == NULL ? RACK_NONE : (int32_t)*number;
}

/* Racks without a member need no number. */
static int number_members(struct arena *arena, const struct assign_group *group,
                          struct map *numbers, struct assign_racks *racks)
{
    int code = 0;

    racks->of_member = arena_alloc(arena, ((size_t)group->member_count + 1) * sizeof(int32_t));
    if (racks->of_member == NULL)
        return K_NOMEM;
    for (uint32_t m = 0; code == 0 && m < group->member_count; m++) {
        const struct assign_member *member = &group->members[m];
        struct consumer_text rack = member->told.rack;
        racks->of_member[m] = RACK_NONE;
        if (member->unreadable || rack.data == NULL || rack.size == 0)
            continue;
        uint32_t *number = map_get(numbers, rack.data, rack.size);
        if (number == NULL) {
            number = arena_copy(arena, &racks->count, sizeof racks->count);
            code = number == NULL ? K_NOMEM
                                  : map_put(numbers, rack.data, rack.size, number, NULL);
            racks->count++;
        }
        if (code == 0)
            racks->of_member[m] = (int32_t)*number;
    }
    return code;
}

static size_t count_places(const struct assign_group *group)
{
    size_t count = 0;

    for (uint32_t t = 0; t < group->topic_count; t++)
        for (int32_t p = 0; p < group->topics[t].partition_count; p++)
            count += 1 + (group->topics[t].places == NULL
                              ? 0
                              : group->topics[t].places[p].replica_count);
    return count;
}

/* True when a member is near one of them at all. */
static bool number_places(const struct assign_group *group, const struct map *numbers,
                          struct assign_racks *racks)
{
    static const struct assign_place unknown = { .leader = NULL };
    uint32_t at = 0, partition = 0;
    bool any = false;

    for (uint32_t t = 0; t < group->topic_count; t++)
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            const struct assign_place *place =
                group->topics[t].places == NULL ? &unknown : &group->topics[t].places[p];
            racks->first[partition++] = at;
            racks->all[at++] = number_of(numbers, place->leader);
            for (uint32_t i = 0; i < place->replica_count; i++)
                racks->all[at++] = number_of(numbers, place->replicas[i]);
            for (uint32_t i = racks->first[partition - 1]; i < at; i++)
                any |= racks->all[i] != RACK_NONE;
        }
    racks->first[partition] = at;
    return any;
}

int assign_racks_make(struct arena *arena, const struct assign_group *group,
                      struct assign_racks *out)
{
    struct assign_racks racks = { .count = 0 };
    struct map numbers;

    map_init(&numbers);
    int code = number_members(arena, group, &numbers, &racks);
    if (code != 0 || racks.count == 0)
        goto done;
    racks.first = arena_alloc(arena, ((size_t)group->partition_count + 1) * sizeof(uint32_t));
    racks.all = arena_alloc(arena, (count_places(group) + 1) * sizeof(int32_t));
    if (racks.first == NULL || racks.all == NULL)
        code = K_NOMEM;
    else if (!number_places(group, &numbers, &racks))
        racks.count = 0;

done:
    map_fini(&numbers);
    if (code == 0)
        *out = racks;
    return code;
}

bool assign_racks_near(const struct assign_racks *racks, uint32_t member, uint32_t partition,
                       bool any)
{
    int32_t rack = racks->of_member[member];
    uint32_t from = racks->first[partition], to = any ? racks->first[partition + 1] : from + 1;

    if (rack == RACK_NONE)
        return false;
    for (uint32_t i = from; i < to; i++)
        if (racks->all[i] == rack)
            return true;
    return false;
}
