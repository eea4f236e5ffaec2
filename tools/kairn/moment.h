/* moment.h - times, durations and places in a log, as people write and read them. Pure. */
#ifndef TOOLS_KAIRN_MOMENT_H
#define TOOLS_KAIRN_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ms since 1970 of "@1766500000000" (ms), "2026-11-29", "2026-11-29T13:05", "...:07", "...:07.123",
 * with a blank for the T if you like; behind a time of the day "Z", "+01:00" or "-0730" may follow,
 * and without it is UTC, as in Kafka's tools. False: it is none of these. */
bool moment_read(const char *text, int64_t *ms);

/* Ms of "90s", "2h30m", "1d", "1w", "500ms", "1.5h", or as in ISO 8601 "PT2H30M", "P1DT12H", "P2W".
 * False: it is none, or longer than 10,000 years. */
bool moment_read_duration(const char *text, int64_t *ms);

/* "0.3s", "42s", "5m 7s", "2h 5m", "3d 4h". Returns `text`. */
const char *moment_duration(char *text, size_t size, int64_t ms);

enum place_kind { PLACE_BEGINNING, PLACE_END, PLACE_OFFSET, PLACE_TIME, PLACE_CURRENT };

/* Where in a partition. */
struct place {
    enum place_kind kind;
    int64_t value;                  /* an offset, or ms since 1970 */
};

/* Said when a place can not be read. */
#define PLACE_HELP \
    "beginning, end, an offset, a time such as 2026-11-29T13:05 (UTC, or +01:00 behind it), " \
    "or @ and ms since 1970"

/* "beginning" or Kafka's "earliest", "end" or "latest", digits, or a moment; "current" (where a
 * group is) if the caller knows such a thing. False: it is none. */
bool place_read(const char *text, bool current, struct place *out);

#endif
