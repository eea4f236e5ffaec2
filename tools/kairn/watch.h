/* watch.h - look once, or with --watch again every second. */
#ifndef TOOLS_KAIRN_WATCH_H
#define TOOLS_KAIRN_WATCH_H

#include <stdbool.h>

#include "tools/kairn/command.h"

struct watch {
    const struct args *args;
    bool again;                     /* there was a look before */
    int found;                      /* set by a look that may find something wrong and yet goes on:
                                       what to exit with, if it was the last one */
};

/* Call `look`, which returns EXIT_DONE or what ends it; with --watch every second, as long as
 * somebody reads standard output. Returns what to exit with. */
int watch_run(const struct args *args, int (*look)(struct watch *watch, void *context),
              void *context);

/* To be called by a look before it prints: on a terminal what it prints takes the place of what the
 * look before has printed. */
void watch_page(const struct watch *watch);

#endif
