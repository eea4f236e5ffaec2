#include "tools/kairn/checkup.h"

#include <stdio.h>
#include <string.h>

#include "tests/tools/suites.h"

/* A cluster with which nothing is wrong, to be doctored by each test. */
struct cluster {
    struct facts facts;
    struct facts_broker brokers[3];
    struct facts_topic topics[2];
    struct facts_zookeeper zookeepers[4];
    struct facts_directory directories[4];
};

static struct facts_broker sound_broker(int32_t id)
{
    struct facts_broker broker = { .id = id, .host = "10.0.0.1", .rack = "a", .answers = true,
                                   .descriptors = 1000000 };

    broker.settings[FACTS_LOG_DIRS] = "/data/a,/data/tmp/b";
    broker.settings[FACTS_LOG_LEVEL] = "info";
    broker.settings[FACTS_FEATURE_LEVEL_MAX] = "";
    broker.settings[FACTS_ZOOKEEPER_CONNECT] = "z1,z2,z3";
    broker.settings[FACTS_SESSION_TIMEOUT] = "18000";
    broker.settings[FACTS_MIN_INSYNC] = "2";
    broker.settings[FACTS_OFFSETS_REPLICAS] = "3";
    broker.settings[FACTS_UNCLEAN_ELECTION] = "false";
    broker.settings[FACTS_MESSAGE_MAX] = "1048588";
    return broker;
}

static void make(struct cluster *cluster)
{
    *cluster = (struct cluster){
        .topics = { { .name = "__consumer_offsets", .internal = true, .partitions = 50,
                      .replicas_min = 3, .min_insync = 2 },
                    { .name = "orders", .partitions = 6, .replicas_min = 3, .min_insync = 2 } },
    };
    for (int i = 0; i < 3; i++)
        cluster->brokers[i] = sound_broker(i + 1);
    for (int i = 0; i < 4; i++) {
        snprintf(cluster->zookeepers[i].address, 16, "z%d:2181", i + 1);
        cluster->zookeepers[i].answer = FACTS_SERVES;
        cluster->zookeepers[i].latency_ms = 0.5;
        cluster->zookeepers[i].requests = 1000;
        cluster->directories[i] = (struct facts_directory){
            .broker = 1 + i / 2, .local = true, .bytes = 1000ull << 30, .bytes_free = 500ull << 30,
            .inodes = 1000000, .inodes_free = 900000, .device = (uint64_t)i,
        };
        snprintf(cluster->directories[i].path, 16, "/data/%c", 'a' + i);
    }
    cluster->facts = (struct facts){
        .controller = 2,
        .brokers = cluster->brokers, .broker_count = 3,
        .topics = cluster->topics, .topic_count = 2,
        .zookeepers = cluster->zookeepers, .zookeeper_count = 3,
        .directories = cluster->directories, .directory_count = 4,
        .machine = { .has_broker = true, .dirty_ratio = 20, .dirty_bytes = 0,
                     .dirty_background_ratio = 10, .swappiness = 1, .swap_bytes = 1 << 30 },
    };
}

/* What is found, as "name subject;" of each, the table's order. */
static const char *found(const struct cluster *cluster)
{
    static char text[4096];
    struct checkup checkup;
    size_t used = 0;

    text[0] = '\0';
    checkup_run(&cluster->facts, NULL, NULL, &checkup);
    for (size_t i = 0; i < checkup.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s;",
                                 checkup.findings[i].check->name,
                                 checkup.findings[i].subject[0] != '\0' ? " " : "",
                                 checkup.findings[i].subject);
    checkup_fini(&checkup);
    return text;
}

START_TEST(a_sound_cluster_is_sound)
{
    struct cluster cluster;
    struct checkup checkup;
    make(&cluster);

    ck_assert_str_eq(found(&cluster), "");
    checkup_run(&cluster.facts, NULL, NULL, &checkup);
    ck_assert(checkup_sound(&checkup));
    checkup_fini(&checkup);
}
END_TEST

/* --- one row for each way to be wrong --------------------------------------------------------- */

#define WRONG(name, ...)                                                                           \
    static void name(struct cluster *cluster)                                                      \
    {                                                                                              \
        struct facts *facts = &cluster->facts;                                                     \
        (void)facts;                                                                               \
        __VA_ARGS__;                                                                               \
    }

WRONG(no_controller, facts->controller = -1)
WRONG(silent, facts->brokers[1] = (struct facts_broker){ .id = 2, .host = "b", .rack = "a",
                                                         .descriptors = -1 })
WRONG(offline, facts->topics[1].offline = 1)
WRONG(under_min, facts->topics[1].under_min_isr = 2)
WRONG(under_replicated, facts->topics[1].under_replicated = 6)
WRONG(copies, facts->brokers[2].copies_lost = 4)
WRONG(all_in_sync, facts->topics[1].min_insync = 3)
WRONG(minimum_above_replicas, facts->topics[1].replicas_min = 2; facts->topics[1].min_insync = 3)
WRONG(one_in_sync, facts->topics[1].min_insync = 1)
WRONG(minimum_not_told, facts->topics[1].min_insync = 0)
WRONG(one_replica, facts->topics[1].replicas_min = 1; facts->topics[1].min_insync = 1)
WRONG(one_replica_one_broker, one_replica(cluster); facts->broker_count = 1;
      facts->topics[0].replicas_min = 1)
WRONG(offsets_one, facts->topics[0].replicas_min = 1)
WRONG(offsets_two_brokers, facts->topics[0].replicas_min = 2; facts->topics[0].min_insync = 1;
      facts->broker_count = 2)
WRONG(offsets_not_made, facts->topics += 1; facts->topic_count = 1; facts->broker_count = 2)
WRONG(offsets_to_be_made, facts->topics += 1; facts->topic_count = 1)
WRONG(unclean_broker, for (int i = 0; i < 3; i++) facts->brokers[i]
                          .settings[FACTS_UNCLEAN_ELECTION] = "true")
WRONG(unclean_topic, facts->topics[1].unclean = true)
WRONG(differs, facts->brokers[2].settings[FACTS_MESSAGE_MAX] = "9")
WRONG(differs_where_it_may, facts->brokers[2].settings[FACTS_LOG_DIRS] = "/other")
WRONG(no_rack, facts->brokers[0].rack = "")
WRONG(no_racks, for (int i = 0; i < 3; i++) facts->brokers[i].rack = "")
WRONG(loopback, facts->brokers[2].host = "127.0.0.1")
WRONG(all_loopback, for (int i = 0; i < 3; i++) facts->brokers[i].host = "localhost")
WRONG(tmp, facts->brokers[1].settings[FACTS_LOG_DIRS] = "/data/a,/tmp/kairn-logs")
WRONG(debug, facts->brokers[0].settings[FACTS_LOG_LEVEL] = "debug")
WRONG(mute, facts->brokers[0].settings[FACTS_LOG_LEVEL] = "off")
WRONG(warns, facts->brokers[0].settings[FACTS_LOG_LEVEL] = "warn")
WRONG(held, facts->brokers[0].settings[FACTS_FEATURE_LEVEL_MAX] = "replication.version:1")
WRONG(zk_silent, facts->zookeepers[1].answer = FACTS_SILENT)
WRONG(zk_idle, facts->zookeepers[0].answer = FACTS_IDLE; facts->zookeepers[1].answer = FACTS_IDLE)
WRONG(zk_closed, for (int i = 0; i < 3; i++) facts->zookeepers[i].answer = FACTS_CLOSED)
WRONG(zk_none, facts->zookeeper_count = 0)
WRONG(zk_alone, facts->zookeeper_count = 1)
WRONG(zk_even, facts->zookeeper_count = 4)
WRONG(zk_slow, facts->zookeepers[2].latency_ms = 20.5)
WRONG(zk_slow_at_first, zk_slow(cluster); facts->zookeepers[2].requests = 999)
WRONG(short_session, for (int i = 0; i < 3; i++) facts->brokers[i]
                         .settings[FACTS_SESSION_TIMEOUT] = "2000")
WRONG(elsewhere, facts->directories[2].local = facts->directories[3].local = false)
WRONG(few_descriptors, facts->brokers[0].descriptors = 1024)
WRONG(descriptors_not_known, facts->brokers[0].descriptors = -1)
WRONG(low_dirty, facts->machine.dirty_ratio = 5)
WRONG(low_dirty_bytes, facts->machine.dirty_ratio = 0; facts->machine.dirty_bytes = 1 << 20)
WRONG(dirty_bytes, facts->machine.dirty_ratio = 0; facts->machine.dirty_bytes = 1 << 30)
WRONG(high_background, facts->machine.dirty_background_ratio = 30)
WRONG(swaps, facts->machine.swappiness = 60)
WRONG(no_swap, facts->machine.swappiness = 60; facts->machine.swap_bytes = 0)
WRONG(no_broker_here, swaps(cluster); low_dirty(cluster); high_background(cluster);
      facts->machine.has_broker = false)
WRONG(full, facts->directories[1].bytes_free = 5ull << 30)
WRONG(low, facts->directories[1].bytes_free = 100ull << 30)
WRONG(low_share_of_much, facts->directories[1].bytes = 10000ull << 30)
WRONG(no_inodes, facts->directories[0].inodes_free = 1000)
WRONG(inodes_not_counted, facts->directories[0].inodes = facts->directories[0].inodes_free = 0)
WRONG(read_only, facts->directories[3].read_only = true)
WRONG(shared, facts->directories[1].device = facts->directories[0].device)
WRONG(shared_by_brokers, facts->directories[2].device = facts->directories[1].device)

static const struct {
    void (*doctor)(struct cluster *cluster);
    const char *found;
} rows[] = {
    { no_controller, "controller-missing;" },
    { silent, "broker-silent 2;" },
    { offline, "partition-offline orders;" },
    { under_min, "partition-under-min-isr orders;" },
    { under_replicated, "partition-under-replicated orders;" },
    { copies, "copy-lost 3;" },
    { all_in_sync, "min-isr-all orders;" },
    { minimum_above_replicas, "min-isr-all orders;" },
    { one_in_sync, "min-isr-one orders;" },
    { minimum_not_told, "" },
    { one_replica, "replicas-one orders;" },
    { one_replica_one_broker, "" },
    { offsets_one, "offsets-replicas __consumer_offsets;" },
    { offsets_two_brokers, "" },
    { offsets_not_made, "offsets-impossible __consumer_offsets;" },
    { offsets_to_be_made, "" },
    { unclean_broker, "unclean-election --broker 1;unclean-election --broker 2;"
                      "unclean-election --broker 3;" },
    { unclean_topic, "unclean-election --topic orders;" },
    { differs, "settings-differ message.max.bytes;" },
    { differs_where_it_may, "" },
    { no_rack, "rack-missing 1;" },
    { no_racks, "" },
    { loopback, "advertised-loopback 3;" },
    { all_loopback, "" },
    { tmp, "data-in-tmp 2;" },
    { debug, "log-level 1;" },
    { mute, "log-level 1;" },
    { warns, "" },
    { held, "features-held 1;" },
    { zk_silent, "zookeeper-silent z2:2181;" },
    { zk_idle, "zookeeper-no-quorum;" },
    { zk_closed, "zookeeper-closed z1:2181;zookeeper-closed z2:2181;zookeeper-closed z3:2181;" },
    { zk_none, "" },
    { zk_alone, "zookeeper-alone;" },
    { zk_even, "zookeeper-even;" },
    { zk_slow, "zookeeper-slow z3:2181;" },
    { zk_slow_at_first, "" },
    { short_session, "session-timeout 1;session-timeout 2;session-timeout 3;" },
    { elsewhere, "machine-elsewhere 2;" },
    { few_descriptors, "descriptors 1;" },
    { descriptors_not_known, "" },
    { low_dirty, "dirty-limit vm.dirty_ratio;" },
    { low_dirty_bytes, "dirty-limit vm.dirty_ratio;" },
    { dirty_bytes, "" },
    { high_background, "dirty-background vm.dirty_background_ratio;" },
    { swaps, "swappiness vm.swappiness;" },
    { no_swap, "" },
    { no_broker_here, "" },
    { full, "disk-full /data/b;" },
    { low, "disk-low /data/b;" },
    { low_share_of_much, "" },
    { no_inodes, "inodes-low /data/a;" },
    { inodes_not_counted, "" },
    { read_only, "disk-read-only /data/d;" },
    { shared, "disk-shared /data/b;" },
    { shared_by_brokers, "" },
};

START_TEST(what_is_wrong_is_found_and_nothing_else)
{
    struct cluster cluster;
    make(&cluster);

    rows[_i].doctor(&cluster);

    ck_assert_str_eq(found(&cluster), rows[_i].found);
}
END_TEST

START_TEST(each_check_has_a_row_that_it_finds_something_in)
{
    for (size_t c = 0; c < checkup_table_count; c++) {
        const char *name = checkup_table[c].name;
        bool tried = false;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            tried |= strncmp(rows[i].found, name, strlen(name)) == 0;
        ck_assert_msg(tried, "%s", name);
        ck_assert_ptr_eq(checkup_find(name), &checkup_table[c]);
    }
    ck_assert_ptr_null(checkup_find("mood"));
}
END_TEST

START_TEST(what_to_type_names_the_subject)
{
    struct cluster cluster;
    struct checkup checkup;
    char text[128];
    make(&cluster);
    one_replica(&cluster);

    checkup_run(&cluster.facts, NULL, NULL, &checkup);

    ck_assert_uint_eq(checkup.count, 1);
    ck_assert_str_eq(checkup_todo(&checkup.findings[0], text, sizeof text),
                     "kairn partition reassign orders --replication-factor 3");
    ck_assert_str_eq(checkup_todo(&checkup.findings[0], text, 29), "kairn partition reassign ord");
    ck_assert_uint_eq(checkup_count(&checkup, SEVERITY_WARNING), 1);
    ck_assert(!checkup_sound(&checkup));
    checkup_fini(&checkup);
}
END_TEST

static bool skips_warnings(void *context, const struct check *check)
{
    (void)context;
    return check->severity == SEVERITY_WARNING;
}

START_TEST(what_is_skipped_is_not_found_and_notes_are_sound)
{
    struct cluster cluster;
    struct checkup checkup;
    make(&cluster);
    zk_alone(&cluster);
    debug(&cluster);

    checkup_run(&cluster.facts, skips_warnings, NULL, &checkup);

    ck_assert_uint_eq(checkup.count, 1);
    ck_assert_uint_eq(checkup_count(&checkup, SEVERITY_NOTE), 1);
    ck_assert(checkup_sound(&checkup));
    checkup_fini(&checkup);
}
END_TEST

Suite *checkup_suite(void)
{
    Suite *suite = suite_create("tools/checkup");
    TCase *tests = tcase_create("checks");

    tcase_add_test(tests, a_sound_cluster_is_sound);
    tcase_add_loop_test(tests, what_is_wrong_is_found_and_nothing_else, 0,
                        sizeof rows / sizeof *rows);
    tcase_add_test(tests, each_check_has_a_row_that_it_finds_something_in);
    tcase_add_test(tests, what_to_type_names_the_subject);
    tcase_add_test(tests, what_is_skipped_is_not_found_and_notes_are_sound);
    suite_add_tcase(suite, tests);
    return suite;
}
