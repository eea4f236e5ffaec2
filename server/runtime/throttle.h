/* runtime/throttle.h - keep work below a rate: after each piece, how long to wait. Pure. */
#ifndef RUNTIME_THROTTLE_H
#define RUNTIME_THROTTLE_H

#include <stdint.h>

struct throttle {
    double bytes_per_second;
    int64_t free_at_us;             /* when all that was done so far is paid for */
};

/* `bytes` were moved at `now_us`: microseconds to wait before the next piece. Time that passed
 * unused is not saved up. */
int64_t throttle_note(struct throttle *throttle, int64_t bytes, int64_t now_us);

#endif
