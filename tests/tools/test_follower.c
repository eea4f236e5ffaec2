#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/follower.h"

static klient_follower_info_t follower_of(klient_follower_state_t state)
{
    return (klient_follower_info_t){ .state = state, .end = -1 };
}

START_TEST(every_state_has_a_name_and_a_text_of_its_own)
{
    char one[128], other[128];

    for (int i = KLIENT_FOLLOWER_UNKNOWN; i <= KLIENT_FOLLOWER_JOINING; i++) {
        klient_follower_info_t follower = follower_of((klient_follower_state_t)i);
        follower_explain(&follower, one, sizeof one);
        ck_assert_str_ne(one, "");
        for (int j = 0; j < i; j++) {
            klient_follower_info_t former = follower_of((klient_follower_state_t)j);
            ck_assert_str_ne(follower_name(follower.state), follower_name(former.state));
            ck_assert_str_ne(one, follower_explain(&former, other, sizeof other));
        }
    }
}
END_TEST

START_TEST(a_state_of_a_newer_library_is_unknown)
{
    klient_follower_info_t follower = follower_of((klient_follower_state_t)77);
    char text[128];

    ck_assert_str_eq(follower_name(follower.state), "unknown");
    ck_assert_ptr_nonnull(
        strstr(follower_explain(&follower, text, sizeof text), "does not know"));
}
END_TEST

START_TEST(who_is_silent_is_silent_since_then_or_since_the_leader_leads)
{
    klient_follower_info_t follower = follower_of(KLIENT_FOLLOWER_SILENT);
    char text[128];
    follower.silent_ms = 12340;

    ck_assert_str_eq(follower_explain(&follower, text, sizeof text),
                     "has not asked since the leader leads");
    follower.end = 7;
    ck_assert_str_eq(follower_explain(&follower, text, sizeof text), "has not asked for 12.3s");
}
END_TEST

START_TEST(who_has_everything_is_behind_for_no_time)
{
    klient_follower_info_t follower = follower_of(KLIENT_FOLLOWER_BEHIND);
    char text[32];

    ck_assert_str_eq(follower_behind(&follower, text, sizeof text), "-");
    follower.behind_ms = 3210;
    ck_assert_str_eq(follower_behind(&follower, text, sizeof text), "3.2s");
}
END_TEST

Suite *follower_suite(void)
{
    Suite *suite = suite_create("tools/follower");
    TCase *tests = tcase_create("follower");

    tcase_add_test(tests, every_state_has_a_name_and_a_text_of_its_own);
    tcase_add_test(tests, a_state_of_a_newer_library_is_unknown);
    tcase_add_test(tests, who_is_silent_is_silent_since_then_or_since_the_leader_leads);
    tcase_add_test(tests, who_has_everything_is_behind_for_no_time);
    suite_add_tcase(suite, tests);
    return suite;
}
