/* config.h - the properties of a client as a struct; config_table.h describes each.
 *
 * Immutable once a handle was made from it, and then readable from any thread. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "client/extension.h"
#include "client/klient.h"
#include "common/options.h"

enum acks_choice { ACKS_ALL, ACKS_MINUS_ONE, ACKS_ZERO, ACKS_ONE };
enum partitioner_choice { PARTITIONER_STICKY, PARTITIONER_HASH, PARTITIONER_ROUND_ROBIN };
enum reset_choice { RESET_LATEST, RESET_EARLIEST, RESET_NONE };
enum isolation_choice { ISOLATION_COMMITTED, ISOLATION_UNCOMMITTED };
enum leave_choice { LEAVE_DYNAMIC, LEAVE_ALWAYS, LEAVE_NEVER };

struct config_values {
    /* everyone */
    char *bootstrap_servers, *client_id, *tcp_congestion, *interceptors;
    int64_t request_timeout_ms, retry_backoff_ms, retry_backoff_max_ms;
    int64_t reconnect_backoff_ms, reconnect_backoff_max_ms, connection_setup_timeout_ms;
    int64_t connections_max_idle_ms, metadata_max_age_ms, topic_propagation_max_ms;
    int64_t default_api_timeout_ms, trouble_persistent_ms, statistics_interval_ms;
    int32_t receive_frame_bytes_max;
    int32_t security_protocol;
    /* producer */
    int32_t acks, partitioner, compression, batch_bytes, retries, in_flight_max;
    int32_t request_bytes_max;
    int32_t gzip_level;             /* index into the row's choices: 0 is -1, i is level i */
    int32_t lz4_level, zstd_level, compression_level;
    int64_t buffer_bytes, block_ms_max, linger_ms, delivery_timeout_ms;
    int64_t partitioner_timeout_ms, metadata_idle_ms_max;
    bool partitioner_ignores_keys, partitioner_adaptive, idempotence;
    char *key_serializer, *value_serializer;
    /* consumer */
    char *key_deserializer, *value_deserializer;
    int32_t offset_reset, isolation, fetch_bytes_min, fetch_wait_ms_max, fetch_bytes_max;
    int32_t partition_fetch_bytes_max, poll_records_max;
    int64_t consumer_buffer_bytes;
    bool check_crcs, partition_eof, create_topics;
    /* consumer in a group */
    char *group_id, *group_instance_id, *assignment_strategy, *client_rack;
    int32_t session_timeout_ms, heartbeat_interval_ms, poll_interval_ms_max;
    int32_t auto_commit_interval_ms, leave_on_close, group_protocol;
    bool auto_commit, auto_offset_store;
};

enum {
    CONFIG_ROWS_MAX = 160,
    IN_FLIGHT_NUMBERED_MAX = 5      /* a broker knows the last five requests of a producer again */
};

/* What is set for one topic. */
struct topic_config {
    char *topic;                    /* owned */
    struct config_values values;    /* its own; in a copy also all others, with borrowed texts */
    uint8_t sources[CONFIG_ROWS_MAX];   /* of its own; OPTION_FROM_DEFAULT: it has none */
};

struct klient_config {
    struct config_values values;
    uint8_t sources[CONFIG_ROWS_MAX];
    struct topic_config *topics;    /* owned */
    size_t topic_count;
    klient_report_fn report;
    void *report_context;
    bool background;                /* reports come by a thread of the producer's own */
    klient_partitioner_fn partitioner;
    void *partitioner_context;
    klient_log_fn log;
    void *log_context;
    struct extensions extensions;
    struct klient_retry_policy *retry_policy;   /* referenced; NULL: none */
    struct klient_queue *queue;                 /* likewise: of troubles */
};

extern const struct option_table config_table;

/* Send what the calling thread has to say to the configuration's log function, if it has one; and
 * no longer. */
void config_divert_log(const struct klient_config *config);
void config_restore_log(void);

/* group.id, "" without. */
static inline const char *config_group(const struct klient_config *config)
{
    return config->values.group_id == NULL ? "" : config->values.group_id;
}

/* Was the property set by the application? */
bool config_is_set(const struct klient_config *config, const char *name);

/* Does a producer number its batches? What forbids it turns the default off; beside an explicit
 * enable.idempotence=true it is an error, which config_check() finds. */
bool config_idempotent(const struct klient_config *config);
/* Say so if the default had to be turned off. */
void config_say_idempotence(const struct klient_config *config);

/* What a configuration is for. */
enum config_use { USE_PRODUCER, USE_CONSUMER, USE_ADMIN };

/* Was everything that was set one by one meant for such a handle? 0, or K_INVALID_CONFIG naming the
 * property. What a whole file brought along is only warned of: it may serve several programs. */
int config_suits(const struct klient_config *config, enum config_use use, klient_error_t **error);

/* The level to compress with, as compress_bytes() takes it. */
int config_level(const struct config_values *values, int codec);

/* Are the values consistent with each other? Returns 0 or K_INVALID_CONFIG. */
int config_check(const struct klient_config *config, klient_error_t **error);

/* Take the next "host:port" of a list separated by commas and blanks; brackets around an IPv6
 * address are removed. 1, 0 at the end, or K_INVALID_CONFIG. */
int config_next_server(const char **at, char *host, size_t host_size, uint16_t *port);

/* --- config_topic.c --------------------------------------------------------------------------- */

/* The values that count for a topic. `config` is a copy, and lives longer. */
const struct config_values *config_values_of(const struct klient_config *config,
                                             const char *topic);

/* Was the property set for just this topic? */
bool config_is_set_for(const struct klient_config *config, const char *topic, const char *name);

/* Is it of the form topic/NAME/PROPERTY, or meant to be? Such names are no others. */
bool config_names_topic(const char *name);

/* Set and read a property by such a name; errors of klient_config_set_topic() and _get_topic(). */
int config_set_topic(struct klient_config *config, enum option_source source, const char *name,
                     const char *value, struct k_reason *reason);
klient_code_t config_get_topic(const struct klient_config *config, const char *name, char *text,
                               size_t size, klient_error_t **error);

/* The topic's own values, and those of `config` for the rest. */
void config_complete(const struct klient_config *config, const struct topic_config *own,
                     struct config_values *out);

/* `to` has everything else already. 0 or K_NOMEM; config_free_topics() can be called then, too. */
int config_copy_topics(const struct klient_config *from, struct klient_config *to);
void config_free_topics(struct klient_config *config);

#endif
