/* Ids for producers, with a control plane of the test's own. */
#include <check.h>

#include "common/error.h"
#include "server/runtime/producer_ids.h"
#include "tests/server/lib/plane.h"

static struct plane plane;
static int code_given;

static void give(struct mail *mail)
{
    struct producer_id_ask *ask = LIST_OWNER(mail, struct producer_id_ask, mail);

    ask->code = code_given;
    ask->id = 4711;
    ask->answered(ask);
}

static void ask_producer_id(void *context, struct producer_id_ask *ask)
{
    (void)context;
    ask->mail.deliver = give;
    mail_post(ask->answer_to, &ask->mail);
}

static struct asked *ask_for_id(void)
{
    static Kairn__ProducerIdRequest body;
    static Kairn__RequestHead head;

    kairn__request_head__init(&head);
    kairn__producer_id_request__init(&body);
    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID;
    head.producer_id = &body;
    return plane_ask(&plane, 0, &head, NULL, 0);
}

static void setup(void)
{
    plane_init(&plane, 1);
    plane.api.ask_producer_id = ask_producer_id;
    code_given = 0;
}

static void teardown(void)
{
    plane_fini(&plane);
}

START_TEST(a_producer_gets_an_id_and_the_first_epoch)
{
    struct asked *asked = ask_for_id();

    ck_assert_int_eq(asked->head->body_case, KAIRN__RESPONSE_HEAD__BODY_PRODUCER_ID);
    ck_assert_int_eq(asked->head->producer_id->producer_id, 4711);
    ck_assert_int_eq(asked->head->producer_id->producer_epoch, 0);
    asked_free(asked);
}
END_TEST

START_TEST(why_there_is_no_id_is_told)
{
    code_given = K_REQUEST_TIMED_OUT;
    struct asked *asked = ask_for_id();

    ck_assert_int_eq(asked->head->error->code, K_REQUEST_TIMED_OUT);
    asked_free(asked);
}
END_TEST

Suite *producer_id_suite(void);

Suite *producer_id_suite(void)
{
    Suite *suite = suite_create("server/api/producer_id");
    TCase *tcase = tcase_create("producer_id");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_producer_gets_an_id_and_the_first_epoch);
    tcase_add_test(tcase, why_there_is_no_id_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
