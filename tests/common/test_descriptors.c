#include "common/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/common/suites.h"

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Runs in a process of its own: what is closed here is not missed later. */
START_TEST(closed_standard_descriptors_are_opened_again)
{
    int error_output = dup(STDERR_FILENO);
    close(STDIN_FILENO);
    close(STDERR_FILENO);

    bool secured = descriptors_secure();

    bool input_open = is_open(STDIN_FILENO), error_open = is_open(STDERR_FILENO);
    dup2(error_output, STDERR_FILENO);
    ck_assert(secured && input_open && error_open);
}
END_TEST

START_TEST(nothing_is_left_open_when_all_were_there)
{
    int before = open("/dev/null", O_RDONLY);
    close(before);

    ck_assert(descriptors_secure());

    int after = open("/dev/null", O_RDONLY);
    close(after);
    ck_assert_int_eq(before, after);
}
END_TEST

Suite *descriptors_suite(void)
{
    TCase *tcase = tcase_create("descriptors");
    tcase_add_test(tcase, closed_standard_descriptors_are_opened_again);
    tcase_add_test(tcase, nothing_is_left_open_when_all_were_there);
    Suite *suite = suite_create("common/descriptors");
    suite_add_tcase(suite, tcase);
    return suite;
}
