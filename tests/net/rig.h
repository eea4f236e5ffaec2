/* rig.h - what the tests of net/ share: a loop that runs in the test's own thread until a condition
 * holds, frames with recognisable contents, and a peer that is a plain socket. */
#ifndef TESTS_NET_RIG_H
#define TESTS_NET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct chain;
struct clock;
struct loop;

enum { PATIENCE_MS = 20000 };       /* far more than anything here takes, even under a sanitizer */

struct loop *rig_loop(void);
struct loop *rig_loop_at(const struct clock *clock);

/* Run turns until the condition holds; fails the test when it does not within PATIENCE_MS. */
#define RUN_UNTIL(loop, condition)                                                     \
    do {                                                                               \
        int64_t limit_ms_ = rig_now_ms() + PATIENCE_MS;                                \
        while (!(condition)) {                                                         \
            ck_assert_msg(rig_now_ms() < limit_ms_, "not in time: %s", #condition);    \
            loop_turn(loop, 50);                                                       \
        }                                                                              \
    } while (0)

/* Run turns until nothing is left to do at once. */
void rig_settle(struct loop *loop);
int64_t rig_now_ms(void);

/* Two connected non-blocking sockets, TCP over loopback. */
void rig_pair(int *ours, int *peers);
/* A non-blocking listening socket on loopback; returns its port. */
uint16_t rig_listen(int *fd);

/* A frame of `size` bytes (at least 4): u32 size, then bytes that follow from `seed`. */
enum { FRAME_SIZE_BYTES = 4, FRAME_TOO_LARGE = 64 << 20 };
void frame_fill(uint8_t *bytes, size_t size, uint8_t seed);
bool frame_is(const uint8_t *bytes, size_t size, uint8_t seed);
ssize_t frame_size(const uint8_t *bytes, size_t size);

/* Write to a peer's socket; runs the loop while the socket is full. */
void peer_write(struct loop *loop, int fd, const void *bytes, size_t size);
/* Read exactly `size` bytes from a peer's socket; runs the loop meanwhile. */
void peer_read(struct loop *loop, int fd, void *bytes, size_t size);
/* Read until the end of the stream; the count of bytes before it. */
size_t peer_read_to_end(struct loop *loop, int fd);
/* Close so that the other side sees a reset. */
void peer_reset(int fd);

/* An unnamed file with `size` bytes of a frame made with `seed`. */
int rig_file(size_t size, uint8_t seed);

#endif
