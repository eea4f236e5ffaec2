#include "tests/lib/runner.h"
#include "tests/net/suites.h"

int main(int argc, char **argv)
{
    static const suite_maker makers[] = {
        loop_suite,          slab_pool_suite, conn_receive_suite, conn_send_suite,
        conn_patience_suite, listener_suite,  resolve_suite,      channel_connect_suite,
        channel_suite,
    };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
