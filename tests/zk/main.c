/* The tests against a real server; exit status 77 (skipped) when there is no Java. */
#include <stdlib.h>

#include "common/log.h"
#include "tests/lib/runner.h"
#include "tests/zk/server.h"
#include "tests/zk/suites.h"
#include "tests/zk/test_guardian.h"
#include "zk/guardian.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { session_suite, bootstrap_suite, register_suite,
                                          elect_suite, guardian_suite };

    guardian_main_if_asked(argc, argv);
    guarded_broker_main_if_asked(argc, argv);
    log_set_level(LOG_LEVEL_ERROR);
    int status = server_start();
    if (status != 0)
        return status;
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
