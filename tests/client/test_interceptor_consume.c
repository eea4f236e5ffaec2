/* Interceptors of consumers. */
#include <string.h>

#include "tests/client/helpers.h"
#include "tests/client/spy.h"

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

static klient_consumer_t *consumer_of(klient_config_t *config, int count)
{
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = consumer_with(config);

    fill(fake, "t", 0, count);
    assign_one(consumer, "t", 0);
    return consumer;
}

START_TEST(they_see_what_a_poll_returns_and_the_application_still_gets_all_of_it)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" },
               b = { .story = &story, .name = "b", .answer = 3 };
    klient_config_t *config = config_for(fake, "max.poll.records", "6", NULL);
    klient_config_set_log(config, spy_line, &b);
    spy_add(config, &a, CONSUMES);
    spy_add(config, &b, CONSUMES);
    klient_consumer_t *consumer = consumer_of(config, 6);
    story_forget(&story);

    expect_numbers(consumer, 0, 6);

    ck_assert_ptr_nonnull(strstr(story.text, "a="));
    ck_assert_ptr_nonnull(strstr(story.text, " b="));
    ck_assert_int_ge(b.lines, 1);       /* failed, and stopped nothing */
    story_forget(&story);
    klient_consumer_close(consumer, 0, NULL);
    ck_assert_str_eq(story.text, "-b -a ");
}
END_TEST

START_TEST(they_leave_records_out_for_those_after_them)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a", .drops = 3 },
               b = { .story = &story, .name = "b", .drops = 2 };
    klient_config_t *config = config_for(fake, NULL);
    spy_add(config, &a, CONSUMES);
    spy_add(config, &b, CONSUMES);
    klient_consumer_t *consumer = consumer_of(config, 12);
    klient_records_t *records = NULL;
    klient_record_t record;
    story_forget(&story);
    klient_record_init(&record);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);

    /* a: 0 1 3 4 6 7 9 10, b: 0 3 6 9 */
    ck_assert_str_eq(story.text, "a=8 b=4 ");
    ck_assert_uint_eq(klient_records_count(records), 4);
    for (int turn = 0; turn < 2; turn++) {
        for (int64_t offset = 0; offset < 12; offset += 3) {
            ck_assert_int_eq(klient_records_next(records, &record), 1);
            ck_assert_int_eq(record.offset, offset);
        }
        ck_assert_int_eq(klient_records_next(records, &record), 0);
        ck_assert_int_eq(klient_records_code(records), KLIENT_OK);
        klient_records_rewind(records);
    }
    ck_assert_int_eq(klient_records_next(records, &record), 1);
    ck_assert_int_eq(klient_records_drop(records), KLIENT_INVALID_ARGUMENT);

    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

static int drop_everything(void *state, klient_records_t *records)
{
    klient_record_t record;

    ck_assert_int_eq(klient_records_drop(records), KLIENT_INVALID_ARGUMENT);
    klient_record_init(&record);
    while (klient_records_next(records, &record)) {
        ck_assert_int_eq(klient_records_drop(records), KLIENT_OK);
        ck_assert_int_eq(klient_records_drop(records), KLIENT_INVALID_ARGUMENT);
    }
    ++*(int *)state;
    return 0;
}

START_TEST(what_was_left_out_counts_as_read)
{
    klient_interceptor_t interceptor;
    klient_config_t *config = config_for(fake, NULL);
    klient_records_t *records = NULL;
    klient_record_t record;
    int calls = 0;
    int64_t position = -1;

    klient_interceptor_init(&interceptor);
    interceptor.context = &calls;
    interceptor.on_consume = drop_everything;
    klient_config_add_interceptor(config, "none", &interceptor, NULL);
    klient_consumer_t *consumer = consumer_of(config, 5);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);

    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(klient_records_count(records), 0);
    klient_record_init(&record);
    ck_assert_int_eq(klient_records_next(records, &record), 0);
    ck_assert_int_eq(klient_consumer_position(consumer, "t", 0, PATIENCE_MS, &position, NULL),
                     KLIENT_OK);
    ck_assert_int_eq(position, 5);
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

Suite *interceptor_consume_suite(void)
{
    Suite *suite = suite_create("client/interceptor-consume");
    TCase *tcase = tcase_create("interceptor-consume");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, they_see_what_a_poll_returns_and_the_application_still_gets_all_of_it);
    tcase_add_test(tcase, they_leave_records_out_for_those_after_them);
    tcase_add_test(tcase, what_was_left_out_counts_as_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
