#include "tests/server/lib/plane.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/metric.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "proto/head.h"
#include "server/api/dispatch.h"
#include "server/call.h"
#include "server/config_parts.h"
#include "server/runtime/control.h"
#include "server/runtime/dirs.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/metadata.h"
#include "server/runtime/shard.h"
#include "server/storage/io.h"
#include "server/storage/logdir.h"
#include "tests/lib/scratch.h"

enum { ARENA_LIMIT = 64 << 20 };

/* --- the plane -------------------------------------------------------------------------------- */

static int64_t lease_until_ms(const void *context)
{
    const struct plane *plane = context;

    return plane->lease_until_ms;
}

static void no_controller(void *context, struct control_request *request)
{
    (void)context;
    (void)request;
    ck_abort_msg("the controller was asked");
}

static void relayed(struct mail *mail)
{
    struct control_request *request = LIST_OWNER(mail, struct control_request, mail);

    request->answered(request);
}

/* Unless the test is, nobody is the controller: proposals have no answer that counts. */
static void relay(void *context, struct control_request *request)
{
    struct plane *plane = context;

    request->code = K_NOT_CONTROLLER;
    if (plane->controller != NULL)
        plane->controller(request);
    request->mail.deliver = relayed;
    mail_post(request->answer_to, &request->mail);
}

static void directory_fenced(void *context)
{
    struct plane *plane = context;

    shards_directory_fenced(plane->shards);
}

static const struct feature_levels coordinated = { { [FEATURE_COORDINATION] = 2 } };

static void make_shards(struct plane *plane)
{
    struct shards_options options;
    struct k_reason reason;

    ck_assert_int_eq(config_for_shards(&plane->config, &options, &reason), 0);
    options.loops = plane->loops;
    options.count = plane->loop_count;
    options.broker_id = PLANE_BROKER;
    options.cell = plane->cell;
    options.dirs = plane->dirs;
    options.pool = plane->pool;
    options.metrics = plane->metrics;
    options.files = plane->files;
    options.lease_until_ms = lease_until_ms;
    options.lease_context = plane;
    options.replication.cluster_id = "test-cluster";
    options.replication.listener = "PLAINTEXT";
    options.replication.resolver = plane->resolver;
    options.replication.levels = &plane->levels;
    options.replication.relay = relay;
    options.replication.relay_context = plane;
    ck_assert_int_eq(shards_new(&options, &plane->shards), 0);
}

static void open_plane(struct plane *plane)
{
    struct k_reason reason;
    struct loop_options options = { .name = "control", .cpu = -1 };

    ck_assert_int_eq(resolver_new(&plane->resolver), 0);
    plane->metrics = metrics_new();
    ck_assert_ptr_nonnull(plane->metrics);
    ck_assert_int_eq(io_pool_new(2, &plane->pool), 0);
    ck_assert_int_eq(metadata_cell_new("test-cluster", &plane->cell), 0);
    ck_assert_int_eq(loop_new(&options, &plane->control), 0);
    for (int i = 0; i < plane->loop_count; i++) {
        options.name = "data";
        options.metrics = plane->metrics;
        ck_assert_int_eq(loop_new(&options, &plane->loops[i]), 0);
    }
    const struct io *io = plane->io != NULL ? plane->io : &io_system;
    ck_assert_msg(logdir_open(plane->path, io, &plane->directory, &reason) == 0, "%s",
                  reason.text);
    ck_assert_int_eq(logdir_claim(plane->directory, PLANE_BROKER, "test-cluster", &reason), 0);
    ck_assert_int_eq(dirs_new(&(struct dirs_options){ .directories = &plane->directory,
                                                      .count = 1,
                                                      .metrics = plane->metrics,
                                                      .incomplete = plane->incomplete,
                                                      .control = plane->control,
                                                      .pool = plane->pool,
                                                      .fenced = directory_fenced,
                                                      .context = plane },
                              &plane->dirs),
                     0);

    feature_cell_init(&plane->levels);
    feature_cell_raise(&plane->levels, &coordinated);
    make_shards(plane);
    plane->lease_until_ms = INT64_MAX;
    plane->sequence = 0;
    plane->published = false;
    plane->api = config_for_api(&plane->config);
    plane->api.broker_id = PLANE_BROKER;
    plane->api.cluster_id = "test-cluster";
    plane->api.metrics = plane->metrics;
    plane->api.can = (struct feature_levels){ { FEATURE_LEVEL_MAX, FEATURE_LEVEL_MAX } };
    plane->api.levels = &plane->levels;
    plane->api.relay_to_controller = plane->api.ask_controller = no_controller;
    ck_assert_int_eq(loop_start(plane->control), 0);
    for (int i = 0; i < plane->loop_count; i++)
        ck_assert_int_eq(loop_start(plane->loops[i]), 0);
}

static void stop_shard(void *context)
{
    shard_stop(context);
}

static void close_dirs(void *context)
{
    dirs_close(context);
}

static void close_logs(void *context)
{
    ck_assert(shard_close_logs(context));
}

static void close_broken_logs(void *context)
{
    shard_close_logs(context);
}

static void nothing(void *context)
{
    (void)context;
}

static void settle(struct plane *plane)
{
    for (int round = 0; round < 3; round++) {
        call_on(plane->control, nothing, NULL);
        for (int i = 0; i < plane->loop_count; i++)
            call_on(plane->loops[i], nothing, NULL);
    }
}

static void close_plane(struct plane *plane)
{
    for (int i = 0; i < plane->loop_count; i++)
        call_on(plane->loops[i], stop_shard, shards_at(plane->shards, i));
    call_on(plane->control, close_dirs, plane->dirs);
    io_pool_free(plane->pool);
    settle(plane);
    for (int i = 0; i < plane->loop_count; i++)
        call_on(plane->loops[i], plane->broken ? close_broken_logs : close_logs,
                shards_at(plane->shards, i));
    settle(plane);                      /* a closing log may answer somebody on another loop */
    for (int i = 0; i < plane->loop_count; i++) {
        loop_stop(plane->loops[i]);
        loop_join(plane->loops[i]);
    }
    loop_stop(plane->control);
    loop_join(plane->control);
    resolver_free(plane->resolver);
    logdir_close(plane->directory, true);
    shards_free(plane->shards);
    dirs_free(plane->dirs);
    for (int i = 0; i < plane->loop_count; i++)
        loop_free(plane->loops[i]);
    loop_free(plane->control);
    metadata_cell_free(plane->cell);
    metrics_free(plane->metrics);
}

void plane_configure(struct plane *plane, const char *pair)
{
    struct k_reason reason;

    ck_assert_msg(config_set_pair(&plane->config, pair, &reason) == 0, "%s", reason.text);
}

static void init(struct plane *plane, int loops, const struct io *io, bool in_memory)
{
    static const char *const pairs[] = {
        "log.idle.close.ms=365d",            "log.retention.check.interval.ms=365d",
        "log.cleaner.enable=false", "group.initial.rebalance.delay.ms=0",
        "group.min.session.timeout.ms=100", "group.max.session.timeout.ms=60000",
        "offsets.commit.timeout.ms=20000", "request.timeout.ms=20000",
        "offsets.topic.num.partitions=4", "offsets.topic.replication.factor=1",
        "offsets.topic.segment.bytes=1048576",
    };

    memset(plane, 0, sizeof *plane);
    plane->io = io;
    ck_assert_int_eq(config_init(&plane->config), 0);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        plane_configure(plane, pairs[i]);
    if (in_memory) {
        ck_assert_int_eq(scratch_make(plane->path, sizeof plane->path, "plane"), 0);
    } else {
        snprintf(plane->path, sizeof plane->path, "/tmp/kairn-plane-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(plane->path));
    }
    plane->loop_count = loops;
    open_plane(plane);
}

void plane_init(struct plane *plane, int loops)
{
    init(plane, loops, NULL, false);
}

void plane_init_on(struct plane *plane, int loops, const struct io *io)
{
    init(plane, loops, io, false);
}

void plane_init_in_memory(struct plane *plane, int loops, const struct io *io)
{
    init(plane, loops, io, true);
}

void plane_restart(struct plane *plane)
{
    close_plane(plane);
    open_plane(plane);
}

void plane_fini(struct plane *plane)
{
    close_plane(plane);
    config_fini(&plane->config);
    ck_assert_int_eq(scratch_remove(plane->path), 0);
}

/* --- pictures --------------------------------------------------------------------------------- */

struct publication {
    struct plane *plane;
    const Kairn__ChangesResponse *changes;
};

static void publish(void *context)
{
    const struct publication *publication = context;

    ck_assert_int_eq(metadata_apply(publication->plane->cell, publication->changes), 0);
    if (!publication->plane->published) {
        const struct metadata *picture = metadata_get(publication->plane->cell);
        dirs_expect(publication->plane->dirs, picture, PLANE_BROKER);
        metadata_put(picture);
    }
    publication->plane->published = true;
    shards_picture_changed(publication->plane->shards);
}

static void publish_changes(struct plane *plane, Kairn__ChangesResponse *changes)
{
    struct publication publication = { .plane = plane, .changes = changes };
    Kairn__Endpoint endpoint = KAIRN__ENDPOINT__INIT, *endpoints[] = { &endpoint };
    Kairn__Endpoint other = KAIRN__ENDPOINT__INIT, *others[] = { &other };
    Kairn__BrokerEntry broker = KAIRN__BROKER_ENTRY__INIT, leader;
    Kairn__BrokerEntry *brokers[] = { &broker, &leader };
    uint8_t incarnation[16] = { 1 };

    endpoint.listener = (char *)"PLAINTEXT";
    endpoint.protocol = (char *)"PLAINTEXT";
    endpoint.host = (char *)"127.0.0.1";
    endpoint.port = 9092;
    broker.id = PLANE_BROKER;
    broker.incarnation = (ProtobufCBinaryData){ .len = 16, .data = incarnation };
    broker.n_endpoints = 1;
    broker.endpoints = endpoints;
    broker.loops = (uint32_t)plane->loop_count;
    leader = broker;
    leader.id = 2;
    leader.loops = 1;
    leader.endpoints = others;
    other = endpoint;
    other.port = plane->leader_port;
    changes->brokers_changed = true;
    changes->n_brokers = plane->leader_port != 0 ? 2 : 1;
    changes->brokers = brokers;
    changes->controller = PLANE_BROKER;
    changes->controller_epoch = 1 + plane->reigns;
    changes->full |= plane->sequence == 0;
    changes->sequence = ++plane->sequence;
    call_on(plane->control, publish, &publication);
    settle(plane);
}

void plane_publish(struct plane *plane, const struct plane_topic *topic)
{
    size_t count = (size_t)topic->partitions;
    Kairn__ChangesResponse changes = KAIRN__CHANGES_RESPONSE__INIT;
    Kairn__TopicEntry entry = KAIRN__TOPIC_ENTRY__INIT, *topics[] = { &entry };
    Kairn__PartitionEntry *partitions = calloc(count + 1, sizeof *partitions);
    Kairn__PartitionEntry **pointers = calloc(count + 1, sizeof *pointers);
    Kairn__ConfigEntry entries[2], *configs[] = { &entries[0], &entries[1] };
    const char *const overrides[2][2] = { { topic->config_name, topic->config_value },
                                          { topic->config2_name, topic->config2_value } };
    int32_t members[] = { topic->leader < 0 ? PLANE_BROKER : topic->leader, PLANE_BROKER };
    int32_t all[] = { 1, 2, 3 };

    ck_assert(partitions != NULL && pointers != NULL);
    for (int32_t i = 0; i < topic->partitions; i++) {
        kairn__partition_entry__init(&partitions[i]);
        partitions[i].partition = (uint32_t)i;
        partitions[i].leader = topic->leader;
        partitions[i].leader_epoch = topic->leader_epoch;
        partitions[i].state_version =
            (uint32_t)(topic->version > 0 ? topic->version : topic->leader_epoch);
        partitions[i].n_isr = 1;
        partitions[i].n_replicas = members[0] == PLANE_BROKER ? 1 : 2;
        partitions[i].replicas = partitions[i].isr = members;
        if (topic->replicas > 1) {
            partitions[i].n_replicas = partitions[i].n_isr = (size_t)topic->replicas;
            partitions[i].replicas = partitions[i].isr = all;
            if (topic->insync > 0)
                partitions[i].n_isr = (size_t)topic->insync;
            partitions[i].min_insync = topic->min_insync;
        }
        pointers[i] = &partitions[i];
    }
    entry.name = (char *)topic->name;
    entry.topic_id = head_bytes_of_uuid(&topic->id);
    entry.n_partitions = count;
    entry.partitions = pointers;
    entry.partition_count = (uint32_t)topic->partitions;
    entry.configs_changed = true;
    entry.configs = configs;
    for (int i = 0; i < 2 && overrides[i][0] != NULL; i++) {
        kairn__config_entry__init(&entries[i]);
        entries[i].name = (char *)overrides[i][0];
        entries[i].value = (char *)overrides[i][1];
        entry.n_configs++;
    }
    changes.n_topics = 1;
    changes.topics = topics;
    publish_changes(plane, &changes);
    free(partitions);
    free(pointers);
}

void plane_publish_setting(struct plane *plane, const char *broker, const char *name,
                           const char *value)
{
    Kairn__ChangesResponse changes = KAIRN__CHANGES_RESPONSE__INIT;
    Kairn__SettingsEntry entry = KAIRN__SETTINGS_ENTRY__INIT, *entries[] = { &entry };
    Kairn__ConfigEntry config = KAIRN__CONFIG_ENTRY__INIT, *configs[] = { &config };

    config.name = (char *)name;
    config.value = (char *)value;
    entry.broker = (char *)broker;
    entry.n_configs = 1;
    entry.configs = configs;
    changes.n_settings = 1;
    changes.settings = entries;
    publish_changes(plane, &changes);
}

void plane_publish_deletion(struct plane *plane, const struct uuid *id)
{
    Kairn__ChangesResponse changes = KAIRN__CHANGES_RESPONSE__INIT;
    ProtobufCBinaryData ids[] = { head_bytes_of_uuid(id) };

    changes.n_deleted_topic_ids = 1;
    changes.deleted_topic_ids = ids;
    publish_changes(plane, &changes);
}

void plane_publish_nothing(struct plane *plane)
{
    Kairn__ChangesResponse changes = KAIRN__CHANGES_RESPONSE__INIT;

    changes.full = true;
    publish_changes(plane, &changes);
}

void plane_publish_unreadable(struct plane *plane)
{
    Kairn__ChangesResponse changes = KAIRN__CHANGES_RESPONSE__INIT;

    changes.full = changes.topics_missing = true;
    publish_changes(plane, &changes);
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct principal somebody = { .name = "somebody" };

/* Read the payload of the answer as a connection would send it. */
static void read_batches(struct asked *asked)
{
    struct chain *chain = &asked->request.batches;
    uint8_t *at = asked->batches = malloc(chain->size + 1);

    asked->batches_size = chain->size;
    for (struct chain_piece *piece; (piece = chain_pop(chain)) != NULL; chain_piece_free(piece)) {
        if (piece->kind == CHAIN_MEMORY)
            memcpy(at, piece->bytes, piece->size);
        else
            ck_assert_int_eq(pread(piece->fd, at, piece->size, piece->position),
                             (ssize_t)piece->size);
        at += piece->size;
    }
}

static void finished(struct request *request)
{
    struct asked *asked = LIST_OWNER(request, struct asked, request);

    read_batches(asked);
    asked->head = &request->response;
    asked->hung_up = request->hang_up;
    asked->silent = request->silent;
    sem_post(&asked->finished);
}

static void dispatch(void *context)
{
    struct asked *asked = context;

    request_init(&asked->request);
    api_dispatch(&asked->request);
}

static void end_sessions(void *context)
{
    fetch_sessions_end(context);
}

void plane_hang_up(struct plane *plane, int loop)
{
    call_on(plane->loops[loop], end_sessions, &plane->sessions[loop]);
}

struct asked *plane_start(struct plane *plane, int loop, Kairn__RequestHead *head,
                          const void *payload, size_t size)
{
    struct asked *asked = calloc(1, sizeof *asked);
    ck_assert_ptr_nonnull(asked);
    asked->plane = plane;
    asked->loop = loop;
    asked->payload = malloc(size + 1);
    if (size > 0)
        memcpy(asked->payload, payload, size);
    sem_init(&asked->finished, 0, 0);
    arena_init(&asked->request.arena, NULL, 0, ARENA_LIMIT);
    asked->request.api = &plane->api;
    asked->request.shard = shards_at(plane->shards, loop);
    asked->request.principal = &somebody;
    asked->request.listener = "PLAINTEXT";
    asked->request.sessions = &plane->sessions[loop];
    asked->request.peer = "10.0.0.7:41234";
    asked->request.head = head;
    asked->request.payload = asked->payload;
    asked->request.payload_size = size;
    asked->request.finished = finished;
    call_on(plane->loops[loop], dispatch, asked);
    return asked;
}

void asked_wait(struct asked *asked)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PLANE_WAIT_MS / 1000;
    while (sem_timedwait(&asked->finished, &until) != 0)
        ck_assert_msg(errno == EINTR, "no answer came");
}

/* Of the state right now: what was posted before has been delivered. */
bool asked_is_finished(struct asked *asked)
{
    settle(asked->plane);
    if (sem_trywait(&asked->finished) != 0)
        return false;
    sem_post(&asked->finished);
    return true;
}

void asked_free(struct asked *asked)
{
    call_on(asked->plane->loops[asked->loop], nothing, NULL);
    arena_fini(&asked->request.arena);
    sem_destroy(&asked->finished);
    free(asked->batches);
    free(asked->payload);
    free(asked->own);
    free(asked);
}

struct asked *plane_ask(struct plane *plane, int loop, Kairn__RequestHead *head,
                        const void *payload, size_t size)
{
    struct asked *asked = plane_start(plane, loop, head, payload, size);

    asked_wait(asked);
    return asked;
}
