#include "tests/lib/runner.h"

Suite *greet_suite(void);
Suite *native_suite(void);

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { greet_suite, native_suite };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
