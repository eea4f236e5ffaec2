/* later.h - a time so long after another, where "so long" may be for ever. */
#ifndef COMMON_LATER_H
#define COMMON_LATER_H

#include <stdint.h>

/* INT64_MAX, which never comes, when the sum is more than can be counted. `now_ms` from 0. */
static inline int64_t later_ms(int64_t now_ms, int64_t ms)
{
    return ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + ms;
}

#endif
