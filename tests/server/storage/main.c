#include "tests/lib/runner.h"

Suite *log_suite(void);

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { log_suite };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
