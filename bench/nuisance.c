/* nuisance - a client as bad as any, until it is told to end (SIGTERM).
 *
 *   nuisance spin                   only computes: what beside it is slower is short of processors
 *   nuisance loris BROKER TOPIC     500 connections announce a megabyte each, send it byte by byte
 *   nuisance deaf BROKER TOPIC      50 ask for all that there is, again and again, and never read
 *   nuisance storm BROKER TOPIC     connects, greets and hangs up, as fast as it is let
 *   nuisance huge BROKER TOPIC      records of 32 MiB, sound to the last byte and far too large
 *
 * BROKER is host:port. Who is hung up on comes back. Says "began" once it did something, and at
 * its end as JSON how often (turns, bytes, requests, connections, records), and how often it was
 * hung up on. Exit status 1: it did nothing. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "bench/wire.h"
#include "common/endian.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum {
    LORISES = 500,
    LORIS_FRAME = 1 << 20,
    LORIS_PAUSE_NS = 200000,
    DEAF = 50,
    DEAF_PAUSE_NS = 1000000,
    HUGE_VALUE = 32 << 20,
    REQUEST_ROOM = 512,
    LOOK_NS = 10000000
};

static atomic_ullong did, hung_up;
static const char *broker, *topic;

static void pause_for(long ns)
{
    const struct timespec time = { 0, ns };
    nanosleep(&time, NULL);
}

static int come_in(void)
{
    int fd = wire_connect(broker, GREETING_ANY_LOOP);

    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        bench_die("socket");
    return fd;
}

/* Send what goes at once: how much, or -1: hung up on, and back again. */
static ssize_t try_send(int *fd, const void *bytes, size_t size)
{
    ssize_t sent = send(*fd, bytes, size, MSG_NOSIGNAL);

    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    hung_up++;
    close(*fd);
    *fd = come_in();
    return -1;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static void spin(void)
{
    for (;;)
        did++;
}

static void loris(void)
{
    static struct { int fd; size_t sent; } all[LORISES];
    static uint8_t frame[FRAME_PREFIX + 64];

    frame_prefix(frame, 32, LORIS_FRAME);
    for (int i = 0; i < LORISES; i++)
        all[i].fd = come_in();
    for (int i = 0; ; i = (i + 1) % LORISES) {
        const uint8_t *byte = frame + (all[i].sent < FRAME_PREFIX ? all[i].sent : FRAME_PREFIX);
        ssize_t sent = try_send(&all[i].fd, byte, 1);
        all[i].sent = sent < 0 ? 0 : all[i].sent + (size_t)sent;
        did += sent > 0;
        pause_for(LORIS_PAUSE_NS);
    }
}

/* Ask for a whole partition from its beginning. */
static size_t pack_fetch(uint8_t *to)
{
    Kairn__FetchPartition part = KAIRN__FETCH_PARTITION__INIT, *parts[] = { &part };
    Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    int fd = wire_connect(broker, GREETING_ANY_LOOP);

    part.topic_id = wire_topic(fd, topic)->topic_id;
    part.leader_epoch = part.last_epoch = -1;
    part.max_bytes = 50 << 20;
    body.max_bytes = 50 << 20;
    body.min_bytes = 1;
    body.n_partitions = 1;
    body.partitions = parts;
    head.correlation = 1;
    head.client_id = (char *)"nuisance";
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    size_t size = wire_pack(&head, 0, to, REQUEST_ROOM);
    close(fd);
    return size;
}

static void deaf(void)
{
    static struct { int fd; size_t sent; } all[DEAF];
    uint8_t request[REQUEST_ROOM];
    size_t size = pack_fetch(request);

    for (int i = 0; i < DEAF; i++)
        all[i].fd = come_in();
    for (int i = 0; ; i = (i + 1) % DEAF) {
        ssize_t sent = try_send(&all[i].fd, request + all[i].sent, size - all[i].sent);
        all[i].sent = sent < 0 ? 0 : all[i].sent + (size_t)sent;
        if (all[i].sent == size) {
            all[i].sent = 0;
            did++;
        }
        if (i == DEAF - 1)
            pause_for(DEAF_PAUSE_NS);
    }
}

/* No address is to be kept for connections that are gone: there are not so many. */
static void storm(void)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    for (;; did++) {
        int fd = wire_connect(broker, GREETING_ANY_LOOP);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
}

static void huge(void)
{
    size_t room = BATCH_HEADER_SIZE + HUGE_VALUE + BATCH_RECORD_OVERHEAD;
    uint8_t *bytes = malloc(REQUEST_ROOM + room), *value = calloc(1, HUGE_VALUE);
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    struct batch_builder builder;
    uint8_t answer[4096];

    if (bytes == NULL || value == NULL)
        bench_die("malloc");
    batch_build_start(&builder, bytes + REQUEST_ROOM, room);
    if (batch_build_add(&builder, 0, NULL, 0, value, HUGE_VALUE, NULL, 0) != 0)
        bench_die("record");
    batch_build_finish(&builder);
    free(value);
    int fd = wire_connect(broker, GREETING_ANY_LOOP);
    head.correlation = 1;
    size_t size = wire_pack_produce(&head, &wire_topic(fd, topic)->topic_id, 0,
                                    (uint32_t)builder.size, bytes, REQUEST_ROOM);
    for (;; did++) {
        bench_write_whole(fd, bytes, size);
        bench_write_whole(fd, bytes + REQUEST_ROOM, builder.size);
        if (!bench_read_whole(fd, answer, 4) || load_u32(answer) > sizeof answer ||
            !bench_read_whole(fd, answer, load_u32(answer)))
            bench_die("answer");
    }
}

static const struct kind {
    const char *name;
    void (*run)(void);
} kinds[] = { { "spin", spin }, { "loris", loris }, { "deaf", deaf }, { "storm", storm },
              { "huge", huge } };

static void *run(void *kind)
{
    ((const struct kind *)kind)->run();
    return NULL;
}

/* The kind is a thread of its own: it may be waiting for the broker when we are to end. */
static int run_until_told(const struct kind *kind)
{
    const struct timespec look = { 0, LOOK_NS };
    bool began = false;
    pthread_t thread;
    sigset_t told;

    sigemptyset(&told);
    sigaddset(&told, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &told, NULL);
    if (pthread_create(&thread, NULL, run, (void *)kind) != 0)
        bench_die("thread");
    while (sigtimedwait(&told, NULL, &look) < 0) {
        if (began || did == 0)
            continue;
        puts("began");
        fflush(stdout);
        began = true;
    }
    printf("{\"did\": %llu, \"hung_up\": %llu}\n", did, hung_up);
    fflush(stdout);
    _exit(did > 0 ? 0 : 1);
}

int main(int argc, char **argv)
{
    bool alone = argc == 2 && strcmp(argv[1], "spin") == 0;

    for (size_t i = 0; (alone || argc == 4) && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
        bench_allow_files();
        broker = alone ? NULL : argv[2];
        topic = alone ? NULL : argv[3];
        return run_until_told(&kinds[i]);
    }
    fputs("usage: nuisance spin\n       nuisance loris|deaf|storm|huge BROKER TOPIC\n", stderr);
    return 2;
}
