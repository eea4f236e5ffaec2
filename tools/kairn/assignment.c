#include "tools/kairn/assignment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char form[] =
    "brokers are numbers, with a colon between replicas and a comma between partitions";

/* The next broker; NULL when there is none. */
static const char *read_broker(const char *at, int32_t *broker)
{
    char *end;

    if (*at < '0' || *at > '9')
        return NULL;
    errno = 0;
    long number = strtol(at, &end, 10);
    if (errno != 0 || number > INT32_MAX)
        return NULL;
    *broker = (int32_t)number;
    return end;
}

static bool is_twice(const int32_t *row, int32_t count, int32_t broker)
{
    for (int32_t i = 0; i < count; i++)
        if (row[i] == broker)
            return true;
    return false;
}

static const char *read_rows(const char *at, struct assignment *out)
{
    int32_t count = 0, total = 0;

    for (;; at++) {
        int32_t broker;
        at = read_broker(at, &broker);
        if (at == NULL)
            return form;
        if (is_twice(out->brokers + total - count, count, broker))
            return "a broker has one replica of a partition";
        out->brokers[total++] = broker;
        count++;
        if (*at == ':')
            continue;
        if (out->partitions > 0 && count != out->replicas)
            return "all partitions have as many replicas as the first";
        out->replicas = count;
        out->partitions++;
        count = 0;
        if (*at == '\0')
            return NULL;
        if (*at != ',')
            return form;
    }
}

bool assignment_read(const char *text, struct assignment *out, const char **reason)
{
    /* No two brokers without something between them. */
    *out = (struct assignment){ .brokers = calloc(strlen(text) / 2 + 1, sizeof *out->brokers) };
    *reason = out->brokers == NULL ? "out of memory" : read_rows(text, out);
    if (*reason == NULL)
        return true;
    free(out->brokers);
    *out = (struct assignment){ 0 };
    return false;
}
