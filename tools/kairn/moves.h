/* moves.h - replicas on their way: a list of reassignments is shown, begun step by step, and waited
 * for. */
#ifndef TOOLS_KAIRN_MOVES_H
#define TOOLS_KAIRN_MOVES_H

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/json.h"
#include "tools/kairn/layout.h"

struct move {
    const char *topic;                  /* borrowed */
    int32_t partition;
    struct planner_replicas from, to;
    int64_t bytes;                      /* that it copies */
    int32_t step;                       /* moves are sorted by it */
};

struct moves {
    struct move *items;
    size_t count;
    int32_t step_count;
};

/* Of a plan on that layout. False: out of memory, said. */
bool moves_of_plan(const struct args *args, const struct layout *layout,
                   const struct planner_plan *plan, struct moves *out);
void moves_free(struct moves *moves);

/* A table, or "moves" of the object (JSON). */
void moves_show(const struct args *args, const struct moves *moves, json_t *object);

/* One step after the other, each once the one before is done; --no-wait begins all at once and
 * waits for none. With --throttle they copy at that rate at most. On a terminal
 * progress is shown. Returns an exit status; what failed is said. */
int moves_run(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
              const struct moves *moves);

#endif
