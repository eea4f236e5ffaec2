/* suites.h - the suites of this folder, one per file of common/. */
#ifndef TESTS_COMMON_SUITES_H
#define TESTS_COMMON_SUITES_H

#include <check.h>

Suite *arena_suite(void);
Suite *chain_suite(void);
Suite *clock_suite(void);
Suite *compress_suite(void);
Suite *crc32c_suite(void);
Suite *cursor_suite(void);
Suite *descriptors_suite(void);
Suite *error_suite(void);
Suite *feature_suite(void);
Suite *hdr_suite(void);
Suite *heap_suite(void);
Suite *json_check_suite(void);
Suite *list_suite(void);
Suite *log_suite(void);
Suite *log_flood_suite(void);
Suite *map_suite(void);
Suite *metric_suite(void);
Suite *options_suite(void);
Suite *options_file_suite(void);
Suite *pattern_suite(void);
Suite *quantity_suite(void);
Suite *rand_suite(void);
Suite *slab_suite(void);
Suite *utf8_suite(void);
Suite *uuid_suite(void);

#endif
