/* A producer whose partitions get other leaders. */
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

enum { PARTITIONS = 3 };

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(3);
    fake_add_topic(fake, "t", PARTITIONS);
}

static void teardown(void)
{
    fake_free(fake);
}

static int stored(int partition)
{
    return records_stored(fake, "t", partition);
}

/* Three times as long as the test waits. */
static klient_producer_t *patient_producer(void)
{
    return producer_with(config_for(fake, "retry.backoff.ms", "60000", "retry.backoff.max.ms",
                                    "60000", NULL));
}

START_TEST(a_new_leader_is_tried_at_once)
{
    klient_producer_t *producer = patient_producer();

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->move_silently, 1);
    send_text(producer, "t", 0, NULL, "0 1");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored(0), 2);
}
END_TEST

/* Its leader is one no more, and nobody leads yet: the producer asks for news of it, or waits until
 * it may. */
static void lose_leader(klient_producer_t *producer, int partition)
{
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_LEADER_OR_FOLLOWER);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    send_text(producer, "t", partition, NULL, "0 1");
    WAIT_UNTIL(atomic_load(&fake_faults(fake)->refuse_count) == 0);
}

START_TEST(leaders_that_are_elected_one_after_the_other_are_found_as_they_come)
{
    klient_producer_t *producer = patient_producer();

    atomic_store(&fake_faults(fake)->park, 1);
    for (int p = 0; p < PARTITIONS; p++)
        send_text(producer, "t", p, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    for (int p = 0; p < PARTITIONS; p++)
        lose_leader(producer, p);

    for (int p = 0; p < PARTITIONS; p++) {
        fake_set_leader(fake, "t", p, (p + 2) % 3);
        WAIT_UNTIL(stored(p) == 2);
    }
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_leader_that_has_not_heard_of_its_election_is_asked_again_soon)
{
    klient_producer_t *producer = patient_producer();

    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_UNKNOWN_LEADER_EPOCH);
    atomic_store(&fake_faults(fake)->refuse_count, 3);
    send_text(producer, "t", 0, NULL, "0 0");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(stored(0), 1);
}
END_TEST

Suite *leaders_suite(void)
{
    Suite *suite = suite_create("client/leaders");
    TCase *tcase = tcase_create("leaders");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_new_leader_is_tried_at_once);
    tcase_add_test(tcase,
                   leaders_that_are_elected_one_after_the_other_are_found_as_they_come);
    tcase_add_test(tcase, a_leader_that_has_not_heard_of_its_election_is_asked_again_soon);
    suite_add_tcase(suite, tcase);
    return suite;
}
