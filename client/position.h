/* position.h - look up where a partition begins, ends, or was at some time. */
#ifndef CLIENT_POSITION_H
#define CLIENT_POSITION_H

#include <stdint.h>

#include "client/inquiry.h"
#include "client/klient.h"

enum { POSITION_END = -1, POSITION_BEGINNING = -2 };    /* instead of a time */

/* On the loop; embedded in the asker's object. */
struct lookup {
    struct inquiry inquiry;
    int64_t timestamp;              /* ms since 1970, or one of the above */
    int isolation;
    int64_t offset;                 /* answer; -1: no such record */
    void (*found)(struct lookup *lookup, int code);
};

/* timestamp, isolation and found are set. found() may be called from here. */
void lookup_start(struct lookup *lookup, struct klient *klient, const char *topic,
                  int32_t partition, int64_t deadline_ms);

/* An application thread looks up `count` positions at once and waits. Returns the task's code
 * through *error as usual; `wait` waits for the task in the caller's own way and returns 0, or why
 * it gave up. timestamps NULL: `timestamp` for all. codes (may be NULL) receives what became of
 * each; with them, offsets that were found are told though others failed (-1), else only if none
 * did. */
struct task;
klient_code_t lookup_all(struct klient *klient, int isolation,
                         const klient_topic_partition_t *partitions, const int64_t *timestamps,
                         int64_t timestamp, size_t count, int64_t deadline_ms,
                         int (*wait)(void *context, struct task *task, int64_t deadline_ms),
                         void *context, int64_t *offsets, klient_code_t *codes,
                         klient_error_t **error);

#endif
