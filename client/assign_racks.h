/* assign_racks.h - who of a group is near which partition. Pure; not thread-safe.
 *
 * Members read from leaders, so a member in the leader's rack is nearest; one in the rack of
 * another replica is near the next leader. Who names no rack is near nothing. */
#ifndef CLIENT_ASSIGN_RACKS_H
#define CLIENT_ASSIGN_RACKS_H

#include <stdbool.h>

#include "client/assignor.h"
#include "common/arena.h"

enum { RACK_NONE = -1 };

/* Racks of partition p: all[first[p]], the leader's or RACK_NONE, then those of its replicas, up to
 * where those of p + 1 begin. */
struct assign_racks {
    uint32_t count;                 /* racks of members; 0: nobody is near anything */
    int32_t *of_member;
    uint32_t *first;
    int32_t *all;
};

/* In memory of the arena. 0 or K_NOMEM. */
int assign_racks_make(struct arena *arena, const struct assign_group *group,
                      struct assign_racks *out);

/* Is the member in the rack of the partition's leader, or (`any`) of one of its replicas? */
bool assign_racks_near(const struct assign_racks *racks, uint32_t member, uint32_t partition,
                       bool any);

/* As range does, but each member takes of what is near it first. Topics with the same subscribers
 * and as many partitions stay cut alike. 0 or K_NOMEM. */
int assign_range_near(struct arena *arena, struct assign_group *group,
                      const struct assign_racks *racks);

#endif
