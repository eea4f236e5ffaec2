#include "tests/common/suites.h"
#include "tests/lib/runner.h"

int main(int argc, char **argv)
{
    const suite_maker makers[] = {
        arena_suite, chain_suite,   clock_suite,        compress_suite, crc32c_suite, cursor_suite,
        error_suite, heap_suite,    list_suite,         log_suite,      map_suite,    metric_suite,
        descriptors_suite, feature_suite, hdr_suite,
        rand_suite,  options_suite, options_file_suite, slab_suite,     uuid_suite,
        json_check_suite, utf8_suite, pattern_suite, quantity_suite, log_flood_suite,
    };

    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
