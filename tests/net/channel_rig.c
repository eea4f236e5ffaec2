#include "tests/net/channel_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "tests/net/rig.h"

static int greet(void *context, struct chain *out)
{
    (void)context;
    return chain_copy(out, "hello", GREETING_SIZE);
}

static ssize_t greeted(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    if (size < GREETING_SIZE)
        return 0;
    return memcmp(bytes, "hello", GREETING_SIZE) == 0 ? GREETING_SIZE : K_WRONG_CLUSTER;
}

static ssize_t cut(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    ssize_t announced = frame_size(bytes, size);
    return announced < 0 ? K_MALFORMED : announced;
}

static int correlation(void *context, const uint8_t *bytes, size_t size, uint64_t *out)
{
    (void)context;
    if (size < REQUEST_HEAD)
        return K_MALFORMED;
    *out = load_u64(bytes + 4);
    return 0;
}

static const struct channel_protocol protocol = { greet, greeted, cut, correlation };

static void on_changed(void *context, int code)
{
    struct client *client = context;

    client->changes++;
    client->code = code;
    if (client->free_on_change) {
        channel_free(client->channel);
        client->channel = NULL;
    }
}

void client_init_with(struct client *client, const struct channel_options *wanted)
{
    struct channel_options options = *wanted;

    *client = (struct client){ .loop = rig_loop(), .peer = -1 };
    client->port = rig_listen(&client->listening);
    ck_assert_int_eq(resolver_new(&client->resolver), 0);
    options.resolver = client->resolver;
    options.protocol = &protocol;
    options.host = options.host != NULL ? options.host : "127.0.0.1";
    options.port = options.port != 0 ? options.port : client->port;
    options.changed = on_changed;
    options.changed_context = client;
    ck_assert_int_eq(channel_new(client->loop, &options, &client->channel), 0);
}

void client_init(struct client *client)
{
    client_init_with(client, &(struct channel_options){ .backoff_ms = 5, .backoff_max_ms = 20 });
}

void client_fini(struct client *client)
{
    channel_free(client->channel);
    resolver_free(client->resolver);
    rig_settle(client->loop);
    if (client->peer >= 0)
        close(client->peer);
    close(client->listening);
    loop_free(client->loop);
}

static void on_answer(struct channel_call *call, int code, struct slab *slab, uint8_t *bytes,
                      size_t size)
{
    struct question *question = (struct question *)call;
    struct client *client = question->client;

    (void)slab;
    question->answers++;
    question->code = code;
    question->size = size;
    ck_assert(code == 0 || (bytes == NULL && size == 0));
    if (bytes != NULL)
        ck_assert_uint_eq(load_u64(bytes + 4), call->correlation);
    if (question->free_channel) {
        channel_free(client->channel);
        client->channel = NULL;
    } else if (question->ask_again) {
        question->ask_again = false;
        ask(client, (int)(question - client->questions), REQUEST_HEAD, 10000, true);
    }
}

void ask(struct client *client, int number, size_t size, int64_t timeout_ms,
                bool expect_answer)
{
    struct question *question = &client->questions[number];
    struct chain chain;

    question->client = client;
    question->call.answer = on_answer;
    question->call.correlation = channel_next_correlation(client->channel);
    chain_init(&chain);
    uint8_t *bytes = chain_reserve(&chain, size);
    memset(bytes, 0, size);
    store_u32(bytes, (uint32_t)size);
    store_u64(bytes + 4, question->call.correlation);
    channel_ask(client->channel, &question->call, &chain, timeout_ms, expect_answer);
}

void server_accept(struct client *client)
{
    char greeting[GREETING_SIZE];

    RUN_UNTIL(client->loop, (client->peer = accept4(client->listening, NULL, NULL,
                                                    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
    peer_read(client->loop, client->peer, greeting, GREETING_SIZE);
    ck_assert_mem_eq(greeting, "hello", GREETING_SIZE);
}

void server_greet(struct client *client)
{
    peer_write(client->loop, client->peer, "hello", GREETING_SIZE);
    RUN_UNTIL(client->loop, channel_ready(client->channel));
}

void connected(struct client *client)
{
    client_init(client);
    server_accept(client);
    server_greet(client);
}

void server_drop(struct client *client)
{
    close(client->peer);
    client->peer = -1;
}

uint64_t server_read(struct client *client)
{
    uint8_t head[REQUEST_HEAD], rest[1024];

    peer_read(client->loop, client->peer, head, REQUEST_HEAD);
    for (size_t left = load_u32(head) - REQUEST_HEAD; left > 0;) {
        size_t part = left < sizeof rest ? left : sizeof rest;
        peer_read(client->loop, client->peer, rest, part);
        left -= part;
    }
    return load_u64(head + 4);
}

void server_answer(struct client *client, uint64_t id, size_t size)
{
    uint8_t *bytes = calloc(1, size);

    store_u32(bytes, (uint32_t)size);
    store_u64(bytes + 4, id);
    peer_write(client->loop, client->peer, bytes, size);
    free(bytes);
}
