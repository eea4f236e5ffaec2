#include "server/storage/io_budget.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LEAST = 64, UNLIMITED = 1 << 20 };

static struct io_budget *budget_of(const struct io *io)
{
    return (struct io_budget *)io;
}

/* --- spares ----------------------------------------------------------------------------------- */

/* Was the failure a lack of descriptors, and is there one to give away? Then try again. */
static bool make_way(struct io_budget *budget)
{
    int cause = errno;

    if (cause != EMFILE && cause != ENFILE)
        return false;
    atomic_store(&budget->short_of, true);
    for (int i = 0; i < IO_BUDGET_SPARES; i++) {
        int fd = atomic_exchange(&budget->spares[i], -1);
        if (fd >= 0) {
            close(fd);
            return true;
        }
    }
    errno = cause;
    return false;
}

static void hold_spares(struct io_budget *budget)
{
    for (int i = 0; i < IO_BUDGET_SPARES; i++) {
        int none = -1;
        if (atomic_load_explicit(&budget->spares[i], memory_order_relaxed) >= 0)
            continue;
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return;
        if (!atomic_compare_exchange_strong(&budget->spares[i], &none, fd))
            close(fd);
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static int budget_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    struct io_budget *budget = budget_of(io);
    int fd;

    do
        fd = io_system.open(&io_system, path, flags, mode);
    while (fd < 0 && make_way(budget));
    if (fd >= 0)
        atomic_fetch_add_explicit(&budget->open, 1, memory_order_relaxed);
    return fd;
}

static int budget_close(const struct io *io, int fd)
{
    struct io_budget *budget = budget_of(io);
    int result = io_system.close(&io_system, fd), cause = errno;

    atomic_fetch_sub_explicit(&budget->open, 1, memory_order_relaxed);
    hold_spares(budget);
    errno = cause;
    return result;
}

static DIR *budget_opendir(const struct io *io, const char *path)
{
    DIR *listing;

    do
        listing = io_system.opendir(&io_system, path);
    while (listing == NULL && make_way(budget_of(io)));
    return listing;
}

static int budget_sync_directory(const struct io *io, const char *path)
{
    int result;

    do
        result = io_system.sync_directory(&io_system, path);
    while (result != 0 && make_way(budget_of(io)));
    hold_spares(budget_of(io));
    return result;
}

/* --- the budget ------------------------------------------------------------------------------- */

void io_budget_init(struct io_budget *budget, int limit)
{
    budget->io = io_system;
    budget->io.open = budget_open;
    budget->io.close = budget_close;
    budget->io.opendir = budget_opendir;
    budget->io.sync_directory = budget_sync_directory;
    budget->limit = limit;
    atomic_init(&budget->open, 0);
    atomic_init(&budget->short_of, false);
    for (int i = 0; i < IO_BUDGET_SPARES; i++)
        atomic_init(&budget->spares[i], -1);
    hold_spares(budget);
}

void io_budget_fini(struct io_budget *budget)
{
    for (int i = 0; i < IO_BUDGET_SPARES; i++) {
        int fd = atomic_exchange(&budget->spares[i], -1);
        if (fd >= 0)
            close(fd);
    }
}

int io_budget_of_process(int brokers)
{
    struct rlimit limit;

    if (brokers == 0)
        brokers = 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 2 * (rlim_t)UNLIMITED)
        return UNLIMITED / brokers;
    int share = (int)limit.rlim_cur / 2 / brokers;
    return share > LEAST ? share : LEAST;
}

bool io_budget_exceeded(const struct io_budget *budget)
{
    return atomic_load_explicit(&budget->open, memory_order_relaxed) > budget->limit;
}

bool io_budget_pressed(struct io_budget *budget)
{
    return io_budget_exceeded(budget) ||
           (atomic_load_explicit(&budget->short_of, memory_order_relaxed) &&
            atomic_exchange(&budget->short_of, false));
}
