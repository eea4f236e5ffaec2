/* storage/io_budget.h - a bound on the files that the logs of a broker hold open.
 *
 * A table of calls in front of io_system that counts what is open. Nothing is refused above the
 * bound: whoever owns logs asks io_budget_pressed() and closes what was not used for longest. When
 * the process has no descriptor left all the same (connections take them too), one of a few that
 * are held for that makes way: so what lasts only for a moment, like a checkpoint, does not fail
 * for the lack of one. Thread-safe; the memory must stay until every file is closed. */
#ifndef STORAGE_IO_BUDGET_H
#define STORAGE_IO_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>

#include "server/storage/io.h"

enum { IO_BUDGET_SPARES = 8 };

struct io_budget {
    struct io io;                       /* first: for logdir_open() */
    int limit;
    atomic_int open;                    /* files */
    atomic_bool short_of;               /* the system had no descriptor for us */
    atomic_int spares[IO_BUDGET_SPARES];    /* descriptors of nothing; -1: given away */
};

void io_budget_init(struct io_budget *budget, int limit);
/* Every file is closed. */
void io_budget_fini(struct io_budget *budget);

/* For each of so many brokers (0: one) of half of what the process may have: the other half is
 * for connections. */
int io_budget_of_process(int brokers);

/* More are open than should be. */
bool io_budget_exceeded(const struct io_budget *budget);

/* The same, or there was none left since the last call. */
bool io_budget_pressed(struct io_budget *budget);

#endif
