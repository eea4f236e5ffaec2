/* assign_claims.h - who of a group says that it owns which partition: the latest generation is
 * believed. Pure. */
#ifndef CLIENT_ASSIGN_CLAIMS_H
#define CLIENT_ASSIGN_CLAIMS_H

#include "client/assignor.h"
#include "common/arena.h"

struct assign_claim {
    int32_t member, generation;     /* the latest; ASSIGN_NOBODY: nobody does */
    bool tied;                      /* another one says so for the same generation */
    bool counts;                    /* it may keep it; the assignor's to say */
};

/* One for each partition of the group, nobody's. NULL when out of memory. */
struct assign_claim *assign_claims_new(struct arena *arena, const struct assign_group *group);

/* What a member says that it owned in a generation. */
void assign_claims_hear(const struct assign_group *group, struct assign_claim *claims,
                        int32_t member, struct consumer_list owned, int32_t generation);

/* What a member that cooperates says that it still has. */
void assign_claims_hear_owner(const struct assign_group *group, struct assign_claim *claims,
                              int32_t member);

/* Nobody gets what another member has not given up yet. */
void assign_claims_withhold(struct assign_group *group, const struct assign_claim *claims);

#endif
