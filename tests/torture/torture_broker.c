/* A broker whose memory or disk fails while it serves: it answers with errors, or hangs up, and
 * goes on; what it has acknowledged is there after a restart on a sound machine.
 *
 * What fails is what loops and the io pool do; a start that fails is tests/torture/start's. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/broker/script.h"
#include "tests/torture/bad_disk.h"
#include "tests/torture/memory.h"
#include "tests/torture/torture.h"

/* Steps as in tests/fuzz/broker/script.c: what is plain comes in the words of requests.c. */
enum { PRODUCE, FETCH, LIST, DELETE, JOIN, SYNC, BEAT, LEAVE, COMMIT, COMMITTED, FORGET, METADATA,
       CREATE, DESCRIBE, REPLICA, OTHER = 16, OTHER_LOOP = 16, HEAR = 14, RESTART = 15 | 128 };

static const uint8_t records[] = {
    0, PRODUCE, 0, 3, 20, 0,            /* partition 0, all; four records */
    0, PRODUCE, 1, 7, 200, 4,           /* partition 1, compressed */
    0, PRODUCE, 4, 0,                   /* with numbers */
    0, PRODUCE, 4, 0,                   /* and again */
    OTHER_LOOP, PRODUCE, 1, 5, 100, 1,
    0, FETCH, 32, 255, 255, 0, 255, 255,
    OTHER_LOOP, FETCH, 33, 255, 255, 0, 255, 255,
    0, LIST, 0, 4,
    0, LIST, 1, 6,
    0, DELETE, 0, 3,
    0, METADATA, 7, 0,
    0, DESCRIBE, 0,
    HEAR, 5,                            /* batches are stored as zstd */
    0, PRODUCE, 0, 67, 250, 1,
    HEAR, 1 + 4 * 4,                    /* segments are small */
    0, PRODUCE, 0, 3, 255, 0,
    0, PRODUCE, 0, 3, 255, 0,
    RESTART,
    0, PRODUCE, 1, 2, 9, 0,
    0, FETCH, 32, 255, 255, 4, 255, 255,
};

static const uint8_t members[] = {
    0, COMMIT, 0, 0, 0, 5,
    0, JOIN, 0, 0, 200, 50, 3, 'a', 'b', 'c',
    0, SYNC, 0, 0, 1, 2, 'd', 'e',
    0, BEAT, 0, 0, 1, 0,
    OTHER_LOOP | 32, JOIN, 0, 1, 200, 50, 1, 'x',
    0, COMMITTED, 0, 1, 0, 0,
    0, JOIN, 0, 0, 200, 50, 3, 'a', 'b', 'c',
    0, SYNC, 0, 0, 2, 1, 'd',
    0, LEAVE, 0, 0,
    RESTART,
    0, COMMITTED, 0, 1, 0, 0,
    0, COMMIT, 1, 0, 1, 9,
    0, FORGET, 1,
};

static const struct {
    const uint8_t *bytes;
    size_t size;
} scripts[] = { { records, sizeof records }, { members, sizeof members } };
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

/* In one life. With more somebody tries again and again, without a pause. */
enum { FAILURES_MAX = 5000 };

static bool serves(const char *thread)
{
    return strcmp(thread, "data") == 0 || strncmp(thread, "io-", 3) == 0;
}

/* On a machine that is sound again. */
static void end(struct life *life)
{
    life->pause = NULL;
    life_restart(life);
    life_end(life);
}

static long with_memory(int script, long n, bool lasting)
{
    struct life life;

    memory_set_threads(serves);
    life_begin(&life, bad_disk());
    life_be_lenient(&life);
    life.pause = memory_pause;
    memory_fail_at(n, lasting);
    script_run(&life, scripts[script].bytes, scripts[script].size);
    long failed = memory_heal();
    if (failed > FAILURES_MAX)
        abort();
    life_expect_service(&life);
    end(&life);
    return failed;
}

static long with_disk(enum bad_disk_kind kind, int script, long n, bool lasting)
{
    struct life life;

    life_begin(&life, bad_disk());
    life_be_lenient(&life);
    life.pause = bad_disk_pause;
    bad_disk_fail_at(kind, n, lasting);
    script_run(&life, scripts[script].bytes, scripts[script].size);
    long failed = bad_disk_heal();
    end(&life);
    return failed;
}

static long with_reads(int script, long n, bool lasting)
{
    return with_disk(BAD_DISK_READS, script, n, lasting);
}

static long with_writes(int script, long n, bool lasting)
{
    return with_disk(BAD_DISK_WRITES, script, n, lasting);
}

static long with_room(int script, long n, bool lasting)
{
    return with_disk(BAD_DISK_FULL, script, n, lasting);
}

static long with_syncs(int script, long n, bool lasting)
{
    return with_disk(BAD_DISK_SYNCS, script, n, lasting);
}

static long with_names(int script, long n, bool lasting)
{
    return with_disk(BAD_DISK_NAMES, script, n, lasting);
}

int main(int argc, char **argv)
{
    static const struct torture rows[] = {
        { "memory", with_memory, SCRIPTS }, { "reads", with_reads, SCRIPTS },
        { "writes", with_writes, SCRIPTS }, { "full", with_room, SCRIPTS },
        { "syncs", with_syncs, SCRIPTS },   { "names", with_names, SCRIPTS },
    };

    return torture_main(argc, argv, rows, sizeof rows / sizeof *rows);
}
