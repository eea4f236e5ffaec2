/* suites.h - the suites of this folder, one per file of common/. */
#ifndef TESTS_COMMON_SUITES_H
#define TESTS_COMMON_SUITES_H

#include <check.h>

Suite *compress_suite(void);

#endif
