#include "net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/error.h"
#include "net/loop.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

struct asker {
    struct loop *loop;
    struct resolver *resolver;
    int answers;
    struct resolved result;
};

static void asker_init(struct asker *asker)
{
    *asker = (struct asker){ .loop = rig_loop() };
    ck_assert_int_eq(resolver_new(&asker->resolver), 0);
}

static void asker_fini(struct asker *asker)
{
    resolver_free(asker->resolver);
    rig_settle(asker->loop);        /* answers that were on their way */
    loop_free(asker->loop);
}

static void on_answer(void *context, const struct resolved *result)
{
    struct asker *asker = context;

    asker->answers++;
    asker->result = *result;
}

START_TEST(numbers_and_names_become_addresses)
{
    struct asker asker;
    asker_init(&asker);

    resolve(asker.resolver, asker.loop, (const char *[]){ "127.0.0.1", "localhost" }[_i], 9092,
            on_answer, &asker);
    ck_assert_int_eq(asker.answers, 0);     /* never from inside the call */
    RUN_UNTIL(asker.loop, asker.answers == 1);

    ck_assert_int_eq(asker.result.code, 0);
    ck_assert_int_ge(asker.result.count, 1);
    bool found = false;
    for (int i = 0; i < asker.result.count; i++) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&asker.result.addresses[i];
        found = found || (in->sin_family == AF_INET && in->sin_port == htons(9092) &&
                          in->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    }
    ck_assert(found);
    asker_fini(&asker);
}
END_TEST

START_TEST(an_address_of_ipv6_may_stand_in_brackets)
{
    struct asker asker;
    asker_init(&asker);

    resolve(asker.resolver, asker.loop, "[::1]", 9092, on_answer, &asker);
    RUN_UNTIL(asker.loop, asker.answers == 1);

    ck_assert_int_eq(asker.result.code, 0);
    ck_assert_int_eq(asker.result.addresses[0].ss_family, AF_INET6);
    asker_fini(&asker);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_answered_with_an_error)
{
    struct asker asker;
    asker_init(&asker);

    resolve(asker.resolver, asker.loop, "not a host", 9092, on_answer, &asker);
    RUN_UNTIL(asker.loop, asker.answers == 1);

    ck_assert_int_eq(asker.result.code, K_RESOLVE_FAILED);
    asker_fini(&asker);
}
END_TEST

START_TEST(a_cancelled_query_is_not_answered)
{
    struct asker asker;
    asker_init(&asker);

    resolve_cancel(resolve(asker.resolver, asker.loop, "127.0.0.1", 9092, on_answer, &asker));
    resolve_cancel(resolve(asker.resolver, asker.loop, "localhost", 9092, on_answer, &asker));
    resolve(asker.resolver, asker.loop, "localhost", 9092, on_answer, &asker);
    RUN_UNTIL(asker.loop, asker.answers == 1);
    rig_settle(asker.loop);

    ck_assert_int_eq(asker.answers, 1);
    asker_fini(&asker);
}
END_TEST

START_TEST(a_resolver_that_is_freed_answers_what_was_asked)
{
    enum { COUNT = 20 };
    struct asker asker;
    asker_init(&asker);

    for (int i = 0; i < COUNT; i++)
        resolve(asker.resolver, asker.loop, "localhost", 9092, on_answer, &asker);
    resolver_free(asker.resolver);
    asker.resolver = NULL;
    RUN_UNTIL(asker.loop, asker.answers == COUNT);

    asker_fini(&asker);
}
END_TEST

Suite *resolve_suite(void)
{
    Suite *suite = suite_create("resolve");
    TCase *tcase = tcase_create("resolve");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, numbers_and_names_become_addresses, 0, 2);
    tcase_add_test(tcase, an_address_of_ipv6_may_stand_in_brackets);
    tcase_add_test(tcase, a_name_that_does_not_exist_is_answered_with_an_error);
    tcase_add_test(tcase, a_cancelled_query_is_not_answered);
    tcase_add_test(tcase, a_resolver_that_is_freed_answers_what_was_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}
