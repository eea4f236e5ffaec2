#include "tests/server/runtime/suites.h"

#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { broken_suite,        cleaner_suite, compaction_suite,
                                          fetcher_suite,
                                          flush_suite,         follower_report_suite,
                                          group_load_suite,    group_records_suite,
                                          io_pool_suite,       lost_copies_suite,
                                          memory_suite,        metadata_suite, quota_suite,
                                          recovery_suite,      rest_suite,
                                          warm_suite };

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
