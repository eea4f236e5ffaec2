/* gate_rig.h - the gates of a data plane, and clients that speak the protocol byte by byte.
 *
 * One rig per process. Everything asserts by Check: a helper that returns has succeeded. */
#ifndef TESTS_SERVER_BROKER_GATE_RIG_H
#define TESTS_SERVER_BROKER_GATE_RIG_H

#include "proto/greeting.h"
#include "server/gate.h"
#include "tests/server/lib/plane.h"

enum { FRAME_MAX = 64 * 1024 };

extern struct plane plane;
extern struct plane_topic topic;            /* "orders", one partition, led by us */
extern struct gates gates;

/* Two loops, no idle timeout, no limit on bytes. */
void gates_setup(void);
/* The same in memory, through a table of calls (borrowed), and nobody has heard of a topic. */
void gates_setup_on(const struct io *io);
/* Stop and start again over the same files, hearing of topics anew. Clients are gone. */
void gates_restart(void);
void gates_teardown(void);

/* A socket whose other end was accepted by the first gate. */
int connect_client(void);
struct greeting_broker greet(int fd, uint16_t loop);
void send_bytes(int fd, const void *bytes, size_t size);
/* Is there something to read within PLANE_WAIT_MS? */
bool is_readable(int fd);
/* False at the end of the stream. */
bool receive_bytes(int fd, void *to, size_t size);
/* And close our end. */
void expect_closed(int fd);

void send_request(int fd, const Kairn__RequestHead *head);
void send_api_versions(int fd, uint64_t correlation);
/* The beginning of a produce request, acks 1, -1 or 0: one batch for each of the topic's first
 * `count` partitions, of `sizes` bytes, is to follow. */
void send_produce_head(int fd, uint64_t correlation, int32_t acks, const uint32_t *sizes,
                       size_t count);
void send_waiting_fetch(int fd, uint64_t correlation);
/* A fetch from offset 0; false when the broker reads no more for now. */
bool try_fetch(int fd, uint64_t correlation);
/* For an epoch that never comes. */
void send_waiting_metadata(int fd, uint64_t correlation);
/* The correlation id and the error of the next answer. */
uint64_t receive_answer(int fd, int *code);
/* The same of a produce request; of each of its partitions too. */
uint64_t receive_produced(int fd, int *codes, int64_t *limits, size_t count);

/* Wait until no request is in work or on its way in. */
void expect_idle(void);

#endif
