/* limits - what this machine can do at most, one thing at a time.
 *
 *   limits [--json] DIR [NAME...]
 *   limits --appends DIR SIZE FILES MEGABYTES
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
 *   sync-many   append 16 KiB to each of 1,000 files in turn, syncfs each 4 MiB    MB/s
 *   crc32c      over 1 MiB in the cache                                            MB/s
 *   encode      100-byte records into 16 KiB batches, checksum included            ns a record
 *   decode      the same checked and walked                                        ns a record
 *
 * One line each, or one JSON object. Which are wanted can be named. About five seconds in all.
 * With --appends, one JSON line: so many bytes in appends of one size to so many open files in
 * turn, not synced, after one append to each that does not count. */
#include <errno.h>
#include <fcntl.h>
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
#include "proto/batch.h"

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    STREAM_MIB = 2048,
    FILE_MIB = 256,
    PING_SIZE = 64,
    PINGS = 5000,
    SYNCS = 200,
    MANY = 1000,
    MANY_TURNS = 20,
    MANY_SYNC = 4 * MIB,
    FILES_MAX = 100000,
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

/* A child that plays the other side: 0 there, its process id here. */
static pid_t fork_peer(void)
{
    pid_t child = fork();
    if (child < 0)
        bench_die("fork");
    return child;
}

/* What was measured counts only if the child did its part. */
static void await_peer(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        bench_die("waitpid");
    if (status != 0) {
        fputs("limits: the other side failed\n", stderr);
        exit(1);
    }
}

/* A child writes, this process reads until the end; megabytes per second. */
static double stream(struct limits *limits, int file)
{
    int pair[2];
    size_t received = 0;
    ssize_t got;

    bench_connect_pair(pair);
    pid_t child = fork_peer();
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
    await_peer(child);
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
    pid_t child = fork_peer();
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
    await_peer(child);
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

/* What a broker can reach that must sync little for each of many partitions. */
static double sync_many(struct limits *limits)
{
    int files[MANY];
    const size_t size = 16 * KIB;
    double total = (double)size * MANY * MANY_TURNS;

    for (int i = 0; i < MANY; i++)
        files[i] = scratch(limits);
    if (syncfs(files[0]) != 0)
        bench_die("syncfs");
    double started = bench_now();
    for (size_t i = 0; i < (size_t)MANY * MANY_TURNS; i++) {
        append(limits, files[i % MANY], size);
        if ((i + 1) % (MANY_SYNC / size) == 0 && syncfs(files[0]) != 0)
            bench_die("syncfs");
    }
    double elapsed = bench_now() - started;
    for (int i = 0; i < MANY; i++)
        close(files[i]);
    return total / 1e6 / elapsed;
}

/* Seconds of processor that this process has used. */
static double processor(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The least that a broker must do whose partitions are written in turn. */
static void append_each(struct limits *limits, size_t size, int count, double bytes)
{
    int *files = malloc((size_t)count * sizeof *files);
    int64_t appends = (int64_t)(bytes / (double)size);

    if (files == NULL)
        bench_die("malloc");
    for (int i = 0; i < count; i++) {
        files[i] = scratch(limits);
        append(limits, files[i], size);
    }
    double used = processor(), started = bench_now();
    for (int64_t i = 0; i < appends; i++)
        append(limits, files[i % count], size);
    double seconds = bench_now() - started, moved = (double)appends * (double)size / 1e6;
    used = processor() - used;
    for (int i = 0; i < count; i++)
        close(files[i]);
    free(files);
    printf("{\"mb_per_second\": %.1f, \"appending_us_per_mb\": %.1f}\n", moved / seconds,
           used * 1e6 / moved);
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
    { "sync-1m", "MB/s", sync_1m },         { "sync-many", "MB/s", sync_many },
    { "crc32c", "MB/s", checksum },         { "encode", "ns a record", encode },
    { "decode", "ns a record", decode },
};

static int wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return 1;
    return count == 0;
}

static int measure_appends(struct limits *limits, char **numbers)
{
    long size = atol(numbers[0]), files = atol(numbers[1]);
    double megabytes = atof(numbers[2]);

    if (size < 1 || size > MIB || files < 1 || files > FILES_MAX || megabytes < 1)
        return 2;
    append_each(limits, (size_t)size, (int)files, megabytes * 1e6);
    free(limits->bytes);
    return 0;
}

int main(int argc, char **argv)
{
    int appends = argc == 6 && strcmp(argv[1], "--appends") == 0;
    int json = argc > 1 && strcmp(argv[1], "--json") == 0, first = 1;
    struct limits limits = { .bytes = malloc(MIB) };

    argc -= json + appends;
    argv += json + appends;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: limits [--json] DIR [NAME...]\n"
              "       limits --appends DIR SIZE FILES MEGABYTES\n", stderr);
        return 2;
    }
    if (limits.bytes == NULL)
        bench_die("malloc");
    limits.dir = argv[1];
    bench_allow_files();            /* one for each partition, and a few for ourselves */
    for (uint32_t i = 0; i < MIB; i++)
        limits.bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    if (appends)
        return measure_appends(&limits, argv + 2);
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
