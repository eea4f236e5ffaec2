#include "tests/fuzz/broker/script.h"

#include "proto/batch.h"
#include "proto/frame.h"
#include "tests/fuzz/broker/requests.h"

enum { STEPS_MAX = 40, FIRST_CORRELATION = 200, ARENA_LIMIT = 1 << 20 };

struct script {
    struct life *life;
    struct input input;
    struct arena arena;
    uint64_t correlation;
    bool restarted;
};

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
    uint8_t *frame = request_make(&script->input, &script->arena, &script->life->model,
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

    life_hear(script->life, &(struct life_news){ .led = how % 4 != 0, .coordinated = how < 128,
                                                  .config_name = configs[chosen][0],
                                                  .config_value = configs[chosen][1] });
}

static void restart(struct script *script)
{
    if (script->restarted)
        return;
    script->restarted = true;
    life_restart(script->life);
}

static void step(struct script *script)
{
    unsigned kind = input_u8(&script->input);
    struct client *client = &script->life->clients[kind / 16 % 2];

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

void script_run(struct life *life, const uint8_t *data, size_t size)
{
    struct script script = { .life = life, .input = { data, data + size },
                             .correlation = FIRST_CORRELATION };

    arena_init(&script.arena, NULL, 0, ARENA_LIMIT);
    for (int i = 0; i < STEPS_MAX && script.input.at < script.input.end; i++)
        step(&script);
    arena_fini(&script.arena);
}
