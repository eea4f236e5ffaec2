/* group_reset.h - what kairn group reset is about: which partitions, and where to. */
#ifndef TOOLS_KAIRN_GROUP_RESET_H
#define TOOLS_KAIRN_GROUP_RESET_H

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/group_rows.h"
#include "tools/kairn/layout.h"
#include "tools/kairn/moment.h"
#include "tools/kairn/offsets_file.h"

enum reset_kind { RESET_TO, RESET_SHIFT, RESET_FILE };

struct reset {
    const struct args *args;
    const char *group;
    klient_admin_t *admin;
    int64_t timeout_ms;
    enum reset_kind kind;
    struct place place;                 /* RESET_TO */
    int64_t shift;                      /* RESET_SHIFT */
    struct offsets_file file;           /* RESET_FILE */
    klient_offsets_t *offsets;          /* of the group, now; owned, as the following */
    struct layout layout;
    struct group_rows rows;
    int64_t *targets;                   /* of the rows */
    klient_code_t *codes;               /* what became of them */
};

/* --- group_targets.c -------------------------------------------------------------------------- */

/* Find the partitions, what is committed of them, where their logs begin and end, and the targets.
 * False: said, and nothing is to be changed. */
bool group_reset_plan(struct reset *reset);

#endif
