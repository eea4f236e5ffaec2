/* runtime/logs.h - describe-logs and compact-logs: what a partition's log is like, and clean it. */
#ifndef RUNTIME_LOGS_H
#define RUNTIME_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/runtime/cleaner.h"
#include "server/runtime/follower_report.h"
#include "server/runtime/question.h"

struct logs_entry {
    struct question question;
    bool compact;                       /* else: describe */

    /* the answer, of describe */
    const char *directory;              /* lives as long as the broker */
    int64_t start, end, high_watermark, bytes;
    uint32_t segments;
    struct cleaner_report cleaner;
    int32_t follower_count;
    struct follower_report followers[REPLICAS_MAX];
};

/* For scatter.run: every entry of the part is a struct logs_entry. */
void logs_run(struct scatter_part *part);

#endif
