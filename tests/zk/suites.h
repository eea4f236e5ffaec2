/* suites.h - the suites of tests/zk that need a server. */
#ifndef TESTS_ZK_SUITES_H
#define TESTS_ZK_SUITES_H

#include <check.h>

Suite *session_suite(void);
Suite *bootstrap_suite(void);
Suite *register_suite(void);
Suite *elect_suite(void);
Suite *guardian_suite(void);

#endif
