#include "tests/lib/runner.h"

Suite *admission_suite(void);
Suite *config_suite(void);
Suite *config_parts_suite(void);
Suite *connection_suite(void);
Suite *endpoints_suite(void);
Suite *hostile_suite(void);

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { admission_suite,  config_suite,    config_parts_suite,
                                          connection_suite, endpoints_suite, hostile_suite };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
