/* cluster.c - kairn cluster status, kairn broker list. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

struct totals {
    size_t topics, partitions, offline, under_replicated;
};

static struct totals count_partitions(const klient_metadata_t *metadata)
{
    struct totals totals = { .topics = klient_metadata_topic_count(metadata) };
    for (size_t t = 0; t < totals.topics; t++) {
        klient_topic_info_t topic = { .size = sizeof topic };
        klient_metadata_topic(metadata, t, &topic);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = { .size = sizeof partition };
            klient_metadata_partition(metadata, t, (size_t)p, &partition);
            totals.partitions++;
            totals.offline += partition.leader < 0;
            totals.under_replicated +=
                partition.leader >= 0 && partition.isr_count < partition.replica_count;
        }
    }
    return totals;
}

/* Leaders per broker id. */
static size_t count_leaders(const klient_metadata_t *metadata, int32_t broker)
{
    size_t leaders = 0;
    for (size_t t = 0; t < klient_metadata_topic_count(metadata); t++) {
        klient_topic_info_t topic = { .size = sizeof topic };
        klient_metadata_topic(metadata, t, &topic);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = { .size = sizeof partition };
            klient_metadata_partition(metadata, t, (size_t)p, &partition);
            leaders += partition.leader == broker;
        }
    }
    return leaders;
}

static klient_metadata_t *look(const struct args *args, int *status)
{
    int64_t timeout_ms;
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, status);

    if (admin == NULL)
        return NULL;
    if (klient_admin_list_topics(admin, timeout_ms, &metadata, &error) != KLIENT_OK)
        *status = connect_failed(args, error);
    klient_admin_close(admin);
    return metadata;
}

int cluster_status(const struct args *args)
{
    int status;
    klient_metadata_t *metadata = look(args, &status);
    if (metadata == NULL)
        return status;

    struct totals totals = count_partitions(metadata);
    int32_t controller = klient_metadata_controller(metadata);
    bool healthy = totals.offline == 0 && totals.under_replicated == 0 && controller >= 0;
    if (args_json(args)) {
        json_line(json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "cluster_id",
                            klient_metadata_cluster_id(metadata), "controller", (int)controller,
                            "controller_epoch", (int)klient_metadata_controller_epoch(metadata),
                            "brokers", (int)klient_metadata_broker_count(metadata), "topics",
                            (int)totals.topics, "partitions", (int)totals.partitions, "offline",
                            (int)totals.offline, "under_replicated", (int)totals.under_replicated,
                            "healthy", healthy));
    } else {
        printf("cluster     %s\n", klient_metadata_cluster_id(metadata));
        if (controller >= 0)
            printf("controller  broker %d, epoch %d\n", controller,
                   klient_metadata_controller_epoch(metadata));
        else
            printf("controller  none at the moment\n");
        printf("brokers     %zu\n", klient_metadata_broker_count(metadata));
        printf("topics      %zu\n", totals.topics);
        printf("partitions  %zu, %zu offline, %zu under-replicated\n", totals.partitions,
               totals.offline, totals.under_replicated);
        if (totals.offline > 0)
            printf("\nA partition is offline while the broker that holds it is down: kairn topic "
                   "describe shows which.\n");
    }
    klient_metadata_free(metadata);
    return healthy ? EXIT_DONE : EXIT_FAILED;
}

int broker_list(const struct args *args)
{
    int status;
    klient_metadata_t *metadata = look(args, &status);
    if (metadata == NULL)
        return status;

    json_t *list = args_json(args) ? json_array() : NULL;
    struct table *table =
        list == NULL ? table_new(">BROKER HOST >PORT RACK >LEADERS CONTROLLER") : NULL;
    for (size_t i = 0; i < klient_metadata_broker_count(metadata); i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metadata_broker(metadata, i, &broker);
        size_t leaders = count_leaders(metadata, broker.id);
        bool controller = broker.id == klient_metadata_controller(metadata);
        if (list != NULL) {
            json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:s, s:i, s:b}", "broker",
                                                  (int)broker.id, "host", broker.host, "port",
                                                  (int)broker.port, "rack", broker.rack, "leaders",
                                                  (int)leaders, "controller", controller));
            continue;
        }
        table_add(table, "%d", broker.id);
        table_add(table, "%s", broker.host);
        table_add(table, "%u", broker.port);
        table_add(table, "%s", broker.rack[0] != '\0' ? broker.rack : "-");
        table_add(table, "%zu", leaders);
        table_add(table, "%s", controller ? "*" : "");
    }
    if (list != NULL)
        json_line(list);
    else
        table_print(table);
    klient_metadata_free(metadata);
    return EXIT_DONE;
}
