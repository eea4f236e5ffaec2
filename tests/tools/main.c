#include "tests/lib/runner.h"
#include "tests/tools/suites.h"

int main(int argc, char **argv)
{
    const suite_maker makers[] = { args_suite, assignment_suite, checkup_suite, colour_suite,
                                   complete_suite, follower_suite, group_rows_suite,
                                   health_suite, letter_suite, log_value_suite, moment_suite,
                                   offsets_file_suite, pair_list_suite, pauses_suite, perf_suite,
                                   planner_suite, record_format_suite, record_input_suite,
                                   recovery_suite, setting_text_suite, zookeeper_suite };

    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
