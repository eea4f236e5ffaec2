/* watch.h - look once, or with --watch again every second. */
#ifndef TOOLS_KAIRN_WATCH_H
#define TOOLS_KAIRN_WATCH_H

#include <stdbool.h>

#include "tools/kairn/command.h"

struct watch {
    const struct args *args;
    bool again;                     /* there was a look before */
};

/* Call `look`, which returns what to exit with; with --watch every second, as long as it returns
 * EXIT_DONE and somebody reads standard output. Returns what the last look did. */
int watch_run(const struct args *args, int (*look)(struct watch *watch, void *context),
              void *context);

/* To be called by a look before it prints: on a terminal what it prints takes the place of what the
 * look before has printed. */
void watch_page(const struct watch *watch);

#endif
