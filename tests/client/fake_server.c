/* fake_server.c - the fake broker as a process: prints its address, serves until its input ends. */
#include <stdio.h>
#include <unistd.h>

#include "tests/client/fake_broker.h"

int main(int argc, char **argv)
{
    struct fake *fake = fake_new(1);
    char byte;

    for (int i = 1; i < argc; i++)
        fake_add_topic(fake, argv[i], 3);
    printf("%s\n", fake_bootstrap(fake));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    fake_free(fake);
    return 0;
}
