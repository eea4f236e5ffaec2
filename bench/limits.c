/* limits - what this machine can do at most, one thing at a time.
 *
 *   limits [--json] DIR [NAME...]
 *
 * Measures, in files of its own below DIR:
 *
 *   loopback    a stream of 1 MiB writes over TCP, received 256 KiB at a time      MB/s
 *   sendfile    the same from a file in the page cache                             MB/s
 *   round-trip  64 bytes there and back, blocking sockets, two processes           us (median)
 *   append-64k  appends to a growing file, not synced                              MB/s
 *   append-1m                                                                      MB/s
 *   sync-4k     append 4 KiB and fdatasync                                         us (median)
 *   sync-1m     append 1 MiB and fdatasync                                         MB/s
 *   crc32c      over 1 MiB in the cache                                            MB/s
 *   encode      100-byte records into 16 KiB batches, checksum included            ns a record
 *   decode      the same checked and walked                                        ns a record
 *
 * One line each, or one JSON object. Which are wanted can be named. About three seconds in all. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "common/crc32c.h"
#include "proto/batch.h"

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    STREAM_MIB = 2048,
    FILE_MIB = 256,
    PING_SIZE = 64,
    PINGS = 5000,
    SYNCS = 200,
    BATCHES = 4000,
    BATCH_SIZE = 16 * 1024
};

struct limits {
    const char *dir;
    unsigned char *bytes;               /* 1 MiB, incompressible enough */
    char path[4096];
};

/* A fresh file, already unlinked: nothing stays behind. */
static int scratch(struct limits *limits)
{
    snprintf(limits->path, sizeof limits->path, "%s/limits.XXXXXX", limits->dir);
    int file = mkstemp(limits->path);
    if (file < 0)
        bench_die(limits->path);
    unlink(limits->path);
    return file;
}

static void append(struct limits *limits, int file, size_t size)
{
    if (write(file, limits->bytes, size) != (ssize_t)size)
        bench_die("write");
}

/* --- network ---------------------------------------------------------------------------------- */

/* A child writes, this process reads until the end; megabytes per second. */
static double stream(struct limits *limits, int file)
{
    int pair[2];
    size_t received = 0;
    ssize_t got;

    bench_connect_pair(pair);
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        for (int i = 0; i < STREAM_MIB; i++) {
            off_t at = (off_t)(i % FILE_MIB) * MIB;
            for (size_t left = MIB; file >= 0 && left > 0;) {
                ssize_t sent = sendfile(pair[1], file, &at, left);
                if (sent <= 0)
                    bench_die("sendfile");
                left -= (size_t)sent;
            }
            if (file < 0)
                bench_write_whole(pair[1], limits->bytes, MIB);
        }
        _exit(0);
    }
    close(pair[1]);
    double started = bench_now();
    unsigned char *buffer = malloc(256 * KIB);
    if (buffer == NULL)
        bench_die("malloc");
    while ((got = recv(pair[0], buffer, 256 * KIB, 0)) > 0)
        received += (size_t)got;
    double seconds = bench_now() - started;
    free(buffer);
    close(pair[0]);
    waitpid(child, NULL, 0);
    return (double)received / 1e6 / seconds;
}

static double loopback(struct limits *limits)
{
    return stream(limits, -1);
}

static double from_file(struct limits *limits)
{
    int file = scratch(limits);
    for (int i = 0; i < FILE_MIB; i++)
        append(limits, file, MIB);
    double rate = stream(limits, file);
    close(file);
    return rate;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double round_trip(struct limits *limits)
{
    static double times[PINGS];
    unsigned char ping[PING_SIZE];
    int pair[2];

    bench_connect_pair(pair);
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        while (bench_read_whole(pair[1], ping, sizeof ping))
            bench_write_whole(pair[1], ping, sizeof ping);
        _exit(0);
    }
    close(pair[1]);
    for (int i = 0; i < PINGS; i++) {
        double started = bench_now();
        bench_write_whole(pair[0], limits->bytes, PING_SIZE);
        if (!bench_read_whole(pair[0], ping, sizeof ping))
            bench_die("round trip");
        times[i] = (bench_now() - started) * 1e6;
    }
    close(pair[0]);
    waitpid(child, NULL, 0);
    return median(times, PINGS);
}

/* --- files ------------------------------------------------------------------------------------ */

static double append_rate(struct limits *limits, size_t size)
{
    int file = scratch(limits);
    double started = bench_now();

    for (size_t written = 0; written < (size_t)FILE_MIB * MIB; written += size)
        append(limits, file, size);
    double seconds = bench_now() - started;
    close(file);
    return (double)FILE_MIB * MIB / 1e6 / seconds;
}

static double append_64k(struct limits *limits)
{
    return append_rate(limits, 64 * KIB);
}

static double append_1m(struct limits *limits)
{
    return append_rate(limits, MIB);
}

/* The median time of one append that is on disk, in microseconds. */
static double synced(struct limits *limits, size_t size)
{
    static double times[SYNCS];
    int file = scratch(limits);

    for (int i = 0; i < SYNCS; i++) {
        double started = bench_now();
        append(limits, file, size);
        if (fdatasync(file) != 0)
            bench_die("fdatasync");
        times[i] = (bench_now() - started) * 1e6;
    }
    close(file);
    return median(times, SYNCS);
}

static double sync_4k(struct limits *limits)
{
    return synced(limits, 4 * KIB);
}

static double sync_1m(struct limits *limits)
{
    return MIB / synced(limits, MIB);
}

/* --- processor -------------------------------------------------------------------------------- */

static double checksum(struct limits *limits)
{
    double started = bench_now();
    uint32_t crc = 0;

    for (int i = 0; i < STREAM_MIB; i++)
        crc = crc32c(crc, limits->bytes, MIB);
    double seconds = bench_now() - started;
    limits->bytes[0] = (unsigned char)crc;      /* so that it is computed */
    return (double)STREAM_MIB * MIB / 1e6 / seconds;
}

static uint32_t build(struct limits *limits, uint8_t *bytes)
{
    struct batch_builder builder;
    uint32_t count = 0;

    batch_build_start(&builder, bytes, BATCH_SIZE);
    while (batch_build_add(&builder, 1700000000000 + count, NULL, 0, limits->bytes, 100, NULL,
                           0) == 0)
        count++;
    batch_build_finish(&builder);
    return count;
}

static double encode(struct limits *limits)
{
    uint8_t *bytes = malloc(BATCH_SIZE);
    uint64_t records = 0;
    double started = bench_now();

    if (bytes == NULL)
        bench_die("malloc");
    for (int i = 0; i < BATCHES; i++)
        records += build(limits, bytes);
    double seconds = bench_now() - started;
    free(bytes);
    return seconds * 1e9 / (double)records;
}

static double decode(struct limits *limits)
{
    uint8_t *bytes = malloc(BATCH_SIZE);
    struct batch_reader reader;
    struct record_view record;
    uint64_t records = 0;
    size_t size;

    if (bytes == NULL)
        bench_die("malloc");
    build(limits, bytes);
    double started = bench_now();
    for (int i = 0; i < BATCHES; i++) {
        if (batch_check(bytes, BATCH_SIZE, true, &size) != 0 ||
            batch_reader_init(&reader, bytes, NULL, 0) != 0)
            bench_die("batch");
        while (batch_reader_next(&reader, &record) == 1)
            records++;
    }
    double seconds = bench_now() - started;
    free(bytes);
    return seconds * 1e9 / (double)records;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct limit {
    const char *name, *unit;
    double (*measure)(struct limits *limits);
} table[] = {
    { "loopback", "MB/s", loopback },       { "sendfile", "MB/s", from_file },
    { "round-trip", "us", round_trip },     { "append-64k", "MB/s", append_64k },
    { "append-1m", "MB/s", append_1m },     { "sync-4k", "us", sync_4k },
    { "sync-1m", "MB/s", sync_1m },         { "crc32c", "MB/s", checksum },
    { "encode", "ns a record", encode },    { "decode", "ns a record", decode },
};

static int wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return 1;
    return count == 0;
}

int main(int argc, char **argv)
{
    int json = argc > 1 && strcmp(argv[1], "--json") == 0, first = 1;
    struct limits limits = { .bytes = malloc(MIB) };

    argc -= json;
    argv += json;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: limits [--json] DIR [NAME...]\n", stderr);
        return 2;
    }
    if (limits.bytes == NULL)
        bench_die("malloc");
    limits.dir = argv[1];
    for (uint32_t i = 0; i < MIB; i++)
        limits.bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!wanted(table[i].name, argc - 2, argv + 2))
            continue;
        double value = table[i].measure(&limits);
        if (json)
            printf("%s\"%s\": %.2f", first ? "{" : ", ", table[i].name, value);
        else
            printf("%-11s %10.1f %s\n", table[i].name, value, table[i].unit);
        first = 0;
        fflush(stdout);
    }
    if (json)
        puts(first ? "{}" : "}");
    free(limits.bytes);
    return first;
}
