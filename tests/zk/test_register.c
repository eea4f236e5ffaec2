#include <stdio.h>
#include <string.h>

#include "common/feature.h"
#include "tests/zk/peer.h"
#include "tests/zk/suites.h"
#include "zk/bootstrap.h"
#include "zk/register.h"

static struct inbox inbox;
static struct peer peer, other;

static void booted(void *context, int code, const char *cluster_id)
{
    (void)cluster_id;
    ck_assert_int_eq(code, 0);
    *(bool *)context = true;
}

/* Each test has a chroot of its own. */
static void open_both(const char *chroot)
{
    bool ready = false;

    peer_open(&peer, &inbox, chroot, 10000);
    peer_open(&other, &inbox, chroot, 10000);
    ck_assert_int_eq(zk_bootstrap(peer.session, "c", booted, &ready), 0);
    UNTIL(&inbox, ready);
}

static void set_up(void)
{
    inbox_init(&inbox);
}

static void tear_down(void)
{
    peer_close(&peer);
    peer_close(&other);
    inbox_fini(&inbox);
}

struct outcome {
    bool given;
    struct zk_registered result;
};

static void registered(void *context, const struct zk_registered *result)
{
    struct outcome *outcome = context;

    outcome->given = true;
    outcome->result = *result;
}

static struct zk_registered enrol_with(struct peer *who, const struct uuid *incarnation,
                                       const struct uuid *known, size_t known_count,
                                       const struct uuid *directories, size_t directory_count,
                                       bool fenced)
{
    static const struct znode_endpoint endpoint = { "PLAINTEXT", "PLAINTEXT", "10.0.0.7", 9092 };
    const struct uuid none = { { 0 } };
    const struct zk_registration registration = {
        .id = 7,
        .incarnation = *incarnation,
        .previous = known_count == 0 ? none : known[0],
        .known = known,
        .known_count = known_count,
        .fenced = fenced,
        .broker = { .endpoints = &endpoint, .endpoint_count = 1, .timestamp_ms = 1,
                    .features = feature_ranges_built() },
        .record = { .incarnation = *incarnation, .loops = 2, .directories = directories,
                    .directory_count = directory_count },
    };
    struct outcome outcome = { 0 };

    ck_assert_int_eq(zk_register(who->session, &registration, registered, &outcome), 0);
    UNTIL(&inbox, outcome.given);
    return outcome.result;
}

static struct zk_registered enrol(struct peer *who, const struct uuid *incarnation,
                                  const struct uuid *previous)
{
    return enrol_with(who, incarnation, previous, previous != NULL, NULL, 0, false);
}

START_TEST(a_registration_stands_under_id_incarnation_and_record)
{
    struct uuid incarnation = uuid_random();
    open_both("/enrol");

    struct zk_registered result = enrol(&peer, &incarnation, NULL);

    struct answer node = peer_get(&peer, "/brokers/ids/7", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert(!result.lossy);
    ck_assert_int_eq(result.broker_epoch, node.stat.czxid);
    ck_assert_int_eq(node.stat.owner, peer_session_id(&peer));
    ck_assert_uint_eq(peer_children(&peer, "/brokers/inc", NULL).child_count, 1);
    ck_assert_int_eq(peer_exists(&peer, "/kairn/heartbeats/7", NULL).code, 0);
    ck_assert_ptr_nonnull(
        strstr(peer_get(&peer, "/kairn/brokers/7", NULL).data, "\"lossy\":false"));
}
END_TEST

/* Level 1 is what every build so far can; a later one is what this one can not. */
START_TEST(who_can_not_do_what_is_finalised_is_not_registered)
{
    struct uuid incarnation = uuid_random();
    open_both("/levels");
    ck_assert_int_eq(peer_set(&peer, "/feature",
                              "{\"version\":2,\"status\":1,\"features\":"
                              "{\"replication.version\":{\"max_version_level\":99}}}", -1).code, 0);

    struct zk_registered refused = enrol(&peer, &incarnation, NULL);

    ck_assert_int_eq(refused.code, K_UNSUPPORTED_VERSION);
    ck_assert_ptr_nonnull(strstr(refused.reason.text, "finalised level 99"));
    ck_assert_int_eq(peer_exists(&peer, "/brokers/ids/7", NULL).code, K_NOT_FOUND);
    peer_set(&peer, "/feature", "{\"version\":2,\"status\":0,\"features\":{}}", -1);
    ck_assert_int_eq(enrol(&peer, &incarnation, NULL).code, 0);
}
END_TEST

START_TEST(a_registration_tells_levels_and_is_counted)
{
    struct uuid incarnation = uuid_random();
    char levels[128];
    open_both("/counted");
    int32_t before = peer_exists(&peer, "/kairn/brokers", NULL).stat.version;

    enrol(&peer, &incarnation, NULL);

    ck_assert_int_eq(peer_exists(&peer, "/kairn/brokers", NULL).stat.version, before + 1);
    snprintf(levels, sizeof levels,
             "{\"features\":{\"replication.version\":{\"min_version\":1,\"max_version\":%d},",
             feature_row(0)->highest);
    ck_assert_ptr_nonnull(strstr(peer_get(&peer, "/brokers/ids/7", NULL).data, levels));
}
END_TEST

START_TEST(asking_again_after_a_lost_answer_finds_the_same_registration)
{
    struct uuid incarnation = uuid_random();
    open_both("/again");

    struct zk_registered first = enrol(&peer, &incarnation, NULL);
    struct zk_registered second = enrol(&peer, &incarnation, NULL);

    ck_assert_int_eq(second.code, 0);
    ck_assert_int_eq(second.broker_epoch, first.broker_epoch);
}
END_TEST

START_TEST(a_restart_replaces_its_own_previous_incarnation_at_once)
{
    struct uuid before = uuid_random(), after = uuid_random();
    open_both("/restart-own");
    struct zk_registered first = enrol(&other, &before, NULL);

    struct zk_registered second = enrol(&peer, &after, &before);

    ck_assert_int_eq(second.code, 0);
    ck_assert(!second.lossy);
    ck_assert_int_gt(second.broker_epoch, first.broker_epoch);
    ck_assert_int_eq(peer_get(&peer, "/brokers/ids/7", NULL).stat.owner, peer_session_id(&peer));
    ck_assert_uint_eq(peer_children(&peer, "/brokers/inc", NULL).child_count, 1);
}
END_TEST

START_TEST(a_new_session_of_the_same_incarnation_registers_anew)
{
    struct uuid incarnation = uuid_random();
    open_both("/expired");
    struct zk_registered first = enrol(&peer, &incarnation, NULL);
    peer_expire(&peer);
    UNTIL(&inbox, peer.state == ZK_CONNECTED);

    struct zk_registered second = enrol(&peer, &incarnation, NULL);

    ck_assert_int_eq(second.code, 0);
    ck_assert(!second.lossy);
    ck_assert_int_gt(second.broker_epoch, first.broker_epoch);
}
END_TEST

/* The former one lives yet, and takes its nodes with it when it ends. */
START_TEST(what_stands_under_a_former_session_is_no_registration_of_the_new_one)
{
    struct uuid incarnation = uuid_random();
    open_both("/left-over");
    struct zk_registered first = enrol(&other, &incarnation, NULL);

    struct zk_registered second = enrol(&peer, &incarnation, NULL);

    ck_assert_int_eq(second.code, 0);
    ck_assert_int_gt(second.broker_epoch, first.broker_epoch);
    ck_assert_int_eq(peer_get(&peer, "/brokers/ids/7", NULL).stat.owner, peer_session_id(&peer));
}
END_TEST

START_TEST(a_foreign_holder_is_respected_and_named)
{
    struct uuid theirs = uuid_random(), ours = uuid_random(), never = uuid_random();
    open_both("/foreign");
    enrol(&other, &theirs, NULL);

    struct zk_registered result = enrol(&peer, &ours, &never);

    ck_assert_int_eq(result.code, K_ID_IN_USE);
    ck_assert_ptr_nonnull(strstr(result.holder, "10.0.0.7:9092"));
    ck_assert_int_eq(peer_get(&peer, "/brokers/ids/7", NULL).stat.owner, peer_session_id(&other));
}
END_TEST

START_TEST(a_broken_foreign_registration_is_respected_too)
{
    struct uuid ours = uuid_random();
    open_both("/broken");
    peer_do(&other, ZK_OP_CREATE_EPHEMERAL, "/brokers/ids/7", "not json");

    struct zk_registered result = enrol(&peer, &ours, NULL);

    ck_assert_int_eq(result.code, K_ID_IN_USE);
    ck_assert_int_ne(result.holder[0], '\0');
}
END_TEST

START_TEST(a_disk_that_the_cluster_does_not_know_is_lossy_and_stays_so)
{
    struct uuid first = uuid_random(), wiped = uuid_random(), later = uuid_random();
    open_both("/lossy");
    enrol(&peer, &first, NULL);
    peer_do(&peer, ZK_OP_DELETE, "/brokers/ids/7", NULL);

    struct zk_registered result = enrol(&other, &wiped, NULL);
    struct zk_registered again = enrol(&other, &later, &wiped);

    ck_assert_int_eq(result.code, 0);
    ck_assert(result.lossy);
    ck_assert_int_eq(again.code, 0);
    ck_assert(again.lossy);
}
END_TEST

/* Between two registrations the process ended, once with a start that came to none. */
START_TEST(a_disk_that_knows_the_recorded_incarnation_beside_later_ones_is_not_lossy)
{
    struct uuid first = uuid_random(), known[2] = { uuid_random(), first }, now = uuid_random();
    open_both("/known");
    ck_assert(enrol(&peer, &first, NULL).first);
    peer_do(&peer, ZK_OP_DELETE, "/brokers/ids/7", NULL);

    struct zk_registered result = enrol_with(&other, &now, known, 2, NULL, 0, false);

    ck_assert_int_eq(result.code, 0);
    ck_assert(!result.lossy);
    ck_assert(!result.first);
}
END_TEST

static bool record_says(const char *what)
{
    return strstr(peer_get(&peer, "/kairn/brokers/7", NULL).data, what) != NULL;
}

START_TEST(a_directory_that_is_missing_is_told_until_the_mark_is_taken_back)
{
    struct uuid ids[] = { uuid_random(), uuid_random(), uuid_random() };
    struct uuid first = uuid_random(), second = uuid_random(), third = uuid_random();
    open_both("/missing");
    ck_assert_uint_eq(enrol_with(&peer, &first, NULL, 0, ids, 2, false).missing, 0);

    struct zk_registered result = enrol_with(&peer, &second, &first, 1, ids + 1, 2, false);
    ck_assert_uint_eq(result.missing, 1);
    ck_assert(result.lossy);
    ck_assert(record_says("\"missing\":["));
    result = enrol_with(&peer, &second, &first, 1, ids + 1, 2, false);      /* asked again */
    ck_assert_uint_eq(result.missing, 1);
    result = enrol_with(&peer, &third, &second, 1, ids + 1, 2, false);      /* and restarted */
    ck_assert_uint_eq(result.missing, 1);
    ck_assert(result.lossy);

    const char *text = peer_get(&peer, "/kairn/brokers/7", NULL).data;
    const char *mark = strstr(text, "\"lossy\":true");
    char cleared[1024];
    ck_assert_ptr_nonnull(mark);
    int before = (int)(mark - text);
    snprintf(cleared, sizeof cleared, "%.*s\"lossy\":false%s", before, text, mark + 12);
    peer_do(&peer, ZK_OP_SET, "/kairn/brokers/7", cleared);
    struct uuid fourth = uuid_random();
    result = enrol_with(&peer, &fourth, &third, 1, ids + 1, 2, false);
    ck_assert_uint_eq(result.missing, 0);
    ck_assert(!result.lossy);
    ck_assert(!record_says("missing"));
}
END_TEST

START_TEST(what_the_controller_took_back_stays_so_for_the_same_incarnation)
{
    struct uuid first = uuid_random();
    open_both("/taken-back");
    enrol(&peer, &first, NULL);
    peer_expire(&peer);
    UNTIL(&inbox, peer.state == ZK_CONNECTED);
    ck_assert(!enrol(&peer, &first, NULL).lossy);
    peer_expire(&peer);
    UNTIL(&inbox, peer.state == ZK_CONNECTED);
    ck_assert(enrol_with(&peer, &first, NULL, 0, NULL, 0, true).lossy);     /* a disk failed */
}
END_TEST

static void released(void *context, int code)
{
    *(int *)context = code;
}

START_TEST(unregistering_removes_our_own_only)
{
    struct uuid ours = uuid_random(), theirs = uuid_random();
    int first = -1, second = -1;
    open_both("/leave");
    enrol(&other, &theirs, NULL);

    ck_assert_int_eq(zk_unregister(peer.session, 7, &ours, released, &first), 0);
    UNTIL(&inbox, first != -1);
    ck_assert_int_eq(peer_exists(&peer, "/brokers/ids/7", NULL).code, 0);
    ck_assert_int_eq(zk_unregister(other.session, 7, &theirs, released, &second), 0);
    UNTIL(&inbox, second != -1);

    ck_assert_int_eq(second, 0);
    peer_sync(&peer, "/");
    ck_assert_int_eq(peer_exists(&peer, "/brokers/ids/7", NULL).code, K_NOT_FOUND);
    ck_assert_uint_eq(peer_children(&peer, "/brokers/inc", NULL).child_count, 0);
}
END_TEST

Suite *register_suite(void)
{
    Suite *suite = suite_create("register");
    TCase *tests = tcase_create("register");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_registration_stands_under_id_incarnation_and_record);
    tcase_add_test(tests, who_can_not_do_what_is_finalised_is_not_registered);
    tcase_add_test(tests, a_registration_tells_levels_and_is_counted);
    tcase_add_test(tests, asking_again_after_a_lost_answer_finds_the_same_registration);
    tcase_add_test(tests, a_restart_replaces_its_own_previous_incarnation_at_once);
    tcase_add_test(tests, a_new_session_of_the_same_incarnation_registers_anew);
    tcase_add_test(tests, what_stands_under_a_former_session_is_no_registration_of_the_new_one);
    tcase_add_test(tests, a_foreign_holder_is_respected_and_named);
    tcase_add_test(tests, a_broken_foreign_registration_is_respected_too);
    tcase_add_test(tests, a_disk_that_the_cluster_does_not_know_is_lossy_and_stays_so);
    tcase_add_test(tests,
                   a_disk_that_knows_the_recorded_incarnation_beside_later_ones_is_not_lossy);
    tcase_add_test(tests, a_directory_that_is_missing_is_told_until_the_mark_is_taken_back);
    tcase_add_test(tests, what_the_controller_took_back_stays_so_for_the_same_incarnation);
    tcase_add_test(tests, unregistering_removes_our_own_only);
    suite_add_tcase(suite, tests);
    return suite;
}
