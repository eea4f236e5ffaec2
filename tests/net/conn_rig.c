#include "tests/net/conn_rig.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/error.h"
#include "common/slab.h"
#include "net/loop.h"
#include "tests/net/rig.h"

static ssize_t cut(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct owner *owner = conn_owner(conn);
    ssize_t announced = frame_size(bytes, size);

    if (owner->pause_cut)
        conn_pause(conn);
    owner->pause_cut = false;
    if (owner->finish_cut) {
        conn_close_after_sending(conn, 1000);
        owner->conn = NULL;
    }
    if (owner->skip_over > 0 && announced > (ssize_t)owner->skip_over && (size_t)announced > size)
        conn_skip_frame(conn);
    return announced < 0 ? K_MALFORMED : announced;
}

void send_bytes(struct conn *conn, size_t size, uint8_t seed)
{
    struct chain chain;

    chain_init(&chain);
    frame_fill(chain_reserve(&chain, size), size, seed);
    conn_send(conn, &chain);
}

static void look_at(const struct owner *owner, const struct slab *slab, const uint8_t *bytes,
                    size_t size)
{
    if (owner->skip_over > 0 && size > owner->skip_over) {
        ck_assert_ptr_null(slab);
        ck_assert_ptr_null(bytes);
        return;
    }
    ck_assert(bytes >= slab->bytes && bytes + size <= slab->bytes + slab->size);
    ck_assert_msg(frame_is(bytes, size, (uint8_t)(owner->seed + owner->frames)), "frame %zu",
                  owner->frames);
}

static void on_frame(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct owner *owner = conn_owner(conn);

    look_at(owner, slab, bytes, size);
    owner->skipped += bytes == NULL;
    if (owner->hold) {
        ck_assert_uint_lt(owner->frames, HELD_MAX);
        owner->held[owner->frames].slab = slab_ref(slab);
        owner->held[owner->frames].bytes = bytes;
        owner->held[owner->frames].size = size;
    }
    owner->frames++;
    owner->bytes += size;
    if (owner->answer_bytes > 0)
        send_bytes(conn, owner->answer_bytes, 1);
    if (owner->frames == owner->pause_after)
        conn_pause(conn);
    if (owner->frames == owner->detach_after) {
        owner->detached = conn_detach(conn, &owner->rest, &owner->rest_size);
        owner->conn = NULL;
    }
    if (owner->frames == owner->close_after) {
        conn_close(conn);
        owner->conn = NULL;
    }
}

static void on_over(struct conn *conn, int code)
{
    struct owner *owner = conn_owner(conn);

    ck_assert(!owner->over);
    owner->over = true;
    owner->code = code;
    conn_close(conn);
    owner->conn = NULL;
}

static void on_sent(struct conn *conn)
{
    struct owner *owner = conn_owner(conn);
    owner->sent++;
}

const struct conn_handler owner_handler = {
    .cut = cut, .frame = on_frame, .over = on_over, .sent = on_sent
};

void owner_init_at(struct owner *owner, const struct conn_options *wanted,
                   const struct clock *clock)
{
    struct conn_options options = *wanted;
    int fd;

    *owner = (struct owner){ .loop = rig_loop_at(clock), .seed = 1, .detached = -1 };
    rig_pair(&fd, &owner->peer);
    options.handler = &owner_handler;
    options.owner = owner;
    ck_assert_int_eq(conn_new(owner->loop, fd, &options, &owner->conn), 0);
}

void owner_init_with(struct owner *owner, const struct conn_options *wanted)
{
    owner_init_at(owner, wanted, NULL);
}

void owner_init(struct owner *owner)
{
    owner_init_with(owner, &(struct conn_options){ 0 });
}

void owner_fini(struct owner *owner)
{
    if (owner->conn != NULL)
        conn_close(owner->conn);
    for (size_t i = 0; i < HELD_MAX; i++)
        slab_unref(owner->held[i].slab);
    slab_unref(owner->rest);
    if (owner->detached >= 0)
        close(owner->detached);
    if (owner->peer >= 0)
        close(owner->peer);
    loop_free(owner->loop);
}

uint8_t *glued(size_t count, size_t size, uint8_t seed)
{
    uint8_t *bytes = malloc(count * size);

    for (size_t i = 0; i < count; i++)
        frame_fill(bytes + i * size, size, (uint8_t)(seed + i));
    return bytes;
}
