/* dlq_status.c - kairn dlq list and status: which dead-letter topics there are, and how many dead
 * letters wait in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/dlq.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

/* Of one topic. Waiting: nobody has replayed them. */
struct tally {
    const char *topic;
    size_t partitions;
    int64_t records, waiting;
};

/* --- counting --------------------------------------------------------------------------------- */

/* Where each partition begins, and where a replay would go on. */
static klient_code_t find_starts(struct reading *reading, int64_t *begins, int64_t *starts,
                                 klient_error_t **error)
{
    klient_offsets_t *offsets = NULL;
    klient_code_t code = klient_consumer_beginning_offsets(reading->consumer, reading->partitions,
                                                           reading->count, reading->timeout_ms,
                                                           begins, error);

    if (code == KLIENT_OK)
        code = klient_consumer_committed(reading->consumer, reading->partitions, reading->count,
                                         reading->timeout_ms, &offsets, error);
    for (size_t i = 0; code == KLIENT_OK && i < reading->count; i++) {
        klient_offset_t row = { .size = sizeof row };
        klient_offsets_get(offsets, i, &row);
        starts[i] = row.offset > begins[i] ? row.offset : begins[i];
    }
    klient_offsets_free(offsets);
    return code;
}

struct count {
    const struct letter_filter *filter;
    int64_t found;
};

static int count_one(void *context, const klient_record_t *record)
{
    struct count *count = context;
    struct letter letter;

    if (!letter_read(record, &letter))
        return EXIT_DONE;
    count->found += letter_filter_passes(count->filter, record, &letter);
    letter_free(&letter);
    return EXIT_DONE;
}

/* With a filter they have to be read. */
static int count_waiting(struct reading *reading, const int64_t *starts,
                         const struct letter_filter *filter, struct tally *tally)
{
    struct count count = { .filter = filter };
    struct dlq_visitor visitor = { &count, count_one, NULL };
    klient_error_t *error = NULL;

    for (size_t i = 0; i < reading->count; i++)
        tally->waiting += reading->ends[i] > starts[i] ? reading->ends[i] - starts[i] : 0;
    if (letter_filter_is_open(filter))
        return EXIT_DONE;
    for (size_t i = 0; i < reading->count; i++)
        if (klient_consumer_seek(reading->consumer, reading->topic,
                                 reading->partitions[i].partition, starts[i],
                                 &error) != KLIENT_OK)
            return connect_failed(reading->args, error);
    int status = dlq_read(reading, &visitor);
    tally->waiting = count.found;
    return status;
}

static int take_stock(const struct args *args, const struct letter_filter *filter,
                      struct tally *tally)
{
    struct reading reading;
    klient_error_t *error = NULL;
    int64_t *begins = NULL, *starts = NULL;
    int status = dlq_open(&reading, args, tally->topic, DLQ_PROGRESS, NULL);

    if (status == EXIT_DONE)
        status = reading_find(&reading, -1);
    if (status == EXIT_DONE) {
        begins = calloc(reading.count, sizeof *begins);
        starts = calloc(reading.count, sizeof *starts);
        if (begins == NULL || starts == NULL)
            status = command_failed(args, "out of memory");
    }
    if (status == EXIT_DONE) {
        klient_code_t code = reading_assign(&reading, &error);
        if (code == KLIENT_OK)
            code = find_starts(&reading, begins, starts, &error);
        if (code != KLIENT_OK)
            status = connect_failed(args, error);
    }
    if (status == EXIT_DONE) {
        tally->partitions = reading.count;
        for (size_t i = 0; i < reading.count; i++)
            tally->records += reading.ends[i] - begins[i];
        status = count_waiting(&reading, starts, filter, tally);
    }
    free(begins);
    free(starts);
    dlq_close(&reading);
    return status;
}

/* --- which topics ----------------------------------------------------------------------------- */

struct tallies {
    struct tally *rows;                 /* owned */
    size_t count;
    klient_metadata_t *metadata;        /* owned; has the names */
};

/* Is the name what the pattern makes of some topic? %t stands for it. */
static bool fits(const char *pattern, const char *name)
{
    const char *hole = strstr(pattern, "%t");

    if (hole == NULL)
        return strcmp(pattern, name) == 0;
    size_t before = (size_t)(hole - pattern), after = strlen(hole + 2), size = strlen(name);
    return size > before + after && memcmp(name, pattern, before) == 0 &&
           strcmp(name + size - after, hole + 2) == 0;
}

static int find_topics(const struct args *args, struct tallies *out)
{
    const char *pattern = args_value(args, "--pattern");
    klient_error_t *error = NULL;
    int64_t timeout_ms;
    int status;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);

    if (admin == NULL)
        return status;
    klient_code_t code = klient_admin_list_topics(admin, timeout_ms, &out->metadata, &error);
    klient_admin_close(admin);
    if (code != KLIENT_OK)
        return connect_failed(args, error);
    size_t count = klient_metadata_topic_count(out->metadata);
    out->rows = calloc(count + 1, sizeof *out->rows);
    if (out->rows == NULL)
        return command_failed(args, "out of memory");
    for (size_t i = 0; i < count; i++) {
        klient_topic_info_t topic = { .size = sizeof topic };
        klient_metadata_topic(out->metadata, i, &topic);
        if (!topic.internal && fits(pattern == NULL ? "%t.dlq" : pattern, topic.name))
            out->rows[out->count++].topic = topic.name;
    }
    return EXIT_DONE;
}

static int named_topics(const struct args *args, struct tallies *out)
{
    out->count = args_operand_count(args);
    out->rows = calloc(out->count, sizeof *out->rows);
    if (out->rows == NULL)
        return command_failed(args, "out of memory");
    for (size_t i = 0; i < out->count; i++)
        out->rows[i].topic = args_operand(args, i);
    return EXIT_DONE;
}

static int take_stock_of_all(const struct args *args, struct tallies *out)
{
    struct letter_filter filter = { .since_ms = -1, .until_ms = -1 };
    int status = EXIT_DONE;

    if (strcmp(args_command(args)->verb, "status") == 0 && !letter_filter_read(args, &filter))
        return EXIT_USAGE;
    status = args_operand_count(args) > 0 ? named_topics(args, out) : find_topics(args, out);
    for (size_t i = 0; status == EXIT_DONE && i < out->count; i++)
        status = take_stock(args, &filter, &out->rows[i]);
    return status;
}

static void tallies_free(struct tallies *tallies)
{
    klient_metadata_free(tallies->metadata);
    free(tallies->rows);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void print_table(const struct tallies *tallies)
{
    struct table *table = table_new("TOPIC >PARTITIONS >RECORDS >WAITING");

    for (size_t i = 0; i < tallies->count; i++) {
        table_add(table, "%s", tallies->rows[i].topic);
        table_add(table, "%zu", tallies->rows[i].partitions);
        table_add(table, "%lld", (long long)tallies->rows[i].records);
        table_add(table, "%lld", (long long)tallies->rows[i].waiting);
    }
    table_print(table);
}

static json_t *rows_json(const struct tallies *tallies)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < tallies->count; i++)
        json_array_append_new(rows,
                              json_pack("{s:s, s:I, s:I, s:I}", "topic", tallies->rows[i].topic,
                                        "partitions", (json_int_t)tallies->rows[i].partitions,
                                        "records", (json_int_t)tallies->rows[i].records, "waiting",
                                        (json_int_t)tallies->rows[i].waiting));
    return rows;
}

int dlq_list(const struct args *args)
{
    struct tallies tallies = { .rows = NULL };
    int status = take_stock_of_all(args, &tallies);

    if (status == EXIT_DONE && args_json(args))
        json_line(rows_json(&tallies));
    else if (status == EXIT_DONE)
        print_table(&tallies);
    tallies_free(&tallies);
    return status;
}

int dlq_status(const struct args *args)
{
    struct tallies tallies = { .rows = NULL };
    int64_t threshold, most = 0;

    if (!args_number(args, "--threshold", 0, 0, INT64_MAX, &threshold))
        return EXIT_USAGE;
    int status = take_stock_of_all(args, &tallies);
    for (size_t i = 0; i < tallies.count; i++)
        most = tallies.rows[i].waiting > most ? tallies.rows[i].waiting : most;
    if (status == EXIT_DONE && args_json(args)) {
        json_line(json_pack("{s:o, s:I, s:b}", "topics", rows_json(&tallies), "threshold",
                            (json_int_t)threshold, "exceeded", most > threshold));
    } else if (status == EXIT_DONE) {
        print_table(&tallies);
        for (size_t i = 0; i < tallies.count; i++)
            if (tallies.rows[i].waiting > threshold)
                printf("%s: %lld dead letters wait, more than %lld\n", tallies.rows[i].topic,
                       (long long)tallies.rows[i].waiting, (long long)threshold);
    }
    tallies_free(&tallies);
    return status == EXIT_DONE && most > threshold ? EXIT_FAILED : status;
}
