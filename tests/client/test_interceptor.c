/* Interceptors of producers, and which are called at all. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "tests/client/helpers.h"
#include "tests/client/spy.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    fake_add_topic(fake, "other", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

/* --- producers -------------------------------------------------------------------------------- */

START_TEST(they_are_called_in_the_order_in_which_they_were_added)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" }, b = { .story = &story, .name = "b" };
    klient_config_t *config = config_for(fake, "client.id", "me", NULL);
    spy_add(config, &a, SENDS | ACKNOWLEDGES);
    spy_add(config, &b, SENDS | ACKNOWLEDGES);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_str_eq(story.text, "a+me b+me a(x) b(x) a!OK:0@0 b!OK:0@0 ");

    story_forget(&story);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_str_eq(story.text, "-b -a ");
}
END_TEST

static void check_value(void *context, int64_t offset, const char *value)
{
    (void)offset;
    ck_assert_str_eq(value, context);
}

START_TEST(what_one_changes_is_what_the_next_one_sees_and_what_is_sent)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a", .value = "y", .topic = "other" };
    struct spy b = { .story = &story, .name = "b" };
    klient_config_t *config = config_for(fake, NULL);
    spy_add(config, &a, SENDS);
    spy_add(config, &b, SENDS);
    klient_producer_t *producer = producer_with(config);
    story_forget(&story);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_str_eq(story.text, "a(x) b(y) -b -a ");
    size_t size;
    free(fake_read(fake, "t", 0, &size));
    ck_assert_uint_eq(size, 0);
    each_stored(fake, "other", 0, check_value, (char[]){ "y" });
}
END_TEST

/* A serializer would see a number otherwise. */
static int send_seven(void *state, klient_record_t *record, klient_scratch_t *scratch)
{
    int64_t *seven = klient_scratch_alloc(scratch, sizeof *seven);

    ck_assert_ptr_null(state);
    *seven = 7;
    record->value = seven;
    record->value_size = sizeof *seven;
    return 0;
}

START_TEST(they_come_before_the_serializers)
{
    klient_interceptor_t interceptor;
    klient_config_t *config = config_for(fake, "value.serializer", "int64", NULL);
    size_t size;

    klient_interceptor_init(&interceptor);
    interceptor.on_send = send_seven;
    ck_assert_int_eq(klient_config_add_interceptor(config, "seven", &interceptor, NULL), KLIENT_OK);
    klient_producer_t *producer = producer_with(config);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "no number"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    uint8_t *bytes = fake_read(fake, "t", 0, &size);
    struct batch_reader reader;
    struct record_view view;
    batch_reader_init(&reader, bytes, NULL, 0);
    ck_assert_int_eq(batch_reader_next(&reader, &view), 1);
    ck_assert_int_eq(view.value_size, 8);
    ck_assert_mem_eq(view.value, "\0\0\0\0\0\0\0\7", 8);
    free(bytes);
}
END_TEST

START_TEST(one_that_fails_is_logged_and_has_changed_nothing)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a", .value = "y", .answer = 5 };
    struct spy b = { .story = &story, .name = "b", .forgets_topic = 1 };
    struct spy c = { .story = &story, .name = "c" };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_log(config, spy_line, &c);
    spy_add(config, &a, SENDS | ACKNOWLEDGES);
    spy_add(config, &b, SENDS);
    spy_add(config, &c, SENDS);
    klient_producer_t *producer = producer_with(config);
    story_forget(&story);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_str_eq(story.text, "a(x) b(x) c(x) a!OK:0@0 ");
    ck_assert_int_eq(c.lines, 3);
    each_stored(fake, "t", 0, check_value, (char[]){ "x" });
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(of_many_failures_few_are_logged)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a", .answer = 5 };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_log(config, spy_line, &a);
    spy_add(config, &a, SENDS);
    klient_producer_t *producer = producer_with(config);

    for (int i = 0; i < 1000; i++) {
        story_forget(&story);
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    }

    ck_assert_int_eq(a.lines, 10);      /* 1, 2, 4, ... 512 */
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

static void report_to_story(void *context, const klient_report_t *report)
{
    story_tell(context, "report%d:%s ", (int)(intptr_t)report->opaque,
               klient_code_name(report->code));
}

static klient_code_t send_with_opaque(klient_producer_t *producer, const void *value, size_t size,
                                      intptr_t opaque, klient_error_t **error)
{
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.value = value;
    record.value_size = size;
    record.opaque = (void *)opaque;
    return klient_producer_send(producer, &record, error);
}

START_TEST(an_acknowledgement_comes_before_the_report_with_the_applications_pointer)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a", .touches_opaque = 1 };
    klient_config_t *config = config_for(fake, NULL);
    klient_config_set_report(config, report_to_story, &story);
    spy_add(config, &a, SENDS | ACKNOWLEDGES);
    klient_producer_t *producer = producer_with(config);
    story_forget(&story);

    ck_assert_int_eq(send_with_opaque(producer, "x", 1, 42, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_str_eq(story.text, "a(x) a!OK:0@0 report42:OK ");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_send_that_fails_is_acknowledged_inside_it)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" };
    klient_config_t *config = config_for(fake, "value.serializer", "json", "max.request.size",
                                         "2000", "batch.size", "1000", NULL);
    klient_config_set_report(config, report_to_story, &story);
    spy_add(config, &a, ACKNOWLEDGES);
    klient_producer_t *producer = producer_with(config);
    char large[4000];
    klient_error_t *error = NULL;
    story_forget(&story);

    ck_assert_int_eq(send_with_opaque(producer, "x", 1, 1, &error), KLIENT_SERIALIZER_FAILED);
    ck_assert_str_eq(story.text, "a!SERIALIZER_FAILED:-1@-1 ");
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "no JSON"));
    klient_error_free(error);
    story_forget(&story);
    memset(large, '1', sizeof large);
    ck_assert_int_eq(send_with_opaque(producer, large, sizeof large, 2, NULL),
                     KLIENT_MESSAGE_TOO_LARGE);
    ck_assert_str_eq(story.text, "a!MESSAGE_TOO_LARGE:-1@-1 ");

    /* What is no record at all is none for them either. */
    story_forget(&story);
    ck_assert_int_eq(klient_producer_send(producer, NULL, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_str_eq(story.text, "");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_record_that_was_sent_in_vain_is_acknowledged_with_its_error)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" };
    klient_config_t *config = config_for(fake, NULL);
    spy_add(config, &a, SENDS | ACKNOWLEDGES);
    klient_producer_t *producer = producer_with(config);
    fake_faults(fake)->refuse_code = KLIENT_INVALID_RECORD;
    fake_faults(fake)->refuse_count = 1;
    story_forget(&story);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_INVALID_RECORD);

    ck_assert_str_eq(story.text, "a(x) a!INVALID_RECORD:0@-1 ");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(acknowledgements_wait_for_a_poll_like_reports)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" };
    klient_config_t *config = config_for(fake, NULL);
    spy_add(config, &a, ACKNOWLEDGES);
    klient_producer_t *producer = producer_with(config);
    struct pollfd ready = { .fd = klient_producer_descriptor(producer), .events = POLLIN };
    size_t served = 0;
    story_forget(&story);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(poll(&ready, 1, PATIENCE_MS), 1);
    ck_assert_str_eq(story.text, "");
    ck_assert_int_eq(klient_producer_poll(producer, 0, &served, NULL), KLIENT_OK);

    ck_assert_uint_eq(served, 1);
    ck_assert_str_eq(story.text, "a!OK:0@0 ");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

/* --- which ones ------------------------------------------------------------------------------- */

START_TEST(a_property_chooses_and_orders_them)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" }, b = { .story = &story, .name = "b" },
               c = { .story = &story, .name = "com.example.C" };
    klient_config_t *config =
        config_for(fake, "client.id", "x", "interceptor.classes", " com.example.C, a", NULL);
    spy_add(config, &a, SENDS);
    spy_add(config, &b, SENDS);
    spy_add(config, &c, SENDS);

    klient_producer_t *producer = producer_with(klient_config_copy(config));
    ck_assert_str_eq(story.text, "com.example.C+x a+x ");
    klient_producer_close(producer, 0, NULL);
    story_forget(&story);
    klient_config_set(config, "interceptor.classes", "", NULL);
    producer = producer_with(config);
    ck_assert_str_eq(story.text, "");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_name_that_was_not_added_is_refused)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" };
    klient_config_t *config = config_for(fake, "interceptor.classes", "a,ab", NULL);
    klient_interceptor_t nothing;
    klient_error_t *error = NULL;
    spy_add(config, &a, SENDS);

    ck_assert_ptr_null(klient_producer_new(config, &error));
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "\"ab\""));
    klient_error_free(error);
    klient_interceptor_init(&nothing);
    ck_assert_int_eq(klient_config_add_interceptor(config, "ab", &nothing, NULL),
                     KLIENT_INVALID_ARGUMENT);
    nothing.on_send = send_seven;
    ck_assert_int_eq(klient_config_add_interceptor(config, "a", &nothing, NULL), KLIENT_EXISTS);
    klient_config_free(config);
}
END_TEST

START_TEST(each_kind_of_handle_opens_those_that_have_to_do_there)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" }, b = { .story = &story, .name = "b" };
    klient_config_t *config = config_for(fake, "client.id", "x", NULL);
    spy_add(config, &a, SENDS);
    spy_add(config, &b, CONSUMES);
    klient_t *klient = klient_new(config, NULL);
    klient_config_free(config);
    ck_assert_str_eq(story.text, "");

    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    ck_assert_str_eq(story.text, "b+x ");
    story_forget(&story);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    ck_assert_str_eq(story.text, "a+x ");

    klient_free(klient);
    klient_producer_close(producer, 0, NULL);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(one_that_does_not_start_fails_the_opening_and_closes_the_others)
{
    struct story story = { "" };
    struct spy a = { .story = &story, .name = "a" },
               b = { .story = &story, .name = "b", .answer = SPY_IDLE };
    klient_config_t *config = config_for(fake, "client.id", "x", NULL);
    klient_error_t *error = NULL;
    spy_add(config, &a, SENDS | CONSUMES);
    spy_add(config, &b, SENDS | CONSUMES);

    ck_assert_ptr_null(klient_producer_new(config, &error));
    ck_assert_str_eq(story.text, "a+x b+x -a ");
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_int_eq(klient_error_detail(error), SPY_IDLE_NUMBER);
    ck_assert_ptr_nonnull(
        strstr(klient_error_text(error), "b does not start: b is not in the mood"));
    klient_error_free(error);
    story_forget(&story);
    ck_assert_ptr_null(klient_consumer_new(config, NULL));
    ck_assert_str_eq(story.text, "a+x b+x -a ");

    klient_config_free(config);
}
END_TEST

/* --- what may not be called ------------------------------------------------------------------- */

struct caller {
    klient_producer_t *producer;
    klient_code_t answers[6];
};

static int call_producer(void *state, klient_record_t *record, klient_scratch_t *scratch)
{
    struct caller *caller = state;
    klient_metadata_t *metadata;
    klient_code_t answers[] = {
        klient_producer_send(caller->producer, record, NULL),
        klient_producer_try_send(caller->producer, record, NULL),
        klient_producer_poll(caller->producer, 0, NULL, NULL),
        klient_producer_flush(caller->producer, 0, NULL),
        klient_producer_partitions_for(caller->producer, "t", 0, &metadata, NULL),
        klient_producer_close(caller->producer, 0, NULL),
    };

    (void)scratch;
    memcpy(caller->answers, answers, sizeof answers);
    return 0;
}

START_TEST(every_call_of_the_producer_from_inside_is_refused)
{
    klient_interceptor_t interceptor;
    klient_config_t *config = config_for(fake, NULL);
    struct caller caller = { .producer = NULL };

    klient_interceptor_init(&interceptor);
    interceptor.context = &caller;
    interceptor.on_send = call_producer;
    klient_config_add_interceptor(config, "caller", &interceptor, NULL);
    caller.producer = producer_with(config);

    ck_assert_int_eq(send_text(caller.producer, "t", 0, NULL, "x"), KLIENT_OK);

    for (size_t i = 0; i < sizeof caller.answers / sizeof caller.answers[0]; i++)
        ck_assert_int_eq(caller.answers[i], KLIENT_IN_CALLBACK);
    ck_assert_int_eq(klient_producer_close(caller.producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

Suite *interceptor_suite(void)
{
    Suite *suite = suite_create("client/interceptor");
    TCase *tcase = tcase_create("interceptor");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, they_are_called_in_the_order_in_which_they_were_added);
    tcase_add_test(tcase, what_one_changes_is_what_the_next_one_sees_and_what_is_sent);
    tcase_add_test(tcase, they_come_before_the_serializers);
    tcase_add_test(tcase, one_that_fails_is_logged_and_has_changed_nothing);
    tcase_add_test(tcase, of_many_failures_few_are_logged);
    tcase_add_test(tcase, an_acknowledgement_comes_before_the_report_with_the_applications_pointer);
    tcase_add_test(tcase, a_send_that_fails_is_acknowledged_inside_it);
    tcase_add_test(tcase, a_record_that_was_sent_in_vain_is_acknowledged_with_its_error);
    tcase_add_test(tcase, acknowledgements_wait_for_a_poll_like_reports);
    tcase_add_test(tcase, a_property_chooses_and_orders_them);
    tcase_add_test(tcase, a_name_that_was_not_added_is_refused);
    tcase_add_test(tcase, each_kind_of_handle_opens_those_that_have_to_do_there);
    tcase_add_test(tcase, one_that_does_not_start_fails_the_opening_and_closes_the_others);
    tcase_add_test(tcase, every_call_of_the_producer_from_inside_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
