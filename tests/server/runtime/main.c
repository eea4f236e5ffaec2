#include "tests/server/runtime/suites.h"

#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { cleaner_suite, flush_suite, io_pool_suite,
                                          metadata_suite, rest_suite, warm_suite };

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
