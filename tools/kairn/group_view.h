/* group_view.h - groups as the cluster tells of them: members, offsets, and where the logs begin
 * and end. */
#ifndef TOOLS_KAIRN_GROUP_VIEW_H
#define TOOLS_KAIRN_GROUP_VIEW_H

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/group_rows.h"
#include "tools/kairn/json.h"

/* The groups that the operands name, or all, into *out; NULL: there are none, or that failed. What
 * fails, also for single groups, is said; returns what to exit with. */
int group_view_describe(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                        klient_groups_t **out);

klient_group_info_t group_at(const klient_groups_t *groups, size_t index);
klient_member_info_t member_at(const klient_groups_t *groups, size_t index, size_t member);

/* A member owns no partition, though its group has shared out what there is. */
bool member_is_idle(const klient_group_info_t *group, const klient_member_info_t *member);

/* What a group is like, or why that is not known: to be added to. */
json_t *group_head_json(const klient_group_info_t *group);
/* The same on a line; all but the first are set apart. */
void group_head_line(const klient_group_info_t *group, bool first);
json_t *group_member_json(const klient_member_info_t *member);

/* What a group has committed and what its members have, and (as far as that can be known) where
 * those partitions begin and end. `offsets` is owned, and keeps names. */
struct group_view {
    klient_offsets_t *offsets;
    struct group_rows rows;
};

/* False: said. Free in both cases. */
bool group_view_read(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     const klient_groups_t *groups, size_t index, struct group_view *out);
void group_view_free(struct group_view *view);

/* Fill in where the partitions of rows begin and end. False: said. */
bool group_view_ends(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                     struct group_rows *rows);

#endif
