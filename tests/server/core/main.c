#include "tests/lib/runner.h"
#include "tests/server/core/suites.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        placement_suite,  topic_plan_suite,        election_suite,         member_suite,
        features_suite,
        controller_suite, controller_memory_suite, controller_random_suite,
        replica_suite,    replica_random_suite,    groups_suite,
        groups_memory_suite, groups_random_suite};

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
