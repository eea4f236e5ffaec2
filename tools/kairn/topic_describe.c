/* topic_describe.c - kairn topic describe. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/setting_text.h"
#include "tools/kairn/table.h"
#include "tools/kairn/topic_logs.h"

static json_t *partition_json(const klient_partition_info_t *partition)
{
    return json_pack("{s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:i, s:s}", "partition",
                     (int)partition->partition, "leader", (int)partition->leader, "leader_epoch",
                     (int)partition->leader_epoch, "replicas",
                     json_ids(partition->replicas, partition->replica_count), "isr",
                     json_ids(partition->isr, partition->isr_count), "eligible",
                     json_ids(partition->eligible, partition->eligible_count), "offline",
                     json_ids(partition->offline, partition->offline_count), "min_insync",
                     (int)partition->min_insync, "state", health_name(health_of(partition)));
}

struct describe {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms;
    const klient_metadata_t *metadata;
    json_t *list;                       /* NULL: tables */
    size_t shown;                       /* topics */
};

static void describe_json(struct describe *describe, size_t index)
{
    klient_topic_info_t topic = topic_at(describe->metadata, index);
    json_t *object = json_pack("{s:s, s:s}", "topic", topic.name, "id", topic.id);
    json_t *partitions = json_array(), *configs = json_object();

    if (topic.code != KLIENT_OK)
        json_object_set_new(object, "error", json_string(klient_code_name(topic.code)));
    for (int32_t p = 0; p < topic.partition_count; p++) {
        klient_partition_info_t partition = partition_at(describe->metadata, index, (size_t)p);
        if (health_wanted(describe->args, health_of(&partition)))
            json_array_append_new(partitions, partition_json(&partition));
    }
    if (args_has(describe->args, "--verbose") && topic.code == KLIENT_OK &&
        !health_filtered(describe->args))
        topic_logs_json(describe->admin, describe->timeout_ms, topic.name, topic.partition_count,
                        partitions);
    for (size_t i = 0; i < topic.config_count; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_metadata_topic_config(describe->metadata, index, i, &setting);
        json_object_set_new(configs, setting.name, json_string(setting.value));
    }
    json_object_set_new(object, "partitions", partitions);
    json_object_set_new(object, "configs", configs);
    json_array_append_new(describe->list, object);
}

static void add_ids(struct table *table, const int32_t *ids, size_t count)
{
    char text[256];

    table_add(table, "%s", health_ids(text, sizeof text, ids, count));
}

static void add_partition(struct table *table, const klient_partition_info_t *partition)
{
    table_add(table, "%d", partition->partition);
    if (partition->leader >= 0)
        table_add(table, "%d", partition->leader);
    else
        table_add(table, "-");
    table_add(table, "%d", partition->leader_epoch);
    add_ids(table, partition->replicas, partition->replica_count);
    add_ids(table, partition->isr, partition->isr_count);
    add_ids(table, partition->eligible, partition->eligible_count);
    add_ids(table, partition->offline, partition->offline_count);
    table_add(table, "%s", health_name(health_of(partition)));
    table_colour(table, health_colour(health_of(partition)));
}

static void describe_table(struct describe *describe, size_t index)
{
    klient_topic_info_t topic = topic_at(describe->metadata, index);
    char text[1024];

    printf("%s%s  id %s\n", describe->shown > 0 ? "\n" : "", topic.name, topic.id);
    for (size_t i = 0; i < topic.config_count; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_metadata_topic_config(describe->metadata, index, i, &setting);
        printf("  %s=%s\n", setting.name,
               setting_text(text, sizeof text, setting.name, setting.value));
    }
    struct table *table =
        table_new(">PARTITION >LEADER >EPOCH REPLICAS ISR ELIGIBLE OFFLINE STATE");
    for (int32_t p = 0; p < topic.partition_count; p++) {
        klient_partition_info_t partition = partition_at(describe->metadata, index, (size_t)p);
        if (health_wanted(describe->args, health_of(&partition)))
            add_partition(table, &partition);
    }
    table_print(table);
    if (args_has(describe->args, "--verbose"))
        topic_logs_table(describe->admin, describe->timeout_ms, topic.name, topic.partition_count);
}

/* With a filter, a topic is shown for its partitions only. */
static bool is_shown(const struct describe *describe, size_t index)
{
    klient_topic_info_t topic = topic_at(describe->metadata, index);

    for (int32_t p = 0; p < topic.partition_count; p++) {
        klient_partition_info_t partition = partition_at(describe->metadata, index, (size_t)p);
        if (health_wanted(describe->args, health_of(&partition)))
            return true;
    }
    return !health_filtered(describe->args);
}

static int describe_all(struct describe *describe)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < klient_metadata_topic_count(describe->metadata); i++) {
        klient_topic_info_t topic = topic_at(describe->metadata, i);
        if (topic.code != KLIENT_OK)
            status = command_failed(describe->args, "%s: %s: %s", topic.name,
                                    klient_code_name(topic.code), klient_code_text(topic.code));
        else if (!is_shown(describe, i))
            continue;
        if (describe->list != NULL)
            describe_json(describe, i);
        else if (topic.code == KLIENT_OK)
            describe_table(describe, i);
        describe->shown += topic.code == KLIENT_OK;
    }
    if (describe->list != NULL)
        json_line(describe->list);
    return status;
}

int topic_describe(const struct args *args)
{
    struct describe describe = { .args = args };
    int status;
    klient_error_t *error = NULL;
    klient_metadata_t *all = NULL, *metadata = NULL;
    size_t count = args_operand_count(args);
    klient_code_t code = KLIENT_OK;

    describe.admin = connect_admin(args, &describe.timeout_ms, &status);
    if (describe.admin == NULL)
        return status;
    if (count == 0) {
        code = klient_admin_list_topics(describe.admin, describe.timeout_ms, &all, &error);
        count = code == KLIENT_OK ? klient_metadata_topic_count(all) : 0;
    }
    const char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = all != NULL ? topic_at(all, i).name : args_operand(args, i);
    if (code == KLIENT_OK && names != NULL)
        code = klient_admin_describe_topics(describe.admin, names, count, describe.timeout_ms,
                                            &metadata, &error);
    if (code != KLIENT_OK || metadata == NULL) {
        status = connect_failed(args, error);
    } else {
        describe.metadata = metadata;
        describe.list = args_json(args) ? json_array() : NULL;
        status = describe_all(&describe);
    }
    free(names);
    klient_metadata_free(metadata);
    klient_metadata_free(all);
    klient_admin_close(describe.admin);
    return status;
}
