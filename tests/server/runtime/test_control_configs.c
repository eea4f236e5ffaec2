/* Topics and configurations altered, by requests and by hand, through control planes and one
 * ZooKeeper. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/peer.h"
#include "tests/zk/server.h"

static struct crew crew;
static struct inbox inbox;
static struct peer person;

static const struct clock *crew_clock;       /* of the next crew */

static struct crew_broker *open_crew(const char *chroot, int32_t brokers)
{
    crew_init(&crew, chroot);
    crew.clock = crew_clock;
    inbox_init(&inbox);
    for (int32_t id = 1; id <= brokers; id++)
        crew_start(&crew, id, NULL);
    peer_open(&person, &inbox, chroot, 30000);
    struct crew_broker *controller = crew_controller(&crew, (size_t)brokers);
    ck_assert_int_eq(crew_result(crew_create(controller, true, "t", 2, 1)), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 2));
    return controller;
}

static void close_crew(void)
{
    crew_fini(&crew);
    peer_close(&person);
    inbox_fini(&inbox);
}

static void stands(const char *path, const char *text)
{
    struct answer answer = peer_get(&person, path, NULL);

    ck_assert_int_eq(answer.code, 0);
    ck_assert_msg(answer.size == strlen(text) && memcmp(answer.data, text, answer.size) == 0,
                  "%s has %.*s", path, (int)answer.size, answer.data);
}

static void write_text(const char *path, const char *text)
{
    ck_assert_int_eq(peer_set(&person, path, text, -1).code, 0);
}

START_TEST(partitions_are_added_by_way_of_any_broker_and_survive_the_controller)
{
    struct crew_broker *controller = open_crew("/alter-partitions", 2);
    struct crew_broker *other = crew_other(&crew, controller);

    ck_assert_int_eq(crew_result(crew_add_partitions(other, true, "t", 700)), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 700));
    ck_assert_int_eq(crew_result(crew_add_partitions(other, true, "t", 3)), K_INVALID_PARTITIONS);
    ck_assert_int_eq(crew_result(crew_add_partitions(other, false, "t", 800)), K_NOT_CONTROLLER);
    ck_assert_int_eq(peer_exists(&person, "/brokers/topics/t/partitions/699/state", NULL).code, 0);

    crew_stop(controller);
    CREW_UNTIL(&crew, crew_agrees(&crew, 1));
    CREW_UNTIL(&crew, crew_led(other, "t") == 350);
    close_crew();
}
END_TEST

START_TEST(states_that_a_controller_did_not_get_to_are_made_by_the_next)
{
    struct crew_broker *controller = open_crew("/alter-half", 1);
    char topic[512];

    /* As if it had died between two multis: the assignment is there, one state of two is not. */
    crew_stop(controller);
    struct answer node = peer_get(&person, "/brokers/topics/t", NULL);
    const char *rest = strstr(node.data, ",\"topic_id\"");
    snprintf(topic, sizeof topic, "{\"partitions\":{\"0\":[1],\"1\":[1],\"2\":[1],\"3\":[1]}%.*s",
             (int)(node.data + node.size - rest), rest);
    write_text("/brokers/topics/t", topic);
    peer_do(&person, ZK_OP_CREATE, "/brokers/topics/t/partitions/2", NULL);
    crew_start(&crew, 1, NULL);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 4));
    close_crew();
}
END_TEST

START_TEST(a_configuration_is_stored_as_kafka_does_and_told_to_everybody)
{
    struct crew_broker *controller = open_crew("/alter-config", 2);
    struct crew_broker *other = crew_other(&crew, controller);

    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "segment.ms", "5")), 0);
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "5"));
    stands("/config/topics/t", "{\"version\":1,\"config\":{\"segment.ms\":\"5\"}}");
    stands("/config/changes/config_change_0000000000",
           "{\"version\":2,\"entity_path\":\"topics/t\"}");

    ck_assert_int_eq(crew_result(crew_alter(other, NULL, NULL, "message.max.bytes", "7")), 0);
    ck_assert_int_eq(crew_result(crew_alter(other, NULL, "1", "log.roll.ms", "9")), 0);
    CREW_UNTIL(&crew, crew_broker_told(&crew, "<default>", "message.max.bytes", "7"));
    CREW_UNTIL(&crew, crew_broker_told(&crew, "1", "log.roll.ms", "9"));
    stands("/config/brokers/<default>",
           "{\"version\":1,\"config\":{\"message.max.bytes\":\"7\"}}");
    stands("/config/changes/config_change_0000000001",
           "{\"version\":2,\"entity_path\":\"brokers/<default>\"}");

    /* The next controller knows all of it. */
    crew_stop(controller);
    CREW_UNTIL(&crew, crew_agrees(&crew, 1));
    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "segment.bytes", "99")), 0);
    stands("/config/topics/t",
           "{\"version\":1,\"config\":{\"segment.ms\":\"5\",\"segment.bytes\":\"99\"}}");
    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "segment.ms", NULL)), 0);
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", NULL));
    CREW_UNTIL(&crew, crew_broker_told(&crew, "<default>", "message.max.bytes", "7"));
    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "junk", NULL)), K_UNKNOWN_NAME);
    ck_assert_int_eq(crew_result(crew_alter(other, "u", NULL, "segment.ms", NULL)),
                     K_UNKNOWN_TOPIC_OR_PARTITION);
    close_crew();
}
END_TEST

START_TEST(what_a_person_writes_counts_with_a_note_and_without_one)
{
    struct crew_broker *controller = open_crew("/alter-by-hand", 2);

    write_text("/config/topics/t", "{\"version\":1,\"config\":{\"segment.ms\":\"6\"}}");
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "6"));

    write_text("/config/topics/t", "{\"version\":1,\"config\":{\"segment.ms\":\"7\"}}");
    peer_do(&person, ZK_OP_CREATE_SEQUENTIAL, "/config/changes/config_change_",
            "{\"version\":2,\"entity_path\":\"topics/t\"}");
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "7"));

    /* Ours comes on top. */
    write_text("/config/topics/t", "{\"version\":1,\"config\":{\"segment.ms\":\"8\"}}");
    ck_assert_int_eq(crew_result(crew_alter(controller, "t", NULL, "segment.bytes", "99")), 0);
    stands("/config/topics/t",
           "{\"version\":1,\"config\":{\"segment.ms\":\"8\",\"segment.bytes\":\"99\"}}");
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "8"));

    peer_do(&person, ZK_OP_DELETE, "/config/topics/t", NULL);
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", NULL));
    peer_do(&person, ZK_OP_CREATE, "/config/brokers/2",
            "{\"version\":1,\"config\":{\"log.roll.ms\":\"4\"}}");
    CREW_UNTIL(&crew, crew_broker_told(&crew, "2", "log.roll.ms", "4"));
    peer_do(&person, ZK_OP_DELETE, "/config/brokers/2", NULL);
    CREW_UNTIL(&crew, crew_broker_told(&crew, "2", "log.roll.ms", NULL));
    close_crew();
}
END_TEST

static int64_t system_mono_us(const struct clock *clock)
{
    (void)clock;
    return clock_mono_us(&clock_system);
}

static int64_t system_boot_ms(const struct clock *clock)
{
    (void)clock;
    return clock_boot_ms(&clock_system);
}

static int64_t later_wall_ms(const struct clock *clock)
{
    (void)clock;
    return clock_wall_ms(&clock_system) + 15 * 60 * 1000;
}

START_TEST(notes_go_after_fifteen_minutes)
{
    static const struct clock later = { system_mono_us, system_boot_ms, later_wall_ms };
    static const char note[] = "/config/changes/config_change_0000000000";
    crew_clock = &later;
    struct crew_broker *controller = open_crew("/alter-notes", 1);
    crew_clock = NULL;

    ck_assert_int_eq(crew_result(crew_alter(controller, "t", NULL, "segment.ms", "5")), 0);

    CREW_UNTIL(&crew, peer_exists(&person, note, NULL).code == K_NOT_FOUND);
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "5"));
    ck_assert_int_eq(crew_result(crew_alter(controller, "t", NULL, "segment.ms", "6")), 0);
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "6"));
    close_crew();
}
END_TEST

START_TEST(garbage_leaves_what_was_good)
{
    static const char *const garbage[] = {
        "",
        "no json",
        "[]",
        "{\"version\":1}",
        "{\"version\":1,\"config\":{\"segment.ms\":5}}",
        "{\"version\":1,\"config\":{\"segment.ms\":\"many\",\"marker\":\"x\"}}",
    };
    struct crew_broker *controller = open_crew("/alter-garbage", 2);

    ck_assert_int_eq(crew_result(crew_alter(controller, "t", NULL, "segment.ms", "5")), 0);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        char bytes[16];
        write_text("/config/topics/t", garbage[i]);
        peer_do(&person, ZK_OP_CREATE_SEQUENTIAL, "/config/changes/config_change_",
                i % 2 == 0 ? "{\"version\":2,\"entity_path\":\"topics/t\"}" : "junk");
        /* Written over what is left of it, so it was seen. */
        snprintf(bytes, sizeof bytes, "%zu", 100 + i);
        struct crew_request *other =
            crew_alter(controller, NULL, NULL, "log.segment.bytes", bytes);
        ck_assert_int_eq(crew_result(other), 0);
        CREW_UNTIL(&crew, crew_broker_told(&crew, "<default>", "log.segment.bytes", bytes));
        ck_assert(crew_topic_told(&crew, "t", "segment.ms", "5"));
    }

    /* The next controller, too, and whoever alters it then puts it in order; a value that we can
     * not serve stays where it is. */
    crew_stop(controller);
    CREW_UNTIL(&crew, crew_agrees(&crew, 1));
    struct crew_broker *other = crew_controller(&crew, 1);
    ck_assert(crew_topic_told(&crew, "t", "segment.ms", "5"));
    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "segment.ms", "6")), 0);
    stands("/config/topics/t",
           "{\"version\":1,\"config\":{\"segment.ms\":\"6\",\"marker\":\"x\"}}");
    CREW_UNTIL(&crew, crew_topic_told(&crew, "t", "segment.ms", "6"));
    ck_assert(crew_topic_told(&crew, "t", "marker", NULL));
    ck_assert_int_eq(crew_result(crew_alter(other, "t", NULL, "marker", NULL)), 0);
    stands("/config/topics/t", "{\"version\":1,\"config\":{\"segment.ms\":\"6\"}}");
    close_crew();
}
END_TEST

Suite *control_configs_suite(void)
{
    Suite *suite = suite_create("server/runtime/control_configs");
    TCase *tcase = tcase_create("configs");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, partitions_are_added_by_way_of_any_broker_and_survive_the_controller);
    tcase_add_test(tcase, states_that_a_controller_did_not_get_to_are_made_by_the_next);
    tcase_add_test(tcase, a_configuration_is_stored_as_kafka_does_and_told_to_everybody);
    tcase_add_test(tcase, what_a_person_writes_counts_with_a_note_and_without_one);
    tcase_add_test(tcase, notes_go_after_fifteen_minutes);
    tcase_add_test(tcase, garbage_leaves_what_was_good);
    suite_add_tcase(suite, tcase);
    return suite;
}
