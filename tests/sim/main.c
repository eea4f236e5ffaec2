#include "tests/lib/runner.h"
#include "tests/sim/suites.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {sched_suite, net_suite, zk_suite, disk_suite,
                                        world_suite, groups_suite};

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
