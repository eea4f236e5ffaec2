/* log_flood.h - may a line be written, or has the place that it comes from said enough?
 *
 * A site is an event and the format of its line, in effect a place in the source. In each interval
 * a site has so many lines; what is beyond that is left out and counted, and the count is told once
 * the interval is over. So what is new is always said, and no site is silent because of another.
 * More sites than are remembered are not limited.
 *
 * Any thread, without a lock: threads meet only where they write the same line at once. Reads no
 * clock: the time is the caller's, and never goes back by much. */
#ifndef COMMON_LOG_FLOOD_H
#define COMMON_LOG_FLOOD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_FLOOD_SITES = 512 };

struct log_flood_site {
    _Atomic(uint64_t) key;              /* of the event and the format; 0: free */
    _Atomic(const char *) event;
    atomic_int level;                   /* of its lines */
    _Atomic(uint64_t) lines;            /* number of the interval << 32 | how many there were */
};

/* All zero: no limit. */
struct log_flood {
    uint32_t lines_max;                 /* of a site in an interval; 0: no limit */
    int64_t interval_ms;
    atomic_int over;                    /* sites that have left out what is not told yet */
    struct log_flood_site sites[LOG_FLOOD_SITES];
};

/* What a site has left out in an interval that is over. */
struct log_flood_count {
    const char *event;
    int level;
    uint32_t lines;
};

enum log_flood_verdict {
    LOG_FLOOD_WRITE,
    LOG_FLOOD_BEGINS,                   /* this is the first line that is left out: say so */
    LOG_FLOOD_LEFT_OUT
};

/* A line of this site. `event` and `format` are literals, which stay where they are. */
enum log_flood_verdict log_flood_line(struct log_flood *flood, int level, const char *event,
                                      const char *format, int64_t now_ms);

/* The next count that is to be told, of a site from `*from` on (0 at first). False: there is none.
 * Each is given to one caller only. */
bool log_flood_take(struct log_flood *flood, int64_t now_ms, size_t *from,
                    struct log_flood_count *out);

#endif
