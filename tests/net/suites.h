/* suites.h - the suites of tests/net. */
#ifndef TESTS_NET_SUITES_H
#define TESTS_NET_SUITES_H

#include <check.h>

Suite *channel_suite(void);
Suite *channel_connect_suite(void);
Suite *conn_patience_suite(void);
Suite *conn_receive_suite(void);
Suite *conn_send_suite(void);
Suite *listener_suite(void);
Suite *loop_suite(void);
Suite *resolve_suite(void);
Suite *slab_pool_suite(void);

#endif
