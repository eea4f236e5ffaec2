/* suites.h - the suites of this folder. */
#ifndef TESTS_TOOLS_SUITES_H
#define TESTS_TOOLS_SUITES_H

#include <check.h>

Suite *args_suite(void);
Suite *assignment_suite(void);
Suite *checkup_suite(void);
Suite *colour_suite(void);
Suite *complete_suite(void);
Suite *follower_suite(void);
Suite *group_rows_suite(void);
Suite *health_suite(void);
Suite *letter_suite(void);
Suite *moment_suite(void);
Suite *offsets_file_suite(void);
Suite *log_value_suite(void);
Suite *pair_list_suite(void);
Suite *pauses_suite(void);
Suite *perf_suite(void);
Suite *planner_suite(void);
Suite *record_format_suite(void);
Suite *record_input_suite(void);
Suite *recovery_suite(void);
Suite *setting_text_suite(void);
Suite *zookeeper_suite(void);

#endif
