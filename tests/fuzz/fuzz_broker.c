/* A broker's data plane behind its connections, and what two clients do with it: requests that are
 * valid, or nearly, in an order that the fuzzer likes; pictures that change; a restart.
 *
 * Nobody crashes; each request is answered once, with the body that it asked for or an error; the
 * memory of requests is free at the end; a log does not end earlier than it did; what was
 * acknowledged is there to be read, after a restart too. */
#include "server/storage/io.h"
#include "tests/fuzz/broker/script.h"
#include "tests/fuzz/target.h"

/* The disk is not what is tested here. */
static int no_sync(const struct io *self, int fd)
{
    (void)self;
    (void)fd;
    return 0;
}

static int no_sync_path(const struct io *self, const char *path)
{
    (void)self;
    (void)path;
    return 0;
}

static const struct io *quick_disk(void)
{
    static struct io io;

    io = io_system;
    io.sync = no_sync;
    io.sync_directory = no_sync_path;
    io.sync_filesystem = no_sync;
    return &io;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct life life;

    life_begin(&life, quick_disk());
    script_run(&life, data, size);
    life_end(&life);
    return 0;
}
