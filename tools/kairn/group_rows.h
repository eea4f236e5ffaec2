/* group_rows.h - how far a group is, partition by partition: what it has committed and what its
 * members have, put together. Pure. */
#ifndef TOOLS_KAIRN_GROUP_ROWS_H
#define TOOLS_KAIRN_GROUP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"

#define GROUP_NOBODY SIZE_MAX

struct group_row {
    const char *topic;              /* borrowed */
    int32_t partition;
    int64_t committed;              /* the next to read; -1: nothing is committed */
    size_t member;                  /* index of who has it, or GROUP_NOBODY */
    int64_t start, end;             /* of the log; -1: not known, and */
    klient_code_t code;             /* why not */
    int64_t first_ms;               /* timestamp of the first record that is not committed; -1:
                                       not known, or there is none */
};

struct group_rows {
    struct group_row *items;        /* owned */
    size_t count;
};

/* A row of which only that is known. */
struct group_row group_row_of(const char *topic, int32_t partition);

/* Sort by topic and partition; what says something of the same partition becomes one row. */
void group_rows_unite(struct group_rows *rows);

/* Of united rows; NULL: there is none. */
struct group_row *group_rows_find(const struct group_rows *rows, const char *topic,
                                  int32_t partition);

/* Records that are still to be read; -1: not known. Offsets, rather: compaction leaves gaps. */
int64_t group_row_lag(const struct group_row *row);

/* Records that were deleted before the group has read them. */
int64_t group_row_lost(const struct group_row *row);

/* For how long the first record that is not committed has waited by now, ms; 0: none waits; -1: not
 * known. */
int64_t group_row_waits(const struct group_row *row, int64_t now_ms);

/* Of all rows: the sum of what is known of the lag, and the longest wait. */
struct group_totals {
    int64_t lag, waits_ms;
    size_t unknown;                 /* rows whose lag is not known */
};
struct group_totals group_rows_total(const struct group_rows *rows, int64_t now_ms);

/* Take timestamps over from an earlier look at rows where they still hold. */
void group_rows_remember(struct group_rows *rows, const struct group_rows *before);

/* By topic and number. */
void group_sort_partitions(klient_topic_partition_t *partitions, size_t count);
/* Of those that are sorted; NULL: it is not among them. */
klient_topic_partition_t *group_find_partition(klient_topic_partition_t *partitions, size_t count,
                                               const char *topic, int32_t partition);

/* "orders:0-2,5 payments:1" for partitions that are sorted; "" for none. To be freed; NULL: out of
 * memory. */
char *group_ranges(const klient_topic_partition_t *partitions, size_t count);

#endif
