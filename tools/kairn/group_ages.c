#include "tools/kairn/group_ages.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/kairn/connect.h"

enum { POLL_MS = 200 };
/* What belongs to one look. */
struct reading {
    klient_consumer_t *consumer;
    klient_topic_partition_t *partitions;   /* sorted, as rows are */
    struct group_row **rows;                /* of these; NULL: settled */
    size_t count, left;
};

klient_consumer_t *group_ages_open(const struct args *args, int *status)
{
    /* Little more than a batch of each partition is wanted. */
    static const char *const ours[] = { "auto.offset.reset=earliest",
                                        "max.partition.fetch.bytes=16384", NULL };
    klient_error_t *error = NULL;
    klient_config_t *config = connect_config_with(args, ours, status);

    if (config == NULL)
        return NULL;
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL)
        *status = connect_refused(args, error);
    return consumer;
}

static int64_t now_ms(void)
{
    return clock_mono_ms(&clock_system);
}

/* Done with: its records are not to come again. */
static void settle(struct reading *reading, size_t index)
{
    const klient_topic_partition_t *partition = &reading->partitions[index];

    klient_consumer_pause(reading->consumer, partition->topic, partition->partition, NULL);
    reading->rows[index] = NULL;
    reading->left--;
}

static void take(struct reading *reading, const klient_record_t *record)
{
    const klient_topic_partition_t *found = group_find_partition(
        reading->partitions, reading->count, record->topic, record->partition);
    size_t index = found != NULL ? (size_t)(found - reading->partitions) : reading->count;

    if (index == reading->count || reading->rows[index] == NULL)
        return;
    reading->rows[index]->first_ms = record->timestamp;
    settle(reading, index);
}

/* A partition that can not be read, or has nothing to show up to its end (aborted transactions). */
static void give_up(struct reading *reading, const klient_error_t *error)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct group_row *row = reading->rows[i];
        int64_t position;
        if (row == NULL)
            continue;
        bool failed = error != NULL && klient_error_topic(error) != NULL &&
                      strcmp(klient_error_topic(error), row->topic) == 0 &&
                      klient_error_partition(error) == row->partition;
        bool passed = klient_consumer_position(reading->consumer, row->topic, row->partition, 0,
                                               &position, NULL) == KLIENT_OK &&
                      position >= row->end;
        if (failed || passed)
            settle(reading, i);
    }
}

static void read_all(struct reading *reading, int64_t timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;

    while (reading->left > 0 && now_ms() < deadline_ms) {
        klient_records_t *records = NULL;
        klient_error_t *error = NULL;
        klient_record_t record;

        klient_record_init(&record);
        klient_consumer_poll(reading->consumer, POLL_MS, &records, &error);
        while (records != NULL && klient_records_next(records, &record) == 1)
            take(reading, &record);
        give_up(reading, error);
        klient_records_free(records);
        klient_error_free(error);
    }
}

void group_ages_fill(klient_consumer_t *consumer, struct group_rows *rows, int64_t timeout_ms)
{
    struct reading reading = {
        .consumer = consumer,
        .rows = calloc(rows->count + 1, sizeof(struct group_row *)),
        .partitions = calloc(rows->count + 1, sizeof(klient_topic_partition_t)),
    };
    bool room = reading.rows != NULL && reading.partitions != NULL;

    for (size_t i = 0; room && i < rows->count; i++) {
        struct group_row *row = &rows->items[i];
        if (group_row_lag(row) <= 0 || row->first_ms >= 0)
            continue;
        reading.partitions[reading.count] =
            (klient_topic_partition_t){ row->topic, row->partition };
        reading.rows[reading.count++] = row;
    }
    reading.left = reading.count;
    if (room && reading.count > 0 &&
        klient_consumer_assign(consumer, reading.partitions, reading.count, NULL) == KLIENT_OK) {
        for (size_t i = 0; i < reading.count; i++) {
            const struct group_row *row = reading.rows[i];
            int64_t from = row->committed > row->start ? row->committed : row->start;
            klient_consumer_seek(consumer, row->topic, row->partition, from, NULL);
        }
        read_all(&reading, timeout_ms);
        klient_consumer_unassign(consumer, NULL);
    }
    free(reading.rows);
    free(reading.partitions);
}
