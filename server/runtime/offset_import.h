/* runtime/offset_import.h - what /consumers in ZooKeeper says that a group has read: left there by
 * Kafka's old consumers, or by a mirror (offset_mirror.h). Only read; whoever asks commits it. */
#ifndef RUNTIME_OFFSET_IMPORT_H
#define RUNTIME_OFFSET_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include "common/mail.h"

struct arena;
struct control;

struct import_row {
    const char *topic, *name;       /* of the two nodes */
    int32_t partition;              /* if there is no problem, as the offset */
    int64_t offset;
    const char *problem;            /* why it says nothing; NULL: it does */
};

struct offset_import_ask {
    const char *group;
    struct arena *arena;            /* the asker's, who leaves it alone until it is answered */
    struct mail_target *answer_to;
    void (*answered)(struct offset_import_ask *ask);    /* there, once */
    int64_t deadline_ms;            /* monotonic */

    /* the answer: 0; GROUP_ID_NOT_FOUND (nothing stands there); REQUEST_TIMED_OUT; SESSION_LOST
     * (ZooKeeper is away); INVALID_REQUEST (far too many nodes); CLOSED, NOMEM */
    int code;
    struct import_row *rows;        /* in the arena */
    size_t count;

    /* the control plane's own while it has the ask */
    struct mail mail;
    struct control *control;
    const char **topics;
    size_t topic_count, next_topic, next_row, capacity;
};

/* Any thread. */
void control_ask_import(struct control *control, struct offset_import_ask *ask);

#endif
