/* A broker's data plane behind its connections, and what two clients do with it: requests that are
 * valid, or nearly, in an order that the fuzzer likes; pictures that change; a restart.
 *
 * Nobody crashes; each request is answered once, with the body that it asked for or an error; the
 * memory of requests is free at the end; a log does not end earlier than it did; what was
 * acknowledged is there to be read, after a restart too. */
#include <check.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "server/config.h"
#include "server/runtime/control.h"
#include "server/runtime/numbers.h"
#include "server/runtime/offset_import.h"
#include "server/runtime/producer_ids.h"
#include "server/storage/io.h"
#include "tests/fuzz/broker/client.h"
#include "tests/fuzz/broker/requests.h"
#include "tests/fuzz/target.h"
#include "tests/server/broker/gate_rig.h"

enum { STEPS_MAX = 40, FIRST_CORRELATION = 200, ARENA_LIMIT = 1 << 20 };

struct script {
    struct input input;
    struct model model;
    struct client clients[2];
    struct arena arena;
    uint64_t correlation;
    bool restarted;
};

static struct config config;
static struct plane_topic offsets;
static struct io io;

/* --- who is not there ------------------------------------------------------------------------- */

static void refused(struct mail *mail)
{
    struct control_request *ask = LIST_OWNER(mail, struct control_request, mail);

    ask->code = K_NOT_CONTROLLER;
    ask->controller = -1;
    ask->answered(ask);
}

static void refuse(void *context, struct control_request *ask)
{
    (void)context;
    ask->mail.deliver = refused;
    mail_post(ask->answer_to, &ask->mail);
}

static void numbered(struct mail *mail)
{
    struct producer_id_ask *ask = LIST_OWNER(mail, struct producer_id_ask, mail);

    ask->code = 0;
    ask->id = 4711;
    ask->answered(ask);
}

static void number(void *context, struct producer_id_ask *ask)
{
    (void)context;
    ask->mail.deliver = numbered;
    mail_post(ask->answer_to, &ask->mail);
}

static void imported(struct mail *mail)
{
    struct offset_import_ask *ask = LIST_OWNER(mail, struct offset_import_ask, mail);

    ask->code = K_GROUP_ID_NOT_FOUND;
    ask->answered(ask);
}

static void import(void *context, struct offset_import_ask *ask)
{
    (void)context;
    ask->mail.deliver = imported;
    mail_post(ask->answer_to, &ask->mail);
}

/* The disk is not what is tested here. */
static int no_sync(const struct io *self, int fd)
{
    (void)self;
    (void)fd;
    return 0;
}

static int no_sync_path(const struct io *self, const char *path)
{
    (void)self;
    (void)path;
    return 0;
}

static void prepare(void)
{
    log_set_level(LOG_LEVEL_OFF);
    ck_assert_int_eq(config_init(&config), 0);
    io = io_system;
    io.sync = no_sync;
    io.sync_directory = no_sync_path;
    io.sync_filesystem = no_sync;
}

/* --- a broker's life -------------------------------------------------------------------------- */

static void start(void)
{
    plane.api.option_table = &config_table;
    plane.api.option_values = &config;
    plane.api.option_sources = config.sources;
    plane.api.relay_to_controller = plane.api.ask_controller = refuse;
    plane.api.ask_producer_id = number;
    plane.api.ask_import = import;
    plane_publish(&plane, &topic);
    plane_publish(&plane, &offsets);
}

static void begin(struct script *script, const uint8_t *data, size_t size)
{
    gates_setup_on(&io);
    topic = (struct plane_topic){ .name = "orders", .id = { "kairn fuzz topic" }, .partitions = 2,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    offsets = (struct plane_topic){ .name = "__consumer_offsets", .id = { "kairn fuzz group" },
                                    .partitions = 4, .leader = PLANE_BROKER, .leader_epoch = 1,
                                    .config_name = "cleanup.policy", .config_value = "compact" };
    start();
    memset(script, 0, sizeof *script);
    script->input = (struct input){ data, data + size };
    script->correlation = FIRST_CORRELATION;
    arena_init(&script->arena, NULL, 0, ARENA_LIMIT);
    model_init(&script->model, &plane, &topic.id);
    for (uint16_t i = 0; i < 2; i++)
        client_init(&script->clients[i], i, &script->model);
}

/* Connections end, and with them the requests that wait. */
static void disconnect(struct script *script)
{
    for (int i = 0; i < 2; i++) {
        client_settle(&script->clients[i]);
        client_close(&script->clients[i]);
    }
    expect_idle();
}

static void end(struct script *script)
{
    disconnect(script);
    topic.leader = PLANE_BROKER;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    model_verify(&script->model);
    gates_teardown();
    model_fini(&script->model);
    arena_fini(&script->arena);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* A checksum that is wrong hides all that is behind it. */
static void seal(uint8_t *frame, size_t size)
{
    struct frame split;

    if (frame_split(frame, size, &split) == 0 && split.payload_size >= BATCH_HEADER_SIZE &&
        batch_size(split.payload) == split.payload_size)
        batch_seal_crc(split.payload);
}

static void mutate(struct input *input, uint8_t *frame, size_t size)
{
    unsigned how = input_u8(input);

    for (unsigned i = 0; i <= how % 4; i++) {
        size_t position = input_u16(input) % size;
        uint8_t value = input_u8(input);
        if (position >= FRAME_PREFIX || how >= 128)
            frame[position] = value;
    }
    if ((how & 64) != 0)
        seal(frame, size);
}

static void ask(struct script *script, struct client *client, bool mutated, bool waits)
{
    size_t size;
    uint8_t *frame = request_make(&script->input, &script->arena, &script->model,
                                  script->correlation++, &size);

    if (mutated)
        mutate(&script->input, frame, size);
    client_send(client, frame, size, !mutated);
    if (waits)
        client_settle(client);
    arena_reset(&script->arena);
}

static void babble(struct script *script, struct client *client)
{
    size_t size;
    const uint8_t *bytes = input_bytes(&script->input, UINT8_MAX, &size);

    if (size > 0)
        client_send(client, bytes, size, false);
}

/* The controller has news. */
static void hear(struct script *script)
{
    static const char *const configs[][2] = {
        { NULL, NULL },
        { "compression.type", "zstd" },
        { "max.message.bytes", "200" },
        { "message.timestamp.type", "LogAppendTime" },
        { "segment.bytes", "1000" },
        { "min.insync.replicas", "2" },
    };
    unsigned how = input_u8(&script->input);
    unsigned chosen = how / 4 % (sizeof configs / sizeof *configs);

    for (int i = 0; i < 2; i++)
        client_settle(&script->clients[i]);
    topic.leader = how % 4 == 0 ? -1 : PLANE_BROKER;
    topic.leader_epoch++;
    topic.config_name = configs[chosen][0];
    topic.config_value = configs[chosen][1];
    script->model.rewritten |= chosen != 0;
    plane_publish(&plane, &topic);
    offsets.leader = how >= 128 ? -1 : PLANE_BROKER;
    offsets.leader_epoch++;
    plane_publish(&plane, &offsets);
}

static void restart(struct script *script)
{
    if (script->restarted)
        return;
    script->restarted = true;
    disconnect(script);
    gates_restart();
    start();
}

static void step(struct script *script)
{
    unsigned kind = input_u8(&script->input);
    struct client *client = &script->clients[kind / 16 % 2];

    switch (kind % 16) {
    case 15:
        if (kind >= 128)
            restart(script);
        else
            client_close(client);
        break;
    case 14:
        hear(script);
        break;
    case 13:
        babble(script, client);
        break;
    default:
        ask(script, client, kind % 16 > 8, (kind & 32) == 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script;

    if (config.sources == NULL)
        prepare();
    begin(&script, data, size);
    for (int i = 0; i < STEPS_MAX && script.input.at < script.input.end; i++)
        step(&script);
    end(&script);
    return 0;
}
