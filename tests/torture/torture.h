/* torture.h - the main function of a program that lives one life again and again, each time with
 * another n: its n-th allocation, or call to the disk, fails. */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include <stdbool.h>

struct torture {
    const char *name;
    /* Live once: arm what fails at the n-th time, heal it, check what has to hold. Returns how
     * often it failed: 0: there are no n such things in a life. */
    long (*live)(int script, long n, bool lasting);
    int scripts;
};

/*   PROGRAM [--every K] [--from N] [--only NAME]
 *
 * For each row and script n = 1, 1 + K, ... until nothing fails any more; each n alone, then with
 * all that follow. Ends with a line for each row; a broken promise ends the process. */
int torture_main(int argc, char **argv, const struct torture *rows, int count);

#endif
