/* suites.h - the suites of this folder, one per file of proto/. */
#ifndef TESTS_PROTO_SUITES_H
#define TESTS_PROTO_SUITES_H

#include <check.h>

Suite *api_table_suite(void);
Suite *batch_build_suite(void);
Suite *batch_check_suite(void);
Suite *batch_golden_suite(void);
Suite *batch_read_suite(void);
Suite *consumer_protocol_suite(void);
Suite *frame_suite(void);
Suite *greeting_suite(void);
Suite *head_suite(void);
Suite *offsets_records_suite(void);

#endif
