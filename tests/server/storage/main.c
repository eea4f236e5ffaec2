#include "tests/lib/runner.h"

Suite *log_producers_suite(void);
Suite *producer_numbers_suite(void);
Suite *producer_runs_suite(void);
Suite *producer_state_suite(void);
Suite *index_search_suite(void);
Suite *txn_index_suite(void);
Suite *log_suite(void);
Suite *log_copy_suite(void);
Suite *log_truncate_suite(void);
Suite *recover_suite(void);
Suite *damage_suite(void);
Suite *faults_suite(void);
Suite *many_segments_suite(void);
Suite *model_suite(void);
Suite *logdir_suite(void);
Suite *dump_suite(void);
Suite *recover_dry_suite(void);
Suite *reread_suite(void);
Suite *sealed_suite(void);
Suite *verify_state_suite(void);
Suite *verify_suite(void);
Suite *doomed_suite(void);
Suite *retain_suite(void);
Suite *segment_reserve_suite(void);
Suite *log_move_suite(void);
Suite *trim_suite(void);
Suite *clean_model_suite(void);
Suite *clean_parts_suite(void);
Suite *clean_times_suite(void);

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        log_producers_suite, producer_numbers_suite, producer_runs_suite, producer_state_suite,
        index_search_suite, txn_index_suite,
        log_suite, log_copy_suite, log_truncate_suite, recover_suite,
        damage_suite, faults_suite, model_suite, logdir_suite,
        dump_suite, recover_dry_suite, verify_suite, verify_state_suite, doomed_suite, retain_suite,
        trim_suite, clean_model_suite, clean_parts_suite, clean_times_suite,
        segment_reserve_suite, log_move_suite, many_segments_suite, reread_suite, sealed_suite
    };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
