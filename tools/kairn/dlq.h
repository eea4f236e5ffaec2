/* dlq.h - what the verbs of kairn dlq share. */
#ifndef TOOLS_KAIRN_DLQ_H
#define TOOLS_KAIRN_DLQ_H

#include <stdbool.h>

#include "tools/kairn/letter.h"
#include "tools/kairn/reading.h"

/* Where a replay without filters has got to is what this group has committed. */
#define DLQ_PROGRESS "kairn-dlq-replay"

/* Open a consumer of dead letters, in a group that it is no member of (NULL: none), which commits
 * nothing by itself. `klient` (may be NULL) receives a handle for a producer as well, to be freed.
 * EXIT_DONE, or said. To be closed in any case. */
int dlq_open(struct reading *reading, const struct args *args, const char *topic,
             const char *group, klient_t **klient);
void dlq_close(struct reading *reading);

/* What is done with each record, and when all of a poll were: EXIT_DONE to go on. */
struct dlq_visitor {
    void *context;
    int (*each)(void *context, const klient_record_t *record);
    int (*pause)(void *context);        /* NULL: nothing */
};

/* Read on, from where it is, to where the partitions end. Interrupts end it: EXIT_FAILED. */
int dlq_read(struct reading *reading, const struct dlq_visitor *visitor);

#endif
