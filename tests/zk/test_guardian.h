/* test_guardian.h - the test program as a broker that is to be killed. */
#ifndef TESTS_ZK_TEST_GUARDIAN_H
#define TESTS_ZK_TEST_GUARDIAN_H

/* main() calls this: does not return when the program was started as such a broker. */
void guarded_broker_main_if_asked(int argc, char **argv);

#endif
