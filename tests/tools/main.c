#include "tests/lib/runner.h"
#include "tests/tools/suites.h"

int main(int argc, char **argv)
{
    const suite_maker makers[] = { args_suite, log_value_suite, perf_suite, record_format_suite };

    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
