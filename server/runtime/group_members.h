/* runtime/group_members.h - copies of what the groups core says of members, for answers that
 * outlive its next step. No state; any thread. */
#ifndef RUNTIME_GROUP_MEMBERS_H
#define RUNTIME_GROUP_MEMBERS_H

#include <stddef.h>

#include "server/core/groups.h"

struct arena;

/* With all that they point to; NULL when out of memory. Of no members, not NULL. */
const struct groups_member *group_members_copy(struct arena *arena,
                                               const struct groups_member *members, size_t count);

/* 0 or NOMEM. */
int group_span_copy(struct arena *arena, struct groups_span span, struct groups_span *out);

#endif
