/* Topics through several control planes and one ZooKeeper: made, announced, deleted, broken. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "server/runtime/metadata.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/peer.h"
#include "tests/zk/proxy.h"
#include "tests/zk/server.h"

static struct crew crew;
static struct inbox inbox;
static struct peer observer;

static void open_crew(const char *chroot, int32_t brokers)
{
    crew_init(&crew, chroot);
    inbox_init(&inbox);
    for (int32_t id = 1; id <= brokers; id++)
        crew_start(&crew, id, NULL);
    peer_open(&observer, &inbox, chroot, 30000);
}

static void close_crew(void)
{
    crew_fini(&crew);
    peer_close(&observer);
    inbox_fini(&inbox);
}

static int created(struct crew_broker *broker, const char *topic, int32_t partitions)
{
    return crew_result(crew_create(broker, true, topic, partitions, 1));
}

static int deleted(struct crew_broker *broker, const char *topic)
{
    return crew_result(crew_delete(broker, true, topic));
}

static bool exists(const char *path)
{
    return peer_exists(&observer, path, NULL).code == 0;
}

static void make_node(const char *path, const char *text)
{
    ck_assert_int_eq(peer_do(&observer, ZK_OP_CREATE, path, text).code, 0);
}

START_TEST(topics_are_made_and_deleted_by_way_of_any_broker)
{
    open_crew("/any-broker", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    struct crew_broker *other = crew_other(&crew, controller);

    ck_assert_int_eq(created(other, "t", 4), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 4));
    struct uuid id = crew_topic_id(other, "t");
    ck_assert_int_eq(created(controller, "t", 1), K_TOPIC_ALREADY_EXISTS);
    ck_assert(exists("/brokers/topics/t/partitions/3/state"));
    ck_assert(exists("/config/topics/t"));
    ck_assert_int_eq(deleted(other, "t"), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", -1));
    ck_assert(!exists("/brokers/topics/t"));
    ck_assert(!exists("/config/topics/t"));
    ck_assert_int_eq(deleted(controller, "t"), K_UNKNOWN_TOPIC_OR_PARTITION);

    const struct metadata *picture = metadata_get(other->cell);
    ck_assert_uint_eq(picture->deleted_count, 1);
    ck_assert(uuid_equal(&picture->deleted[0], &id));
    metadata_put(picture);
    close_crew();
}
END_TEST

START_TEST(who_is_not_the_controller_says_who_is)
{
    open_crew("/who", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);

    struct crew_request *request =
        crew_create(crew_other(&crew, controller), false, "t", 1, 1);
    CREW_UNTIL(&crew, crew_answered(request));

    ck_assert_int_eq(request->request.controller, controller->id);
    ck_assert_int_eq(crew_result(request), K_NOT_CONTROLLER);
    close_crew();
}
END_TEST

START_TEST(what_was_made_or_deleted_is_known_to_the_broker_that_says_so)
{
    open_crew("/known", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    struct crew_broker *asked[] = { controller, crew_other(&crew, controller) };

    for (int i = 0; i < 20; i++) {
        struct crew_broker *broker = asked[i % 2];

        ck_assert_int_eq(created(broker, "t", 1), 0);
        ck_assert_int_eq(crew_led(broker, "t"), 1);
        ck_assert_int_eq(crew_led(controller, "t"), 1);
        ck_assert_int_eq(crew_result(crew_add_partitions(broker, true, "t", 3)), 0);
        ck_assert_int_eq(crew_led(broker, "t"), 3);
        ck_assert_int_eq(crew_led(controller, "t"), 3);
        ck_assert_int_eq(deleted(broker, "t"), 0);
        ck_assert_int_eq(crew_led(broker, "t"), -1);
        ck_assert_int_eq(crew_led(controller, "t"), -1);
    }
    close_crew();
}
END_TEST

START_TEST(many_partitions_are_made_announced_and_deleted)
{
    static const char *const names[] = { "a", "b", "c" };
    enum { TOPICS = 3, PARTITIONS = 10000 };
    open_crew("/many", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    struct crew_broker *other = crew_other(&crew, controller);

    int64_t begin_ms = clock_mono_ms(&clock_system);
    for (int i = 0; i < TOPICS; i++)
        ck_assert_int_eq(crew_result(crew_create(other, true, names[i], PARTITIONS, 1)), 0);
    int64_t made_ms = clock_mono_ms(&clock_system);
    for (int i = 0; i < TOPICS; i++)
        CREW_UNTIL(&crew, crew_all_led(&crew, names[i], PARTITIONS));
    int64_t told_ms = clock_mono_ms(&clock_system);
    crew_start(&crew, 4, NULL);         /* gets it all at once, in parts */
    CREW_UNTIL(&crew, crew_agrees(&crew, 4));
    int64_t joined_ms = clock_mono_ms(&clock_system);
    crew_stop(controller);              /* the next one has to read it all */
    struct crew_broker *next = crew_controller(&crew, 3);
    for (int i = 0; i < TOPICS; i++)    /* without those of the broker that went: a third */
        CREW_UNTIL(&crew, crew_led(next, names[i]) < PARTITIONS * 2 / 3 + 2 &&
                              crew_all_led(&crew, names[i], crew_led(next, names[i])));
    int64_t taken_ms = clock_mono_ms(&clock_system);
    for (int i = 0; i < TOPICS; i++)
        ck_assert_int_eq(deleted(crew_other(&crew, next), names[i]), 0);
    for (int i = 0; i < TOPICS; i++)
        CREW_UNTIL(&crew, crew_all_led(&crew, names[i], -1));
    int64_t gone_ms = clock_mono_ms(&clock_system);

    ck_assert_uint_eq(peer_children(&observer, "/brokers/topics", NULL).child_count, 0);
    fprintf(stderr,
            "control: %d topics of %d partitions: made in %lld ms, announced after "
            "%lld, a new broker after %lld, a new controller after %lld, deleted in %lld\n",
            (int)TOPICS, (int)PARTITIONS, (long long)(made_ms - begin_ms),
            (long long)(told_ms - made_ms), (long long)(joined_ms - told_ms),
            (long long)(taken_ms - joined_ms), (long long)(gone_ms - taken_ms));
    close_crew();
}
END_TEST

START_TEST(a_delete_request_in_zookeeper_is_carried_out_or_dropped)
{
    open_crew("/by-znode", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    ck_assert_int_eq(created(controller, "t", 3), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 3));

    make_node("/admin/delete_topics/t", NULL);
    make_node("/admin/delete_topics/no-such-topic", NULL);

    CREW_UNTIL(&crew, crew_all_led(&crew, "t", -1));
    CREW_UNTIL(&crew, peer_children(&observer, "/admin/delete_topics", NULL).child_count == 0);
    ck_assert(!exists("/brokers/topics/t"));
    ck_assert_int_eq(created(controller, "no-such-topic", 1), 0);
    close_crew();
}
END_TEST

/* Did the broker hear that this topic was deleted? */
static bool told_of_deletion(const struct crew_broker *broker, const struct uuid *id)
{
    const struct metadata *picture = metadata_get(broker->cell);
    bool told = metadata_was_deleted(picture, id);
    metadata_put(picture);
    return told;
}

START_TEST(a_deletion_is_remembered_when_all_brokers_have_been_down)
{
    open_crew("/remembered", 1);
    ck_assert_int_eq(created(crew_controller(&crew, 1), "t", 3), 0);
    struct uuid id = crew_topic_id(&crew.brokers[1], "t");
    ck_assert_int_eq(deleted(&crew.brokers[1], "t"), 0);

    crew_stop(&crew.brokers[1]);
    crew_start(&crew, 1, NULL);
    crew_controller(&crew, 1);

    CREW_UNTIL(&crew, told_of_deletion(&crew.brokers[1], &id));
    close_crew();
}
END_TEST

START_TEST(of_remembered_deletions_the_newest_are_kept)
{
    enum { KEPT = METADATA_DELETED_MAX, OLD = 3 };
    static const char record[] = "/kairn/deleted/%02dXm8VOnSs6jZjZQdklTIw-";
    char path[64];
    open_crew("/too-many", 1);
    crew_controller(&crew, 1);
    crew_stop(&crew.brokers[1]);
    make_node("/kairn/deleted/somebody-elses", NULL);
    for (int i = 0; i < KEPT + OLD; i++) {
        snprintf(path, sizeof path, record, i % 100);
        ck_assert_int_eq(peer_do(&observer, ZK_OP_CREATE_SEQUENTIAL, path, NULL).code, 0);
    }

    crew_start(&crew, 1, NULL);
    crew_controller(&crew, 1);

    CREW_UNTIL(&crew, peer_children(&observer, "/kairn/deleted", NULL).child_count == KEPT + 1);
    ck_assert(exists("/kairn/deleted/somebody-elses"));
    snprintf(path, sizeof path, "/kairn/deleted/%02dXm8VOnSs6jZjZQdklTIw-%010d", OLD, OLD + 1);
    ck_assert(exists(path));
    close_crew();
}
END_TEST

START_TEST(a_topic_is_deleted_where_nothing_can_be_remembered)
{
    open_crew("/no-place", 1);
    ck_assert_int_eq(created(crew_controller(&crew, 1), "t", 3), 0);
    ck_assert_int_eq(peer_do(&observer, ZK_OP_DELETE, "/kairn/deleted", NULL).code, 0);

    ck_assert_int_eq(deleted(&crew.brokers[1], "t"), 0);

    ck_assert(!exists("/brokers/topics/t"));
    close_crew();
}
END_TEST

START_TEST(a_delete_request_is_found_by_the_next_controller)
{
    open_crew("/found", 1);
    ck_assert_int_eq(created(crew_controller(&crew, 1), "t", 3), 0);

    crew_stop(&crew.brokers[1]);
    make_node("/admin/delete_topics/t", NULL);
    make_node("/admin/delete_topics/no-such-topic", NULL);
    crew_start(&crew, 1, NULL);

    CREW_UNTIL(&crew, peer_children(&observer, "/admin/delete_topics", NULL).child_count == 0);
    CREW_UNTIL(&crew, crew_agrees(&crew, 1));
    ck_assert_int_eq(crew_led(&crew.brokers[1], "t"), -1);
    ck_assert(!exists("/brokers/topics/t"));
    close_crew();
}
END_TEST

static bool told_of_missing(const struct crew_broker *broker)
{
    const struct metadata *picture = metadata_get(broker->cell);
    bool missing = picture->topics_missing;
    metadata_put(picture);
    return missing;
}

START_TEST(broken_topics_are_left_alone_and_the_others_served)
{
    static const char whole[] = "{\"partitions\":{\"0\":[1],\"1\":[1]},"
                                "\"topic_id\":\"NpXm8VOnSs6jZjZQdklTIw\",\"adding_replicas\":{},"
                                "\"removing_replicas\":{},\"version\":3}";
    static const char without_id[] = "{\"version\":1,\"partitions\":{\"0\":[1]}}";
    open_crew("/broken", 1);
    ck_assert_int_eq(created(crew_controller(&crew, 1), "good", 3), 0);
    ck_assert(!told_of_missing(&crew.brokers[1]));
    crew_stop(&crew.brokers[1]);
    make_node("/brokers/topics/not-json", "{");
    make_node("/brokers/topics/no-partitions", "{\"version\":3,\"partitions\":{}}");
    make_node("/brokers/topics/bad-state", whole);
    make_node("/brokers/topics/bad-state/partitions", NULL);
    make_node("/brokers/topics/bad-state/partitions/0", NULL);
    make_node("/brokers/topics/bad-state/partitions/0/state", "[]");
    make_node("/brokers/topics/old", without_id);

    crew_start(&crew, 1, NULL);
    crew_controller(&crew, 1);
    CREW_UNTIL(&crew, crew_all_led(&crew, "good", 3));
    CREW_UNTIL(&crew, crew_all_led(&crew, "old", 1));
    CREW_UNTIL(&crew, crew_all_led(&crew, "bad-state", 1));
    ck_assert(told_of_missing(&crew.brokers[1]));
    make_node("/admin/delete_topics/not-json", NULL);
    ck_assert_int_eq(created(&crew.brokers[1], "not-json", 1), K_TOPIC_ALREADY_EXISTS);

    ck_assert_int_eq(crew_led(&crew.brokers[1], "not-json"), -1);
    ck_assert_int_eq(crew_led(&crew.brokers[1], "no-partitions"), -1);
    ck_assert_str_eq(peer_get(&observer, "/brokers/topics/not-json", NULL).data, "{");
    ck_assert_ptr_nonnull(strstr(peer_get(&observer, "/brokers/topics/old", NULL).data,
                                 "\"topic_id\":\""));
    ck_assert(exists("/brokers/topics/old/partitions/0/state"));
    /* the id stays what it was given */
    struct uuid id = crew_topic_id(&crew.brokers[1], "old");
    crew_stop(&crew.brokers[1]);
    ck_assert(exists("/admin/delete_topics/not-json"));
    crew_start(&crew, 1, NULL);
    CREW_UNTIL(&crew, crew_all_led(&crew, "old", 1));
    struct uuid same = crew_topic_id(&crew.brokers[1], "old");
    ck_assert(uuid_equal(&id, &same));
    close_crew();
}
END_TEST

/* Nobody but the controller writes states: what it knows counts. */
START_TEST(a_state_that_makes_no_sense_is_written_anew)
{
    static const char first[] = "/brokers/topics/t/partitions/0/state";
    static const char second[] = "/brokers/topics/t/partitions/1/state";
    char expected[32];
    open_crew("/nonsense", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    ck_assert_int_eq(crew_result(crew_create(controller, true, "t", 2, 2)), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 2));
    ck_assert_int_eq(peer_set(&observer, first, "{", -1).code, 0);
    ck_assert_int_eq(peer_set(&observer, second, "{\"leader\":\"nobody\"}", -1).code, 0);

    crew_stop(crew_other(&crew, controller));

    snprintf(expected, sizeof expected, "\"isr\":[%d]", (int)controller->id);
    CREW_UNTIL(&crew, strstr(peer_get(&observer, first, NULL).data, expected) != NULL);
    CREW_UNTIL(&crew, strstr(peer_get(&observer, second, NULL).data, expected) != NULL);
    ck_assert(crew_all_led(&crew, "t", 2));
    close_crew();
}
END_TEST

static int epoch_in(const char *state)
{
    const char *at = strstr(state, "\"leader_epoch\":");
    int epoch = -1;

    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at, "\"leader_epoch\":%d", &epoch), 1);
    return epoch;
}

/* Whoever knew it is gone. */
START_TEST(a_state_that_no_controller_knows_stays_until_it_is_mended)
{
    static const char path[] = "/brokers/topics/t/partitions/0/state";
    char kept[512];
    open_crew("/unread", 1);
    ck_assert_int_eq(created(crew_controller(&crew, 1), "t", 2), 0);
    crew_stop(&crew.brokers[1]);
    struct answer state = peer_get(&observer, path, NULL);
    snprintf(kept, sizeof kept, "%.*s", (int)state.size, state.data);
    ck_assert_int_eq(peer_set(&observer, path, "{", -1).code, 0);

    crew_start(&crew, 1, NULL);
    struct crew_broker *controller = crew_controller(&crew, 1);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 1));
    ck_assert_int_eq(created(controller, "other", 1), 0);
    ck_assert_str_eq(peer_get(&observer, path, NULL).data, "{");
    ck_assert(crew_all_led(&crew, "t", 1));
    ck_assert(!told_of_missing(controller));

    ck_assert_int_eq(peer_set(&observer, path, kept, -1).code, 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 2));
    ck_assert_int_gt(epoch_in(peer_get(&observer, path, NULL).data), epoch_in(kept));
    close_crew();
}
END_TEST

START_TEST(a_topic_that_is_mended_is_served_by_the_next_reign)
{
    static const char path[] = "/brokers/topics/t";
    char kept[512];
    open_crew("/mended", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    ck_assert_int_eq(created(controller, "t", 2), 0);
    struct answer node = peer_get(&observer, path, NULL);
    snprintf(kept, sizeof kept, "%.*s", (int)node.size, node.data);
    ck_assert_int_eq(peer_set(&observer, path, "{", -1).code, 0);
    crew_stop(&crew.brokers[1]);
    crew_stop(&crew.brokers[2]);
    crew_start(&crew, 1, NULL);
    crew_start(&crew, 2, NULL);
    controller = crew_controller(&crew, 2);
    ck_assert_int_eq(created(controller, "other", 1), 0);
    ck_assert_int_eq(crew_led(controller, "t"), -1);

    ck_assert_int_eq(peer_set(&observer, path, kept, -1).code, 0);

    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 2));
    ck_assert(!told_of_missing(crew_controller(&crew, 2)));
    close_crew();
}
END_TEST

/* --- answers that are lost -------------------------------------------------------------------- */

/* The broker under test reaches ZooKeeper by way of the proxy, the others do not. */
START_TEST(a_store_whose_answer_is_lost_has_one_outcome)
{
    struct proxy proxy;
    char connect[64];
    open_crew("/lost", 0);
    proxy_start(&proxy, server_address());
    snprintf(connect, sizeof connect, "127.0.0.1:%d/lost", proxy.port);
    struct crew_broker *controller = crew_start(&crew, 1, connect);
    ck_assert_ptr_eq(crew_controller(&crew, 1), controller);
    crew_start(&crew, 2, NULL);
    CREW_UNTIL(&crew, crew_agrees(&crew, 2));

    atomic_store(&proxy.lose_next_multi, true);
    ck_assert_int_eq(created(controller, "t", 1000), 0);
    ck_assert(!atomic_load(&proxy.lose_next_multi));
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 1000));

    atomic_store(&proxy.lose_next_multi, true);
    crew_stop(&crew.brokers[2]);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 500));
    ck_assert(!atomic_load(&proxy.lose_next_multi));

    for (int32_t i = 0; i < 1000; i++) {
        const struct metadata *picture = metadata_get(controller->cell);
        const struct metadata_partition *partition =
            &metadata_topic_by_name(picture, "t")->partitions[i];
        char path[128];
        snprintf(path, sizeof path, "/brokers/topics/t/partitions/%d/state", (int)i);
        ck_assert_int_eq(peer_exists(&observer, path, NULL).stat.version, partition->version);
        ck_assert_int_eq(partition->version, partition->leader < 0 ? 1 : 0);
        metadata_put(picture);
    }

    atomic_store(&proxy.lose_next_multi, true);
    ck_assert_int_eq(deleted(controller, "t"), 0);
    ck_assert(!atomic_load(&proxy.lose_next_multi));
    ck_assert(!exists("/brokers/topics/t"));
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", -1));
    close_crew();
    proxy_stop(&proxy);
}
END_TEST

Suite *control_topics_suite(void)
{
    Suite *suite = suite_create("server/runtime/control_topics");
    TCase *tests = tcase_create("topics");

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, topics_are_made_and_deleted_by_way_of_any_broker);
    tcase_add_test(tests, who_is_not_the_controller_says_who_is);
    tcase_add_test(tests, what_was_made_or_deleted_is_known_to_the_broker_that_says_so);
    tcase_add_test(tests, many_partitions_are_made_announced_and_deleted);
    tcase_add_test(tests, a_delete_request_in_zookeeper_is_carried_out_or_dropped);
    tcase_add_test(tests, a_delete_request_is_found_by_the_next_controller);
    tcase_add_test(tests, a_deletion_is_remembered_when_all_brokers_have_been_down);
    tcase_add_test(tests, of_remembered_deletions_the_newest_are_kept);
    tcase_add_test(tests, a_topic_is_deleted_where_nothing_can_be_remembered);
    tcase_add_test(tests, broken_topics_are_left_alone_and_the_others_served);
    tcase_add_test(tests, a_state_that_no_controller_knows_stays_until_it_is_mended);
    tcase_add_test(tests, a_topic_that_is_mended_is_served_by_the_next_reign);
    tcase_add_test(tests, a_state_that_makes_no_sense_is_written_anew);
    tcase_add_test(tests, a_store_whose_answer_is_lost_has_one_outcome);
    suite_add_tcase(suite, tests);
    return suite;
}
