#include <stdlib.h>

#include "tests/client/helpers.h"
#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        config_suite,   codecs_suite,  partitioner_suite, producer_suite, faults_suite,
        consumer_suite, records_suite, admin_suite, admin_groups_suite, hostile_suite,
        handle_suite,
        admin_replicas_suite, describe_suite,
        sealing_suite,  versions_suite, assignor_suite, assign_sticky_suite,
        assign_racks_suite,
        serde_suite,    typed_suite,    own_serde_suite, interceptor_suite,
        interceptor_consume_suite, leaders_suite, membership_suite, progress_suite,
        idle_topics_suite, fetch_session_suite, fetcher_suite, link_suite,
        group_suite,    group_commits_suite, group_starts_suite,
        auto_commit_suite, membership_losses_suite,
        group_trouble_suite,
        interceptor_commit_suite,
        marks_suite,
        ordering_suite, patience_suite,
        own_assignor_suite,
        purge_suite,
        queue_suite, async_suite, background_suite,
        retry_suite, dlq_suite, failures_suite,
        stale_suite, standing_suite, statistics_suite,
        topic_config_suite,
        trouble_suite, troubles_suite, troubles_consumer_suite,
    };

    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
