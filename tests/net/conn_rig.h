/* conn_rig.h - a connection under test, its owner, and the plain socket at its other end. */
#ifndef TESTS_NET_CONN_RIG_H
#define TESTS_NET_CONN_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/conn.h"

struct clock;
struct slab;

enum { HELD_MAX = 64 };

/* What the owner of the connection under test saw, and what it does about it. */
struct owner {
    struct loop *loop;
    struct conn *conn;
    int peer;
    size_t frames, bytes, sent;
    size_t skipped;                 /* of the frames */
    uint8_t seed;                   /* of the first frame expected; each later one has the next */
    bool over;
    int code;

    bool hold;                      /* take a reference of every frame's slab */
    struct { struct slab *slab; uint8_t *bytes; size_t size; } held[HELD_MAX];
    size_t close_after;             /* close the connection in this frame's callback; 0: never */
    size_t pause_after;
    size_t skip_over;               /* frames of more bytes are skipped; 0: none */
    bool pause_cut;                 /* pause before any frame is handed out; then set false */
    bool finish_cut;                /* close after sending, instead of cutting */
    size_t detach_after;
    int detached;
    struct slab *rest;
    size_t rest_size;
    size_t answer_bytes;            /* send as much for every frame */
};

extern const struct conn_handler owner_handler;

void owner_init(struct owner *owner);
void owner_init_with(struct owner *owner, const struct conn_options *wanted);
void owner_init_at(struct owner *owner, const struct conn_options *wanted,
                   const struct clock *clock);
void owner_fini(struct owner *owner);

/* Queue a frame made with `seed`. */
void send_bytes(struct conn *conn, size_t size, uint8_t seed);

/* `count` frames of `size` bytes, glued; seeds from `seed` on. The caller frees. */
uint8_t *glued(size_t count, size_t size, uint8_t seed);

#endif
