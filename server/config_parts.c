#include "server/config_parts.h"

#include <string.h>

#include "proto/frame.h"

enum { LOOPS_MAX = 8, POOL_THREADS_MIN = 2, POOL_THREADS_MAX = 64 };
enum { FRAME_LENGTH_SIZE = 4, MS_PER_SECOND = 1000, MS_PER_MINUTE = 60 * MS_PER_SECOND };

/* For what a join's answer holds beside the members. */
enum { TOLD_ROOM = 128 << 10 };

/* --- the control plane ------------------------------------------------------------------------ */

static struct controller_options controller_options(const struct config *config)
{
    return (struct controller_options){
        .min_insync = config->min_insync_replicas,
        .unclean = config->unclean_leader_election,
        .rebalance_interval_ms = config->auto_leader_rebalance
                                     ? config->leader_imbalance_interval_s * MS_PER_SECOND
                                     : 0,
        .imbalance_percent = config->leader_imbalance_percent,
        .policy = { .partitions_max = config->policy_max_partitions,
                    .factor_min = config->policy_min_factor,
                    .factor_max = config->policy_max_factor },
        .deletes_nothing = !config->delete_topic_enable,
    };
}

struct control_options config_for_control(const struct config *config)
{
    return (struct control_options){
        .zookeeper_connect = config->zookeeper_connect,
        .zookeeper_digest = config->zookeeper_digest,
        .session_timeout_ms = config->zookeeper_session_timeout_ms,
        .reserved_max_id = config->reserved_broker_max_id,
        .rack = config->broker_rack != NULL ? config->broker_rack : "",
        .controller = controller_options(config),
        .topic_pattern = config->policy_name_pattern,
        .broker_options = &config_table,
    };
}

/* --- the data plane --------------------------------------------------------------------------- */

struct cleaner_options config_for_cleaner(const struct config *config)
{
    struct cleaner_options options;

    memset(&options, 0, sizeof options);    /* also what lies between fields: they are compared */
    options.enabled = config->log_cleaner_enable;
    options.threads = config->log_cleaner_threads;
    options.dedupe_bytes = config->log_cleaner_dedupe_bytes;
    options.io_bytes = config->log_cleaner_io_bytes;
    options.io_bytes_per_second = config->log_cleaner_bytes_per_second;
    options.load_factor = config->log_cleaner_load_factor;
    options.backoff_ms = config->log_cleaner_backoff_ms;
    return options;
}

static struct groups_options groups_options(const struct config *config)
{
    return (struct groups_options){
        .initial_delay_ms = config->group_initial_delay_ms,
        .session_min_ms = config->group_session_min_ms,
        .session_max_ms = config->group_session_max_ms,
        .size_max = config->group_max_size,
        .told_max = FRAME_HEAD_MAX - TOLD_ROOM,
        .metadata_max = config->offsets_metadata_max,
        .store_timeout_ms = config->offsets_commit_timeout_ms,
        .retention_ms = (int64_t)config->offsets_retention_minutes * MS_PER_MINUTE,
        .retention_check_ms = config->offsets_check_interval_ms,
    };
}

int config_for_shards(const struct config *config, struct shards_options *out,
                      struct k_reason *reason)
{
    *out = (struct shards_options){
        .idle_close_ms = config->log_idle_close_ms,
        .producer_expiration_ms = config->producer_expiration_ms,
        .retention_check_ms = config->log_retention_check_interval_ms,
        .fenced_by_lease = config->leader_fencing == FENCING_LEASE,
        .cleaner = config_for_cleaner(config),
        .replication = {
            .lag_max_ms = config->replica_lag_max_ms,
            .wait_max_ms = config->replica_wait_max_ms,
            .backoff_ms = config->replica_backoff_ms,
            .fetch_max_bytes = (uint32_t)config->replica_fetch_max_bytes,
            .response_max_bytes = (uint32_t)config->replica_response_max_bytes,
        },
        .groups = groups_options(config),
        .offsets_topic = {
            .partitions = config->offsets_partitions,
            .replication_factor = config->offsets_replication_factor,
            .segment_bytes = config->offsets_segment_bytes,
            .codec = config->offsets_codec,
        },
        .mirror = { .interval_ms = config->offsets_mirror_interval_ms },
    };
    return topic_config_defaults(&config_table, config, &out->defaults, reason);
}

void config_throttle(const struct config *config, struct shards *shards)
{
    shards_throttle(shards, config->leader_throttled_rate, config->follower_throttled_rate);
}

int config_loops(const struct config *config, long processors)
{
    if (config->num_loops != 0)
        return config->num_loops;
    return processors < 1 ? 1 : processors > LOOPS_MAX ? LOOPS_MAX : (int)processors;
}

int config_pool_threads(const struct config *config, long processors, size_t directories)
{
    long wanted = config->num_recovery_threads == 0 ? processors : config->num_recovery_threads;

    wanted *= (long)directories;
    return wanted < POOL_THREADS_MIN ? POOL_THREADS_MIN
         : wanted > POOL_THREADS_MAX ? POOL_THREADS_MAX
                                     : (int)wanted;
}

/* --- connections and requests ----------------------------------------------------------------- */

struct api config_for_api(const struct config *config)
{
    return (struct api){
        .option_table = &config_table,
        .option_values = config,
        .option_sources = config->sources,
        .partitions_default = config->num_partitions,
        .replication_factor_default = config->default_replication_factor,
        .auto_create = config->auto_create_topics,
        .offsets_partitions = config->offsets_partitions,
        .offsets_replication_factor = config->offsets_replication_factor,
        .offset_metadata_max = config->offsets_metadata_max,
        .fetch_bytes_max = (uint32_t)config->fetch_max_bytes,
        .timeout_ms = config->request_timeout_ms,
    };
}

struct admission_limits config_for_admission(const struct config *config)
{
    struct admission_limits limits;
    struct k_reason reason;

    admission_no_limits(&limits);
    limits.connections = config->connections_max;
    limits.per_address = config->connections_per_ip;
    limits.per_second = config->connection_rate;
    /* config_check() has read them without an error, and they do not change. */
    (void)admission_parse_overrides(&limits, config->connections_per_ip_overrides, &reason);
    return limits;
}

void config_for_gates(const struct config *config, struct gates *out)
{
    *out = (struct gates){
        .frame_max = (size_t)config->request_max_bytes + FRAME_LENGTH_SIZE,
        .idle_ms = config->connections_max_idle_ms,
        .slow_ms = config->connections_slow_ms,
    };
    budget_init(&out->budget, config->queued_max_bytes);
}
