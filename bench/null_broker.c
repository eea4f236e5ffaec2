/* null_broker - what the machine allows: the least a broker can do, and nothing else.
 *
 *   null_broker produce FILE BATCH IN-FLIGHT BYTES
 *       one process sends batches, IN-FLIGHT at a time; one receives each, checks its CRC-32C,
 *       appends it to FILE and answers 16 bytes.
 *   null_broker produce-sync FILE BATCH IN-FLIGHT BYTES
 *       the same with a group commit: one fdatasync at a time, by a thread of its own, while the
 *       other goes on receiving; what was appended before one began is answered when it returns.
 *   null_broker sendfile FILE BYTES
 *       one process sends FILE from the page cache, again and again, by sendfile; one receives.
 *
 * Prints megabytes per second and the processor time per megabyte of the side that plays the
 * broker, as JSON. No protocol, no index, no record is looked at. Two processes on loopback,
 * blocking sockets.
 *
 * Frozen: results of years are compared through this program. It may be fixed where it does not
 * build or crashes, but never made faster or slower; another yardstick is another program. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "common/crc32c.h"
#include "common/endian.h"

enum {
    PREFIX = 8,
    ANSWER_SIZE = 16,
    RECEIVE_SIZE = 256 * 1024,
    BATCH_MAX = 8 << 20,
    SENDFILE_CALL = 1 << 20
};

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* --- produce ---------------------------------------------------------------------------------- */

/* produce-sync: what is appended, and what of it is on disk and answered. */
struct group {
    pthread_mutex_t lock;
    pthread_cond_t appended_more;
    uint64_t appended, answered;
    int ended, fd, file;
};

static void *commit(void *context)
{
    struct group *group = context;
    uint8_t answers[4096 * ANSWER_SIZE] = { 0 };

    pthread_mutex_lock(&group->lock);
    for (;;) {
        while (group->appended == group->answered && !group->ended)
            pthread_cond_wait(&group->appended_more, &group->lock);
        uint64_t count = group->appended - group->answered;
        if (count == 0)
            break;
        count = count > 4096 ? 4096 : count;
        pthread_mutex_unlock(&group->lock);
        if (fdatasync(group->file) != 0)
            bench_die("fdatasync");
        bench_write_whole(group->fd, answers, count * ANSWER_SIZE);
        pthread_mutex_lock(&group->lock);
        group->answered += count;
    }
    pthread_mutex_unlock(&group->lock);
    return NULL;
}

/* Hand over so many batches, or say that there will be no more (0). */
static void append_to(struct group *group, uint64_t count)
{
    pthread_mutex_lock(&group->lock);
    group->appended += count;
    group->ended = count == 0;
    pthread_cond_signal(&group->appended_more);
    pthread_mutex_unlock(&group->lock);
}

/* Frames: u32 size | u32 crc | bytes. Receives as much as there is, answers in one go. */
static void receive_batches(int fd, const char *path, int sync, double *report)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    size_t capacity = BATCH_MAX + RECEIVE_SIZE, have = 0;
    uint8_t *buffer = malloc(capacity), answers[4096 * ANSWER_SIZE] = { 0 };
    off_t position = 0;

    struct group group = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, fd, file };
    pthread_t committer;

    if (file < 0 || buffer == NULL)
        bench_die(path);
    if (sync && pthread_create(&committer, NULL, commit, &group) != 0)
        bench_die("thread");
    for (;;) {
        ssize_t got = recv(fd, buffer + have, capacity - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
        size_t at = 0, answered = 0;
        while (have - at >= PREFIX && answered + ANSWER_SIZE <= sizeof answers) {
            uint32_t size = load_u32(buffer + at), crc = load_u32(buffer + at + 4);
            if (have - at - PREFIX < size)
                break;
            if (crc32c(0, buffer + at + PREFIX, size) != crc) {
                fputs("null_broker: checksum\n", stderr);
                exit(1);
            }
            if (pwrite(file, buffer + at + PREFIX, size, position) != (ssize_t)size)
                bench_die("pwrite");
            position += (off_t)size;
            at += PREFIX + size;
            answered += ANSWER_SIZE;
        }
        if (answered > 0 && sync)
            append_to(&group, answered / ANSWER_SIZE);
        else if (answered > 0)
            bench_write_whole(fd, answers, answered);
        have -= at;
        if (at > 0)
            memmove(buffer, buffer + at, have);
    }
    if (sync) {
        append_to(&group, 0);
        pthread_join(committer, NULL);
    }
    report[0] = processor_seconds();
    free(buffer);
    close(file);
    unlink(path);
}

static double send_batches(int fd, size_t batch, int in_flight, uint64_t bytes)
{
    uint8_t *frame = malloc(PREFIX + batch), answer[ANSWER_SIZE];
    uint64_t count = bytes / batch, answered = 0;

    if (frame == NULL)
        bench_die("malloc");
    for (size_t i = 0; i < batch; i++)
        frame[PREFIX + i] = (uint8_t)(i * 2654435761u >> 13);
    store_u32(frame, (uint32_t)batch);
    store_u32(frame + 4, crc32c(0, frame + PREFIX, batch));
    double started = bench_now();
    for (uint64_t sent = 0; answered < count;) {
        for (; sent < count && sent - answered < (uint64_t)in_flight; sent++)
            bench_write_whole(fd, frame, PREFIX + batch);
        if (!bench_read_whole(fd, answer, sizeof answer))
            bench_die("answer");
        answered++;
    }
    free(frame);
    return bench_now() - started;
}

/* --- sendfile --------------------------------------------------------------------------------- */

static void send_file(int fd, const char *path, uint64_t bytes, double *report)
{
    int file = open(path, O_RDONLY);
    off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;

    if (file < 0 || size <= 0)
        bench_die(path);
    for (uint64_t sent = 0; sent < bytes;) {
        for (off_t at = 0; at < size && sent < bytes;) {
            ssize_t moved = sendfile(fd, file, &at, SENDFILE_CALL);
            if (moved <= 0)
                bench_die("sendfile");
            sent += (uint64_t)moved;
        }
    }
    shutdown(fd, SHUT_WR);
    report[0] = processor_seconds();
    close(file);
}

static double receive_file(int fd, uint64_t *received)
{
    char *buffer = malloc(RECEIVE_SIZE);
    double started = bench_now();
    ssize_t got;

    if (buffer == NULL)
        bench_die("malloc");
    while ((got = recv(fd, buffer, RECEIVE_SIZE, 0)) > 0)
        *received += (uint64_t)got;
    free(buffer);
    return bench_now() - started;
}

/* --- two processes ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    int sync = argc == 6 && strcmp(argv[1], "produce-sync") == 0,
        produce = sync || (argc == 6 && strcmp(argv[1], "produce") == 0),
        file = argc == 4 && strcmp(argv[1], "sendfile") == 0;
    int pair[2], pipes[2];
    double report = 0, seconds;
    uint64_t bytes = 0;

    if (!produce && !file) {
        fputs("usage: null_broker produce|produce-sync FILE BATCH IN-FLIGHT BYTES\n"
              "       null_broker sendfile FILE BYTES\n",
              stderr);
        return 2;
    }
    if (produce && (atoll(argv[3]) < 1 || atoll(argv[3]) > BATCH_MAX))
        return 2;
    bench_connect_pair(pair);
    if (pipe(pipes) != 0)
        bench_die("pipe");
    pid_t other = fork();
    if (other == 0) {
        close(pair[0]);
        if (produce)
            receive_batches(pair[1], argv[2], sync, &report);
        else
            send_file(pair[1], argv[2], strtoull(argv[3], NULL, 10), &report);
        return write(pipes[1], &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1;
    }
    close(pair[1]);
    if (produce) {
        bytes =
            strtoull(argv[5], NULL, 10) / strtoull(argv[3], NULL, 10) * strtoull(argv[3], NULL, 10);
        seconds = send_batches(pair[0], (size_t)atoll(argv[3]), atoi(argv[4]), bytes);
        shutdown(pair[0], SHUT_WR);
    } else {
        seconds = receive_file(pair[0], &bytes);
    }
    close(pipes[1]);
    if (read(pipes[0], &report, sizeof report) != (ssize_t)sizeof report)
        report = 0;
    int status = 1;
    waitpid(other, &status, 0);
    printf("{\"mb_per_second\": %.1f, \"processor_us_per_mb\": %.1f}\n",
           (double)bytes / 1e6 / seconds, report * 1e6 / ((double)bytes / 1e6));
    return status == 0 ? 0 : 1;
}
