/* Several control planes and one ZooKeeper: who is the controller, and who is there. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/runtime/control_internal.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/peer.h"
#include "tests/zk/server.h"

static struct crew crew;
static struct inbox inbox;
static struct peer observer;            /* what zkCli would see; open while the tests want it */

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

static int32_t controller_epoch(void)
{
    struct answer epoch = peer_get(&observer, "/controller_epoch", NULL);
    ck_assert_int_eq(epoch.code, 0);
    return (int32_t)strtol(epoch.data, NULL, 10);
}

static void make_topic(struct crew_broker *broker, const char *topic, int32_t partitions)
{
    ck_assert_int_eq(crew_result(crew_create(broker, true, topic, partitions, 1)), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, topic, partitions));
}

START_TEST(a_first_start_makes_a_cluster_with_one_controller)
{
    open_crew("/first", 3);

    struct crew_broker *controller = crew_controller(&crew, 3);

    char expected[64];
    snprintf(expected, sizeof expected, "\"brokerid\":%d", controller->id);
    ck_assert_ptr_nonnull(strstr(peer_get(&observer, "/controller", NULL).data, expected));
    ck_assert_int_eq(controller_epoch(), 1);
    ck_assert_uint_eq(peer_children(&observer, "/brokers/ids", NULL).child_count, 3);
    ck_assert_int_eq(peer_exists(&observer, "/cluster/id", NULL).code, 0);
    close_crew();
}
END_TEST

START_TEST(a_broker_that_goes_leaves_its_partitions_without_a_leader_until_it_is_back)
{
    open_crew("/goes", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    make_topic(controller, "t", 6);
    struct crew_broker *other = crew_other(&crew, controller);
    int32_t before[6];
    for (int32_t i = 0; i < 6; i++)
        before[i] = crew_epoch(controller, "t", i);

    crew_stop(other);
    CREW_UNTIL(&crew, crew_agrees(&crew, 2) && crew_all_led(&crew, "t", 4));
    crew_start(&crew, other->id, NULL);
    CREW_UNTIL(&crew, crew_agrees(&crew, 3) && crew_all_led(&crew, "t", 6));

    int32_t grown = 0;
    for (int32_t i = 0; i < 6; i++) {
        ck_assert_int_ge(crew_epoch(controller, "t", i), before[i]);
        grown += crew_epoch(controller, "t", i) > before[i];
    }
    ck_assert_int_eq(grown, 2);
    close_crew();
}
END_TEST

START_TEST(another_takes_over_when_the_controller_stops)
{
    open_crew("/takes-over", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    make_topic(controller, "t", 3);
    struct uuid id = crew_topic_id(controller, "t");

    crew_stop(controller);
    struct crew_broker *next = crew_controller(&crew, 2);

    ck_assert_ptr_ne(next, controller);
    ck_assert_int_eq(controller_epoch(), 2);
    CREW_UNTIL(&crew, crew_all_led(&crew, "t", 2));
    struct uuid same = crew_topic_id(next, "t");
    ck_assert(uuid_equal(&id, &same));
    make_topic(crew_other(&crew, next), "u", 2);
    close_crew();
}
END_TEST

static void take_key(void *context)
{
    struct crew_broker *broker = ((void **)context)[0];
    ck_assert(zk_session_key(broker->control->session, ((void **)context)[1]));
}

static void expire(struct crew_broker *broker)
{
    struct zk_session_key key;
    void *arguments[] = { broker, &key };

    crew_on(broker, take_key, arguments);
    end_session(&key);
}

static int32_t announced_epoch(const struct crew_broker *broker)
{
    const struct metadata *picture = metadata_get(broker->cell);
    int32_t epoch = picture->controller_epoch;
    metadata_put(picture);
    return epoch;
}

START_TEST(an_expired_controller_registers_again_and_nobody_is_lost)
{
    open_crew("/expired", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    make_topic(controller, "t", 3);

    for (int32_t round = 2; round <= 4; round++) {
        expire(crew_controller(&crew, 3));
        CREW_UNTIL(&crew, announced_epoch(&crew.brokers[1]) >= round && crew_agrees(&crew, 3) &&
                              crew_all_led(&crew, "t", 3));
    }
    make_topic(crew_other(&crew, crew_controller(&crew, 3)), "u", 2);
    close_crew();
}
END_TEST

static bool has_lease(const struct crew_broker *broker)
{
    return control_lease_until_ms(broker->control) != INT64_MIN;
}

static void wait_at_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
}

static void *stall(void *arguments)
{
    crew_on(((void **)arguments)[0], wait_at_gate, ((void **)arguments)[1]);
    return NULL;
}

START_TEST(who_registers_again_has_no_lease_before_the_controller_has_spoken)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    char path[64];
    open_crew("/unspoken", 3);
    struct crew_broker *controller = crew_controller(&crew, 3);
    struct crew_broker *other = crew_other(&crew, controller);
    void *arguments[] = { controller, &gate };
    snprintf(path, sizeof path, "/brokers/ids/%d", other->id);
    CREW_UNTIL(&crew, has_lease(other));

    pthread_mutex_lock(&gate);
    ck_assert_int_eq(pthread_create(&thread, NULL, stall, arguments), 0);
    expire(other);
    CREW_UNTIL(&crew, !has_lease(other));
    CREW_UNTIL(&crew, peer_exists(&observer, path, NULL).code == 0);
    for (int i = 0; i < 20; i++) {
        crew_wait(&crew, crew_deadline());
        ck_assert(!has_lease(other));
    }
    pthread_mutex_unlock(&gate);

    CREW_UNTIL(&crew, has_lease(other));
    pthread_join(thread, NULL);
    close_crew();
}
END_TEST

START_TEST(a_request_waits_while_zookeeper_is_away)
{
    open_crew("/away", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    make_topic(controller, "t", 2);
    int32_t epoch = controller_epoch();

    server_kill();
    UNTIL(&inbox, observer.state == ZK_SUSPENDED);
    struct crew_request *request =
        crew_create(crew_other(&crew, controller), true, "made-meanwhile", 5, 1);
    server_restart();

    ck_assert_int_eq(crew_result(request), 0);
    CREW_UNTIL(&crew, crew_all_led(&crew, "made-meanwhile", 5));
    UNTIL(&inbox, observer.state == ZK_CONNECTED);
    ck_assert_int_eq(controller_epoch(), epoch);
    ck_assert_ptr_eq(crew_controller(&crew, 2), controller);
    close_crew();
}
END_TEST

START_TEST(a_controller_that_was_overtaken_does_not_go_on_in_the_epoch_of_another)
{
    open_crew("/overtaken", 2);
    struct crew_broker *other = crew_other(&crew, crew_controller(&crew, 2));
    make_topic(other, "t", 2);

    ck_assert_int_eq(peer_set(&observer, "/controller_epoch", "5", -1).code, 0);
    crew_result(crew_create(other, true, "u", 2, 1)); /* the write that finds out */

    CREW_UNTIL(&crew, announced_epoch(other) == 6 && crew_agrees(&crew, 2));
    ck_assert_int_eq(controller_epoch(), 6);
    close_crew();
}
END_TEST

static void delete_by_hand(const char *path)
{
    ck_assert_int_eq(peer_do(&observer, ZK_OP_DELETE, path, NULL).code, 0);
}

START_TEST(a_registration_that_somebody_deletes_is_made_again)
{
    char text[UUID_TEXT_SIZE], path[128];
    open_crew("/deleted", 2);
    struct crew_broker *controller = crew_controller(&crew, 2);
    make_topic(controller, "t", 2);
    struct crew_broker *other = crew_other(&crew, controller);
    uuid_format(&other->incarnation, text);

    snprintf(path, sizeof path, "/brokers/inc/%d-%s", other->id, text);
    delete_by_hand(path);
    CREW_UNTIL(&crew, peer_exists(&observer, path, NULL).code == 0);
    snprintf(path, sizeof path, "/brokers/ids/%d", controller->id);
    delete_by_hand(path);
    CREW_UNTIL(&crew, peer_exists(&observer, path, NULL).code == 0);

    CREW_UNTIL(&crew, crew_agrees(&crew, 2) && crew_all_led(&crew, "t", 2));
    ck_assert_ptr_eq(crew_controller(&crew, 2), controller);
    ck_assert_int_eq(controller_epoch(), 1);
    close_crew();
}
END_TEST

START_TEST(two_brokers_with_one_id_are_not_both_served)
{
    struct crew rival;
    open_crew("/same-id", 0);
    crew.session_timeout_ms = 500;
    crew_start(&crew, 1, NULL);
    crew_controller(&crew, 1);
    crew_init(&rival, "/same-id");
    rival.session_timeout_ms = 500;

    struct crew_broker *second = crew_start(&rival, 1, NULL);
    int refused = 0;
    while (refused == 0) {
        crew_wait(&rival, crew_deadline());
        pthread_mutex_lock(&rival.mutex);
        refused = second->refused;
        pthread_mutex_unlock(&rival.mutex);
    }

    ck_assert_int_eq(refused, K_ID_IN_USE);
    crew_fini(&rival);
    ck_assert(crew_agrees(&crew, 1));
    close_crew();
}
END_TEST

static void nothing(void *context)
{
    (void)context;
}

/* ASan's leak check is the judge: each life ends a little later than the one before. */
START_TEST(a_stop_at_any_moment_leaves_nothing_behind)
{
    open_crew("/any-moment", 1);
    crew_controller(&crew, 1);

    for (int life = 0; life < 40; life++) {
        struct crew_broker *broker = crew_start(&crew, 2, NULL);
        for (int turn = 0; turn < life * life; turn++)
            crew_on(broker, nothing, NULL);
        if (life % 4 == 3) {
            struct crew_request *request = crew_create(broker, true, "t", 3, 1);
            crew_stop(&crew.brokers[1]);
            crew_result(request);
            crew_stop(broker);
            crew_start(&crew, 1, NULL);
        } else {
            crew_stop(broker);
        }
    }
    close_crew();
}
END_TEST

Suite *control_suite(void)
{
    Suite *suite = suite_create("server/runtime/control");
    TCase *tests = tcase_create("control");

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_first_start_makes_a_cluster_with_one_controller);
    tcase_add_test(tests,
                   a_broker_that_goes_leaves_its_partitions_without_a_leader_until_it_is_back);
    tcase_add_test(tests, another_takes_over_when_the_controller_stops);
    tcase_add_test(tests, an_expired_controller_registers_again_and_nobody_is_lost);
    tcase_add_test(tests, who_registers_again_has_no_lease_before_the_controller_has_spoken);
    tcase_add_test(tests, a_request_waits_while_zookeeper_is_away);
    tcase_add_test(tests, a_controller_that_was_overtaken_does_not_go_on_in_the_epoch_of_another);
    tcase_add_test(tests, a_registration_that_somebody_deletes_is_made_again);
    tcase_add_test(tests, two_brokers_with_one_id_are_not_both_served);
    tcase_add_test(tests, a_stop_at_any_moment_leaves_nothing_behind);
    suite_add_tcase(suite, tests);
    return suite;
}
