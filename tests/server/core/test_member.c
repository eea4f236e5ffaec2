#include "server/core/member.h"

#include "tests/server/core/suites.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/member", &member_script);
}
END_TEST

Suite *member_suite(void)
{
    Suite *suite = suite_create("server/core/member");
    TCase *tcase = tcase_create("member");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    suite_add_tcase(suite, tcase);
    return suite;
}
