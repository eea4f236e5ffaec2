#include "tests/chaos/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char magic[8] = "kairnhi1";

int64_t history_now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

FILE *history_create(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file != NULL)
        fwrite(magic, sizeof magic, 1, file);
    return file;
}

void history_write(FILE *file, const struct history_event *event)
{
    fwrite(event, sizeof *event, 1, file);
}

static int refuse(const char *path, const char *why, FILE *file)
{
    fprintf(stderr, "%s: %s\n", path, why);
    if (file != NULL)
        fclose(file);
    return -1;
}

int history_load(const char *path, bool killed, struct history *out)
{
    char begin[sizeof magic];
    FILE *file = fopen(path, "re");
    long size = file != NULL && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;

    if (size < 0)
        return refuse(path, strerror(errno), file);
    rewind(file);
    if (killed && size < (long)sizeof magic) {
        *out = (struct history){ .count = 0 };
        fclose(file);
        return 0;
    }
    if (fread(begin, sizeof begin, 1, file) != 1 || memcmp(begin, magic, sizeof magic) != 0)
        return refuse(path, "not a history", file);
    size -= (long)sizeof magic;
    if (!killed && size % (long)sizeof(struct history_event) != 0)
        return refuse(path, "ends within an event", file);
    struct history history = { .count = (size_t)size / sizeof(struct history_event) };
    history.events = malloc((size_t)size + 1);
    if (history.events == NULL)
        return refuse(path, "out of memory", file);
    if (fread(history.events, sizeof(struct history_event), history.count, file) != history.count) {
        free(history.events);
        return refuse(path, "can not be read", file);
    }
    fclose(file);
    *out = history;
    return 0;
}

void history_fini(struct history *history)
{
    free(history->events);
    history->events = NULL;
    history->count = 0;
}
