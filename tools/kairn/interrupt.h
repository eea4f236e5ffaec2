/* interrupt.h - Ctrl-C and SIGTERM, for verbs that send records, and those that measure.
 *
 * The first ends the input, or the run: what was sent has INTERRUPT_GRACE_MS to be acknowledged.
 * The second gives it up at once, a third ends the process. */
#ifndef TOOLS_KAIRN_INTERRUPT_H
#define TOOLS_KAIRN_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"

enum {
    INTERRUPT_GRACE_MS = 10000,
    INTERRUPT_STEP_MS = 200         /* so often somebody who waits has to look */
};

void interrupt_catch(void);

/* Has there been one? Any thread; one load. */
bool interrupt_came(void);

/* How long ago the first was; -1: there was none. */
int64_t interrupt_age_ms(void);

/* Is what was sent to be given up? */
bool interrupt_gives_up(void);

/* Have sends of producers that are made with it return when it is time to look. Returns how long
 * they are to be tried altogether: its max.block.ms, in milliseconds. */
int64_t interrupt_step(klient_config_t *config);

#endif
