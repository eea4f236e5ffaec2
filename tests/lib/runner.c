#include "tests/lib/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_suites(int argc, char **argv, const suite_maker *makers, size_t count)
{
    const char *wanted = argc > 1 ? argv[1] : NULL;
    SRunner *runner = srunner_create(NULL);

    for (size_t i = 0; i < count; i++)
        srunner_add_suite(runner, makers[i]());
    srunner_run(runner, wanted, NULL, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);
    int run = srunner_ntests_run(runner);
    srunner_free(runner);
    if (run == 0) {
        fprintf(stderr, "no test was run\n");
        return EXIT_FAILURE;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
