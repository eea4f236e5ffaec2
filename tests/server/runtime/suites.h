/* suites.h - the suites of this folder. */
#ifndef TESTS_RUNTIME_SUITES_H
#define TESTS_RUNTIME_SUITES_H

#include <check.h>

Suite *broken_suite(void);
Suite *cleaner_suite(void);
Suite *compaction_suite(void);
Suite *fetcher_suite(void);
Suite *flush_suite(void);
Suite *follower_report_suite(void);
Suite *group_load_suite(void);
Suite *group_records_suite(void);
Suite *io_pool_suite(void);
Suite *lost_copies_suite(void);
Suite *memory_suite(void);
Suite *metadata_suite(void);
Suite *quota_suite(void);
Suite *recovery_suite(void);
Suite *rest_suite(void);
Suite *warm_suite(void);
Suite *control_suite(void);
Suite *control_topics_suite(void);
Suite *offset_mirror_suite(void);
Suite *producer_ids_suite(void);
Suite *control_configs_suite(void);
Suite *control_memory_suite(void);

#endif
