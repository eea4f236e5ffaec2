#include "tests/common/suites.h"
#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        compress_suite,
    };
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
