#include "tests/lib/runner.h"
#include "tests/proto/suites.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        api_table_suite, batch_build_suite, batch_check_suite, batch_golden_suite,
        batch_read_suite, consumer_protocol_suite, frame_suite, greeting_suite, head_suite,
        offsets_records_suite,
    };
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
