/* What is configured reaches the connections; what connections make of it: tests/net. */
#include "client/config.h"
#include "client/link.h"
#include "tests/client/helpers.h"

/* The options of a connection, with nothing configured but this. */
static struct channel_options options_with(klient_config_t *config, const char *name,
                                           const char *value)
{
    ck_assert_int_eq(klient_config_set(config, name, value, NULL), KLIENT_OK);
    return link_options(&config->values);
}

START_TEST(connections_go_by_what_is_configured)
{
    klient_config_t *config = klient_config_new();

    ck_assert_int_eq(options_with(config, "socket.connection.setup.timeout.ms", "7")
                         .connect_timeout_ms, 7);
    ck_assert_int_eq(options_with(config, "reconnect.backoff.ms", "7").backoff_ms, 7);
    ck_assert_int_eq(options_with(config, "reconnect.backoff.max.ms", "7").backoff_max_ms, 7);
    ck_assert_int_eq(options_with(config, "connections.max.idle.ms", "7").idle_ms, 7);
    ck_assert_ptr_null(link_options(&config->values).congestion);
    ck_assert_str_eq(options_with(config, "socket.tcp.congestion", "reno").congestion, "reno");
    klient_config_free(config);
}
END_TEST

Suite *link_suite(void)
{
    Suite *suite = suite_create("client/link");
    TCase *tcase = tcase_create("link");

    tcase_add_test(tcase, connections_go_by_what_is_configured);
    suite_add_tcase(suite, tcase);
    return suite;
}
