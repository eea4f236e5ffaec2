/* group_targets.c - where kairn group reset moves which partitions of a group. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/group_reset.h"
#include "tools/kairn/group_view.h"

/* --- which partitions ------------------------------------------------------------------------- */

static bool add_row(struct reset *reset, const char *topic, int32_t partition, size_t room)
{
    struct group_rows *rows = &reset->rows;

    if (rows->items == NULL)
        rows->items = calloc(room + 1, sizeof *rows->items);
    if (rows->items == NULL)
        return command_failed(reset->args, "out of memory") == EXIT_DONE;
    rows->items[rows->count++] = group_row_of(topic, partition);
    return true;
}

/* What --topic names. */
static bool add_named(struct reset *reset)
{
    if (!layout_read(reset->args, reset->admin, reset->timeout_ms, false, &reset->layout))
        return false;
    bool *chosen = layout_choose(reset->args, "--topic", &reset->layout);
    bool sound = chosen != NULL;
    for (size_t i = 0; sound && i < reset->layout.partition_count; i++)
        if (chosen[i])
            sound = add_row(reset, reset->layout.partitions[i].topic,
                            reset->layout.partitions[i].number, reset->layout.partition_count);
    free(chosen);
    return sound;
}

/* Everything that the group has committed. */
static bool add_committed(struct reset *reset)
{
    size_t count = klient_offsets_count(reset->offsets);
    bool sound = true;

    for (size_t i = 0; sound && i < count; i++) {
        klient_offset_t offset = { .size = sizeof offset };
        klient_offsets_get(reset->offsets, i, &offset);
        sound = add_row(reset, offset.topic, offset.partition, count);
    }
    if (count > 0)
        return sound;
    command_failed(reset->args, "group %s has committed nothing: --topic says what to reset",
                   reset->group);
    return false;
}

static bool add_of_file(struct reset *reset)
{
    bool sound = true;

    for (size_t i = 0; sound && i < reset->file.count; i++)
        sound = add_row(reset, reset->file.lines[i].topic, reset->file.lines[i].partition,
                        reset->file.count);
    return sound;
}

static void note_committed(struct reset *reset)
{
    for (size_t i = 0; i < klient_offsets_count(reset->offsets); i++) {
        klient_offset_t offset = { .size = sizeof offset };
        klient_offsets_get(reset->offsets, i, &offset);
        struct group_row *row = group_rows_find(&reset->rows, offset.topic, offset.partition);
        if (row != NULL)
            row->committed = offset.offset;
    }
}

/* Without where a log begins and ends nothing can be said. What is gone for good is left out,
 * unless it was asked for by name. */
static bool check_ends(struct reset *reset)
{
    bool named = args_has(reset->args, "--topic") || reset->kind == RESET_FILE, sound = true;
    struct group_rows *rows = &reset->rows;
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        bool gone = row->code == KLIENT_UNKNOWN_TOPIC_OR_PARTITION && !named;
        if (gone)
            fprintf(stderr, "%s-%d: left out: there is no such partition any more\n", row->topic,
                    (int)row->partition);
        else if (row->code != KLIENT_OK)
            sound = command_failed(reset->args, "%s-%d: %s: %s; nothing is changed", row->topic,
                                   (int)row->partition, klient_code_name(row->code),
                                   klient_code_text(row->code)) == EXIT_DONE;
        if (!gone)
            rows->items[kept++] = *row;
    }
    rows->count = kept;
    return sound;
}

static bool choose(struct reset *reset)
{
    klient_error_t *error = NULL;

    if (klient_admin_group_offsets(reset->admin, reset->group, reset->timeout_ms, &reset->offsets,
                                   &error) != KLIENT_OK)
        return connect_failed(reset->args, error) == EXIT_DONE;
    bool sound = reset->kind == RESET_FILE            ? add_of_file(reset)
                 : args_has(reset->args, "--topic") ? add_named(reset)
                                                      : add_committed(reset);
    if (!sound)
        return false;
    group_rows_unite(&reset->rows);
    note_committed(reset);
    return group_view_ends(reset->args, reset->admin, reset->timeout_ms, &reset->rows) &&
           check_ends(reset);
}

/* --- where to --------------------------------------------------------------------------------- */

/* Of what is younger than all records, the end. */
static bool find_times(struct reset *reset)
{
    size_t count = reset->rows.count;
    klient_topic_partition_t *partitions = calloc(count + 1, sizeof *partitions);
    int64_t *times = calloc(count + 1, sizeof *times);
    klient_error_t *error = NULL;
    bool room = partitions != NULL && times != NULL;
    klient_code_t code = KLIENT_OK;

    for (size_t i = 0; room && i < count; i++) {
        partitions[i] = (klient_topic_partition_t){ reset->rows.items[i].topic,
                                                    reset->rows.items[i].partition };
        times[i] = reset->place.value;
    }
    if (room && count > 0)
        code = klient_admin_list_offsets(reset->admin, partitions, times, count,
                                         reset->timeout_ms, reset->targets, NULL, &error);
    free(partitions);
    free(times);
    if (!room)
        return command_failed(reset->args, "out of memory") == EXIT_DONE;
    if (code != KLIENT_OK)
        return connect_failed(reset->args, error) == EXIT_DONE;
    for (size_t i = 0; i < count; i++)
        if (reset->targets[i] < 0)
            reset->targets[i] = reset->rows.items[i].end;
    return true;
}

static int64_t of_file(const struct reset *reset, const struct group_row *row)
{
    for (size_t i = 0; i < reset->file.count; i++)
        if (reset->file.lines[i].partition == row->partition &&
            strcmp(reset->file.lines[i].topic, row->topic) == 0)
            return reset->file.lines[i].offset;
    return -1;
}

/* -1: there is nothing to start from. */
static int64_t target_of(const struct reset *reset, const struct group_row *row)
{
    if (reset->kind == RESET_FILE)
        return of_file(reset, row);
    if (reset->kind == RESET_SHIFT) {
        if (row->committed < 0)
            return -1;
        if (reset->shift > INT64_MAX - row->committed)
            return INT64_MAX;
        return row->committed + reset->shift > 0 ? row->committed + reset->shift : 0;
    }
    switch (reset->place.kind) {
    case PLACE_BEGINNING:
        return row->start;
    case PLACE_END:
        return row->end;
    case PLACE_CURRENT:
        return row->committed;
    default:
        return reset->place.value;
    }
}

/* Into the log, as Kafka's tool does; who moves something else than asked for says so. */
static int64_t clamp(const struct group_row *row, int64_t target)
{
    int64_t kept = target < row->start ? row->start : target > row->end ? row->end : target;

    if (kept != target)
        fprintf(stderr, "%s-%d: %" PRId64 " is outside of the log, which has %" PRId64
                        " to %" PRId64 ": taking %" PRId64 "\n",
                row->topic, (int)row->partition, target, row->start, row->end, kept);
    return kept;
}

static bool find_targets(struct reset *reset)
{
    bool by_time = reset->kind == RESET_TO && reset->place.kind == PLACE_TIME;
    size_t count = reset->rows.count;
    bool sound = true;

    reset->targets = calloc(count + 1, sizeof *reset->targets);
    reset->codes = calloc(count + 1, sizeof *reset->codes);
    if (reset->targets == NULL || reset->codes == NULL)
        return command_failed(reset->args, "out of memory") == EXIT_DONE;
    if (by_time)
        return find_times(reset);
    for (size_t i = 0; i < count; i++) {
        const struct group_row *row = &reset->rows.items[i];
        int64_t target = target_of(reset, row);
        if (target >= 0)
            reset->targets[i] = clamp(row, target);
        else
            sound = command_failed(reset->args,
                                   "%s-%d: the group has committed nothing to start from; --to "
                                   "beginning or end would do, nothing is changed",
                                   row->topic, (int)row->partition) == EXIT_DONE;
    }
    return sound;
}

bool group_reset_plan(struct reset *reset)
{
    return choose(reset) && find_targets(reset);
}
