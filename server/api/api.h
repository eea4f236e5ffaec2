/* api/api.h - what the request handlers of one broker know beside the request. Constant after
 * start. */
#ifndef API_API_H
#define API_API_H

#include <stdint.h>

#include "common/feature.h"

struct control_request;
struct metrics;
struct offset_import_ask;
struct producer_id_ask;
struct option_table;

struct api {
    int32_t broker_id;
    const char *cluster_id;                         /* borrowed */
    struct metrics *metrics;                        /* borrowed */
    struct feature_levels can;                      /* the highest levels that we can */
    const struct feature_cell *levels;              /* that the cluster has finalised; borrowed */

    /* The broker's configuration, for describing it. */
    const struct option_table *option_table;
    const void *option_values;
    const uint8_t *option_sources;

    int32_t partitions_default, replication_factor_default;   /* of new topics */
    bool auto_create;                               /* topics that clients name are made */
    int32_t offsets_partitions, offsets_replication_factor;   /* of __consumer_offsets */
    int32_t offset_metadata_max;                    /* bytes beside a committed offset */
    uint32_t fetch_bytes_max;                       /* of one answer */
    int64_t timeout_ms;                             /* of requests that name none */

    /* The control plane: control_relay(), control_ask(), control_ask_producer_id(),
     * control_ask_import(); a double in tests. */
    void (*relay_to_controller)(void *context, struct control_request *request);
    void (*ask_controller)(void *context, struct control_request *request);
    void (*ask_producer_id)(void *context, struct producer_id_ask *ask);
    void (*ask_import)(void *context, struct offset_import_ask *ask);
    void *control;
};

#endif
