/* log.c - one write(2) per line, so that lines of several threads and processes do not mix. */
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_flood.h"

enum { LINE_MAX_SIZE = 2048, KINDS_MAX = 64 };

static const char *const level_names[] = { "debug", "info", "warn", "error", "off" };

static struct {
    atomic_int level;
    const struct clock *clock;      /* of the flood's limits */
    struct log_flood flood;
    pthread_mutex_t lock;           /* guards all below, and the sink's calls */
    log_sink sink;
    void *context;
    struct { uint64_t kind; int64_t said_ms; } rare[KINDS_MAX];     /* said_ms 0: never */
} state = { .level = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

void log_set_sink(log_sink sink, void *context)
{
    pthread_mutex_lock(&state.lock);
    state.sink = sink;
    state.context = context;
    pthread_mutex_unlock(&state.lock);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

void log_limit(uint32_t lines_max, int64_t interval_ms, const struct clock *clock)
{
    state.clock = clock;
    state.flood.interval_ms = interval_ms;
    state.flood.lines_max = lines_max;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&state.level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* FNV-1a, going on from `hash`; the end of the text counts too. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    while (*text++ != '\0');
    return hash;
}

bool log_rarely(const char *kind, const char *about, int64_t interval_ms)
{
    uint64_t hash = hash_text(hash_text(0xcbf29ce484222325u, kind), about);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bool due = true;

    pthread_mutex_lock(&state.lock);
    size_t slot = 0;
    for (size_t i = 0; i < KINDS_MAX && state.rare[slot].kind != hash; i++)
        if (state.rare[i].kind == hash || state.rare[i].said_ms < state.rare[slot].said_ms)
            slot = i;
    if (state.rare[slot].kind == hash && state.rare[slot].said_ms != 0)
        due = now_ms - state.rare[slot].said_ms >= interval_ms;
    if (due) {
        state.rare[slot].kind = hash;
        state.rare[slot].said_ms = now_ms;
    }
    pthread_mutex_unlock(&state.lock);
    return due;
}

/* Where this thread's lines go, when not to the process's sink. */
static _Thread_local struct {
    log_sink sink;
    void *context;
} diverted;

void log_divert(log_sink sink, void *context)
{
    diverted.sink = sink;
    diverted.context = context;
}

static size_t write_stamp(char *line, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &parts);
    return used + (size_t)snprintf(line + used, size - used, ".%03ldZ ", now.tv_nsec / 1000000);
}

static void write_line(enum log_level level, const char *event, const char *format,
                       va_list arguments)
{
    char line[LINE_MAX_SIZE];
    const size_t room = sizeof line - 1;          /* of the text; one more for the newline */
    size_t used = write_stamp(line, room);

    used += (size_t)snprintf(line + used, room - used, "%s event=%.100s ", level_names[level],
                             event);
    int added = vsnprintf(line + used, room - used, format, arguments);
    if (added > 0)
        used += (size_t)added < room - used ? (size_t)added : room - used - 1;
    /* A line is a line, and leaves a terminal alone, whatever a reason quotes. */
    for (char *at = line; at < line + used; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';

    if (diverted.sink != NULL) {
        line[used] = '\0';
        diverted.sink(diverted.context, level, line);
        return;
    }
    pthread_mutex_lock(&state.lock);
    if (state.sink != NULL) {
        line[used] = '\0';
        state.sink(state.context, level, line);
    } else {
        line[used] = '\n';
        ssize_t written;
        do
            written = write(STDERR_FILENO, line, used + 1);
        while (written < 0 && errno == EINTR);
    }
    pthread_mutex_unlock(&state.lock);
}

/* A line about lines, which are never too many. */
static void say(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(enum log_level level, const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (log_enabled(level))
        write_line(level, event, format, arguments);
    va_end(arguments);
}

/* Is there room for a line of this site? Tells, too, what others have left out before. */
static bool has_room(enum log_level level, const char *event, const char *format)
{
    const int64_t now_ms = clock_mono_ms(state.clock);
    struct log_flood_count count;
    size_t from = 0;

    while (log_flood_take(&state.flood, now_ms, &from, &count))
        say((enum log_level)count.level, "log-lines-left-out", "of=%.100s lines=%" PRIu32,
            count.event, count.lines);
    enum log_flood_verdict verdict =
        log_flood_line(&state.flood, (int)level, event, format, now_ms);
    if (verdict == LOG_FLOOD_BEGINS)
        say(level, "log-flooded",
            "of=%.100s lines=%" PRIu32 " ms=%" PRId64 " reason=\"further ones are counted\"",
            event, state.flood.lines_max, state.flood.interval_ms);
    return verdict == LOG_FLOOD_WRITE;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    va_list arguments;

    if (state.flood.lines_max > 0 && diverted.sink == NULL && !has_room(level, event, format))
        return;
    va_start(arguments, format);
    write_line(level, event, format, arguments);
    va_end(arguments);
}
