/* trim.c - kairn topic trim: delete the records before an offset. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/moment.h"
#include "tools/kairn/table.h"

struct trimming {
    const struct args *args;
    const char *topic;
    int64_t timeout_ms;
    size_t count;                           /* partitions */
    klient_topic_partition_t *partitions;   /* owned, as the following */
    int64_t *offsets, *starts;
    klient_code_t *codes;
};

/* The partitions that are meant: one, or all of the topic. */
static klient_code_t list_partitions(struct trimming *trimming, klient_admin_t *admin,
                                     int64_t partition, klient_error_t **error)
{
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t info = { .size = sizeof info };
    size_t count = 1;

    if (partition < 0) {
        klient_code_t code = klient_admin_describe_topics(admin, &trimming->topic, 1,
                                                          trimming->timeout_ms, &metadata, error);
        if (code != KLIENT_OK)
            return code;
        klient_metadata_topic(metadata, 0, &info);
        count = info.partition_count > 0 ? (size_t)info.partition_count : 1;
        klient_metadata_free(metadata);
    }
    trimming->partitions = calloc(count, sizeof *trimming->partitions);
    trimming->offsets = calloc(count, sizeof *trimming->offsets);
    trimming->starts = calloc(count, sizeof *trimming->starts);
    trimming->codes = calloc(count, sizeof *trimming->codes);
    if (trimming->partitions == NULL || trimming->offsets == NULL || trimming->starts == NULL ||
        trimming->codes == NULL)
        return KLIENT_NOMEM;
    trimming->count = count;
    for (size_t i = 0; i < count; i++)
        trimming->partitions[i] = (klient_topic_partition_t){
            .topic = trimming->topic,
            .partition = partition < 0 ? (int32_t)i : (int32_t)partition,
        };
    return KLIENT_OK;
}

/* Offsets of a moment in time; of a partition without younger records, its end as of now. */
static int find_times(struct trimming *trimming, int64_t time)
{
    int status;
    klient_error_t *error = NULL;
    klient_config_t *config = connect_config(trimming->args, false, &status);
    if (config == NULL)
        return status;
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL)
        return connect_refused(trimming->args, error);

    klient_code_t code = klient_consumer_end_offsets(consumer, trimming->partitions,
                                                     trimming->count, trimming->timeout_ms,
                                                     trimming->starts, &error);
    for (size_t i = 0; i < trimming->count; i++)
        trimming->offsets[i] = time;
    if (code == KLIENT_OK)
        code = klient_consumer_offsets_for_times(consumer, trimming->partitions,
                                                 trimming->offsets, trimming->count,
                                                 trimming->timeout_ms, trimming->offsets, &error);
    for (size_t i = 0; code == KLIENT_OK && i < trimming->count; i++)
        if (trimming->offsets[i] < 0)
            trimming->offsets[i] = trimming->starts[i];
    klient_consumer_close(consumer, trimming->timeout_ms, NULL);
    return code == KLIENT_OK ? EXIT_DONE : connect_failed(trimming->args, error);
}

static int fill_offsets(struct trimming *trimming, const struct place *before)
{
    if (before->kind == PLACE_TIME)
        return find_times(trimming, before->value);
    for (size_t i = 0; i < trimming->count; i++)
        trimming->offsets[i] = before->kind == PLACE_END ? KLIENT_RECORDS_ALL : before->value;
    return EXIT_DONE;
}

static void print_json(const struct trimming *trimming)
{
    json_t *list = json_array();

    for (size_t i = 0; i < trimming->count; i++) {
        json_t *object = json_pack("{s:s, s:i}", "topic", trimming->topic, "partition",
                                   (int)trimming->partitions[i].partition);
        if (trimming->codes[i] == KLIENT_OK)
            json_object_set_new(object, "log_start", json_integer(trimming->starts[i]));
        else
            json_object_set_new(object, "error",
                                json_string(klient_code_name(trimming->codes[i])));
        json_array_append_new(list, object);
    }
    json_line(list);
}

static void print_table(const struct trimming *trimming)
{
    struct table *table = table_new("TOPIC >PARTITION >STARTS");

    for (size_t i = 0; i < trimming->count; i++) {
        table_add(table, "%s", trimming->topic);
        table_add(table, "%" PRId32, trimming->partitions[i].partition);
        if (trimming->codes[i] == KLIENT_OK)
            table_add(table, "%" PRId64, trimming->starts[i]);
        else
            table_add(table, "%s", klient_code_name(trimming->codes[i]));
    }
    table_print(table);
}

static int trim(struct trimming *trimming, klient_admin_t *admin, int64_t partition,
                const struct place *before)
{
    klient_error_t *error = NULL;
    klient_code_t code = list_partitions(trimming, admin, partition, &error);
    if (code != KLIENT_OK)
        return error != NULL ? connect_failed(trimming->args, error)
                             : command_failed(trimming->args, "%s", klient_code_text(code));
    int status = fill_offsets(trimming, before);
    if (status != EXIT_DONE)
        return status;

    for (size_t i = 0; i < trimming->count; i++)
        trimming->codes[i] = KLIENT_REQUEST_TIMED_OUT;      /* of those without an answer */
    code = klient_admin_delete_records(admin, trimming->partitions, trimming->offsets,
                                       trimming->count, trimming->timeout_ms, trimming->starts,
                                       trimming->codes, &error);
    if (args_json(trimming->args))
        print_json(trimming);
    else
        print_table(trimming);
    return code == KLIENT_OK ? EXIT_DONE : connect_failed(trimming->args, error);
}

int topic_trim(const struct args *args)
{
    struct trimming trimming = { .args = args, .topic = args_operand(args, 0) };
    const char *text = args_value(args, "--before");
    struct place before;
    int64_t partition;
    int status = EXIT_USAGE;

    if (text == NULL || !place_read(text, false, &before) || before.kind == PLACE_BEGINNING)
        return command_misuse(args, "--before takes an offset, 'end', a time such as "
                                    "2026-11-29T13:05 (UTC), or @ and ms since 1970");
    if (!args_number(args, "--partition", -1, 0, INT32_MAX, &partition))
        return EXIT_USAGE;
    klient_admin_t *admin = connect_admin(args, &trimming.timeout_ms, &status);
    if (admin == NULL)
        return status;
    status = trim(&trimming, admin, partition, &before);
    free(trimming.partitions);
    free(trimming.offsets);
    free(trimming.starts);
    free(trimming.codes);
    klient_admin_close(admin);
    return status;
}
