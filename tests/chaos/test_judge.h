/* test_judge.h - the two halves of the judge's tests: logs, and groups of consumers. */
#ifndef TESTS_CHAOS_TEST_JUDGE_H
#define TESTS_CHAOS_TEST_JUDGE_H

#include <check.h>

#include "tests/chaos/judge.h"

Suite *judge_groups_suite(void);

/* How many doctored histories of groups there are for a fault. */
int group_lies_about(enum judge_fault fault);

#endif
