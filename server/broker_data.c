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
#include "server/call.h"
#include "server/codec/codec.h"
#include "server/config_parts.h"
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

enum { SETTLE_ROUNDS = 3 };

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

static int make_loops(struct broker *broker)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int count = config_loops(&broker->config, processors);

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

static void relay_to_controller(void *context, struct control_request *request)
{
    control_relay(context, request);
}

/* What the configuration does not say of it. */
static void complete_replication(const struct broker *broker, struct replication *replication)
{
    replication->resolver = broker->resolver;
    replication->cluster_id = broker->cluster_id;
    replication->listener = broker->endpoints.inter_broker;
    replication->incarnation = broker->incarnation;
    replication->levels = &broker->levels;
    replication->relay = relay_to_controller;
    replication->relay_context = broker->control;
}

static void mirror_offsets(void *context, struct mirror_parcel *parcel)
{
    control_mirror(context, parcel);
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

    struct shards_options options;
    code = config_for_shards(&broker->config, &options, reason);
    options.loops = broker->loops;
    options.count = broker->loop_count;
    options.broker_id = broker->id;
    options.cell = broker->cell;
    options.dirs = broker->dirs;
    options.pool = broker->pool;
    options.metrics = broker->metrics;
    options.files = &broker->files;
    options.lease_until_ms = lease_until_ms;
    options.lease_context = broker;
    complete_replication(broker, &options.replication);
    options.mirror.send = mirror_offsets;
    options.mirror.context = broker->control;
    broker->topic_defaults = options.defaults;
    broker->cleaner_options = options.cleaner;
    if (code == 0)
        code = shards_new(&options, &broker->shards);
    if (code == 0)
        config_throttle(&broker->config, broker->shards);
    return code;
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
        cleaner = config_for_cleaner(&config);
        atomic_store(&broker->gates.idle_ms, config.connections_max_idle_ms);
        atomic_store(&broker->gates.slow_ms, config.connections_slow_ms);
        const struct admission_limits limits = config_for_admission(&config);
        admission_set(&broker->gates.admission, &limits);
        set_log_level(broker, (enum log_level)config.log_level);
        config_throttle(&config, broker->shards);
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
    const struct admission_limits limits = config_for_admission(config);

    broker->api = config_for_api(config);
    broker->api.broker_id = broker->id;
    broker->api.cluster_id = broker->cluster_id;
    broker->api.metrics = broker->metrics;
    broker->api.can = feature_highest(&broker->features);
    broker->api.levels = &broker->levels;
    broker->api.relay_to_controller = relay_to_controller;
    broker->api.ask_controller = ask_controller;
    broker->api.ask_producer_id = ask_producer_id;
    broker->api.ask_import = ask_import;
    broker->api.control = broker->control;
    config_for_gates(config, &broker->gates);
    broker->gates.api = &broker->api;
    broker->gates.codec = &codec_native;
    broker->gates.metrics = broker->metrics;
    broker->gates.pool = broker->pool;
    broker->gates.broker_id = broker->id;
    broker->gates.cluster_id = broker->cluster_id;
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
