/* topic_logs.c - kairn topic compact, and the logs of kairn topic describe --verbose. */
#include "tools/kairn/topic_logs.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/follower.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

typedef klient_code_t (*question)(klient_admin_t *admin,
                                  const klient_topic_partition_t *partitions, size_t count,
                                  int64_t timeout_ms, klient_logs_t **out,
                                  klient_error_t **error);

/* Ask about partitions first to end - 1 of a topic. */
static klient_code_t ask(question put, klient_admin_t *admin, int64_t timeout_ms,
                         const char *topic, int32_t first, int32_t end, klient_logs_t **out,
                         klient_error_t **error)
{
    klient_topic_partition_t *partitions =
        calloc((size_t)(end - first) + 1, sizeof *partitions);
    if (partitions == NULL)
        return KLIENT_NOMEM;
    for (int32_t i = first; i < end; i++)
        partitions[i - first] = (klient_topic_partition_t){ .topic = topic, .partition = i };
    klient_code_t code = put(admin, partitions, (size_t)(end - first), timeout_ms, out, error);
    free(partitions);
    return code;
}

static const char *state_name(klient_cleaning_t state)
{
    switch (state) {
    case KLIENT_CLEANING_IDLE:
        return "idle";
    case KLIENT_CLEANING_RUNNING:
        return "running";
    case KLIENT_CLEANING_FAILED:
        return "failed";
    default:
        return "never";
    }
}

static klient_log_info_t log_at(const klient_logs_t *logs, size_t i)
{
    klient_log_info_t info = { .size = sizeof info };
    klient_logs_get(logs, i, &info);
    return info;
}

static klient_logs_t *describe(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                               int32_t partition_count)
{
    klient_logs_t *logs = NULL;
    klient_error_t *error = NULL;
    if (partition_count > 0 &&
        ask(klient_admin_describe_logs, admin, timeout_ms, topic, 0, partition_count, &logs,
            &error) != KLIENT_OK)
        klient_error_free(error);
    return logs;
}

static klient_follower_info_t follower_at(const klient_logs_t *logs, size_t i, size_t follower)
{
    klient_follower_info_t info = { .size = sizeof info };
    klient_logs_follower(logs, i, follower, &info);
    return info;
}

static json_t *followers_json(const klient_logs_t *logs, size_t i, size_t count)
{
    json_t *list = json_array();

    for (size_t f = 0; f < count; f++) {
        klient_follower_info_t follower = follower_at(logs, i, f);
        char reason[128];
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I}", "broker", (int)follower.broker,
                            "state", follower_name(follower.state), "reason",
                            follower_explain(&follower, reason, sizeof reason), "end",
                            (json_int_t)follower.end, "lag", (json_int_t)follower.lag, "behind_ms",
                            (json_int_t)follower.behind_ms, "silent_ms",
                            (json_int_t)follower.silent_ms));
    }
    return list;
}

void topic_logs_json(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                     int32_t partition_count, json_t *partitions)
{
    klient_logs_t *logs = describe(admin, timeout_ms, topic, partition_count);

    for (size_t i = 0; logs != NULL && i < klient_logs_count(logs); i++) {
        klient_log_info_t info = log_at(logs, i);
        json_t *object;
        if (info.code != KLIENT_OK) {
            object = json_pack("{s:s, s:s}", "error", klient_code_name(info.code), "message",
                               info.cleaning_error);
        } else {
            object = json_pack(
                "{s:s, s:I, s:I, s:I, s:I, s:i, s:{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}}",
                "directory", info.directory, "start", (json_int_t)info.start, "end",
                (json_int_t)info.end, "high_watermark", (json_int_t)info.high_watermark, "bytes",
                (json_int_t)info.bytes, "segments", (int)info.segments, "compaction", "state",
                state_name(info.cleaning), "bytes_done", (json_int_t)info.cleaning_bytes_done,
                "bytes_to_do", (json_int_t)info.cleaning_bytes_to_do, "last_ms",
                (json_int_t)info.cleaned_ms, "upto", (json_int_t)info.cleaned_upto, "bytes_before",
                (json_int_t)info.cleaned_bytes_before, "bytes_after",
                (json_int_t)info.cleaned_bytes_after, "took_ms", (json_int_t)info.cleaned_took_ms,
                "error", info.cleaning_error);
            json_object_set_new(object, "followers",
                                followers_json(logs, i, info.follower_count));
        }
        json_object_set_new(json_array_get(partitions, i), "log", object);
    }
    klient_logs_free(logs);
}

/* What compaction does, or did last. */
static void add_cleaning(struct table *table, const klient_log_info_t *info)
{
    if (info->cleaning == KLIENT_CLEANING_FAILED)
        table_add(table, "failed: %s", info->cleaning_error);
    else if (info->cleaning == KLIENT_CLEANING_RUNNING && info->cleaning_bytes_to_do > 0)
        table_add(table, "running: %lld of %lld bytes", (long long)info->cleaning_bytes_done,
                  (long long)info->cleaning_bytes_to_do);
    else if (info->cleaning == KLIENT_CLEANING_IDLE)
        table_add(table, "up to %lld: %lld to %lld bytes in %lld ms",
                  (long long)info->cleaned_upto, (long long)info->cleaned_bytes_before,
                  (long long)info->cleaned_bytes_after, (long long)info->cleaned_took_ms);
    else
        table_add(table, "%s", state_name(info->cleaning));
}

/* Nothing where no partition has other replicas. */
static void followers_table(const klient_logs_t *logs)
{
    struct table *table = NULL;

    for (size_t i = 0; i < klient_logs_count(logs); i++) {
        klient_log_info_t info = log_at(logs, i);
        for (size_t f = 0; info.code == KLIENT_OK && f < info.follower_count; f++) {
            klient_follower_info_t follower = follower_at(logs, i, f);
            char text[128];
            if (table == NULL)
                table = table_new(">PARTITION >FOLLOWER >END >LAG >BEHIND-FOR HOW-IT-IS");
            table_add(table, "%d", info.partition);
            table_add(table, "%d", (int)follower.broker);
            if (follower.end >= 0)
                table_add(table, "%lld", (long long)follower.end);
            else
                table_add(table, "-");
            table_add(table, "%lld", (long long)follower.lag);
            table_add(table, "%s", follower_behind(&follower, text, sizeof text));
            table_add(table, "%s", follower_explain(&follower, text, sizeof text));
        }
    }
    if (table != NULL)
        table_print(table);
}

void topic_logs_table(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                      int32_t partition_count)
{
    klient_logs_t *logs = describe(admin, timeout_ms, topic, partition_count);
    if (logs == NULL)
        return;
    struct table *table =
        table_new(">PARTITION >START >END >HIGH-WATERMARK >BYTES >SEGMENTS DIRECTORY COMPACTION");
    for (size_t i = 0; i < klient_logs_count(logs); i++) {
        klient_log_info_t info = log_at(logs, i);
        table_add(table, "%d", info.partition);
        if (info.code != KLIENT_OK) {
            for (int cell = 0; cell < 5; cell++)
                table_add(table, "-");
            table_add(table, "-");
            table_add(table, "%s", klient_code_name(info.code));
            continue;
        }
        table_add(table, "%lld", (long long)info.start);
        table_add(table, "%lld", (long long)info.end);
        table_add(table, "%lld", (long long)info.high_watermark);
        table_add(table, "%lld", (long long)info.bytes);
        table_add(table, "%d", info.segments);
        table_add(table, "%s", info.directory);
        add_cleaning(table, &info);
    }
    table_print(table);
    followers_table(logs);
    klient_logs_free(logs);
}

/* --- compact ---------------------------------------------------------------------------------- */

static int report(const struct args *args, const klient_logs_t *logs)
{
    json_t *list = args_json(args) ? json_array() : NULL;
    int status = EXIT_DONE;

    for (size_t i = 0; i < klient_logs_count(logs); i++) {
        klient_log_info_t info = log_at(logs, i);
        if (list != NULL) {
            json_t *object = json_pack("{s:s, s:i}", "topic", info.topic, "partition",
                                       (int)info.partition);
            if (info.code != KLIENT_OK) {
                json_object_set_new(object, "error", json_string(klient_code_name(info.code)));
                json_object_set_new(object, "message", json_string(info.cleaning_error));
            }
            json_array_append_new(list, object);
        }
        if (info.code != KLIENT_OK) {
            status = EXIT_FAILED;
            if (list == NULL)
                command_failed(args, "%s-%d: %s: %s", info.topic, info.partition,
                               klient_code_name(info.code), info.cleaning_error);
        } else if (list == NULL) {
            printf("compacting %s-%d\n", info.topic, info.partition);
        }
    }
    if (list != NULL)
        json_line(list);
    return status;
}

/* How many partitions the topic has. */
static klient_code_t count_partitions(klient_admin_t *admin, int64_t timeout_ms, const char *topic,
                                      int32_t *count, klient_error_t **error)
{
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t info = { .size = sizeof info };
    klient_code_t code =
        klient_admin_describe_topics(admin, &topic, 1, timeout_ms, &metadata, error);
    if (code != KLIENT_OK)
        return code;
    klient_metadata_topic(metadata, 0, &info);
    code = info.code;
    *count = info.partition_count;
    klient_metadata_free(metadata);
    return code;
}

int topic_compact(const struct args *args)
{
    int64_t timeout_ms, partition;
    int32_t first = 0, end = 0;
    int status;
    klient_logs_t *logs = NULL;
    klient_error_t *error = NULL;
    const char *topic = args_operand(args, 0);

    if (!args_number(args, "--partition", -1, 0, INT32_MAX - 1, &partition))
        return EXIT_USAGE;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    klient_code_t code = count_partitions(admin, timeout_ms, topic, &end, &error);
    if (code == KLIENT_OK && partition >= 0) {
        first = (int32_t)partition;
        end = first + 1;
    }
    if (code == KLIENT_OK)
        code = ask(klient_admin_compact_logs, admin, timeout_ms, topic, first, end, &logs, &error);
    if (logs != NULL)
        status = report(args, logs);
    else if (error != NULL)
        status = connect_failed(args, error);
    else
        status = command_failed(args, "%s: %s: %s", topic, klient_code_name(code),
                                klient_code_text(code));
    klient_logs_free(logs);
    klient_admin_close(admin);
    return status;
}
