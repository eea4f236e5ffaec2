#include "tests/lib/runner.h"

Suite *alter_suite(void);
Suite *delete_records_suite(void);
Suite *fetch_suite(void);
Suite *fetch_session_suite(void);
Suite *group_requests_suite(void);
Suite *groups_suite(void);
Suite *isolation_suite(void);
Suite *list_offsets_suite(void);
Suite *logs_suite(void);
Suite *metadata_suite(void);
Suite *metrics_suite(void);
Suite *numbers_suite(void);
Suite *offset_commits_suite(void);
Suite *produce_suite(void);
Suite *recompress_suite(void);
Suite *producer_id_suite(void);
Suite *replica_fetch_suite(void);
Suite *retention_suite(void);
Suite *topics_suite(void);

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        alter_suite, delete_records_suite, fetch_suite, fetch_session_suite,
        group_requests_suite, groups_suite, isolation_suite, list_offsets_suite, logs_suite,
        metadata_suite, metrics_suite, numbers_suite, offset_commits_suite, produce_suite,
        producer_id_suite, recompress_suite, replica_fetch_suite, retention_suite, topics_suite,
    };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
