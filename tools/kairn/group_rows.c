#include "tools/kairn/group_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct group_row group_row_of(const char *topic, int32_t partition)
{
    return (struct group_row){ .topic = topic, .partition = partition, .committed = -1,
                               .member = GROUP_NOBODY, .start = -1, .end = -1, .first_ms = -1 };
}

static int by_partition(const void *a, const void *b)
{
    const struct group_row *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void group_rows_unite(struct group_rows *rows)
{
    size_t kept = 0;

    if (rows->count > 0)
        qsort(rows->items, rows->count, sizeof *rows->items, by_partition);
    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        if (kept == 0 || by_partition(row, &rows->items[kept - 1]) != 0) {
            rows->items[kept++] = *row;
            continue;
        }
        struct group_row *known = &rows->items[kept - 1];
        if (row->committed >= 0)
            known->committed = row->committed;
        if (row->member != GROUP_NOBODY)
            known->member = row->member;
    }
    rows->count = kept;
}

struct group_row *group_rows_find(const struct group_rows *rows, const char *topic,
                                  int32_t partition)
{
    const struct group_row key = { .topic = topic, .partition = partition };

    return rows->count > 0
               ? bsearch(&key, rows->items, rows->count, sizeof *rows->items, by_partition)
               : NULL;
}

int64_t group_row_lag(const struct group_row *row)
{
    if (row->committed < 0 || row->end < 0)
        return -1;
    int64_t next = row->committed > row->start ? row->committed : row->start;
    return row->end > next ? row->end - next : 0;
}

int64_t group_row_lost(const struct group_row *row)
{
    return row->committed >= 0 && row->start > row->committed ? row->start - row->committed : 0;
}

int64_t group_row_waits(const struct group_row *row, int64_t now_ms)
{
    int64_t lag = group_row_lag(row);

    if (lag <= 0)
        return lag;
    if (row->first_ms < 0)
        return -1;
    /* The clock that the record's producer went by may be ahead of ours. */
    return now_ms > row->first_ms ? now_ms - row->first_ms : 0;
}

struct group_totals group_rows_total(const struct group_rows *rows, int64_t now_ms)
{
    struct group_totals totals = { 0 };

    for (size_t i = 0; i < rows->count; i++) {
        int64_t lag = group_row_lag(&rows->items[i]);
        int64_t waits_ms = group_row_waits(&rows->items[i], now_ms);
        totals.lag += lag > 0 ? lag : 0;
        totals.unknown += lag < 0;
        totals.waits_ms = waits_ms > totals.waits_ms ? waits_ms : totals.waits_ms;
    }
    return totals;
}

void group_rows_remember(struct group_rows *rows, const struct group_rows *before)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        const struct group_row *old = group_rows_find(before, row->topic, row->partition);
        if (old != NULL && old->committed == row->committed && old->start == row->start)
            row->first_ms = old->first_ms;
    }
}

static int by_name(const void *a, const void *b)
{
    const klient_topic_partition_t *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void group_sort_partitions(klient_topic_partition_t *partitions, size_t count)
{
    if (count > 0)
        qsort(partitions, count, sizeof *partitions, by_name);
}

klient_topic_partition_t *group_find_partition(klient_topic_partition_t *partitions, size_t count,
                                               const char *topic, int32_t partition)
{
    const klient_topic_partition_t key = { topic, partition };

    return count > 0 ? bsearch(&key, partitions, count, sizeof key, by_name) : NULL;
}

char *group_ranges(const klient_topic_partition_t *partitions, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (size_t i = 0, last; i < count; i = last + 1) {
        bool new_topic = i == 0 || strcmp(partitions[i].topic, partitions[i - 1].topic) != 0;
        for (last = i; last + 1 < count; last++)
            if (strcmp(partitions[last + 1].topic, partitions[i].topic) != 0 ||
                partitions[last + 1].partition != partitions[last].partition + 1)
                break;
        if (new_topic)
            fprintf(out, "%s%s:", i > 0 ? " " : "", partitions[i].topic);
        fprintf(out, "%s%d", new_topic ? "" : ",", (int)partitions[i].partition);
        if (last > i)
            fprintf(out, "-%d", (int)partitions[last].partition);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
