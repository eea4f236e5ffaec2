/* storage/log_retain.h - which segments of a log are old enough, or too many.
 *
 * Kafka's rules, oldest segment first, never one that holds offsets at or beyond the caller's limit
 * (the high watermark):
 *   retention.bytes   a segment goes while the log without it still has that many bytes
 *   retention.ms      a segment goes when its newest timestamp is older; one without timestamps
 *                     by the time its file was last written
 * Neither applies unless cleanup.policy names delete; what lies before the log start goes anyway.
 * A newest timestamp that is more than retention.ms ahead of the clock is no reason to keep a
 * segment: it counts as one without.
 *
 * Steps as in log_trim.h: begin and end belong to the log's loop, look runs anywhere and blocks. */
#ifndef STORAGE_LOG_RETAIN_H
#define STORAGE_LOG_RETAIN_H

#include <stdint.h>

struct log;
struct log_retention;
struct log_trim;

/* *out is NULL when nothing can be due. 0, NOMEM. */
int log_retain_begin(struct log *log, int64_t limit, int64_t wall_ms, struct log_retention **out);

/* Find out how many segments are due. Never fails: what can not be read stays. */
void log_retain_look(struct log_retention *retention);

/* When a look will find more, by the wall clock, if the log is left alone until then: 0: at once,
 * INT64_MAX: never. After the look. */
int64_t log_retain_next_ms(const struct log_retention *retention);

/* Frees. *out: what is to go, to be taken through its steps; NULL when nothing is. Errors as
 * log_trim_begin(). */
int log_retain_end(struct log *log, struct log_retention *retention, struct log_trim **out);

void log_retain_abandon(struct log_retention *retention);           /* NULL is allowed */

#endif
