#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/recovery.h"

static const struct recovery some = { .broker = 2, .logs_left = 3, .found = INT64_C(4) << 30,
                                      .checked = INT64_C(3) << 29 };

START_TEST(how_far_it_is_can_be_read)
{
    struct recovery last = some;
    char text[256];

    recovery_explain(&some, text, sizeof text);
    ck_assert_str_eq(text, "broker 2 checks its logs after a crash: 3 are left, 1.5 GiB of the "
                           "4.0 GiB found so far are checked");
    last.logs_left = 1;
    recovery_explain(&last, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, ": 1 is left, "));
}
END_TEST

START_TEST(how_far_it_is_can_be_parsed)
{
    json_t *list = recovery_json(&some, 1), *none = recovery_json(NULL, 0);
    char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);

    ck_assert_str_eq(text, "[{\"broker\":2,\"checked_bytes\":1610612736,"
                           "\"found_bytes\":4294967296,\"logs_left\":3}]");
    ck_assert_uint_eq(json_array_size(none), 0);
    free(text);
    json_decref(list);
    json_decref(none);
}
END_TEST

Suite *recovery_suite(void)
{
    Suite *suite = suite_create("tools/recovery");
    TCase *tests = tcase_create("recovery");

    tcase_add_test(tests, how_far_it_is_can_be_read);
    tcase_add_test(tests, how_far_it_is_can_be_parsed);
    suite_add_tcase(suite, tests);
    return suite;
}
