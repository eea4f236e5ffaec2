#include "server/broker_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metric.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "server/call.h"
#include "server/config_parts.h"
#include "server/runtime/control.h"
#include "server/runtime/dirs.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/shard.h"
#include "server/storage/io.h"
#include "server/storage/logdir.h"

enum { TICK_MS = 1000, DRAIN_LIMIT_MS = 5000, CONTROL_STOP_LIMIT_S = 6 };

/* --- what the control plane tells ------------------------------------------------------------- */

static void configure(struct broker *broker)
{
    const struct metadata *picture = metadata_get(broker->cell);

    broker->configure_again = broker_data_configure(broker, picture) == K_NOMEM;
    metadata_put(picture);
}

static void tick(void *context)
{
    struct broker *broker = context;

    dirs_checkpoint(broker->dirs);
    if (broker->configure_again)
        configure(broker);
    timer_after(broker->tick, TICK_MS);
}

static int identified(void *context, const char *cluster_id, int32_t id, struct k_reason *reason)
{
    struct broker *broker = context;

    if (broker->stopping)
        return k_reason_set(reason, K_CLOSED, "the broker is stopping");
    broker->id = id;
    snprintf(broker->cluster_id, sizeof broker->cluster_id, "%s", cluster_id);
    int code = broker_data_start(broker, reason);
    if (code == 0)
        code = timer_new(broker->control_loop, tick, broker, &broker->tick);
    if (code == 0)
        timer_after(broker->tick, TICK_MS);
    return code;
}

static bool may_have_lost_data(const struct broker *broker)
{
    bool lossy = broker->offline_directories > 0;
    for (size_t i = 0; i < broker->directory_count; i++)
        lossy |= logdir_may_have_lost_data(broker->directories[i]);
    return lossy;
}

static bool any_fenced(const struct broker *broker)
{
    bool fenced = false;
    for (size_t i = 0; i < broker->directory_count; i++)
        fenced |= logdir_fenced(broker->directories[i]);
    return fenced;
}

static void describe(void *context, struct control_self *self)
{
    const struct broker *broker = context;

    *self = (struct control_self){
        .incarnation = broker->incarnation,
        .previous = broker->previous,
        .known = broker->known,
        .known_count = broker->known_count,
        .endpoints = broker->advertised,
        .endpoint_count = broker->endpoints.count,
        .directories = broker->directory_ids,
        .directory_count = broker->directory_count,
        .lossy = may_have_lost_data(broker),
        .fenced = any_fenced(broker),
    };
}

static void registered(void *context, const struct control_registered *registered)
{
    broker_data_registered(context, registered);
}

/* Whatever the log level: whoever starts a broker waits for this line. */
static void tell_ready(struct broker *broker)
{
    for (size_t i = 0; i < broker->endpoints.count; i++)
        log_write(LOG_LEVEL_INFO, "broker-ready",
                  "broker=%" PRId32 " listener=%s host=%s port=%u loops=%d cluster=%s",
                  broker->id, broker->advertised[i].listener, broker->advertised[i].host,
                  (unsigned)broker->advertised[i].port, broker->loop_count, broker->cluster_id);
    broker->ready = true;
    if (broker->events.ready != NULL)
        broker->events.ready(broker->events.context, broker);
}

static void picture_changed(void *context)
{
    struct broker *broker = context;
    const struct metadata *picture = metadata_get(broker->cell);
    const struct metadata_broker *self = metadata_broker(picture, broker->id);

    if (!broker->swept) {
        broker->swept = true;
        dirs_expect(broker->dirs, picture, broker->id);
        dirs_sweep(broker->dirs, picture, broker->id);
    }
    configure(broker);
    shards_picture_changed(broker->shards);
    if (!broker->ready && self != NULL && uuid_equal(&self->incarnation, &broker->incarnation))
        tell_ready(broker);
    metadata_put(picture);
}

static void refused(void *context, int code, const char *reason)
{
    struct broker *broker = context;

    LOG_ERROR("broker-refused", "broker=%" PRId32 " error=%s reason=\"%s\"", broker->id,
              k_error_name(code), reason);
    broker->events.failed(broker->events.context, broker, code);
}

static void stopped(void *context)
{
    struct broker *broker = context;

    sem_post(&broker->control_stopped);
}

/* --- start ------------------------------------------------------------------------------------ */

/* A directory that can not be used takes only its partitions offline, as long as another can be.
 * One that another broker holds was not meant for this one at all. */
static int open_directory(struct broker *broker, const char *path, struct k_reason *reason)
{
    int code = logdir_open(path, &broker->files.io,
                           &broker->directories[broker->directory_count], reason);
    if (code == 0) {
        broker->directory_count++;
        return 0;
    }
    if (code == K_BUSY || code == K_NOMEM)
        return code;
    LOG_ERROR("log-directory-offline", "path=%s error=%s reason=\"%s\"", path, k_error_name(code),
              reason->text);
    broker->offline_code = code;
    broker->offline_directories++;
    return 0;
}

static int open_directories(struct broker *broker, struct k_reason *reason)
{
    char *list = strdup(broker->config.log_dirs), *rest = list;
    int code = 0;

    if (list == NULL)
        return K_NOMEM;
    for (char *path = strtok_r(list, ",", &rest); path != NULL && code == 0;
         path = strtok_r(NULL, ",", &rest)) {
        path += strspn(path, " \t");
        if (broker->directory_count == LOG_DIRS_MAX)
            code = k_reason_set(reason, K_INVALID_CONFIG, "log.dirs names more than %d directories",
                                (int)LOG_DIRS_MAX);
        else
            code = open_directory(broker, path, reason);
    }
    free(list);
    if (code == 0 && broker->directory_count == 0)
        code = broker->offline_code;
    return code;
}

/* The configured id, or the one that the directories were claimed with; -1: to be generated. */
static int32_t known_id(const struct broker *broker)
{
    int32_t id = broker->config.broker_id;

    for (size_t i = 0; i < broker->directory_count && id < 0; i++)
        id = logdir_identity(broker->directories[i])->broker_id;
    return id;
}

/* The number of loops is registered before they are made. */
static int make_control(struct broker *broker, struct k_reason *reason)
{
    struct control_options options = config_for_control(&broker->config);

    options.loop = broker->control_loop;
    options.resolver = broker->resolver;
    options.metrics = broker->metrics;
    options.cell = broker->cell;
    options.guardian = true;
    options.broker_id = known_id(broker);
    options.loops = config_loops(&broker->config, sysconf(_SC_NPROCESSORS_ONLN));
    options.inter_broker_listener = broker->endpoints.inter_broker;
    options.features = broker->features;
    options.levels = &broker->levels;
    options.context = broker;
    options.identified = identified;
    options.describe = describe;
    options.changed = picture_changed;
    options.registered = registered;
    options.refused = refused;
    options.stopped = stopped;
    return control_new(&options, &broker->control, reason);
}

static int make_parts(struct broker *broker, struct k_reason *reason)
{
    const struct loop_options control_options = { .name = "control", .cpu = -1 };

    broker->metrics = metrics_new();
    int code = broker->metrics == NULL ? K_NOMEM : 0;
    if (code == 0)
        code = resolver_new(&broker->resolver);
    if (code == 0)
        code = io_pool_new(config_pool_threads(&broker->config, sysconf(_SC_NPROCESSORS_ONLN),
                                               broker->directory_count),
                           &broker->pool);
    if (code == 0)
        code = metadata_cell_new("", &broker->cell);
    if (code == 0)
        code = loop_new(&control_options, &broker->control_loop);
    if (code != 0)
        return k_reason_set(reason, code, "out of memory or threads");
    return make_control(broker, reason);
}

/* Without a data plane no log was touched: they are as clean as they were found. */
static bool close_directories(struct broker *broker)
{
    bool closed = true;

    for (size_t i = 0; i < broker->directory_count; i++) {
        struct logdir *directory = broker->directories[i];
        closed &= logdir_close(directory,
                               broker->serving ? broker->clean : logdir_was_clean(directory));
    }
    return closed;
}

/* False: not all directories that are clean could be marked so. */
static bool free_broker(struct broker *broker)
{
    io_pool_free(broker->pool);
    control_free(broker->control);
    resolver_free(broker->resolver);        /* before the loops: it posts to them */
    broker_data_free(broker);
    timer_free(broker->tick);
    loop_free(broker->control_loop);
    metadata_cell_free(broker->cell);
    bool closed = close_directories(broker);
    io_budget_fini(&broker->files);
    metrics_free(broker->metrics);
    config_fini(&broker->config);
    sem_destroy(&broker->control_stopped);
    sem_destroy(&broker->drained);
    free(broker);
    return closed;
}

static void start_control(void *context)
{
    control_start(context);
}

int broker_start(struct config *config, const struct broker_events *events, struct broker **out,
                 struct k_reason *reason)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) {
        config_fini(config);
        return k_reason_set(reason, K_NOMEM, "out of memory");
    }
    broker->config = *config;
    broker->events = *events;
    broker->id = -1;
    broker->log_level = (enum log_level)config->log_level;
    sem_init(&broker->control_stopped, 0, 0);
    sem_init(&broker->drained, 0, 0);
    io_budget_init(&broker->files, io_budget_of_process(events->brokers));

    config_settle(&broker->config);
    broker->features = feature_ranges_built();
    feature_cell_init(&broker->levels);
    int code = config_check(&broker->config, reason);
    if (code == 0)
        code = feature_hold(broker->config.feature_level_max, &broker->features, reason);
    if (code == 0)
        code = endpoints_read(&broker->config, &broker->endpoints, reason);
    if (code == 0)
        code = open_directories(broker, reason);
    if (code == 0)
        code = make_parts(broker, reason);
    if (code == 0)
        code = loop_start(broker->control_loop);
    if (code != 0) {
        (void)free_broker(broker);
        return code;
    }
    *out = broker;
    call_on(broker->control_loop, start_control, broker->control);
    return 0;
}

/* --- stop ------------------------------------------------------------------------------------- */

static void stop_control(void *context)
{
    struct broker *broker = context;

    control_stop(broker->control);
}

static void stop_starting(void *context)
{
    struct broker *broker = context;

    broker->stopping = true;
    if (broker->tick != NULL)
        timer_stop(broker->tick);
}

static void drained(void *context)
{
    struct broker *broker = context;

    sem_post(&broker->drained);
}

/* While everything is served still, what we lead goes to others. */
static void drain_control(void *context)
{
    struct broker *broker = context;

    control_drain(broker->control, DRAIN_LIMIT_MS, drained, broker);
}

static void wait_for_control(const struct broker *broker, sem_t *semaphore, const char *what)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CONTROL_STOP_LIMIT_S;
    while (sem_timedwait(semaphore, &until) != 0) {
        if (errno == EINTR)
            continue;
        LOG_WARN("stop-incomplete", "broker=%" PRId32 " reason=\"%s\"", broker->id, what);
        return;
    }
}

bool broker_stop(struct broker *broker)
{
    call_on(broker->control_loop, stop_starting, broker);
    int32_t id = broker->id;                /* from here on nobody changes it */
    LOG_INFO("broker-stopping", "broker=%" PRId32, id);
    if (broker->serving && broker->config.controlled_shutdown) {
        call_on(broker->control_loop, drain_control, broker);
        wait_for_control(broker, &broker->drained, "the controller did not answer in time");
    }
    bool clean = broker->clean = broker->serving ? broker_data_stop(broker) : true;
    call_on(broker->control_loop, stop_control, broker);
    wait_for_control(broker, &broker->control_stopped, "ZooKeeper did not answer in time");
    loop_stop(broker->control_loop);
    loop_join(broker->control_loop);
    clean &= free_broker(broker);
    LOG_INFO("broker-stopped", "broker=%" PRId32 " clean=%s", id, clean ? "yes" : "no");
    return clean;
}

int32_t broker_id(const struct broker *broker)
{
    return broker->id;
}

uint16_t broker_port(const struct broker *broker, int listener)
{
    return broker->advertised[listener].port;
}
