/* A broker's data plane behind its connections, and what two clients do with it: requests that are
 * valid, or nearly, in an order that the fuzzer likes; pictures that change; a restart.
 *
 * Nobody crashes; each request is answered once, with the body that it asked for or an error; the
 * memory of requests is free at the end; a log does not end earlier than it did; what was
 * acknowledged is there to be read, after a restart too. */
#include "proto/batch.h"
#include "proto/frame.h"
#include "server/storage/io.h"
#include "tests/fuzz/broker/life.h"
#include "tests/fuzz/broker/requests.h"
#include "tests/fuzz/target.h"

enum { STEPS_MAX = 40, FIRST_CORRELATION = 200, ARENA_LIMIT = 1 << 20 };

struct script {
    struct life life;
    struct input input;
    struct arena arena;
    uint64_t correlation;
    bool restarted;
};

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

static const struct io *quick_disk(void)
{
    static struct io io;

    io = io_system;
    io.sync = no_sync;
    io.sync_directory = no_sync_path;
    io.sync_filesystem = no_sync;
    return &io;
}

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
    uint8_t *frame = request_make(&script->input, &script->arena, &script->life.model,
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

    life_hear(&script->life, &(struct life_news){ .led = how % 4 != 0, .coordinated = how < 128,
                                                  .config_name = configs[chosen][0],
                                                  .config_value = configs[chosen][1] });
}

static void restart(struct script *script)
{
    if (script->restarted)
        return;
    script->restarted = true;
    life_restart(&script->life);
}

static void step(struct script *script)
{
    unsigned kind = input_u8(&script->input);
    struct client *client = &script->life.clients[kind / 16 % 2];

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
    struct script script = { .input = { data, data + size }, .correlation = FIRST_CORRELATION };

    arena_init(&script.arena, NULL, 0, ARENA_LIMIT);
    life_begin(&script.life, quick_disk());
    for (int i = 0; i < STEPS_MAX && script.input.at < script.input.end; i++)
        step(&script);
    life_end(&script.life);
    arena_fini(&script.arena);
    return 0;
}
