/* The data plane of a broker: directories, shards, gates, listeners and their loops. */
#include "server/broker_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metric.h"
#include "net/listener.h"
#include "net/loop.h"
#include "proto/frame.h"
#include "server/call.h"
#include "server/codec/codec.h"
#include "server/dynamic.h"
#include "server/runtime/control.h"
#include "server/runtime/dirs.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/offset_import.h"
#include "server/runtime/offset_mirror.h"
#include "server/runtime/producer_ids.h"
#include "server/runtime/shard.h"
#include "server/runtime/topic_config.h"
#include "server/storage/logdir.h"

enum { LOOPS_MAX = 8, FRAME_LENGTH_SIZE = 4, SETTLE_ROUNDS = 3, MS_PER_MINUTE = 60000 };

/* --- start ------------------------------------------------------------------------------------ */

/* A directory of nobody beside claimed ones was added, or it is where a disk is not mounted. */
static bool has_unclaimed(const struct broker *broker)
{
    size_t claimed = 0;
    for (size_t i = 0; i < broker->directory_count; i++)
        claimed += logdir_identity(broker->directories[i])->broker_id >= 0;
    return claimed > 0 && claimed < broker->directory_count;
}

void broker_data_registered(struct broker *broker, const struct control_registered *registered)
{
    for (size_t i = 0; i < broker->directory_count; i++)
        logdir_incarnation_registered(broker->directories[i]);
    /* What was Kafka's is not recorded: then one that is new may be where a disk is missing. */
    bool missing = registered->missing > 0 || (registered->first && broker->unclaimed);
    if (!missing || broker->swept)
        return;
    LOG_ERROR("log-directories-missing",
              "broker=%" PRId32 " count=%zu action=\"partitions that no directory holds get no "
              "empty log as long as the cluster counts on them: is a disk not mounted?\"",
              broker->id, registered->missing);
    dirs_miss(broker->dirs);
}

/* Who we are in this life, and what the directories know of former ones: before they hear of it. */
static void take_incarnation(struct broker *broker)
{
    broker->incomplete = broker->offline_directories > 0;
    broker->unclaimed = has_unclaimed(broker);
    broker->incarnation = uuid_random();
    broker->known_count = logdir_known_incarnations(broker->directories, broker->directory_count,
                                                    broker->known);
    for (size_t i = 0; i < broker->directory_count && uuid_is_zero(&broker->previous); i++)
        broker->previous = logdir_identity(broker->directories[i])->incarnation;
}

/* May be called again when a disk was full. */
static int claim_directories(struct broker *broker, struct k_reason *reason)
{
    if (uuid_is_zero(&broker->incarnation))
        take_incarnation(broker);
    for (size_t i = 0; i < broker->directory_count; i++) {
        struct logdir *directory = broker->directories[i];
        int code = logdir_claim(directory, broker->id, broker->cluster_id, reason);
        if (code != 0)
            return code;
        if (!uuid_equal(&logdir_identity(directory)->incarnation, &broker->incarnation))
            code = logdir_set_incarnation(directory, &broker->incarnation);
        if (code != 0)
            return k_reason_set(reason, code, "%s: kairn.properties can not be written",
                                logdir_path(directory));
        broker->directory_ids[i] = logdir_identity(directory)->directory_id;
    }
    return 0;
}

int broker_loops_wanted(const struct config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->num_loops != 0)
        return config->num_loops;
    return processors < 1 ? 1 : processors > LOOPS_MAX ? LOOPS_MAX : (int)processors;
}

static int make_loops(struct broker *broker)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int count = broker_loops_wanted(&broker->config);

    broker->loops = calloc((size_t)count, sizeof *broker->loops);
    if (broker->loops == NULL)
        return K_NOMEM;
    for (; broker->loop_count < count; broker->loop_count++) {
        char name[24];
        snprintf(name, sizeof name, "loop-%d", broker->loop_count);
        const struct loop_options options = {
            .name = name,
            .metrics = broker->metrics,
            .cpu = processors > 2 ? (int)(broker->loop_count % processors) : -1,
        };
        int code = loop_new(&options, &broker->loops[broker->loop_count]);
        if (code != 0)
            return code;
    }
    return 0;
}

static int64_t lease_until_ms(const void *context)
{
    const struct broker *broker = context;

    return control_lease_until_ms(broker->control);
}

/* On the control loop. Nothing can be served without any directory: the broker ends. */
static void directory_fenced(void *context)
{
    struct broker *broker = context;
    bool any_left = false;

    for (size_t i = 0; i < broker->directory_count; i++)
        any_left |= !logdir_fenced(broker->directories[i]);
    if (broker->shards != NULL)
        shards_directory_fenced(broker->shards);
    if (!any_left) {
        LOG_ERROR("broker-failed", "broker=%" PRId32 " reason=\"no log directory is left\"",
                  broker->id);
        broker->events.failed(broker->events.context, broker, K_KAFKA_STORAGE_ERROR);
    }
}

static struct cleaner_options cleaner_options_of(const struct config *config)
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

static void relay_to_controller(void *context, struct control_request *request)
{
    control_relay(context, request);
}

static struct replication replication_of(const struct broker *broker)
{
    const struct config *config = &broker->config;

    return (struct replication){
        .lag_max_ms = config->replica_lag_max_ms,
        .wait_max_ms = config->replica_wait_max_ms,
        .backoff_ms = config->replica_backoff_ms,
        .fetch_max_bytes = (uint32_t)config->replica_fetch_max_bytes,
        .response_max_bytes = (uint32_t)config->replica_response_max_bytes,
        .resolver = broker->resolver,
        .cluster_id = broker->cluster_id,
        .listener = broker->endpoints.inter_broker,
        .incarnation = broker->incarnation,
        .levels = &broker->levels,
        .relay = relay_to_controller,
        .relay_context = broker->control,
    };
}

static void mirror_offsets(void *context, struct mirror_parcel *parcel)
{
    control_mirror(context, parcel);
}

/* For what a join's answer holds beside the members. */
enum { TOLD_ROOM = 128 << 10 };

static struct groups_options groups_options_of(const struct config *config)
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

static int make_shards(struct broker *broker, struct k_reason *reason)
{
    const struct dirs_options dirs_options = {
        .directories = broker->directories,
        .count = broker->directory_count,
        .metrics = broker->metrics,
        .incomplete = broker->incomplete,
        .control = broker->control_loop,
        .pool = broker->pool,
        .delete_delay_ms = broker->config.log_segment_delete_delay_ms,
        .fenced = directory_fenced,
        .context = broker,
    };
    int code = dirs_new(&dirs_options, &broker->dirs);
    if (code != 0)
        return k_reason_set(reason, code, "the log directories can not be listed");

    struct shards_options options = {
        .loops = broker->loops,
        .count = broker->loop_count,
        .broker_id = broker->id,
        .cell = broker->cell,
        .dirs = broker->dirs,
        .pool = broker->pool,
        .metrics = broker->metrics,
        .files = &broker->files,
        .idle_close_ms = broker->config.log_idle_close_ms,
        .producer_expiration_ms = broker->config.producer_expiration_ms,
        .retention_check_ms = broker->config.log_retention_check_interval_ms,
        .fenced_by_lease = broker->config.leader_fencing == FENCING_LEASE,
        .lease_until_ms = lease_until_ms,
        .lease_context = broker,
        .cleaner = cleaner_options_of(&broker->config),
        .replication = replication_of(broker),
        .groups = groups_options_of(&broker->config),
        .offsets_topic = {
            .partitions = broker->config.offsets_partitions,
            .replication_factor = broker->config.offsets_replication_factor,
            .segment_bytes = broker->config.offsets_segment_bytes,
            .codec = broker->config.offsets_codec,
        },
        .mirror = {
            .interval_ms = broker->config.offsets_mirror_interval_ms,
            .send = mirror_offsets,
            .context = broker->control,
        },
    };
    code = topic_config_defaults(&config_table, &broker->config, &options.defaults, reason);
    broker->topic_defaults = options.defaults;
    broker->cleaner_options = options.cleaner;
    if (code == 0)
        code = shards_new(&options, &broker->shards);
    if (code == 0)
        shards_throttle(broker->shards, broker->config.leader_throttled_rate,
                        broker->config.follower_throttled_rate);
    return code;
}

static struct admission_limits admission_limits_of(const struct config *config)
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

/* Brokers that share a process share its log: the last change counts. Told at whichever level tells
 * more, the one before or the new one. */
static void set_log_level(struct broker *broker, enum log_level level)
{
    if (level == broker->log_level)
        return;
    log_set_level(level < broker->log_level ? level : broker->log_level);
    LOG_INFO("log-level-changed", "broker=%" PRId32 " from=%s to=%s", broker->id,
             log_level_name(broker->log_level), log_level_name(level));
    log_set_level(level);
    broker->log_level = level;
}

int broker_data_configure(struct broker *broker, const struct metadata *picture)
{
    struct topic_config defaults;
    struct cleaner_options cleaner;
    struct k_reason reason = { "" };
    struct config config;
    int code = dynamic_config(&broker->config, picture, broker->id, &config);

    if (code == 0) {
        code = topic_config_defaults(&config_table, &config, &defaults, &reason);
        cleaner = cleaner_options_of(&config);
        atomic_store(&broker->gates.idle_ms, config.connections_max_idle_ms);
        atomic_store(&broker->gates.slow_ms, config.connections_slow_ms);
        const struct admission_limits limits = admission_limits_of(&config);
        admission_set(&broker->gates.admission, &limits);
        set_log_level(broker, (enum log_level)config.log_level);
        shards_throttle(broker->shards, config.leader_throttled_rate,
                        config.follower_throttled_rate);
        config_fini(&config);
    }
    if (code == 0 && (memcmp(&defaults, &broker->topic_defaults, sizeof defaults) != 0 ||
                      memcmp(&cleaner, &broker->cleaner_options, sizeof cleaner) != 0)) {
        code = shards_configure(broker->shards, &defaults, &cleaner);
        if (code == 0) {
            LOG_INFO("broker-reconfigured", "broker=%" PRId32, broker->id);
            broker->topic_defaults = defaults;
            broker->cleaner_options = cleaner;
        }
    }
    if (code != 0)
        LOG_ERROR("broker-not-reconfigured", "broker=%" PRId32 " error=%s", broker->id,
                  k_error_name(code));
    return code;
}

static void ask_controller(void *context, struct control_request *request)
{
    control_ask(context, request);
}

static void ask_producer_id(void *context, struct producer_id_ask *ask)
{
    control_ask_producer_id(context, ask);
}

static void ask_import(void *context, struct offset_import_ask *ask)
{
    control_ask_import(context, ask);
}

static int make_gates(struct broker *broker)
{
    const struct config *config = &broker->config;
    const struct admission_limits limits = admission_limits_of(config);

    broker->api = (struct api){
        .broker_id = broker->id,
        .cluster_id = broker->cluster_id,
        .metrics = broker->metrics,
        .can = feature_highest(&broker->features),
        .levels = &broker->levels,
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
        .relay_to_controller = relay_to_controller,
        .ask_controller = ask_controller,
        .ask_producer_id = ask_producer_id,
        .ask_import = ask_import,
        .control = broker->control,
    };
    broker->gates = (struct gates){
        .api = &broker->api,
        .codec = &codec_native,
        .metrics = broker->metrics,
        .pool = broker->pool,
        .broker_id = broker->id,
        .cluster_id = broker->cluster_id,
        .frame_max = (size_t)config->request_max_bytes + FRAME_LENGTH_SIZE,
        .idle_ms = config->connections_max_idle_ms,
        .slow_ms = config->connections_slow_ms,
    };
    budget_init(&broker->gates.budget, config->queued_max_bytes);
    return gates_init(&broker->gates, broker->loops, broker->shards, &limits);
}

static void accepted(void *context, int fd)
{
    const struct entrance *entrance = context;

    gate_accept(entrance->gate, fd, entrance->name);
}

static int64_t wait_to_accept(void *context)
{
    const struct entrance *entrance = context;
    struct gates *gates = entrance->gate->gates;
    int64_t wait_ms = admission_wait_ms(&gates->admission, entrance->privileged,
                                        loop_now_ms(entrance->gate->loop));

    if (wait_ms > 0)
        metric_add(gates->metrics, METRIC_CONNECTIONS_HELD, 1);
    return wait_ms;
}

static int open_listeners(struct broker *broker, struct k_reason *reason)
{
    for (size_t i = 0; i < broker->endpoints.count; i++) {
        const struct endpoint *endpoint = &broker->endpoints.items[i];
        struct entrance *entrance = &broker->entrances[i];

        entrance->gate = &broker->gates.items[0];
        entrance->name = endpoint->name;
        entrance->privileged = broker->endpoints.count > 1 &&
                               strcmp(endpoint->name, broker->endpoints.inter_broker) == 0;
        int code = listener_new(broker->loops[0], endpoint->host, endpoint->port, accepted,
                                entrance, &entrance->listener, reason);
        const char *option = "listeners";
        if (code == 0) {
            listener_set_wait(entrance->listener, wait_to_accept);
            option = "socket.tcp.congestion";
            code = listener_set_congestion(entrance->listener, broker->config.tcp_congestion,
                                           reason);
        }
        if (code != 0) {
            struct k_reason cause = *reason;
            return k_reason_set(reason, code, "listener %s: %.400s (see %s)", endpoint->name,
                                cause.text, option);
        }
        uint16_t port = listener_port(entrance->listener);
        broker->advertised[i] = (struct metadata_endpoint){
            .listener = endpoint->name,
            .protocol = "PLAINTEXT",
            .host = endpoint->advertised_host,
            .port = endpoint->advertised_port != 0 ? endpoint->advertised_port : port,
        };
    }
    return 0;
}

int broker_data_start(struct broker *broker, struct k_reason *reason)
{
    int code = claim_directories(broker, reason);
    if (code == 0)
        code = make_loops(broker);
    if (code == 0)
        code = make_shards(broker, reason);
    if (code == 0)
        code = make_gates(broker);
    if (code == 0)
        code = open_listeners(broker, reason);
    while (code == 0 && broker->loops_started < broker->loop_count) {
        code = loop_start(broker->loops[broker->loops_started]);
        broker->loops_started += code == 0;
    }
    broker->serving = code == 0;
    if (code == K_NOMEM)
        k_reason_set(reason, code, "out of memory or threads");
    return code;
}

/* --- stop ------------------------------------------------------------------------------------- */

static void close_listeners(void *context)
{
    struct broker *broker = context;

    for (size_t i = 0; i < broker->endpoints.count; i++) {
        listener_free(broker->entrances[i].listener);
        broker->entrances[i].listener = NULL;
    }
}

static void close_gate(void *context)
{
    struct gate *gate = context;

    gate_close(gate);
    shard_stop(gate->shard);
}

static void close_dirs(void *context)
{
    dirs_close(context);
}

struct closing {
    struct shard *shard;
    bool clean;
};

static void close_logs(void *context)
{
    struct closing *closing = context;

    closing->clean = shard_close_logs(closing->shard);
}

static void nothing(void *context)
{
    (void)context;
}

/* A request may go from loop to loop and back: let all of them arrive. */
static void settle(struct broker *broker)
{
    for (int round = 0; round < SETTLE_ROUNDS; round++) {
        call_on(broker->control_loop, nothing, NULL);
        for (int i = 0; i < broker->loop_count; i++)
            call_on(broker->loops[i], nothing, NULL);
    }
}

static bool close_all_logs(struct broker *broker)
{
    bool clean = true;
    for (int i = 0; i < broker->loop_count; i++) {
        struct closing closing = { .shard = shards_at(broker->shards, i) };
        call_on(broker->loops[i], close_logs, &closing);
        clean &= closing.clean;
    }
    return clean;
}

bool broker_data_stop(struct broker *broker)
{
    call_on(broker->loops[0], close_listeners, broker);
    for (int i = 0; i < broker->loop_count; i++)
        call_on(broker->loops[i], close_gate, &broker->gates.items[i]);
    call_on(broker->control_loop, close_dirs, broker->dirs);
    io_pool_free(broker->pool);
    broker->pool = NULL;
    settle(broker);

    return close_all_logs(broker);
}

void broker_data_free(struct broker *broker)
{
    for (int i = 0; i < broker->loops_started; i++) {
        loop_stop(broker->loops[i]);
        loop_join(broker->loops[i]);
    }
    close_listeners(broker);
    gates_fini(&broker->gates);
    shards_free(broker->shards);
    dirs_free(broker->dirs);
    for (int i = 0; i < broker->loop_count; i++)
        loop_free(broker->loops[i]);
    free(broker->loops);
}
