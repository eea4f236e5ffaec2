#include "tests/server/lib/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/metric.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/metadata.h"
#include "tests/server/lib/crew_server.h"
#include "tests/zk/server.h"

/* --- what happens ----------------------------------------------------------------------------- */

/* Any thread. */
static void note(struct crew *crew, bool *what)
{
    pthread_mutex_lock(&crew->mutex);
    if (what != NULL)
        *what = true;
    pthread_cond_broadcast(&crew->happened);
    pthread_mutex_unlock(&crew->mutex);
}

int64_t crew_deadline(void)
{
    return clock_mono_ms(&clock_system) + CREW_WAIT_MS;
}

/* A condition may also depend on what nobody tells, for instance on ZooKeeper: so at most a
 * little while. */
bool crew_wait(struct crew *crew, int64_t deadline_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 20 * 1000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&crew->mutex);
    pthread_cond_timedwait(&crew->happened, &crew->mutex, &until);
    pthread_mutex_unlock(&crew->mutex);
    return clock_mono_ms(&clock_system) < deadline_ms;
}

/* --- what the control plane tells ------------------------------------------------------------- */

static int identified(void *context, const char *cluster_id, int32_t id, struct k_reason *reason)
{
    struct crew_broker *broker = context;

    (void)reason;
    ck_assert_int_eq(id, broker->id);
    crew_server_use(broker->server, broker->control, cluster_id);
    return 0;
}

static void describe(void *context, struct control_self *self)
{
    struct crew_broker *broker = context;

    *self = (struct control_self){ .incarnation = broker->incarnation,
                                   .previous = broker->previous,
                                   .endpoints = &broker->endpoint,
                                   .endpoint_count = 1 };
}

static void changed(void *context)
{
    struct crew_broker *broker = context;
    note(broker->crew, NULL);
}

static void refused(void *context, int code, const char *reason)
{
    struct crew_broker *broker = context;

    (void)reason;
    pthread_mutex_lock(&broker->crew->mutex);
    ck_assert_int_eq(broker->refused, 0);
    broker->refused = code;
    pthread_mutex_unlock(&broker->crew->mutex);
    note(broker->crew, NULL);
}

static void stopped(void *context)
{
    struct crew_broker *broker = context;
    note(broker->crew, &broker->stopped);
}

/* --- life ------------------------------------------------------------------------------------- */

void crew_init(struct crew *crew, const char *chroot)
{
    pthread_condattr_t attributes;

    memset(crew, 0, sizeof *crew);
    snprintf(crew->connect, sizeof crew->connect, "%s%s", server_address(), chroot);
    crew->session_timeout_ms = 30000;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->happened, &attributes);
    pthread_condattr_destroy(&attributes);
    ck_assert_int_eq(resolver_new(&crew->resolver), 0);
}

void crew_fini(struct crew *crew)
{
    for (int id = 1; id <= CREW_MAX; id++)
        if (crew->brokers[id].running)
            crew_stop(&crew->brokers[id]);
    resolver_free(crew->resolver);
    pthread_cond_destroy(&crew->happened);
    pthread_mutex_destroy(&crew->mutex);
}

static void start(void *context)
{
    control_start(context);
}

struct crew_broker *crew_start(struct crew *crew, int32_t id, const char *connect)
{
    struct crew_broker *broker = &crew->brokers[id];
    const struct loop_options loop_options = { .name = "control", .cpu = -1, .clock = crew->clock };
    struct k_reason reason;

    ck_assert(!broker->running);
    *broker = (struct crew_broker){ .crew = crew, .id = id, .running = true,
                                    .incarnation = uuid_random(),
                                    .previous = broker->incarnation };
    feature_cell_init(&broker->levels);
    broker->metrics = metrics_new();
    ck_assert_int_eq(metadata_cell_new("", &broker->cell), 0);
    ck_assert_int_eq(loop_new(&loop_options, &broker->loop), 0);
    broker->server = crew_server_new(broker->loop, id);
    broker->endpoint = (struct metadata_endpoint){ "PLAINTEXT", "PLAINTEXT", "127.0.0.1",
                                                   crew_server_port(broker->server) };
    const struct control_options options = {
        .loop = broker->loop, .resolver = crew->resolver, .metrics = broker->metrics,
        .cell = broker->cell, .zookeeper_connect = connect != NULL ? connect : crew->connect,
        .session_timeout_ms = crew->session_timeout_ms, .broker_id = id,
        .reserved_max_id = 1000, .rack = "", .loops = 1, .inter_broker_listener = "PLAINTEXT",
        .features = feature_ranges_built(), .levels = &broker->levels,
        .context = broker, .identified = identified, .describe = describe, .changed = changed,
        .refused = refused, .stopped = stopped,
    };
    ck_assert_int_eq(control_new(&options, &broker->control, &reason), 0);
    ck_assert_int_eq(loop_start(broker->loop), 0);
    call_on(broker->loop, start, broker->control);
    return broker;
}

void crew_on(struct crew_broker *broker, void (*run)(void *context), void *context)
{
    call_on(broker->loop, run, context);
}

static void stop(void *context)
{
    struct crew_broker *broker = context;

    crew_server_close(broker->server);
    control_stop(broker->control);
}

static bool has_stopped(struct crew_broker *broker)
{
    pthread_mutex_lock(&broker->crew->mutex);
    bool has = broker->stopped;
    pthread_mutex_unlock(&broker->crew->mutex);
    return has;
}

void crew_stop(struct crew_broker *broker)
{
    call_on(broker->loop, stop, broker);
    CREW_UNTIL(broker->crew, has_stopped(broker));
    loop_stop(broker->loop);
    loop_join(broker->loop);
    control_free(broker->control);
    crew_server_free(broker->server);
    loop_free(broker->loop);
    metadata_cell_free(broker->cell);
    metrics_free(broker->metrics);
    broker->running = false;
}

/* --- what brokers see ------------------------------------------------------------------------- */

bool crew_agrees(struct crew *crew, size_t brokers)
{
    const struct metadata *first = NULL;
    bool agrees = true;

    for (int id = 1; id <= CREW_MAX && agrees; id++) {
        if (!crew->brokers[id].running)
            continue;
        const struct metadata *picture = metadata_get(crew->brokers[id].cell);
        agrees = picture->broker_count == brokers && picture->controller > 0 &&
                 crew->brokers[picture->controller].running &&
                 (first == NULL || (picture->controller_epoch == first->controller_epoch &&
                                    picture->sequence == first->sequence));
        if (first == NULL)
            first = picture;
        else
            metadata_put(picture);
    }
    metadata_put(first);
    return agrees;
}

struct crew_broker *crew_controller(struct crew *crew, size_t brokers)
{
    CREW_UNTIL(crew, crew_agrees(crew, brokers));
    for (int id = 1; id <= CREW_MAX; id++) {
        if (!crew->brokers[id].running)
            continue;
        const struct metadata *picture = metadata_get(crew->brokers[id].cell);
        int32_t controller = picture->controller;
        metadata_put(picture);
        return &crew->brokers[controller];
    }
    ck_abort_msg("nobody runs");
}

struct crew_broker *crew_other(struct crew *crew, const struct crew_broker *controller)
{
    for (int id = 1; id <= CREW_MAX; id++)
        if (crew->brokers[id].running && &crew->brokers[id] != controller)
            return &crew->brokers[id];
    ck_abort_msg("no other broker runs");
}

int32_t crew_led(const struct crew_broker *broker, const char *name)
{
    const struct metadata *picture = metadata_get(broker->cell);
    const struct metadata_topic *topic = metadata_topic_by_name(picture, name);
    int32_t led = topic == NULL ? -1 : 0;

    for (int32_t i = 0; topic != NULL && i < topic->partition_count; i++)
        led += topic->partitions[i].leader >= 0;
    metadata_put(picture);
    return led;
}

bool crew_all_led(struct crew *crew, const char *topic, int32_t partitions)
{
    for (int id = 1; id <= CREW_MAX; id++)
        if (crew->brokers[id].running && crew_led(&crew->brokers[id], topic) != partitions)
            return false;
    return true;
}

static bool tells(const struct metadata_config *configs, int32_t count, const char *name,
                  const char *value)
{
    for (int32_t i = 0; i < count; i++)
        if (strcmp(configs[i].name, name) == 0)
            return value != NULL && strcmp(configs[i].value, value) == 0;
    return value == NULL;
}

bool crew_topic_told(struct crew *crew, const char *topic, const char *name, const char *value)
{
    bool told = true;

    for (int32_t id = 1; id <= CREW_MAX; id++) {
        if (!crew->brokers[id].running)
            continue;
        const struct metadata *picture = metadata_get(crew->brokers[id].cell);
        const struct metadata_topic *found = metadata_topic_by_name(picture, topic);
        told &= found != NULL && tells(found->configs, found->config_count, name, value);
        metadata_put(picture);
    }
    return told;
}

bool crew_broker_told(struct crew *crew, const char *of_broker, const char *name,
                      const char *value)
{
    bool told = true;

    for (int32_t id = 1; id <= CREW_MAX; id++) {
        if (!crew->brokers[id].running)
            continue;
        const struct metadata *picture = metadata_get(crew->brokers[id].cell);
        const struct metadata_settings *found = metadata_settings(picture, of_broker);
        told &= found != NULL ? tells(found->configs, found->config_count, name, value)
                              : value == NULL;
        metadata_put(picture);
    }
    return told;
}

struct uuid crew_topic_id(const struct crew_broker *broker, const char *name)
{
    const struct metadata *picture = metadata_get(broker->cell);
    const struct metadata_topic *topic = metadata_topic_by_name(picture, name);

    ck_assert_ptr_nonnull(topic);
    struct uuid id = topic->id;
    metadata_put(picture);
    return id;
}

int32_t crew_epoch(const struct crew_broker *broker, const char *name, int32_t partition)
{
    const struct metadata *picture = metadata_get(broker->cell);
    const struct metadata_topic *topic = metadata_topic_by_name(picture, name);

    ck_assert_ptr_nonnull(topic);
    int32_t epoch = topic->partitions[partition].leader_epoch;
    metadata_put(picture);
    return epoch;
}

/* --- what is asked of the controller ---------------------------------------------------------- */

static void request_answered(struct control_request *ask)
{
    struct crew_request *request = LIST_OWNER(ask, struct crew_request, request);
    note(request->broker->crew, &request->answered);
}

static struct crew_request *request_new(struct crew_broker *broker)
{
    struct crew_request *request = calloc(1, sizeof *request);

    ck_assert_ptr_nonnull(request);
    arena_init(&request->arena, NULL, 0, SIZE_MAX);
    kairn__request_head__init(&request->head);
    kairn__response_head__init(&request->response);
    request->broker = broker;
    request->request = (struct control_request){
        .answer_to = loop_mail_target(broker->loop), .answered = request_answered,
        .head = &request->head, .deadline_ms = crew_deadline(), .arena = &request->arena,
        .response = &request->response,
    };
    return request;
}

static struct crew_request *request_post(struct crew_request *request, bool relay)
{
    if (relay)
        control_relay(request->broker->control, &request->request);
    else
        control_ask(request->broker->control, &request->request);
    return request;
}

struct crew_request *crew_create(struct crew_broker *broker, bool relay, const char *topic,
                                 int32_t partitions, int32_t replicas)
{
    struct crew_request *request = request_new(broker);

    kairn__create_topics_request__init(&request->create);
    kairn__new_topic__init(&request->topic);
    request->topic.name = (char *)(uintptr_t)topic;
    request->topic.partitions = partitions;
    request->topic.replication_factor = replicas;
    request->topics[0] = &request->topic;
    request->create.n_topics = 1;
    request->create.topics = request->topics;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS;
    request->head.create_topics = &request->create;
    return request_post(request, relay);
}

struct crew_request *crew_delete(struct crew_broker *broker, bool relay, const char *topic)
{
    struct crew_request *request = request_new(broker);

    kairn__delete_topics_request__init(&request->remove);
    request->names[0] = (char *)(uintptr_t)topic;
    request->remove.n_topics = 1;
    request->remove.topics = request->names;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_DELETE_TOPICS;
    request->head.delete_topics = &request->remove;
    return request_post(request, relay);
}

struct crew_request *crew_add_partitions(struct crew_broker *broker, bool relay, const char *topic,
                                         int32_t partitions)
{
    struct crew_request *request = request_new(broker);

    kairn__create_partitions_request__init(&request->add);
    kairn__more_partitions__init(&request->more);
    request->more.topic = (char *)(uintptr_t)topic;
    request->more.partitions = (uint32_t)partitions;
    request->mores[0] = &request->more;
    request->add.n_topics = 1;
    request->add.topics = request->mores;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS;
    request->head.create_partitions = &request->add;
    return request_post(request, relay);
}

struct crew_request *crew_alter(struct crew_broker *broker, const char *topic,
                                const char *of_broker, const char *name, const char *value)
{
    struct crew_request *request = request_new(broker);

    kairn__alter_configs_request__init(&request->alter);
    kairn__altered_resource__init(&request->altered);
    kairn__config_resource__init(&request->resource);
    kairn__config_alteration__init(&request->alteration);
    request->resource.kind = topic != NULL       ? KAIRN__CONFIG_RESOURCE__KIND__TOPIC
                             : of_broker != NULL ? KAIRN__CONFIG_RESOURCE__KIND__BROKER
                                                 : KAIRN__CONFIG_RESOURCE__KIND__CLUSTER;
    if (topic != NULL || of_broker != NULL)
        request->resource.name = (char *)(uintptr_t)(topic != NULL ? topic : of_broker);
    request->alteration.name = (char *)(uintptr_t)name;
    request->alteration.unset = value == NULL;
    if (value != NULL)
        request->alteration.value = (char *)(uintptr_t)value;
    request->alterations[0] = &request->alteration;
    request->altered.resource = &request->resource;
    request->altered.n_alterations = 1;
    request->altered.alterations = request->alterations;
    request->altereds[0] = &request->altered;
    request->alter.n_resources = 1;
    request->alter.resources = request->altereds;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS;
    request->head.alter_configs = &request->alter;
    return request_post(request, true);
}

bool crew_answered(const struct crew_request *request)
{
    struct crew *crew = request->broker->crew;

    pthread_mutex_lock(&crew->mutex);
    bool answered = request->answered;
    pthread_mutex_unlock(&crew->mutex);
    return answered;
}

int crew_result(struct crew_request *request)
{
    CREW_UNTIL(request->broker->crew, crew_answered(request));
    int code = request->request.code;
    const Kairn__ResponseHead *response = &request->response;
    if (code == 0 && response->body_case == KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS)
        code = head_error_code(response->create_topics->results[0]->error);
    else if (code == 0 && response->body_case == KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS)
        code = head_error_code(response->create_partitions->results[0]->error);
    else if (code == 0 && response->body_case == KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS)
        code = head_error_code(response->alter_configs->results[0]->error);
    else if (code == 0)
        code = head_error_code(response->delete_topics->results[0]->error);
    arena_fini(&request->arena);
    free(request);
    return code;
}
