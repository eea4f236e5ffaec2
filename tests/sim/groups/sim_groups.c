/* sim_groups - lives of simulated groups of consumers: tests/sim/lives.h. */
#include "tests/sim/groups/club.h"
#include "tests/sim/lives.h"

int main(int argc, char **argv)
{
    return lives_main(argc, argv, &sim_club);
}
