#include "tests/net/rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/endian.h"
#include "net/loop.h"

struct loop *rig_loop_at(const struct clock *clock)
{
    const struct loop_options options = { .name = "test", .cpu = -1, .clock = clock };
    struct loop *loop;

    ck_assert_int_eq(loop_new(&options, &loop), 0);
    return loop;
}

struct loop *rig_loop(void)
{
    return rig_loop_at(NULL);
}

void rig_settle(struct loop *loop)
{
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 0);
}

int64_t rig_now_ms(void)
{
    return clock_mono_ms(&clock_system);
}

uint16_t rig_listen(int *fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(*fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(*fd, 16), 0);
    ck_assert_int_eq(getsockname(*fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

void rig_pair(int *ours, int *peers)
{
    int listening;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(rig_listen(&listening)),
    };

    *ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(*ours, (struct sockaddr *)&address, sizeof address), 0);
    *peers = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(*peers, 0);
    close(listening);
    /* A byte must not wait for the acknowledgement of the one before. */
    int on = 1;
    ck_assert_int_eq(setsockopt(*ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    ck_assert_int_eq(setsockopt(*peers, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    /* Non-blocking only now: connect() above was meant to wait. */
    ck_assert_int_eq(fcntl(*ours, F_SETFL, O_NONBLOCK), 0);
}

void frame_fill(uint8_t *bytes, size_t size, uint8_t seed)
{
    store_u32(bytes, (uint32_t)size);
    for (size_t i = FRAME_SIZE_BYTES; i < size; i++)
        bytes[i] = (uint8_t)(seed + i * 7);
}

bool frame_is(const uint8_t *bytes, size_t size, uint8_t seed)
{
    if (load_u32(bytes) != size)
        return false;
    for (size_t i = FRAME_SIZE_BYTES; i < size; i++)
        if (bytes[i] != (uint8_t)(seed + i * 7))
            return false;
    return true;
}

ssize_t frame_size(const uint8_t *bytes, size_t size)
{
    if (size < FRAME_SIZE_BYTES)
        return 0;
    uint32_t announced = load_u32(bytes);
    return announced < FRAME_SIZE_BYTES || announced > FRAME_TOO_LARGE ? -1 : (ssize_t)announced;
}

void peer_write(struct loop *loop, int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    int64_t limit_ms = rig_now_ms() + PATIENCE_MS;

    while (size > 0) {
        ssize_t part = send(fd, at, size, MSG_NOSIGNAL);
        if (part > 0) {
            at += part;
            size -= (size_t)part;
            continue;
        }
        ck_assert_int_eq(errno, EAGAIN);
        ck_assert(rig_now_ms() < limit_ms);
        loop_turn(loop, 1);
    }
}

/* One read; runs the loop when there is nothing yet. Below 0 only for EAGAIN. */
static ssize_t read_some(struct loop *loop, int fd, void *bytes, size_t size)
{
    ssize_t part = recv(fd, bytes, size, 0);

    if (part < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        loop_turn(loop, 1);
    }
    return part;
}

void peer_read(struct loop *loop, int fd, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    int64_t limit_ms = rig_now_ms() + PATIENCE_MS;

    while (size > 0) {
        ssize_t part = read_some(loop, fd, at, size);
        ck_assert_msg(part != 0, "the stream ended %zu bytes too early", size);
        ck_assert(rig_now_ms() < limit_ms);
        at += part > 0 ? part : 0;
        size -= part > 0 ? (size_t)part : 0;
    }
}

size_t peer_read_to_end(struct loop *loop, int fd)
{
    static const size_t chunk = 64 << 10;
    uint8_t *bytes = malloc(chunk);
    size_t count = 0;
    int64_t limit_ms = rig_now_ms() + PATIENCE_MS;

    for (ssize_t part; (part = read_some(loop, fd, bytes, chunk)) != 0;) {
        count += part > 0 ? (size_t)part : 0;
        ck_assert(rig_now_ms() < limit_ms);
    }
    free(bytes);
    return count;
}

void peer_reset(int fd)
{
    const struct linger abort = { .l_onoff = 1, .l_linger = 0 };

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
    close(fd);
}

int rig_file(size_t size, uint8_t seed)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    uint8_t *bytes = malloc(size);

    frame_fill(bytes, size, seed);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    free(bytes);
    return fd;
}
