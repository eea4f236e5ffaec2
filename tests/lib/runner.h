/* runner.h - the main function of every unit test program. */
#ifndef TESTS_LIB_RUNNER_H
#define TESTS_LIB_RUNNER_H

#include <check.h>
#include <stddef.h>

typedef Suite *(*suite_maker)(void);

/* Run the suites made by `makers`; returns the exit status. With an argument, only the suite of
 * that name. CK_FORK=no in the environment helps with a debugger. */
int run_suites(int argc, char **argv, const suite_maker *makers, size_t count);

#endif
