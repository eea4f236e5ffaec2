/* topic_logs.h - what kairn topic describe --verbose adds: the logs of a topic's partitions. */
#ifndef TOOLS_KAIRN_TOPIC_LOGS_H
#define TOOLS_KAIRN_TOPIC_LOGS_H

#include <jansson.h>

#include "client/klient.h"

/* A table on standard output. */
void topic_logs_table(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                      int32_t partition_count);

/* A member "log" for each object of `partitions`, in their order. */
void topic_logs_json(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                     int32_t partition_count, json_t *partitions);

#endif
