/* story.h - what happens to one log until the power goes, and what of it has to be there then.
 *
 * Random operations on a log through any io table, moves between two directories among them.
 * The story remembers every batch that was ever
 * written and what was promised: below `promised_end` everything is on the disk; the log starts at
 * `promised_start` or later. Beyond that a log that comes back may hold what was written, in order
 * and without a hole, or not; never anything else. Half of the stories are those of a follower, and
 * half of these of one whose leader's log is compacted: each batch must still stand right behind
 * the one that it was written behind. One thread. */
#ifndef TESTS_POWER_STORY_H
#define TESTS_POWER_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rand.h"
#include "server/storage/doomed.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"

#define STORY_TOPIC "t"

/* A batch as it was stamped. */
struct story_batch {
    int64_t base, last;
    int64_t after;                      /* where the log ended before: `base`, or there is a gap */
    int32_t epoch;
    size_t size;
    uint8_t *bytes;                     /* owned by the story, all its life */
};

struct story_batches {
    struct story_batch *items;          /* owned */
    size_t count, capacity;
};

struct story_counts {
    uint64_t appends, syncs, rolls, truncations, trims, checkpoints, restarts, clean_stops, cuts;
    uint64_t moves;
    uint64_t gaps, resets;
    uint64_t promised_batches;          /* found again, of those that had to be there */
    uint64_t unpromised_batches;        /* found again, of the others */
    uint64_t lost_batches;              /* of the others, not found */
};

struct story {
    const struct io *io;
    char path[128];
    struct rand rand;
    struct logdir *directories[2];      /* the log moves between them */
    struct logdir *directory;           /* one of them: where the log is */
    struct log *log;
    struct log_config config;
    struct doomed_list doomed;
    struct story_batches batches;       /* what the log holds, in order */
    struct story_batches ghosts;        /* what it held or may have held, and could hold again */
    uint8_t **slabs;                    /* all bytes; owned */
    size_t slab_count;
    int64_t promised_end, promised_start, largest_start;
    int64_t reset_from;                 /* a reset was cut off: where a log begins that has anything
                                           left; INT64_MAX: none was */
    int32_t epoch, begun;               /* of what is written; begun without a record */
    int64_t wall_ms;
    bool follower, gaps;                /* batches are copies; of a log that is compacted */
    const long *failed_syncs;           /* that took what was written with them; NULL: none will */
    bool clean;                         /* stopped clean, and everything was promised by that */
    struct story_counts counts;
    char fault[256];                    /* what was found wrong */
};

/* The files come below `path`, through `io`; both borrowed. */
void story_init(struct story *story, const char *path, const struct io *io, uint64_t seed);
void story_fini(struct story *story);

/* Open. 0, or what storage says: with the power there, that is a fault. */
int story_open(struct story *story);

/* At most `steps` operations; ends early when one fails, as all do without power, other than for a
 * full disk. False when something went wrong that is no fault of the disk. */
bool story_live(struct story *story, int steps);

/* Empty the log at some offset. As storage says. */
int story_reset(struct story *story);

/* The log in story->directory alone; both directories. For the story's own files. */
int story_open_log(struct story *story);
void story_close_directories(struct story *story, bool clean);

/* The process is gone: free everything, write nothing. */
void story_drop(struct story *story);

/* After story_open(): is everything there that has to be, and nothing else? What is there is what
 * the story goes on from. */
bool story_check(struct story *story);

#endif
