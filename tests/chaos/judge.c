#include "tests/chaos/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/judge_private.h"

enum { TOLD_MAX = 5, NOWHERE = -1 };

static const struct { const char *word, *text; } faults[JUDGE_FAULTS] = {
#define X(NAME, word, text) { word, text },
    JUDGE_TABLE(X)
#undef X
};

const char *judge_word(enum judge_fault fault)
{
    return faults[fault].word;
}

const char *judge_text(enum judge_fault fault)
{
    return faults[fault].text;
}

int judge_is_clean(const struct judge_verdict *verdict)
{
    for (int i = 0; i < JUDGE_FAULTS; i++)
        if (verdict->faults[i] > 0)
            return 0;
    return 1;
}

static uint64_t sequence_of(uint64_t number)
{
    return number & ((UINT64_C(1) << HISTORY_CLIENT_SHIFT) - 1);
}

bool judge_count(struct judgement *j, enum judge_fault fault)
{
    return j->verdict->faults[fault]++ < TOLD_MAX && j->out != NULL;
}

static void find(struct judgement *j, enum judge_fault fault, int partition, int64_t offset,
                 uint64_t number)
{
    if (!judge_count(j, fault))
        return;
    fprintf(j->out,
            "%s: partition %d offset %" PRId64 " producer %" PRIu64 " number %" PRIu64 " (%s)\n",
            faults[fault].word, partition, offset, number >> HISTORY_CLIENT_SHIFT,
            sequence_of(number), faults[fault].text);
}

struct sent *judge_row(struct judgement *j, uint64_t number)
{
    uint64_t producer = number >> HISTORY_CLIENT_SHIFT;
    uint64_t sequence = sequence_of(number);
    if (producer >= HISTORY_CLIENTS_MAX || sequence >= j->producers[producer].count)
        return NULL;
    return &j->producers[producer].rows[sequence];
}

void *judge_grow(void *array, size_t size, uint64_t *room)
{
    uint64_t more = *room > 0 ? 2 * *room : 1024;
    void *larger = realloc(array, more * size);
    if (larger != NULL)
        *room = more;
    return larger;
}

/* --- what producers saw ----------------------------------------------------------------------- */

/* Sequences count up from 0 without a gap: anything else is a broken history. */
static int take_sent(struct judgement *j, const struct history_event *event)
{
    uint64_t number = event->number;
    if (number >> HISTORY_CLIENT_SHIFT >= HISTORY_CLIENTS_MAX)
        return -1;
    struct producer *producer = &j->producers[number >> HISTORY_CLIENT_SHIFT];
    if (sequence_of(number) != producer->count)
        return -1;
    if (producer->count == producer->room) {
        struct sent *larger = judge_grow(producer->rows, sizeof *larger, &producer->room);
        if (larger == NULL)
            return -1;
        producer->rows = larger;
    }
    producer->rows[producer->count++] =
        (struct sent){ .sent_us = event->time_us, .acked_at = NOWHERE, .found_at = NOWHERE,
                       .checksum = event->checksum, .partition = event->partition };
    j->verdict->sent++;
    return 0;
}

static void note_pause(struct judgement *j, struct partition *partition, int64_t time_us)
{
    int64_t pause_us = partition->last_ack_us > 0 ? time_us - partition->last_ack_us : 0;
    if (pause_us > j->verdict->pause_us)
        j->verdict->pause_us = pause_us;
    if (time_us > partition->last_ack_us)
        partition->last_ack_us = time_us;
}

static void know_end(struct judgement *j, int partition, int64_t end)
{
    if (end > j->partitions[partition].known_end)
        j->partitions[partition].known_end = end;
}

static void take_outcome(struct judgement *j, const struct history_event *event)
{
    struct sent *row = judge_row(j, event->number);
    if (row == NULL || row->outcome != OPEN || row->partition != event->partition) {
        find(j, JUDGE_FORGED, event->partition, event->offset, event->number);
        return;
    }
    switch (event->kind) {
    case HISTORY_REFUSED:
        row->outcome = REFUSED;
        j->verdict->refused++;
        return;
    case HISTORY_UNKNOWN:
        row->outcome = UNKNOWN;
        j->verdict->unknown++;
        return;
    default: break;
    }
    row->outcome = ACKED;
    row->acked_at = event->offset;
    row->acked_us = event->time_us;
    j->verdict->acked++;
    know_end(j, event->partition, event->offset + 1);
    note_pause(j, &j->partitions[event->partition], event->time_us);
}

/* --- the final read --------------------------------------------------------------------------- */

static void compare_with_sent(struct judgement *j, const struct history_event *event)
{
    struct partition *partition = &j->partitions[event->partition];
    struct sent *row = judge_row(j, event->number);
    uint64_t producer = event->number >> HISTORY_CLIENT_SHIFT;
    uint64_t sequence = sequence_of(event->number);

    if (row == NULL) {
        find(j, event->number == HISTORY_UNREADABLE ? JUDGE_CHANGED : JUDGE_PHANTOM,
             event->partition, event->offset, event->number);
        return;
    }
    if (row->checksum != event->checksum)
        find(j, JUDGE_CHANGED, event->partition, event->offset, event->number);
    if (row->partition != event->partition)
        find(j, JUDGE_MISPLACED, event->partition, event->offset, event->number);
    if (row->outcome == REFUSED)
        find(j, JUDGE_DENIED, event->partition, event->offset, event->number);
    if (row->found_at != NOWHERE) {
        find(j, JUDGE_DUPLICATE, event->partition, event->offset, event->number);
        return;
    }
    row->found_at = event->offset;
    if (sequence + 1 < partition->newest[producer])
        find(j, JUDGE_REORDERED, event->partition, event->offset, event->number);
    else
        partition->newest[producer] = sequence + 1;
}

static int take_final(struct judgement *j, const struct history_event *event)
{
    struct partition *partition = &j->partitions[event->partition];
    uint64_t room = partition->room;

    j->verdict->final++;
    if (event->offset != (int64_t)partition->count)
        find(j, JUDGE_HOLE, event->partition, event->offset, event->number);
    if (partition->count == partition->room) {
        uint64_t *larger = judge_grow(partition->numbers, sizeof *larger, &room);
        if (larger == NULL)
            return -1;
        partition->numbers = larger;
        partition->room = (size_t)room;
    }
    partition->numbers[partition->count++] = event->number;
    compare_with_sent(j, event);
    return 0;
}

/* --- what consumers saw ----------------------------------------------------------------------- */

/* Of one consumer, per partition: what it must get next (-1: anything), and the highest end that
 * it was told of or read up to. */
struct view {
    int64_t next[HISTORY_PARTITIONS_MAX], end[HISTORY_PARTITIONS_MAX];
};

static void take_read(struct judgement *j, const struct history_event *event, struct view *view)
{
    const struct partition *partition = &j->partitions[event->partition];
    const struct sent *row = judge_row(j, event->number);
    int p = event->partition;

    j->verdict->read++;
    if (view->next[p] >= 0 && event->offset != view->next[p])
        find(j, JUDGE_SKIPPED, p, event->offset, event->number);
    view->next[p] = event->offset + 1;
    if (event->offset + 1 > view->end[p])
        view->end[p] = event->offset + 1;
    if (row == NULL || row->checksum != event->checksum)
        find(j, event->number != HISTORY_UNREADABLE && row == NULL ? JUDGE_PHANTOM : JUDGE_DAMAGED,
             p, event->offset, event->number);
    if (row != NULL && row->outcome == REFUSED)
        find(j, JUDGE_DENIED, p, event->offset, event->number);
    if (event->offset < 0 || event->offset >= (int64_t)partition->count)
        find(j, JUDGE_VANISHED, p, event->offset, event->number);
    else if (partition->numbers[event->offset] != event->number)
        find(j, JUDGE_REPLACED, p, event->offset, event->number);
}

static void take_end(struct judgement *j, const struct history_event *event, struct view *view)
{
    if (event->offset < view->end[event->partition])
        find(j, JUDGE_BACKWARD, event->partition, event->offset, 0);
    else
        view->end[event->partition] = event->offset;
    know_end(j, event->partition, event->offset);
}

static void hear_consumer(struct judgement *j, const struct history *history)
{
    struct view view;

    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++) {
        view.next[p] = -1;
        view.end[p] = 0;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_READ)
            take_read(j, event, &view);
        else if (event->kind == HISTORY_END)
            take_end(j, event, &view);
        else if (event->kind == HISTORY_RANGE) {
            find(j, JUDGE_RANGE, event->partition, event->offset, 0);
            view.next[event->partition] = -1;
        }
    }
}

/* --- what must agree in the end --------------------------------------------------------------- */

static void compare_acks(struct judgement *j)
{
    for (unsigned p = 0; p < HISTORY_CLIENTS_MAX; p++) {
        for (uint64_t sequence = 0; sequence < j->producers[p].count; sequence++) {
            const struct sent *row = &j->producers[p].rows[sequence];
            uint64_t number = history_number(p, sequence);
            if (row->outcome == OPEN)
                find(j, JUDGE_UNANSWERED, row->partition, NOWHERE, number);
            if (row->outcome != ACKED || row->acked_at == row->found_at)
                continue;
            find(j, row->found_at == NOWHERE ? JUDGE_LOST : JUDGE_MOVED, row->partition,
                 row->acked_at, number);
        }
    }
}

/* From the end: if anything that stands later was acknowledged before this was sent, time ran
 * backwards. */
static void compare_times(struct judgement *j)
{
    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++) {
        int64_t earliest_ack_us = INT64_MAX;
        for (size_t i = j->partitions[p].count; i-- > 0;) {
            const struct sent *row = judge_row(j, j->partitions[p].numbers[i]);
            if (row == NULL || row->found_at != (int64_t)i)
                continue;
            if (row->sent_us > earliest_ack_us)
                find(j, JUDGE_TIMELESS, p, (int64_t)i, j->partitions[p].numbers[i]);
            if (row->outcome == ACKED && row->acked_us < earliest_ack_us)
                earliest_ack_us = row->acked_us;
        }
    }
}

static void compare_ends(struct judgement *j)
{
    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++) {
        const struct partition *partition = &j->partitions[p];
        int64_t known = partition->known_end > partition->end ? partition->known_end
                                                              : partition->end;
        if ((int64_t)partition->count < known)
            find(j, JUDGE_SHORT, p, known, 0);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool is_possible(const struct history_event *event)
{
    return event->kind > 0 && event->kind < HISTORY_KINDS &&
           event->partition < HISTORY_PARTITIONS_MAX &&
           (event->kind < HISTORY_JOINED || event->client < HISTORY_GROUPS_MAX);
}

static int hear_sends(struct judgement *j, const struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (!is_possible(event) || (event->kind == HISTORY_SENT && take_sent(j, event) != 0))
            return -1;
    }
    return 0;
}

static void hear_outcomes(struct judgement *j, const struct history *history)
{
    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++)
        j->partitions[p].last_ack_us = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind >= HISTORY_ACKED && event->kind <= HISTORY_UNKNOWN)
            take_outcome(j, event);
    }
}

static int hear_final(struct judgement *j, const struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_FINAL && take_final(j, event) != 0)
            return -1;
        if (event->kind == HISTORY_FINAL_END)
            j->partitions[event->partition].end = event->offset;
    }
    return 0;
}

static int hear_all(struct judgement *j, const struct history *histories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hear_sends(j, &histories[i]) != 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        hear_outcomes(j, &histories[i]);
    for (size_t i = 0; i < count; i++)
        if (hear_final(j, &histories[i]) != 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        hear_consumer(j, &histories[i]);
    compare_acks(j);
    compare_times(j);
    compare_ends(j);
    return judge_groups(j, histories, count);
}

int judge(const struct history *histories, size_t count, FILE *out, struct judge_verdict *verdict)
{
    struct judgement *j = calloc(1, sizeof *j);
    if (j == NULL)
        return -1;
    memset(verdict, 0, sizeof *verdict);
    j->verdict = verdict;
    j->out = out;
    int status = hear_all(j, histories, count);
    for (int p = 0; p < HISTORY_CLIENTS_MAX; p++)
        free(j->producers[p].rows);
    for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++)
        free(j->partitions[p].numbers);
    free(j);
    return status;
}
