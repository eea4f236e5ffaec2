/* null_broker - what the machine allows: the least a broker can do, and nothing else.
 *
 *   null_broker produce FILE BATCH IN-FLIGHT BYTES
 *       one process sends batches, IN-FLIGHT at a time; one receives each, checks its CRC-32C,
 *       appends it to FILE and answers 16 bytes. Prints megabytes per second and the receiver's
 *       processor time per megabyte.
 *   null_broker sendfile FILE BYTES
 *       one process sends FILE from the page cache, again and again, by sendfile; one receives.
 *
 * No protocol, no index, no record is looked at. Two processes on loopback, blocking sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
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

#include "common/crc32c.h"
#include "common/endian.h"

enum {
    PREFIX = 8,
    ANSWER_SIZE = 16,
    RECEIVE_SIZE = 256 * 1024,
    BATCH_MAX = 8 << 20,
    SENDFILE_CALL = 1 << 20
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void write_whole(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            die("send");
        at += sent;
        size -= (size_t)sent;
    }
}

/* False at the orderly end. */
static int read_whole(int fd, void *bytes, size_t size)
{
    for (char *at = bytes; size > 0;) {
        ssize_t got = recv(fd, at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            die("recv");
        if (got == 0)
            return 0;
        at += got;
        size -= (size_t)got;
    }
    return 1;
}

/* --- produce ---------------------------------------------------------------------------------- */

/* Frames: u32 size | u32 crc | bytes. Receives as much as there is, answers in one go. */
static void receive_batches(int fd, const char *path, double *report)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    size_t capacity = BATCH_MAX + RECEIVE_SIZE, have = 0;
    uint8_t *buffer = malloc(capacity), answers[4096 * ANSWER_SIZE] = { 0 };
    off_t position = 0;

    if (file < 0 || buffer == NULL)
        die(path);
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
                die("pwrite");
            position += (off_t)size;
            at += PREFIX + size;
            answered += ANSWER_SIZE;
        }
        if (answered > 0)
            write_whole(fd, answers, answered);
        have -= at;
        if (at > 0)
            memmove(buffer, buffer + at, have);
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
        die("malloc");
    for (size_t i = 0; i < batch; i++)
        frame[PREFIX + i] = (uint8_t)(i * 2654435761u >> 13);
    store_u32(frame, (uint32_t)batch);
    store_u32(frame + 4, crc32c(0, frame + PREFIX, batch));
    double started = now();
    for (uint64_t sent = 0; answered < count;) {
        for (; sent < count && sent - answered < (uint64_t)in_flight; sent++)
            write_whole(fd, frame, PREFIX + batch);
        if (!read_whole(fd, answer, sizeof answer))
            die("answer");
        answered++;
    }
    free(frame);
    return now() - started;
}

/* --- sendfile --------------------------------------------------------------------------------- */

static void send_file(int fd, const char *path, uint64_t bytes, double *report)
{
    int file = open(path, O_RDONLY);
    off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;

    if (file < 0 || size <= 0)
        die(path);
    for (uint64_t sent = 0; sent < bytes;) {
        for (off_t at = 0; at < size && sent < bytes;) {
            ssize_t moved = sendfile(fd, file, &at, SENDFILE_CALL);
            if (moved <= 0)
                die("sendfile");
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
    double started = now();
    ssize_t got;

    if (buffer == NULL)
        die("malloc");
    while ((got = recv(fd, buffer, RECEIVE_SIZE, 0)) > 0)
        *received += (uint64_t)got;
    free(buffer);
    return now() - started;
}

/* --- two processes ---------------------------------------------------------------------------- */

static void connect_pair(int pair[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || pair[0] < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
        connect(pair[0], (struct sockaddr *)&address, size) != 0)
        die("loopback");
    pair[1] = accept(listener, NULL, NULL);
    if (pair[1] < 0)
        die("accept");
    close(listener);
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

int main(int argc, char **argv)
{
    int produce = argc == 6 && strcmp(argv[1], "produce") == 0,
        file = argc == 4 && strcmp(argv[1], "sendfile") == 0;
    int pair[2], pipes[2];
    double report = 0, seconds;
    uint64_t bytes = 0;

    if (!produce && !file) {
        fputs("usage: null_broker produce FILE BATCH IN-FLIGHT BYTES\n       null_broker sendfile "
              "FILE BYTES\n",
              stderr);
        return 2;
    }
    if (produce && (atoll(argv[3]) < 1 || atoll(argv[3]) > BATCH_MAX))
        return 2;
    connect_pair(pair);
    if (pipe(pipes) != 0)
        die("pipe");
    pid_t other = fork();
    if (other == 0) {
        close(pair[0]);
        if (produce)
            receive_batches(pair[1], argv[2], &report);
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
    printf("%.1f MB/s, %.0f us of processor a MB\n", (double)bytes / 1e6 / seconds,
           report * 1e6 / ((double)bytes / 1e6));
    return status == 0 ? 0 : 1;
}
