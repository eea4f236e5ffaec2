/* cluster.c - kairn cluster status, kairn broker list. */
#include <stdio.h>

#include "tools/kairn/ailments.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"
#include "tools/kairn/watch.h"

enum { PROBLEMS_SHOWN = 20 };

struct totals {
    size_t topics, partitions;
    size_t by_health[HEALTH_COUNT];
};

static struct totals count_partitions(const klient_metadata_t *metadata)
{
    struct totals totals = { .topics = klient_metadata_topic_count(metadata) };
    for (size_t t = 0; t < totals.topics; t++) {
        klient_topic_info_t topic = topic_at(metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = partition_at(metadata, t, (size_t)p);
            totals.partitions++;
            totals.by_health[health_of(&partition)]++;
        }
    }
    return totals;
}

static json_t *problems_json(const klient_metadata_t *metadata)
{
    json_t *list = json_array();

    for (size_t t = 0; t < klient_metadata_topic_count(metadata); t++) {
        klient_topic_info_t topic = topic_at(metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = partition_at(metadata, t, (size_t)p);
            enum health health = health_of(&partition);
            if (health == HEALTH_OK)
                continue;
            json_array_append_new(
                list, json_pack("{s:s, s:i, s:s, s:i, s:o, s:o, s:o, s:o}", "topic", topic.name,
                                "partition", (int)p, "state", health_name(health), "leader",
                                (int)partition.leader, "replicas",
                                json_ids(partition.replicas, partition.replica_count), "isr",
                                json_ids(partition.isr, partition.isr_count), "eligible",
                                json_ids(partition.eligible, partition.eligible_count), "offline",
                                json_ids(partition.offline, partition.offline_count)));
        }
    }
    return list;
}

/* The worst first, no more than fit on a screen. */
static void print_problems(const klient_metadata_t *metadata, const struct totals *totals)
{
    size_t shown = 0, all = totals->partitions - totals->by_health[HEALTH_OK];

    for (enum health worst = HEALTH_COUNT - 1; worst > HEALTH_OK; worst--) {
        for (size_t t = 0; t < totals->topics && shown < PROBLEMS_SHOWN; t++) {
            klient_topic_info_t topic = topic_at(metadata, t);
            for (int32_t p = 0; p < topic.partition_count && shown < PROBLEMS_SHOWN; p++) {
                klient_partition_info_t partition = partition_at(metadata, t, (size_t)p);
                char text[512];
                if (health_of(&partition) != worst)
                    continue;
                health_explain(&partition, text, sizeof text);
                printf("%s%s-%d  %s%s%s: %s\n", shown++ == 0 ? "\n" : "", topic.name, (int)p,
                       colour_begin(health_colour(worst)), health_name(worst),
                       colour_end(health_colour(worst)), text);
            }
        }
    }
    if (all > shown)
        printf("and %zu more: kairn topic describe --under-replicated\n", all - shown);
}

/* Leaders per broker id. */
static size_t count_leaders(const klient_metadata_t *metadata, int32_t broker)
{
    size_t leaders = 0;
    for (size_t t = 0; t < klient_metadata_topic_count(metadata); t++) {
        klient_topic_info_t topic = topic_at(metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = partition_at(metadata, t, (size_t)p);
            leaders += partition.leader == broker;
        }
    }
    return leaders;
}

/* What the looks have in common. */
struct looking {
    klient_admin_t *admin;
    int64_t timeout_ms;
    /* Prints the picture. Returns what to exit with. */
    int (*show)(const struct args *args, klient_admin_t *admin, const klient_metadata_t *metadata);
};

static int look(struct watch *watch, void *context)
{
    const struct looking *looking = context;
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;

    if (klient_admin_list_topics(looking->admin, looking->timeout_ms, &metadata, &error) !=
        KLIENT_OK)
        return connect_failed(watch->args, error);
    watch_page(watch);
    watch->found = looking->show(watch->args, looking->admin, metadata);
    klient_metadata_free(metadata);
    return EXIT_DONE;
}

/* Connect and look. Returns what to exit with. */
static int look_with(const struct args *args,
                     int (*show)(const struct args *args, klient_admin_t *admin,
                                 const klient_metadata_t *metadata))
{
    struct looking looking = { .show = show };
    int status;

    looking.admin = connect_admin(args, &looking.timeout_ms, &status);
    if (looking.admin == NULL)
        return status;
    status = watch_run(args, look, &looking);
    klient_admin_close(looking.admin);
    return status;
}

static json_t *status_json(const klient_metadata_t *metadata, const struct totals *totals,
                           const struct ailments *ailments, bool healthy)
{
    const size_t *by = totals->by_health;

    return json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o, s:o, s:o, s:o}", "cluster_id",
        klient_metadata_cluster_id(metadata), "controller",
        (int)klient_metadata_controller(metadata), "controller_epoch",
        (int)klient_metadata_controller_epoch(metadata), "brokers",
        (int)klient_metadata_broker_count(metadata), "topics", (int)totals->topics, "partitions",
        (int)totals->partitions, "offline", (int)by[HEALTH_OFFLINE], "under_min_isr",
        (int)by[HEALTH_UNDER_MIN_ISR], "under_replicated",
        (int)(by[HEALTH_UNDER_REPLICATED] + by[HEALTH_UNDER_MIN_ISR]), "healthy", healthy,
        "problems", problems_json(metadata), "zookeeper_away",
        json_ids(ailments->cut_off, ailments->cut_off_count), "disk_full",
        json_ids(ailments->full, ailments->full_count), "recovering",
        recovery_json(ailments->recoveries, ailments->recovery_count));
}

static void print_status(const klient_metadata_t *metadata, const struct totals *totals,
                         const struct ailments *ailments)
{
    const size_t *by = totals->by_health;
    int32_t controller = klient_metadata_controller(metadata);

    printf("cluster     %s\n", klient_metadata_cluster_id(metadata));
    if (controller >= 0)
        printf("controller  broker %d, epoch %d\n", controller,
               klient_metadata_controller_epoch(metadata));
    else
        printf("controller  %snone at the moment%s\n", colour_begin(COLOUR_BAD),
               colour_end(COLOUR_BAD));
    printf("brokers     %zu\n", klient_metadata_broker_count(metadata));
    printf("topics      %zu\n", totals->topics);
    printf("partitions  %zu, %zu offline, %zu under min.insync.replicas, "
           "%zu under-replicated\n",
           totals->partitions, by[HEALTH_OFFLINE], by[HEALTH_UNDER_MIN_ISR],
           by[HEALTH_UNDER_REPLICATED] + by[HEALTH_UNDER_MIN_ISR]);
    print_problems(metadata, totals);
    ailments_print(ailments);
}

static int show_status(const struct args *args, klient_admin_t *admin,
                       const klient_metadata_t *metadata)
{
    struct ailments ailments;
    struct totals totals = count_partitions(metadata);

    ailments_ask(admin, metadata, &ailments);
    bool healthy = totals.by_health[HEALTH_OK] == totals.partitions &&
                   klient_metadata_controller(metadata) >= 0 && ailments_count(&ailments) == 0;
    if (args_json(args))
        json_line(status_json(metadata, &totals, &ailments, healthy));
    else
        print_status(metadata, &totals, &ailments);
    ailments_free(&ailments);
    return healthy ? EXIT_DONE : EXIT_FAILED;
}

int cluster_status(const struct args *args)
{
    return look_with(args, show_status);
}

static int show_brokers(const struct args *args, klient_admin_t *admin,
                        const klient_metadata_t *metadata)
{
    (void)admin;
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
    return EXIT_DONE;
}

int broker_list(const struct args *args)
{
    return look_with(args, show_brokers);
}
