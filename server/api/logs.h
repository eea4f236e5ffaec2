/* api/logs.h - what describe_logs.c and compact_logs.c share: partitions in, answers out. */
#ifndef API_LOGS_H
#define API_LOGS_H

#include "proto/kairn.pb-c.h"
#include "server/api/authorise.h"
#include "server/runtime/logs.h"

struct request;

struct logs_question {
    struct scatter scatter;
    struct request *request;
    size_t count;
    struct logs_entry *entries;         /* in the order of the request */
    void (*answer)(struct logs_question *question);
};

/* Ask the owners; answer() finishes the request, later or from within. */
void logs_ask(struct request *request, Kairn__LogPartition *const *partitions, size_t count,
              bool compact, enum operation operation,
              void (*answer)(struct logs_question *question));

#endif
