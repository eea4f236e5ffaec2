#include <check.h>
#include <string.h>

#include "server/config.h"
#include "server/endpoints.h"

static struct config config;
static struct endpoints endpoints;
static struct k_reason reason;

static void setup(void)
{
    ck_assert_int_eq(config_init(&config), 0);
}

static void teardown(void)
{
    config_fini(&config);
}

/* Read the endpoints of these options. */
static int read_with(const char *listeners, const char *advertised, const char *map)
{
    char pair[512];
    const char *const names[] = { "listeners", "advertised.listeners",
                                  "listener.security.protocol.map" };
    const char *const values[] = { listeners, advertised, map };

    for (int i = 0; i < 3; i++) {
        if (values[i] == NULL)
            continue;
        snprintf(pair, sizeof pair, "%s=%s", names[i], values[i]);
        ck_assert_int_eq(config_set_pair(&config, pair, &reason), 0);
    }
    return endpoints_read(&config, &endpoints, &reason);
}

START_TEST(a_listener_advertises_itself)
{
    ck_assert_int_eq(read_with("plaintext://127.0.0.1:9092", NULL, NULL), 0);

    ck_assert_uint_eq(endpoints.count, 1);
    ck_assert_str_eq(endpoints.items[0].name, "PLAINTEXT");
    ck_assert_str_eq(endpoints.items[0].advertised_host, "127.0.0.1");
    ck_assert_int_eq(endpoints.items[0].advertised_port, 9092);
    ck_assert_str_eq(endpoints.inter_broker, "PLAINTEXT");
}
END_TEST

START_TEST(a_listener_on_every_address_advertises_a_name)
{
    ck_assert_int_eq(read_with("PLAINTEXT://:0", NULL, NULL), 0);

    ck_assert_str_eq(endpoints.items[0].host, "");
    ck_assert_uint_gt(strlen(endpoints.items[0].advertised_host), 0);
    ck_assert_int_eq(endpoints.items[0].advertised_port, 0);
}
END_TEST

START_TEST(named_listeners_advertise_what_they_are_told)
{
    ck_assert_int_eq(read_with("INTERNAL://10.0.0.1:9092, EXTERNAL://10.0.0.1:9093",
                               "EXTERNAL://kairn.example:19093",
                               "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"), 0);

    ck_assert_str_eq(endpoints.items[0].advertised_host, "10.0.0.1");
    ck_assert_str_eq(endpoints.items[1].advertised_host, "kairn.example");
    ck_assert_int_eq(endpoints.items[1].advertised_port, 19093);
}
END_TEST

START_TEST(brokers_use_the_first_listener_or_the_one_that_is_named)
{
    const char *two = "INTERNAL://10.0.0.1:9092,EXTERNAL://10.0.0.1:9093";
    const char *plain = "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT";

    ck_assert_int_eq(read_with(two, NULL, plain), 0);
    ck_assert_str_eq(endpoints.inter_broker, "INTERNAL");
    ck_assert_int_eq(config_set_pair(&config, "inter.broker.listener.name=EXTERNAL", &reason), 0);
    ck_assert_int_eq(read_with(two, NULL, plain), 0);
    ck_assert_str_eq(endpoints.inter_broker, "EXTERNAL");
}
END_TEST

START_TEST(protocols_other_than_plaintext_are_not_supported_yet)
{
    ck_assert_int_eq(read_with("SSL://:9093", NULL, NULL), K_INVALID_CONFIG);

    ck_assert_ptr_nonnull(strstr(reason.text, "not supported yet"));
}
END_TEST

START_TEST(nonsense_is_an_error_that_names_it)
{
    static const char *const wrong[] = {
        "", "9092", "PLAINTEXT://host", "PLAINTEXT://host:", "PLAINTEXT://host:70000",
        "PLAINTEXT://host:9x", "://host:9092", "PLAINTEXT://a:1,PLAINTEXT://b:2", "NAMELESS://a:1",
        "PLAINTEXT:/a:1", "PLAINTEXT://a:-1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(read_with(wrong[i], NULL, NULL) == K_INVALID_CONFIG, "\"%s\"", wrong[i]);
}
END_TEST

START_TEST(what_is_advertised_must_be_reachable)
{
    ck_assert_int_eq(read_with("PLAINTEXT://:9092", "PLAINTEXT://0.0.0.0:9092", NULL),
                     K_INVALID_CONFIG);
    ck_assert_int_eq(read_with("PLAINTEXT://:9092", "OTHER://a:9092", NULL), K_INVALID_CONFIG);
}
END_TEST

Suite *endpoints_suite(void);

Suite *endpoints_suite(void)
{
    Suite *suite = suite_create("server/endpoints");
    TCase *tests = tcase_create("endpoints");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_listener_advertises_itself);
    tcase_add_test(tests, a_listener_on_every_address_advertises_a_name);
    tcase_add_test(tests, named_listeners_advertise_what_they_are_told);
    tcase_add_test(tests, brokers_use_the_first_listener_or_the_one_that_is_named);
    tcase_add_test(tests, protocols_other_than_plaintext_are_not_supported_yet);
    tcase_add_test(tests, nonsense_is_an_error_that_names_it);
    tcase_add_test(tests, what_is_advertised_must_be_reachable);
    suite_add_tcase(suite, tests);
    return suite;
}
