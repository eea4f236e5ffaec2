/* topic.c - kairn topic create, list, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

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

/* --- list ------------------------------------------------------------------------------------- */

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
