/* topic.c - kairn topic create, list, describe, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"
#include "tools/kairn/topic_logs.h"

/* --- outcomes of create and delete ------------------------------------------------------------ */

static json_t *outcome(const klient_results_t *results, size_t i)
{
    klient_code_t code = klient_results_code(results, i);
    json_t *object = json_pack("{s:s}", "topic", klient_results_name(results, i));
    if (code != KLIENT_OK) {
        json_object_set_new(object, "error", json_string(klient_code_name(code)));
        json_object_set_new(object, "message", json_string(klient_results_text(results, i)));
    }
    return object;
}

static int report(const struct args *args, klient_code_t code, klient_results_t *results,
                  klient_error_t *error, bool created)
{
    int status = code == KLIENT_OK ? EXIT_DONE : EXIT_FAILED;
    size_t count = results != NULL ? klient_results_count(results) : 0;
    json_t *list = args_json(args) ? json_array() : NULL;

    for (size_t i = 0; i < count; i++) {
        if (list != NULL) {
            json_t *object = outcome(results, i);
            if (klient_results_partitions(results, i) > 0) {
                json_object_set_new(object, "partitions",
                                    json_integer(klient_results_partitions(results, i)));
                json_object_set_new(object, "replication_factor",
                                    json_integer(klient_results_replication_factor(results, i)));
            }
            json_array_append_new(list, object);
        } else if (klient_results_code(results, i) != KLIENT_OK) {
            command_failed(args, "%s: %s: %s", klient_results_name(results, i),
                           klient_code_name(klient_results_code(results, i)),
                           klient_results_text(results, i));
        } else if (created) {
            printf("created topic %s: partitions %d, replication factor %d\n",
                   klient_results_name(results, i), klient_results_partitions(results, i),
                   klient_results_replication_factor(results, i));
        } else {
            printf("deleted topic %s\n", klient_results_name(results, i));
        }
    }
    if (list != NULL)
        json_line(list);
    if (code != KLIENT_OK && count == 0)
        status = connect_failed(args, error);
    else
        klient_error_free(error);
    klient_results_free(results);
    return status;
}

/* --- create ----------------------------------------------------------------------------------- */

struct new_configs {
    char **texts;               /* "name\0value" each; owned */
    const char **names, **values;
    size_t count;
};

static void configs_free(struct new_configs *configs)
{
    for (size_t i = 0; i < configs->count; i++)
        free(configs->texts[i]);
    free(configs->texts);
    free(configs->names);
    free(configs->values);
}

/* False: said. */
static bool configs_read(const struct args *args, struct new_configs *out)
{
    size_t count = args_count(args, "--config");
    *out = (struct new_configs){
        .texts = calloc(count + 1, sizeof(char *)),
        .names = calloc(count + 1, sizeof(char *)),
        .values = calloc(count + 1, sizeof(char *)),
    };
    if (out->texts == NULL || out->names == NULL || out->values == NULL) {
        command_failed(args, "out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char *text = strdup(args_nth(args, "--config", i));
        char *equals = text != NULL ? strchr(text, '=') : NULL;
        if (equals == NULL) {
            command_misuse(args, "--config takes NAME=VALUE, not '%s'",
                           args_nth(args, "--config", i));
            free(text);
            return false;
        }
        *equals = '\0';
        out->texts[out->count] = text;
        out->names[out->count] = text;
        out->values[out->count++] = equals + 1;
    }
    return true;
}

int topic_create(const struct args *args)
{
    int64_t partitions, replicas, timeout_ms;
    struct new_configs configs = { 0 };
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;
    klient_new_topic_t topic;
    int status = EXIT_USAGE;

    if (!args_number(args, "--partitions", -1, 1, INT32_MAX, &partitions) ||
        !args_number(args, "--replication-factor", -1, 1, INT16_MAX, &replicas))
        return EXIT_USAGE;
    if (!configs_read(args, &configs)) {
        configs_free(&configs);
        return EXIT_USAGE;
    }
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin != NULL) {
        klient_new_topic_init(&topic);
        topic.name = args_operand(args, 0);
        topic.partitions = (int32_t)partitions;
        topic.replication_factor = (int32_t)replicas;
        topic.config_names = configs.names;
        topic.config_values = configs.values;
        topic.config_count = configs.count;
        const klient_new_topic_t *topics[] = { &topic };
        klient_code_t code =
            klient_admin_create_topics(admin, topics, 1, 0, timeout_ms, &results, &error);
        status = report(args, code, results, error, true);
        klient_admin_close(admin);
    }
    configs_free(&configs);
    return status;
}

int topic_delete(const struct args *args)
{
    int64_t timeout_ms;
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;
    int status;
    size_t count = args_operand_count(args);
    const char **names = calloc(count, sizeof *names);
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);

    if (admin != NULL && names != NULL) {
        for (size_t i = 0; i < count; i++)
            names[i] = args_operand(args, i);
        klient_code_t code =
            klient_admin_delete_topics(admin, names, count, timeout_ms, &results, &error);
        status = report(args, code, results, error, false);
    }
    klient_admin_close(admin);
    free(names);
    return status;
}

/* --- list and describe ------------------------------------------------------------------------ */

static klient_topic_info_t topic_at(const klient_metadata_t *metadata, size_t index)
{
    klient_topic_info_t info = { .size = sizeof info };
    klient_metadata_topic(metadata, index, &info);
    return info;
}

static klient_partition_info_t partition_at(const klient_metadata_t *metadata, size_t topic,
                                            size_t index)
{
    klient_partition_info_t info = { .size = sizeof info };
    klient_metadata_partition(metadata, topic, index, &info);
    return info;
}

int topic_list(const struct args *args)
{
    int64_t timeout_ms;
    int status;
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);

    if (admin == NULL)
        return status;
    if (klient_admin_list_topics(admin, timeout_ms, &metadata, &error) != KLIENT_OK) {
        status = connect_failed(args, error);
    } else {
        struct table *table = args_json(args) ? NULL : table_new("TOPIC >PARTITIONS >REPLICAS");
        json_t *list = args_json(args) ? json_array() : NULL;
        for (size_t i = 0; i < klient_metadata_topic_count(metadata); i++) {
            klient_topic_info_t topic = topic_at(metadata, i);
            size_t replicas =
                topic.partition_count > 0 ? partition_at(metadata, i, 0).replica_count : 0;
            if (list != NULL) {
                json_array_append_new(list,
                                      json_pack("{s:s, s:s, s:i, s:i, s:b}", "topic", topic.name,
                                                "id", topic.id, "partitions",
                                                (int)topic.partition_count, "replication_factor",
                                                (int)replicas, "internal", topic.internal));
                continue;
            }
            table_add(table, "%s", topic.name);
            table_add(table, "%d", topic.partition_count);
            table_add(table, "%zu", replicas);
        }
        if (list != NULL)
            json_line(list);
        else
            table_print(table);
        status = EXIT_DONE;
    }
    klient_metadata_free(metadata);
    klient_admin_close(admin);
    return status;
}

static void describe_json(klient_admin_t *admin, int64_t timeout_ms, bool verbose,
                          const klient_metadata_t *metadata, size_t index, json_t *list)
{
    klient_topic_info_t topic = topic_at(metadata, index);
    json_t *object = json_pack("{s:s, s:s}", "topic", topic.name, "id", topic.id);
    json_t *partitions = json_array(), *configs = json_object();

    if (topic.code != KLIENT_OK)
        json_object_set_new(object, "error", json_string(klient_code_name(topic.code)));
    for (int32_t p = 0; p < topic.partition_count; p++) {
        klient_partition_info_t partition = partition_at(metadata, index, (size_t)p);
        json_array_append_new(
            partitions,
            json_pack("{s:i, s:i, s:i, s:o, s:o, s:o}", "partition", (int)partition.partition,
                      "leader", (int)partition.leader, "leader_epoch", (int)partition.leader_epoch,
                      "replicas", json_ids(partition.replicas, partition.replica_count), "isr",
                      json_ids(partition.isr, partition.isr_count), "offline",
                      json_ids(partition.offline, partition.offline_count)));
    }
    if (verbose && topic.code == KLIENT_OK)
        topic_logs_json(admin, timeout_ms, topic.name, topic.partition_count, partitions);
    for (size_t i = 0; i < topic.config_count; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_metadata_topic_config(metadata, index, i, &setting);
        json_object_set_new(configs, setting.name, json_string(setting.value));
    }
    json_object_set_new(object, "partitions", partitions);
    json_object_set_new(object, "configs", configs);
    json_array_append_new(list, object);
}

static void add_ids(struct table *table, const int32_t *ids, size_t count)
{
    char text[256] = "-";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof text - 16; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i > 0 ? "," : "", ids[i]);
    table_add(table, "%s", text);
}

static void describe_table(const klient_metadata_t *metadata, size_t index)
{
    klient_topic_info_t topic = topic_at(metadata, index);

    printf("%s%s  id %s\n", index > 0 ? "\n" : "", topic.name, topic.id);
    for (size_t i = 0; i < topic.config_count; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_metadata_topic_config(metadata, index, i, &setting);
        printf("  %s=%s\n", setting.name, setting.value);
    }
    struct table *table = table_new(">PARTITION >LEADER >EPOCH REPLICAS ISR STATE");
    for (int32_t p = 0; p < topic.partition_count; p++) {
        klient_partition_info_t partition = partition_at(metadata, index, (size_t)p);
        table_add(table, "%d", partition.partition);
        if (partition.leader >= 0)
            table_add(table, "%d", partition.leader);
        else
            table_add(table, "-");
        table_add(table, "%d", partition.leader_epoch);
        add_ids(table, partition.replicas, partition.replica_count);
        add_ids(table, partition.isr, partition.isr_count);
        table_add(table, "%s",
                  partition.leader < 0                            ? "OFFLINE"
                  : partition.isr_count < partition.replica_count ? "UNDER-REPLICATED"
                                                                  : "ok");
    }
    table_print(table);
}

int topic_describe(const struct args *args)
{
    int64_t timeout_ms;
    int status;
    klient_error_t *error = NULL;
    klient_metadata_t *all = NULL, *metadata = NULL;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    size_t count = args_operand_count(args);
    klient_code_t code = KLIENT_OK;

    if (admin == NULL)
        return status;
    if (count == 0) {
        code = klient_admin_list_topics(admin, timeout_ms, &all, &error);
        count = code == KLIENT_OK ? klient_metadata_topic_count(all) : 0;
    }
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = all != NULL ? topic_at(all, i).name : args_operand(args, i);
    if (code == KLIENT_OK && names != NULL)
        code = klient_admin_describe_topics(admin, names, count, timeout_ms, &metadata, &error);
    if (code != KLIENT_OK || metadata == NULL) {
        status = connect_failed(args, error);
    } else {
        json_t *list = args_json(args) ? json_array() : NULL;
        bool verbose = args_has(args, "--verbose");
        status = EXIT_DONE;
        for (size_t i = 0; i < klient_metadata_topic_count(metadata); i++) {
            klient_topic_info_t topic = topic_at(metadata, i);
            if (topic.code != KLIENT_OK)
                status = command_failed(args, "%s: %s: %s", topic.name,
                                        klient_code_name(topic.code), klient_code_text(topic.code));
            if (list != NULL)
                describe_json(admin, timeout_ms, verbose, metadata, i, list);
            else if (topic.code == KLIENT_OK)
                describe_table(metadata, i);
            if (list == NULL && verbose && topic.code == KLIENT_OK)
                topic_logs_table(admin, timeout_ms, topic.name, topic.partition_count);
        }
        if (list != NULL)
            json_line(list);
    }
    free(names);
    klient_metadata_free(metadata);
    klient_metadata_free(all);
    klient_admin_close(admin);
    return status;
}
