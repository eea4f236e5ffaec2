/* position.h - look up where a partition begins, ends, or was at some time. */
#ifndef CLIENT_POSITION_H
#define CLIENT_POSITION_H

#include <stdint.h>

#include "client/call.h"
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

/* Begin a call that looks up `count` positions at once. timestamps NULL: `timestamp` for all. It
 * makes a klient_offsets_t, also with a failure: each has its code, and offset -1 if that is none.
 * KLIENT_NOMEM. */
klient_code_t lookup_all(struct klient *klient, int isolation,
                         const klient_topic_partition_t *partitions, const int64_t *timestamps,
                         int64_t timestamp, size_t count, int64_t deadline_ms, struct call *out,
                         klient_error_t **error);

/* Wait for it. codes (may be NULL) receives what became of each; with them, offsets that were found
 * are told though others failed (-1), else only if none did. */
klient_code_t lookup_wait(struct call *call, int64_t *offsets, klient_code_t *codes,
                          klient_error_t **error);

#endif
