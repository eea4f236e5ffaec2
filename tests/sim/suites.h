/* suites.h - the suites of test_sim. */
#ifndef TESTS_SIM_SUITES_H
#define TESTS_SIM_SUITES_H

#include <check.h>

Suite *sched_suite(void);
Suite *net_suite(void);
Suite *zk_suite(void);
Suite *disk_suite(void);
Suite *world_suite(void);
Suite *groups_suite(void);

#endif
