/* runtime/logs.h - describe-logs and compact-logs: what a partition's log is like, and clean it. */
#ifndef RUNTIME_LOGS_H
#define RUNTIME_LOGS_H

#include <stdint.h>

#include "common/list.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/partition.h"
#include "server/runtime/scatter.h"

struct logs_entry {
    struct list node;                   /* in its part */
    struct partition_wait wait;         /* while the log is opening */
    struct scatter_part *part;
    struct partition_key key;           /* the question */
    bool compact;

    /* the answer */
    struct outcome outcome;
    const char *directory;              /* lives as long as the broker */
    int64_t start, end, high_watermark, bytes;
    uint32_t segments;
    struct cleaner_report cleaner;
};

/* For scatter.run: every entry of the part is a struct logs_entry. */
void logs_run(struct scatter_part *part);

#endif
