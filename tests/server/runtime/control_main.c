/* The tests of the control plane, against a real ZooKeeper server; exit status 77 (skipped) when
 * there is no Java. */
#include "common/log.h"
#include "tests/lib/runner.h"
#include "tests/server/runtime/suites.h"
#include "tests/zk/server.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { control_suite, control_topics_suite,
                                           producer_ids_suite, control_configs_suite,
                                           control_memory_suite, offset_mirror_suite };

    log_set_level(LOG_LEVEL_ERROR);
    int status = server_start();
    if (status != 0)
        return status;
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
