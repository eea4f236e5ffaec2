/* wait.h - wait for what nobody tells: a condition that is looked at every millisecond.
 *
 * Where somebody tells, wait for that: a semaphore, a loop's turn, a condition variable. */
#ifndef TESTS_LIB_WAIT_H
#define TESTS_LIB_WAIT_H

#include <check.h>
#include <poll.h>

enum { WAIT_LOOKS = 20 * 1000 };

/* Wait until `condition` holds; the test fails when it does not in WAIT_LOOKS looks. They are
 * counted instead of the time: a machine that stood still must not fail a test. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        for (int wait_looks = 0; !(condition); wait_looks++) {                                     \
            ck_assert_msg(wait_looks < WAIT_LOOKS, "never: %s", #condition);                       \
            poll(NULL, 0, 1);                                                                      \
        }                                                                                          \
    } while (0)

#endif
