/* topic.c - kairn topic create, list, delete. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/kairn/assignment.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"
#include "tools/kairn/wishes.h"

/* --- outcomes of create and delete ------------------------------------------------------------ */

/* What is done to topics, and what of its failures is as good. */
struct deed {
    const char *done;               /* "created" */
    bool sizes;                     /* people want to know how large they are */
    klient_code_t fine;             /* KLIENT_OK: nothing but success */
    const char *fine_text;          /* "is there already" */
    const char *fine_name;          /* "exists", true in JSON */
};

static bool is_fine(const struct deed *deed, klient_code_t code)
{
    return code == KLIENT_OK || code == deed->fine;
}

static json_t *outcome_json(const struct deed *deed, const klient_results_t *results, size_t i)
{
    klient_code_t code = klient_results_code(results, i);
    json_t *object = json_pack("{s:s}", "topic", klient_results_name(results, i));

    if (code != KLIENT_OK && is_fine(deed, code)) {
        json_object_set_new(object, deed->fine_name, json_true());
    } else if (code != KLIENT_OK) {
        json_object_set_new(object, "error", json_string(klient_code_name(code)));
        json_object_set_new(object, "message", json_string(klient_results_text(results, i)));
    } else if (klient_results_partitions(results, i) > 0) {
        json_object_set_new(object, "partitions",
                            json_integer(klient_results_partitions(results, i)));
        json_object_set_new(object, "replication_factor",
                            json_integer(klient_results_replication_factor(results, i)));
    }
    return object;
}

static void print_outcome(const struct args *args, const struct deed *deed,
                          const klient_results_t *results, size_t i)
{
    klient_code_t code = klient_results_code(results, i);
    const char *name = klient_results_name(results, i);

    if (code != KLIENT_OK && is_fine(deed, code))
        printf("topic %s %s\n", name, deed->fine_text);
    else if (code != KLIENT_OK)
        command_failed(args, "%s: %s: %s", name, klient_code_name(code),
                       klient_results_text(results, i));
    else if (deed->sizes)
        printf("%s topic %s: partitions %d, replication factor %d\n", deed->done, name,
               klient_results_partitions(results, i),
               klient_results_replication_factor(results, i));
    else
        printf("%s topic %s\n", deed->done, name);
}

static int report(const struct args *args, const struct deed *deed, klient_code_t code,
                  klient_results_t *results, klient_error_t *error)
{
    int status = EXIT_DONE;
    size_t count = results != NULL ? klient_results_count(results) : 0;
    json_t *list = args_json(args) ? json_array() : NULL;

    for (size_t i = 0; i < count; i++) {
        if (!is_fine(deed, klient_results_code(results, i)))
            status = EXIT_FAILED;
        if (list != NULL)
            json_array_append_new(list, outcome_json(deed, results, i));
        else
            print_outcome(args, deed, results, i);
    }
    if (list != NULL)
        json_line(list);
    if (code != KLIENT_OK && count == 0)
        status = connect_failed(args, error);
    else
        klient_error_free(error);
    if (code == KLIENT_REQUEST_TIMED_OUT)
        fputs("it may be done all the same, or still be: see kairn topic list\n", stderr);
    klient_results_free(results);
    return status;
}

/* --- create and delete ------------------------------------------------------------------------ */

/* --assignment, in place of both numbers. False: said, wrong usage. */
static bool read_assignment(const struct args *args, struct assignment *out)
{
    const char *text = args_value(args, "--assignment"), *reason;

    *out = (struct assignment){ .partitions = -1, .replicas = -1 };
    if (text == NULL)
        return true;
    if (args_has(args, "--partitions") || args_has(args, "--replication-factor"))
        reason = "it says how many partitions and replicas there are: leave the other flags out";
    else if (assignment_read(text, out, &reason))
        return true;
    fprintf(stderr, "kairn topic create: --assignment %s: %s\n", text, reason);
    return false;
}

int topic_create(const struct args *args)
{
    bool dry = args_has(args, "--dry-run");
    const struct deed deed = {
        .done = dry ? "would create" : "created",
        .sizes = true,
        .fine = args_has(args, "--if-not-exists") ? KLIENT_TOPIC_ALREADY_EXISTS : KLIENT_OK,
        .fine_text = "is there already",
        .fine_name = "exists",
    };
    int64_t partitions, replicas, timeout_ms;
    struct wishes configs = { 0 };
    klient_results_t *results = NULL;
    klient_error_t *error = NULL;
    klient_new_topic_t topic;
    struct assignment assignment;
    int status = EXIT_USAGE;

    if (!args_number(args, "--partitions", -1, 1, INT32_MAX, &partitions) ||
        !args_number(args, "--replication-factor", -1, 1, INT16_MAX, &replicas))
        return EXIT_USAGE;
    if (!read_assignment(args, &assignment) || !wishes_read(args, "--config", &configs)) {
        free(assignment.brokers);
        wishes_free(&configs);
        return EXIT_USAGE;
    }
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin != NULL) {
        klient_new_topic_init(&topic);
        topic.name = args_operand(args, 0);
        topic.partitions = (int32_t)partitions;
        topic.replication_factor = (int32_t)replicas;
        if (assignment.brokers != NULL) {
            topic.partitions = assignment.partitions;
            topic.replication_factor = assignment.replicas;
            topic.assignment = assignment.brokers;
        }
        topic.config_names = configs.names;
        topic.config_values = configs.values;
        topic.config_count = configs.count;
        const klient_new_topic_t *topics[] = { &topic };
        klient_code_t code =
            klient_admin_create_topics(admin, topics, 1, dry, timeout_ms, &results, &error);
        status = report(args, &deed, code, results, error);
        klient_admin_close(admin);
    }
    free(assignment.brokers);
    wishes_free(&configs);
    return status;
}

int topic_delete(const struct args *args)
{
    const struct deed deed = {
        .done = "deleted",
        .fine = args_has(args, "--if-exists") ? KLIENT_UNKNOWN_TOPIC_OR_PARTITION : KLIENT_OK,
        .fine_text = "is not there",
        .fine_name = "missing",
    };
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
        status = report(args, &deed, code, results, error);
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
            if (topic.internal && !args_has(args, "--internal"))
                continue;
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
