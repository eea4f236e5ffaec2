/* log.h - what the program has to say: one event per line, key=value.
 *
 *   2026-11-23T13:05:00.123Z info event=segment-rolled topic=orders partition=3 base=120
 *
 * Thread-safe. The only place with process-wide mutable state. The sink is set once, by main() or
 * by libklient's owner before threads start; the level may change at any time. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };

/* Receives one whole line without newline; called from any thread, one at a time. */
typedef void (*log_sink)(void *context, enum log_level level, const char *line);

/* NULL restores the default: standard error. */
void log_set_sink(log_sink sink, void *context);
void log_set_level(enum log_level level);

/* From now on the lines of the calling thread go to `sink` instead, as long as it is not NULL: a
 * library's thread has an owner of its own. `sink` is then called without any lock. */
void log_divert(log_sink sink, void *context);

struct clock;

/* From now on a place in the source has `lines_max` lines in `interval_ms` at most, except of
 * threads that are diverted; what is left out is said at its begin and counted afterwards
 * (common/log_flood.h). Once, before threads start. Without it nothing is left out. */
void log_limit(uint32_t lines_max, int64_t interval_ms, const struct clock *clock);

bool log_enabled(enum log_level level);
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

/* `event` and `format` are literals. */
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For what is true again and again: may it be said now, because nothing of the same kind about the
 * same thing was said in the last `interval_ms`? Takes the turn when it may. Forgets the oldest of
 * very many kinds; then one is said too often. */
bool log_rarely(const char *kind, const char *about, int64_t interval_ms);

/* LOG_INFO("segment-rolled", "topic=%s partition=%d", topic, partition); text that may hold
 * blanks is written as reason=\"%s\". */
#define LOG_AT(level, ...) \
    do { if (log_enabled(level)) log_write(level, __VA_ARGS__); } while (0)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
