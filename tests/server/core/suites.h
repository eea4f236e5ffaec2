/* suites.h - the suites of this folder, and the scripts of its transcripts. */
#ifndef TESTS_CORE_SUITES_H
#define TESTS_CORE_SUITES_H

#include <check.h>

#include "tests/server/core/transcript.h"

extern const struct transcript_script controller_script, features_script, groups_script,
    member_script, replica_script;

Suite *controller_suite(void);
Suite *controller_memory_suite(void);
Suite *controller_random_suite(void);
Suite *groups_suite(void);
Suite *groups_memory_suite(void);
Suite *groups_random_suite(void);
Suite *features_suite(void);
Suite *member_suite(void);
Suite *placement_suite(void);
Suite *topic_plan_suite(void);
Suite *election_suite(void);
Suite *replica_suite(void);
Suite *replica_random_suite(void);

#endif
