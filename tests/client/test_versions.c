/* Brokers that are older or newer than this client. */
#include "client/versions.h"

#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "tests/client/helpers.h"

enum {
    METADATA = KAIRN__REQUEST_HEAD__BODY_METADATA,
    PRODUCE = KAIRN__REQUEST_HEAD__BODY_PRODUCE,
    FETCH = KAIRN__REQUEST_HEAD__BODY_FETCH,
    CREATE_TOPICS = KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS
};

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

static void announce(int body, int lowest, int highest)
{
    atomic_store(&fake_faults(fake)->version_lowest, lowest);
    atomic_store(&fake_faults(fake)->version_highest, highest);
    atomic_store(&fake_faults(fake)->version_body, body);
}

static void tell(struct versions *versions, uint32_t body, uint32_t lowest, uint32_t highest)
{
    Kairn__ApiVersion own = KAIRN__API_VERSION__INIT, other = KAIRN__API_VERSION__INIT;
    Kairn__ApiVersion *rows[] = { &own, &other };
    Kairn__ApiVersionsResponse answer = KAIRN__API_VERSIONS_RESPONSE__INIT;

    own.body = KAIRN__REQUEST_HEAD__BODY_API_VERSIONS;
    other.body = body;
    other.lowest = lowest;
    other.highest = highest;
    answer.versions = rows;
    answer.n_versions = 2;
    ck_assert_int_eq(versions_learn(versions, &answer), 0);
}

START_TEST(the_highest_common_version_is_chosen)
{
    struct versions versions = { 0 };
    uint32_t version = 99;

    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), 0);
    ck_assert_uint_eq(version, 0);
    tell(&versions, FETCH, 0, 7);
    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), 0);
    ck_assert_uint_eq(version, 1);
    tell(&versions, FETCH, 0, 0);
    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), 0);
    ck_assert_uint_eq(version, 0);
    tell(&versions, FETCH, 3, 7);
    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), K_UNSUPPORTED_VERSION);
    tell(&versions, 63, 0, 0);
    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), K_UNSUPPORTED_VERSION);
    tell(&versions, UINT32_MAX, 0, 0);
    ck_assert_int_eq(versions_choose(&versions, FETCH, &version), K_UNSUPPORTED_VERSION);
}
END_TEST

START_TEST(an_answer_that_makes_no_sense_changes_nothing)
{
    struct versions versions = { 0 };
    Kairn__ApiVersionsResponse empty = KAIRN__API_VERSIONS_RESPONSE__INIT;

    ck_assert_int_eq(versions_learn(&versions, &empty), K_MALFORMED);
    ck_assert(!versions.known);
}
END_TEST

START_TEST(versions_are_asked_for_once_per_connection)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    for (int i = 0; i < 5; i++) {
        send_text(producer, "t", 0, NULL, "x");
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    }
    ck_assert_int_ge(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_API_VERSIONS), 1);
    /* One to the bootstrap server, one to the broker that it told of. */
    ck_assert_int_le(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_API_VERSIONS), 2);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_broker_that_also_knows_newer_versions_is_fine)
{
    announce(PRODUCE, 0, 9);
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "x");
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(what_the_broker_does_not_serve_fails_at_once_and_says_so)
{
    klient_admin_t *admin = admin_with(config_for(fake, NULL));
    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };
    klient_metadata_t *metadata;
    klient_error_t *error = NULL;

    klient_new_topic_init(&topic);
    topic.name = "u";
    announce(CREATE_TOPICS, _i == 0 ? 3 : 1, _i == 0 ? 5 : 0);
    ck_assert_int_eq(klient_admin_list_topics(admin, PATIENCE_MS, &metadata, NULL), KLIENT_OK);
    klient_metadata_free(metadata);
    int64_t started_ms = clock_mono_ms(&clock_system);
    ck_assert_int_eq(klient_admin_create_topics(admin, topics, 1, 0, KLIENT_FOREVER, NULL, &error),
                     KLIENT_UNSUPPORTED_VERSION);
    ck_assert_int_lt(clock_mono_ms(&clock_system) - started_ms, PATIENCE_MS);
    ck_assert(!klient_error_retriable(error));
    klient_error_free(error);

    /* The first was asked before the versions were known; now they are. */
    int asked = fake_requests(fake, CREATE_TOPICS);
    error = NULL;
    ck_assert_int_eq(klient_admin_create_topics(admin, topics, 1, 0, KLIENT_FOREVER, NULL, &error),
                     KLIENT_UNSUPPORTED_VERSION);
    ck_assert_int_eq(fake_requests(fake, CREATE_TOPICS), asked);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "CREATE_TOPICS"));
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), _i == 0 ? "3 to 5" : "not serve"));
    klient_error_free(error);
    klient_admin_close(admin);
}
END_TEST

START_TEST(records_are_refused_at_once_by_a_broker_of_other_versions)
{
    announce(_i == 0 ? PRODUCE : METADATA, 3, 5);
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    int64_t started_ms = clock_mono_ms(&clock_system);

    for (int i = 0; i < 2; i++) {
        klient_code_t code = send_text(producer, "t", 0, NULL, "x");
        if (_i == 0)
            code = klient_producer_flush(producer, PATIENCE_MS, NULL);
        ck_assert_int_eq(code, KLIENT_UNSUPPORTED_VERSION);
    }
    ck_assert_int_lt(clock_mono_ms(&clock_system) - started_ms, PATIENCE_MS);

    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_consumer_is_told_and_goes_on_with_a_newer_broker)
{
    fill(fake, "t", 0, 1);
    announce(FETCH, 3, 5);
    klient_consumer_t *consumer =
        consumer_with(config_for(fake, "auto.offset.reset", "earliest", NULL));
    klient_records_t *records = NULL;

    assign_one(consumer, "t", 0);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_UNSUPPORTED_VERSION);
    announce(0, 0, 0);
    fake_disconnect(fake);
    klient_code_t code = KLIENT_UNSUPPORTED_VERSION;
    while (code == KLIENT_UNSUPPORTED_VERSION) {        /* the new connection takes a moment */
        klient_consumer_seek(consumer, "t", 0, 0, NULL);
        code = poll_something(consumer, &records, NULL);
    }
    ck_assert_int_eq(code, KLIENT_OK);

    klient_records_free(records);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

Suite *versions_suite(void)
{
    Suite *suite = suite_create("client/versions");
    TCase *tcase = tcase_create("versions");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_highest_common_version_is_chosen);
    tcase_add_test(tcase, an_answer_that_makes_no_sense_changes_nothing);
    tcase_add_test(tcase, versions_are_asked_for_once_per_connection);
    tcase_add_test(tcase, a_broker_that_also_knows_newer_versions_is_fine);
    tcase_add_loop_test(tcase, what_the_broker_does_not_serve_fails_at_once_and_says_so, 0, 2);
    tcase_add_loop_test(tcase, records_are_refused_at_once_by_a_broker_of_other_versions, 0, 2);
    tcase_add_test(tcase, a_consumer_is_told_and_goes_on_with_a_newer_broker);
    suite_add_tcase(suite, tcase);
    return suite;
}
