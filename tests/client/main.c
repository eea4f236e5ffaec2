#include <stdlib.h>

#include "tests/client/helpers.h"
#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        config_suite,   codecs_suite,  partitioner_suite, producer_suite, faults_suite,
        consumer_suite, records_suite, admin_suite,       hostile_suite,  handle_suite,
        sealing_suite,  versions_suite,
    };

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
