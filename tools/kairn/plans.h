/* plans.h - what reassign, drain and rebalance have in common: plan, show, carry out. */
#ifndef TOOLS_KAIRN_PLANS_H
#define TOOLS_KAIRN_PLANS_H

#include "tools/kairn/moves.h"

/* Plan for the layout what `wishes` says (leaving, spread or wanted; the rest is filled in), show
 * it, and, without --dry-run, carry it out. --at-once bounds a step. Returns an exit status. */
int plans_run(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
              const struct layout *layout, const struct planner_task *wishes);

#endif
