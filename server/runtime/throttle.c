#include "server/runtime/throttle.h"

int64_t throttle_note(struct throttle *throttle, int64_t bytes, int64_t now_us)
{
    enum { WAIT_MAX_S = 3600 };
    double cost_us = (double)bytes * 1e6 / throttle->bytes_per_second;
    if (!(cost_us < WAIT_MAX_S * 1e6))
        cost_us = WAIT_MAX_S * 1e6;
    if (throttle->free_at_us < now_us)
        throttle->free_at_us = now_us;
    throttle->free_at_us += (int64_t)cost_us;
    return throttle->free_at_us - now_us;
}
