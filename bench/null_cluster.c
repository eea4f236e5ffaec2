/* null_cluster - what the machine allows: the least three replicas can do, and nothing else.
 *
 *   null_cluster produce DIRECTORY PARTITIONS BATCH IN-FLIGHT BYTES
 *       one process sends batches to partitions in turn, IN-FLIGHT at a time. The leader checks the
 *       CRC-32C of each and appends it to the partition's file. Two followers ask it for what they
 *       do not have, say how far they are by asking, get it by sendfile, check and append it. What
 *       both have is answered: 16 bytes a batch.
 *   null_cluster exchange DIRECTORY SIZE RATE SECONDS
 *       the same with one partition, RATE batches of SIZE bytes a second and a reader, which asks
 *       as the followers do and is sent what both have. Latencies count from when a batch is due
 *       until the reader has it.
 *
 * Prints JSON: megabytes per second and the leader's processor time per megabyte, or percentiles.
 * No protocol, no index, no record is looked at. Processes on loopback, blocking sockets; a fetch
 * that finds nothing waits at the leader.
 *
 * Frozen as null_broker is: results of years are compared through this program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "common/crc32c.h"
#include "common/endian.h"

enum {
    PREFIX = 12,                /* u32 size | u32 crc | u32 partition, and so in the files */
    ANSWER_SIZE = 16,
    PARTITIONS_MAX = 64,
    BATCH_MAX = 8 << 20,
    RECEIVE_SIZE = 256 * 1024,
    FETCH_MAX = 1 << 20,        /* of a partition in one fetch, but a whole batch always */
    FOLLOWERS = 2,
    READERS = FOLLOWERS + 1     /* the last one is the consumer */
};

/* How the processes are set up: what every one of them knows. */
struct plan {
    const char *directory;
    int partitions, in_flight, rate;
    uint32_t batch;
    uint64_t count;             /* of batches */
};

static uint64_t frame_size(const struct plan *plan)
{
    return PREFIX + (uint64_t)plan->batch;
}

static int open_log(const struct plan *plan, const char *who, int partition)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/null-%s-%d", plan->directory, who, partition);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || unlink(path) != 0)
        bench_die(path);
    return file;
}

/* The bytes of a frame that came, and where they belong. */
static uint32_t checked(const struct plan *plan, const uint8_t *frame)
{
    uint32_t partition = load_u32(frame + 8);
    if (partition >= (uint32_t)plan->partitions || load_u32(frame) != plan->batch ||
        crc32c(0, frame + PREFIX, plan->batch) != load_u32(frame + 4)) {
        fputs("null_cluster: checksum\n", stderr);
        exit(1);
    }
    return partition;
}

/* --- the leader ------------------------------------------------------------------------------- */

struct reader {
    int fd, waiting;            /* waiting: its fetch found nothing yet */
    uint64_t ends[PARTITIONS_MAX];
};

struct leader {
    const struct plan *plan;
    int producer, files[PARTITIONS_MAX];
    struct reader readers[READERS];
    uint64_t ends[PARTITIONS_MAX], answered[PARTITIONS_MAX];    /* bytes */
    uint8_t *buffer;
    size_t have;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t committed(const struct leader *leader, int partition)
{
    return least(leader->readers[0].ends[partition], leader->readers[1].ends[partition]);
}

/* 0 when the producer has ended. */
static int take_batches(struct leader *leader)
{
    size_t room = frame_size(leader->plan) + RECEIVE_SIZE, at = 0;
    ssize_t got = recv(leader->producer, leader->buffer + leader->have, room - leader->have, 0);

    if (got < 0 && errno == EINTR)
        return 1;
    if (got <= 0)
        return 0;
    leader->have += (size_t)got;
    for (; leader->have - at >= frame_size(leader->plan); at += frame_size(leader->plan)) {
        uint32_t p = checked(leader->plan, leader->buffer + at);
        if (pwrite(leader->files[p], leader->buffer + at, frame_size(leader->plan),
                   (off_t)leader->ends[p]) != (ssize_t)frame_size(leader->plan))
            bench_die("pwrite");
        leader->ends[p] += frame_size(leader->plan);
    }
    leader->have -= at;
    memmove(leader->buffer, leader->buffer + at, leader->have);
    return 1;
}

static void answer_producer(struct leader *leader)
{
    static const uint8_t answers[4096 * ANSWER_SIZE];
    uint64_t count = 0;

    for (int p = 0; p < leader->plan->partitions; p++) {
        uint64_t upto = committed(leader, p);
        if (upto > leader->answered[p]) {
            count += (upto - leader->answered[p]) / frame_size(leader->plan);
            leader->answered[p] = upto;
        }
    }
    for (uint64_t now; count > 0; count -= now) {
        now = least(count, 4096);
        bench_write_whole(leader->producer, answers, now * ANSWER_SIZE);
    }
}

/* Answer a fetch that waits, if there is something for it. */
static void feed(struct leader *leader, struct reader *reader)
{
    uint8_t sizes[PARTITIONS_MAX * 4];
    uint64_t all = 0, most = FETCH_MAX / frame_size(leader->plan) * frame_size(leader->plan);
    int consumer = reader == &leader->readers[FOLLOWERS], partitions = leader->plan->partitions;

    most = most > 0 ? most : frame_size(leader->plan);
    for (int p = 0; p < partitions; p++) {
        uint64_t end = consumer ? committed(leader, p) : leader->ends[p];
        uint64_t size = least(end - reader->ends[p], most);
        store_u32(sizes + 4 * p, (uint32_t)size);
        all += size;
    }
    if (all == 0)
        return;
    reader->waiting = 0;
    if (send(reader->fd, sizes, (size_t)partitions * 4, MSG_NOSIGNAL | MSG_MORE) !=
        (ssize_t)partitions * 4)
        bench_die("send");
    for (int p = 0; p < partitions; p++) {
        off_t at = (off_t)reader->ends[p];
        for (size_t left = load_u32(sizes + 4 * p); left > 0;) {
            ssize_t moved = sendfile(reader->fd, leader->files[p], &at, left);
            if (moved <= 0)
                bench_die("sendfile");
            left -= (size_t)moved;
        }
    }
}

static void take_fetch(struct leader *leader, struct reader *reader)
{
    uint8_t ends[PARTITIONS_MAX * 8];
    if (!bench_read_whole(reader->fd, ends, (size_t)leader->plan->partitions * 8))
        bench_die("fetch");
    for (int p = 0; p < leader->plan->partitions; p++)
        reader->ends[p] = load_u64(ends + 8 * p);
    reader->waiting = 1;
}

/* Returns the processor time it took, in seconds, when the producer has ended. */
static double lead(const struct plan *plan, int producer, const int readers[READERS])
{
    struct leader leader = { .plan = plan, .producer = producer };
    struct pollfd fds[READERS + 1] = { { .fd = producer, .events = POLLIN } };
    struct rusage usage;

    leader.buffer = malloc(frame_size(plan) + RECEIVE_SIZE);
    if (leader.buffer == NULL)
        bench_die("malloc");
    for (int p = 0; p < plan->partitions; p++)
        leader.files[p] = open_log(plan, "leader", p);
    for (int i = 0; i < READERS; i++) {
        leader.readers[i].fd = readers[i];
        fds[1 + i] = (struct pollfd){ .fd = readers[i], .events = POLLIN };
    }
    for (int going = 1; going;) {
        if (poll(fds, READERS + 1, -1) < 0 && errno != EINTR)
            bench_die("poll");
        if (fds[0].revents != 0)
            going = take_batches(&leader);
        for (int i = 0; i < READERS; i++)
            if (fds[1 + i].revents != 0)
                take_fetch(&leader, &leader.readers[i]);
        answer_producer(&leader);
        for (int i = 0; i < READERS; i++)
            if (leader.readers[i].waiting)
                feed(&leader, &leader.readers[i]);
    }
    getrusage(RUSAGE_SELF, &usage);
    free(leader.buffer);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- followers and the consumer --------------------------------------------------------------- */

/* One fetch: the bytes of each partition into `buffer`. 0 when the leader has ended. */
static int fetch(const struct plan *plan, int fd, const uint64_t *ends, uint32_t *sizes,
                 uint8_t *buffer)
{
    uint8_t request[PARTITIONS_MAX * 8], head[PARTITIONS_MAX * 4];
    size_t all = 0;

    for (int p = 0; p < plan->partitions; p++)
        store_u64(request + 8 * p, ends[p]);
    if (send(fd, request, (size_t)plan->partitions * 8, MSG_NOSIGNAL) < 0 ||
        !bench_read_whole(fd, head, (size_t)plan->partitions * 4))
        return 0;
    for (int p = 0; p < plan->partitions; p++) {
        sizes[p] = load_u32(head + 4 * p);
        all += sizes[p];
    }
    return bench_read_whole(fd, buffer, all);
}

static size_t fetch_room(const struct plan *plan)
{
    return (size_t)plan->partitions * (FETCH_MAX + frame_size(plan));
}

static void follow(const struct plan *plan, int fd, const char *who)
{
    int files[PARTITIONS_MAX];
    uint64_t ends[PARTITIONS_MAX] = { 0 };
    uint32_t sizes[PARTITIONS_MAX];
    uint8_t *buffer = malloc(fetch_room(plan));

    if (buffer == NULL)
        bench_die("malloc");
    for (int p = 0; p < plan->partitions; p++)
        files[p] = open_log(plan, who, p);
    while (fetch(plan, fd, ends, sizes, buffer)) {
        const uint8_t *at = buffer;
        for (int p = 0; p < plan->partitions; at += sizes[p], p++) {
            for (uint64_t i = 0; i < sizes[p]; i += frame_size(plan))
                checked(plan, at + i);
            if (pwrite(files[p], at, sizes[p], (off_t)ends[p]) != (ssize_t)sizes[p])
                bench_die("pwrite");
            ends[p] += sizes[p];
        }
    }
    free(buffer);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Every batch begins with when it was due. */
static void consume(const struct plan *plan, int fd)
{
    uint64_t end = 0, count = 0;
    uint32_t size;
    uint8_t *buffer = malloc(fetch_room(plan));
    double *waited = malloc((size_t)plan->count * sizeof *waited);

    if (buffer == NULL || waited == NULL)
        bench_die("malloc");
    while (count < plan->count && fetch(plan, fd, &end, &size, buffer)) {
        for (uint64_t i = 0; i < size && count < plan->count; i += frame_size(plan)) {
            uint64_t due_ns = load_u64(buffer + i + PREFIX);
            waited[count++] = bench_now() - (double)due_ns / 1e9;
        }
        end += size;
    }
    qsort(waited, count, sizeof *waited, by_value);
    if (count > 0)
        printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
               waited[count / 2] * 1e6, waited[count * 99 / 100] * 1e6,
               waited[count * 999 / 1000] * 1e6, waited[count - 1] * 1e6);
    fflush(stdout);
    free(waited);
    free(buffer);
}

/* --- the producer ----------------------------------------------------------------------------- */

static void await_due(double due)
{
    struct timespec until = { .tv_sec = (time_t)due,
                              .tv_nsec = (long)((due - (double)(time_t)due) * 1e9) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* Returns the seconds it took. */
static double produce(const struct plan *plan, int fd)
{
    uint8_t *frame = malloc(frame_size(plan)), answer[ANSWER_SIZE];
    uint64_t answered = 0, in_flight = (uint64_t)plan->in_flight;

    if (frame == NULL)
        bench_die("malloc");
    for (uint32_t i = 0; i < plan->batch; i++)
        frame[PREFIX + i] = (uint8_t)(i * 2654435761u >> 13);
    store_u32(frame, plan->batch);
    store_u32(frame + 4, crc32c(0, frame + PREFIX, plan->batch));
    double started = bench_now();
    for (uint64_t sent = 0; answered < plan->count;) {
        for (; sent < plan->count && sent - answered < in_flight; sent++) {
            if (plan->rate > 0) {
                double due = started + (double)sent / plan->rate;
                await_due(due);
                store_u64(frame + PREFIX, (uint64_t)(due * 1e9));
                store_u32(frame + 4, crc32c(0, frame + PREFIX, plan->batch));
            }
            store_u32(frame + 8, (uint32_t)(sent % (uint64_t)plan->partitions));
            bench_write_whole(fd, frame, frame_size(plan));
        }
        if (!bench_read_whole(fd, answer, sizeof answer))
            bench_die("answer");
        answered++;
    }
    free(frame);
    return bench_now() - started;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void leave(int status)
{
    _exit(status);
}

/* The leader, its followers and the consumer are children; the producer is this process. */
static int run(const struct plan *plan)
{
    int pairs[READERS + 1][2], pipes[2], leaders[READERS], status, failed = 0;
    double processor_s = 0;

    if (pipe(pipes) != 0)
        bench_die("pipe");
    for (int i = 0; i <= READERS; i++)
        bench_connect_pair(pairs[i]);
    for (int i = 0; i <= READERS; i++) {
        if (fork() != 0)
            continue;
        for (int k = 0; k <= READERS; k++)      /* its own end alone, so that ends are seen */
            for (int side = 0; side < 2; side++)
                if (i < READERS ? k != i || side == 1 : side == 0)
                    close(pairs[k][side]);
        if (i < FOLLOWERS)
            follow(plan, pairs[i][0], i == 0 ? "first" : "second");
        else if (i < READERS && plan->rate > 0)
            consume(plan, pairs[i][0]);
        if (i < READERS) {
            /* The leader reads a fetch of whoever is heard of: nobody ends before it does. */
            char end;
            (void)!read(pairs[i][0], &end, 1);
            leave(0);
        }
        for (int k = 0; k < READERS; k++)
            leaders[k] = pairs[k][1];
        processor_s = lead(plan, pairs[READERS][1], leaders);
        leave(write(pipes[1], &processor_s, sizeof processor_s) != (ssize_t)sizeof processor_s);
    }
    for (int i = 0; i <= READERS; i++) {
        close(pairs[i][1]);
        if (i < READERS)
            close(pairs[i][0]);
    }
    double seconds = produce(plan, pairs[READERS][0]);
    shutdown(pairs[READERS][0], SHUT_WR);
    close(pipes[1]);
    if (read(pipes[0], &processor_s, sizeof processor_s) != (ssize_t)sizeof processor_s)
        processor_s = 0;
    while (wait(&status) > 0)
        failed |= status != 0;
    double megabytes = (double)plan->count * plan->batch / 1e6;
    if (plan->rate == 0)
        printf("{\"mb_per_second\": %.1f, \"processor_us_per_mb\": %.1f}\n", megabytes / seconds,
               processor_s * 1e6 / megabytes);
    return failed;
}

int main(int argc, char **argv)
{
    struct plan plan = { .directory = argc > 2 ? argv[2] : "" };
    uint64_t bytes = 0;

    if (argc == 7 && strcmp(argv[1], "produce") == 0) {
        plan.partitions = atoi(argv[3]);
        plan.batch = (uint32_t)atoll(argv[4]);
        plan.in_flight = atoi(argv[5]);
        bytes = strtoull(argv[6], NULL, 10);
        plan.count = plan.batch > 0 ? bytes / plan.batch : 0;
    } else if (argc == 6 && strcmp(argv[1], "exchange") == 0) {
        plan.partitions = 1;
        plan.batch = (uint32_t)atoll(argv[3]);
        plan.in_flight = INT16_MAX;
        plan.rate = atoi(argv[4]);
        plan.count = (uint64_t)plan.rate * strtoull(argv[5], NULL, 10);
    }
    if (plan.partitions < 1 || plan.partitions > PARTITIONS_MAX || plan.batch < 8 ||
        plan.batch > BATCH_MAX || plan.in_flight < 1 || plan.count < 1 || plan.rate < 0) {
        fputs("usage: null_cluster produce DIRECTORY PARTITIONS BATCH IN-FLIGHT BYTES\n"
              "       null_cluster exchange DIRECTORY SIZE RATE SECONDS\n", stderr);
        return 2;
    }
    return run(&plan);
}
