/* sim - lives of simulated clusters: lives.h. */
#include "tests/sim/cluster.h"

int main(int argc, char **argv)
{
    return lives_main(argc, argv, &sim_cluster);
}
