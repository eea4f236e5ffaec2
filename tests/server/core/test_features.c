#include <check.h>

#include "tests/server/core/suites.h"
#include "tests/server/core/transcript.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/features", &features_script);
}
END_TEST

Suite *features_suite(void)
{
    Suite *suite = suite_create("server/core/features");
    TCase *tcase = tcase_create("features");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    suite_add_tcase(suite, tcase);
    return suite;
}
