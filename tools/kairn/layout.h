/* layout.h - which brokers have which replicas, as the planner wants to know it. */
#ifndef TOOLS_KAIRN_LAYOUT_H
#define TOOLS_KAIRN_LAYOUT_H

#include <stdbool.h>

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/planner.h"

struct layout {
    klient_metadata_t *metadata;        /* owned; the names live in it */
    struct planner_broker *brokers;
    struct planner_partition *partitions;     /* sorted by topic and number, as in metadata */
    size_t broker_count, partition_count;
    bool of_group;                      /* not of the cluster: what a group has committed */
};

/* Ask the cluster; with `sizes` also how large the logs are. A log that nobody leads counts as
 * empty. False: said. */
bool layout_read(const struct args *args, klient_admin_t *admin, int64_t timeout_ms, bool sizes,
                 struct layout *out);
/* Ask the leaders of all partitions what their logs are like, some hundred at once: entry `index`
 * of `logs`, valid during the call. Those that do not answer soon have a code. */
typedef void layout_log(void *context, size_t partition, const klient_logs_t *logs, size_t index);
klient_code_t layout_each_log(const struct layout *layout, klient_admin_t *admin,
                              int64_t timeout_ms, layout_log *use, void *context,
                              klient_error_t **error);

/* The partitions of which a group has committed something; `offsets` keeps the names. False:
 * said. */
bool layout_of_group(const struct args *args, const klient_offsets_t *offsets, struct layout *out);
void layout_free(struct layout *layout);

/* Its index, or -1. */
int64_t layout_find(const struct layout *layout, const char *topic, int64_t partition);

/* Partitions that `flag`'s values TOPIC or TOPIC:P,P... name, or the operands (flag NULL):
 * chosen[i] for each of the layout, which the caller frees. NULL: said. */
bool *layout_choose(const struct args *args, const char *flag, const struct layout *layout);

/* "1,2,3": broker ids, each once. False: it is not that. */
bool layout_ids(const char *text, struct planner_replicas *out);

#endif
