/* channel_rig.h - a channel under test, its questions, and a server that the test plays by hand.
 *
 * The protocol is tiny: the greeting is "hello" both ways, a frame is u32 size | u64 correlation |
 * body. */
#ifndef TESTS_NET_CHANNEL_RIG_H
#define TESTS_NET_CHANNEL_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/channel.h"

enum { GREETING_SIZE = 5, REQUEST_HEAD = 12, CALLS_MAX = 64 };

struct question {
    struct channel_call call;
    struct client *client;
    int answers, code;
    size_t size;
    bool free_channel, ask_again;
};

struct client {
    struct loop *loop;
    struct resolver *resolver;
    struct channel *channel;
    int listening, peer;
    uint16_t port;
    int changes, code;              /* of the last change */
    bool free_on_change;
    struct question questions[CALLS_MAX];
};

void client_init(struct client *client);
void client_init_with(struct client *client, const struct channel_options *wanted);
void client_fini(struct client *client);

/* A client whose channel is ready. */
void connected(struct client *client);

/* Ask question `number` with a request of `size` bytes. */
void ask(struct client *client, int number, size_t size, int64_t timeout_ms, bool expect_answer);

/* The server's side: accept and read the greeting; greet; close; read the next request and return
 * its correlation id; answer with a frame of `size` bytes. */
void server_accept(struct client *client);
void server_greet(struct client *client);
void server_drop(struct client *client);
uint64_t server_read(struct client *client);
void server_answer(struct client *client, uint64_t id, size_t size);

#endif
