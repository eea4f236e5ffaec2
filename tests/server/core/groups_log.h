/* groups_log.h - a partition of the offsets topic for tests: copies of the records that the groups
 * core had stored, in order, with a watermark. Needs no test framework; out of memory aborts. */
#ifndef TESTS_GROUPS_LOG_H
#define TESTS_GROUPS_LOG_H

#include "server/core/groups.h"

struct groups_log_order {
    uint64_t token;
    struct groups_record *records;        /* with all that they point to */
    size_t count;
};

struct groups_log {
    struct groups_log_order *orders;
    size_t count, capacity;
    size_t committed;                     /* orders below are */
};

void groups_log_append(struct groups_log *log, const struct groups_effect *store);
/* Take out the order at `index`: it was refused. */
void groups_log_remove(struct groups_log *log, size_t index);
/* What comes after the first `count` orders is gone. */
void groups_log_cut(struct groups_log *log, size_t count);
/* As compaction does: of the first `end` orders, which are committed, remove records that a later
 * one of the same key supersedes; and, if asked, tombstones. Orders keep their places, some are
 * empty then. */
struct groups_log_removed { size_t superseded, tombstones; };
struct groups_log_removed groups_log_compact(struct groups_log *log, size_t end, bool tombstones);

/* Replay orders [from, to). */
void groups_log_replay(const struct groups_log *log, size_t from, size_t to,
                       struct groups *groups);
void groups_log_fini(struct groups_log *log);

#endif
