#include "tests/fuzz/client/scripts.h"

#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "tests/client/helpers.h"

enum {
    SHORT_MS = 30,                  /* a call's own patience */
    POLLS = 3
};

static volatile uint8_t sink;

/* Touch every byte: a sanitizer knows which are ours. */
static void read_bytes(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    if (bytes == NULL && size > 0)
        abort();
    for (size_t i = 0; i < size; i++)
        sink ^= at[i];
}

static void read_text(const char *text)
{
    if (text != NULL)
        read_bytes(text, strlen(text) + 1);
}

static void read_records(klient_records_t *records)
{
    klient_record_t record;
    klient_value_t decoded = { .size = sizeof decoded };

    if (records == NULL)
        return;
    klient_record_init(&record);
    while (klient_records_next(records, &record)) {
        read_text(record.topic);
        read_bytes(record.key, record.key_size);
        read_bytes(record.value, record.value_size);
        for (size_t i = 0; i < record.header_count; i++) {
            read_bytes(record.headers[i].key, record.headers[i].key_size);
            read_bytes(record.headers[i].value, record.headers[i].value_size);
        }
        if (klient_record_value(&record, &decoded, NULL) == KLIENT_OK)
            klient_value_free(&decoded);
    }
    klient_records_free(records);
}

static void read_metadata(klient_metadata_t *metadata)
{
    klient_broker_info_t broker = { .size = sizeof broker };
    klient_topic_info_t topic = { .size = sizeof topic };
    klient_partition_info_t partition = { .size = sizeof partition };

    if (metadata == NULL)
        return;
    for (size_t i = 0; klient_metadata_broker(metadata, i, &broker) == KLIENT_OK; i++)
        read_text(broker.host);
    for (size_t i = 0; klient_metadata_topic(metadata, i, &topic) == KLIENT_OK; i++) {
        read_text(topic.name);
        for (size_t j = 0;
             klient_metadata_partition(metadata, i, j, &partition) == KLIENT_OK; j++) {
            read_bytes(partition.replicas, partition.replica_count * sizeof *partition.replicas);
            read_bytes(partition.isr, partition.isr_count * sizeof *partition.isr);
        }
    }
    klient_metadata_free(metadata);
}

/* --- scripts ---------------------------------------------------------------------------------- */

klient_config_t *script_config(const struct fake *fake)
{
    return config_for(fake, "request.timeout.ms", "20", "retry.backoff.ms", "1",
                      "retry.backoff.max.ms", "2", "reconnect.backoff.ms", "1",
                      "reconnect.backoff.max.ms", "2", "topic.metadata.propagation.max.ms", "5",
                      NULL);
}

static void produce(klient_config_t *config, struct input *input)
{
    const char *const codecs[] = { "none", "zstd" };

    klient_config_set(config, "max.block.ms", "30", NULL);
    klient_config_set(config, "delivery.timeout.ms", "40", NULL);
    klient_config_set(config, "linger.ms", "0", NULL);
    klient_config_set(config, "compression.type", codecs[input_below(input, 2)], NULL);
    klient_producer_t *producer = klient_producer_new(config, NULL);
    if (producer == NULL)
        return;
    for (int i = 0; i < 3; i++) {
        send_text(producer, "t", i % 2, i == 0 ? "key" : NULL, "value");
        klient_producer_flush(producer, SHORT_MS, NULL);
    }
    klient_producer_close(producer, SHORT_MS, NULL);
}

static void poll_some(klient_consumer_t *consumer)
{
    for (int i = 0; i < POLLS; i++) {
        klient_records_t *records = NULL;
        klient_consumer_poll(consumer, SHORT_MS / POLLS, &records, NULL);
        read_records(records);
    }
}

static void consume(klient_config_t *config, struct input *input)
{
    const klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };
    unsigned how = input_u8(input);
    int64_t first[2] = { 0 }, last[2] = { 0 };

    klient_config_set(config, "auto.offset.reset", how & 1 ? "latest" : "earliest", NULL);
    klient_config_set(config, "fetch.max.wait.ms", "2", NULL);
    klient_config_set(config, "isolation.level",
                      how & 2 ? "read_uncommitted" : "read_committed", NULL);
    klient_config_set(config, "value.deserializer", how & 4 ? "json" : "string", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);
    if (consumer == NULL)
        return;
    klient_consumer_assign(consumer, both, 2, NULL);
    poll_some(consumer);
    if (how & 8)
        klient_consumer_beginning_offsets(consumer, both, 2, SHORT_MS, first, NULL);
    if (how & 16)
        klient_consumer_end_offsets(consumer, both, 2, SHORT_MS, last, NULL);
    klient_consumer_seek(consumer, "t", 0, 1, NULL);
    poll_some(consumer);
    klient_consumer_close(consumer, SHORT_MS, NULL);
}

static void take_part(klient_config_t *config, struct input *input)
{
    static const char *const assignors[] = { "range", "roundrobin", "cooperative-sticky" };
    const char *topics[] = { "t" };
    const klient_topic_partition_t one = { "t", 0 };
    klient_offsets_t *offsets = NULL;

    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_config_set(config, "fetch.max.wait.ms", "2", NULL);
    klient_config_set(config, "group.id", "g", NULL);
    klient_config_set(config, "session.timeout.ms", "100", NULL);
    klient_config_set(config, "heartbeat.interval.ms", "5", NULL);
    klient_config_set(config, "partition.assignment.strategy", assignors[input_below(input, 3)],
                      NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);
    if (consumer == NULL)
        return;
    klient_consumer_subscribe(consumer, topics, 1, NULL, NULL);
    poll_some(consumer);
    poll_some(consumer);
    klient_consumer_commit_sync(consumer, NULL, 0, SHORT_MS, NULL);
    if (klient_consumer_committed(consumer, &one, 1, SHORT_MS, &offsets, NULL) == KLIENT_OK)
        klient_offsets_free(offsets);
    klient_consumer_close(consumer, SHORT_MS, NULL);
}

static void look_at_groups(klient_admin_t *admin)
{
    const char *names[] = { "g", "h" };
    klient_group_info_t group = { .size = sizeof group };
    klient_member_info_t member = { .size = sizeof member };
    klient_offset_t offset = { .size = sizeof offset };
    klient_groups_t *groups = NULL;
    klient_offsets_t *offsets = NULL;

    klient_admin_list_groups(admin, NULL, 0, SHORT_MS, &groups, NULL);
    klient_groups_free(groups);
    groups = NULL;
    klient_admin_describe_groups(admin, names, 2, SHORT_MS, &groups, NULL);
    for (size_t i = 0; groups != NULL && klient_groups_get(groups, i, &group) == KLIENT_OK; i++) {
        read_text(group.group);
        read_text(group.reason);
        for (size_t j = 0; klient_groups_member(groups, i, j, &member) == KLIENT_OK; j++) {
            read_text(member.member);
            for (size_t k = 0; k < member.topic_count; k++)
                read_text(klient_groups_topic(groups, i, j, k));
        }
    }
    klient_groups_free(groups);
    klient_admin_group_offsets(admin, "g", SHORT_MS, &offsets, NULL);
    for (size_t i = 0; offsets != NULL && klient_offsets_get(offsets, i, &offset) == KLIENT_OK; i++)
        read_text(offset.metadata);
    klient_offsets_free(offsets);
    klient_admin_delete_groups(admin, names, 2, SHORT_MS, NULL, NULL);
}

static void look_at_logs(klient_admin_t *admin)
{
    const klient_topic_partition_t both[] = { { "t", 0 }, { "t", 1 } };
    const int64_t offsets[] = { 1, KLIENT_RECORDS_ALL };
    const int64_t times[] = { KLIENT_OFFSETS_END, 1000 };
    klient_log_info_t log = { .size = sizeof log };
    klient_metric_t metric = { .size = sizeof metric };
    klient_setting_t setting = { .size = sizeof setting };
    klient_logs_t *logs = NULL;
    klient_metrics_t *metrics = NULL;
    klient_settings_t *settings = NULL;
    int64_t found[2];

    klient_admin_describe_logs(admin, both, 2, SHORT_MS, &logs, NULL);
    for (size_t i = 0; logs != NULL && klient_logs_get(logs, i, &log) == KLIENT_OK; i++)
        read_text(log.directory);
    klient_logs_free(logs);
    klient_admin_describe_metrics(admin, 1, SHORT_MS, &metrics, NULL);
    for (size_t i = 0;
         metrics != NULL && klient_metrics_get(metrics, i, &metric) == KLIENT_OK; i++)
        read_text(metric.name);
    klient_metrics_free(metrics);
    klient_admin_describe_configs(admin, KLIENT_RESOURCE_BROKER, "1", SHORT_MS, &settings, NULL);
    for (size_t i = 0;
         settings != NULL && klient_settings_get(settings, i, &setting) == KLIENT_OK; i++)
        read_text(setting.value);
    klient_settings_free(settings);
    klient_admin_list_offsets(admin, both, times, 2, SHORT_MS, found, NULL, NULL);
    klient_admin_delete_records(admin, both, offsets, 2, SHORT_MS, NULL, NULL, NULL);
}

static void look_at_topics(klient_admin_t *admin)
{
    const char *names[] = { "t", "u" };
    klient_new_topic_t made, *all[] = { &made };
    klient_results_t *results = NULL;
    klient_metadata_t *metadata = NULL;
    klient_reassignments_t *reassignments = NULL;

    klient_new_topic_init(&made);
    made.name = "u";
    klient_admin_create_topics(admin, (const klient_new_topic_t *const *)all, 1, 0, SHORT_MS,
                               &results, NULL);
    for (size_t i = 0; results != NULL && i < klient_results_count(results); i++) {
        read_text(klient_results_name(results, i));
        read_text(klient_results_text(results, i));
    }
    klient_results_free(results);
    klient_admin_describe_cluster(admin, SHORT_MS, &metadata, NULL);
    read_metadata(metadata);
    metadata = NULL;
    klient_admin_describe_topics(admin, names, 2, SHORT_MS, &metadata, NULL);
    read_metadata(metadata);
    klient_admin_list_reassignments(admin, SHORT_MS, &reassignments, NULL);
    klient_reassignments_free(reassignments);
    results = NULL;
    klient_admin_elect_leaders(admin, KLIENT_ELECTION_PREFERRED, NULL, 0, SHORT_MS, &results, NULL);
    klient_results_free(results);
    klient_admin_delete_topics(admin, names, 2, SHORT_MS, NULL, NULL);
}

static void administer(klient_config_t *config, struct input *input)
{
    static void (*const looks[])(klient_admin_t *) = { look_at_groups, look_at_logs,
                                                       look_at_topics };
    klient_admin_t *admin = klient_admin_new(config, NULL);

    if (admin != NULL)
        looks[input_below(input, 3)](admin);
    klient_admin_close(admin);
}

/* --- the broker ------------------------------------------------------------------------------- */

/* Records that are there before anybody comes; some of them compressed. */
void script_store(struct fake *fake)
{
    uint8_t bytes[512];
    struct batch_builder builder;
    const struct record_header header = { (const uint8_t *)"h", 1, (const uint8_t *)"v", 1 };

    for (int i = 0; i < 4; i++) {
        batch_build_start(&builder, bytes, sizeof bytes);
        batch_build_add(&builder, 1000 + i, "key", 3, "\"value\"", 7, &header, 1);
        batch_build_add(&builder, 1000 + i, NULL, 0, "{}", 2, NULL, 0);
        batch_build_finish(&builder);
        fake_append(fake, "t", i % 2, bytes, builder.size);
    }
}

void script_run(unsigned script, klient_config_t *config, struct input *input)
{
    static void (*const scripts[SCRIPTS])(klient_config_t *, struct input *) = {
        produce, consume, take_part, administer
    };

    scripts[script](config, input);
}
