#include "server/core/groups.h"

#include "tests/server/core/suites.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/groups", &groups_script);
}
END_TEST

Suite *groups_suite(void)
{
    Suite *suite = suite_create("server/core/groups");
    TCase *tcase = tcase_create("groups");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    suite_add_tcase(suite, tcase);
    return suite;
}
