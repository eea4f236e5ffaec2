#include <string.h>

#include "common/utf8.h"
#include "tests/common/suites.h"

static size_t valid(const char *text)
{
    return utf8_valid((const uint8_t *)text, strlen(text));
}

START_TEST(characters_of_every_length_are_text)
{
    static const char *const texts[] = { "", "Precision Products", "\xc3\xa9t\xc3\xa9",
                                         "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80!",
                                         "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
                                         "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_uint_eq(valid(texts[i]), strlen(texts[i]));
}
END_TEST

START_TEST(what_is_no_character_ends_the_text)
{
    static const struct { const char *bytes, *is; } bad[] = {
        { "\x80", "a byte that only follows" },
        { "\xc0\xaf", "an overlong form of two" },
        { "\xc1\xbf", "an overlong form of two" },
        { "\xe0\x9f\xbf", "an overlong form of three" },
        { "\xf0\x8f\xbf\xbf", "an overlong form of four" },
        { "\xed\xa0\x80", "the first surrogate" },
        { "\xed\xbf\xbf", "the last surrogate" },
        { "\xf4\x90\x80\x80", "beyond the last character" },
        { "\xf5\x80\x80\x80", "beyond the last character" },
        { "\xff", "no first byte" },
        { "\xc3", "cut off" },
        { "\xe6\x97", "cut off" },
        { "\xf0\x9f\x98", "cut off" },
        { "\xc3(", "not continued" },
        { "\xe6\x97(", "not continued" },
        { "\xf0\x9f\x98(", "not continued" },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64] = "nine char";

        ck_assert_msg(valid(bad[i].bytes) == 0, "%s", bad[i].is);
        strncat(text, bad[i].bytes, 8);
        strncat(text, " and more than eight bytes", 30);
        ck_assert_msg(valid(text) == 9, "%s, after text", bad[i].is);
    }
}
END_TEST

START_TEST(a_zero_byte_is_a_character)
{
    ck_assert_uint_eq(utf8_valid((const uint8_t *)"a\0b", 3), 3);
}
END_TEST

Suite *utf8_suite(void)
{
    Suite *suite = suite_create("common/utf8");
    TCase *tcase = tcase_create("utf8");

    tcase_add_test(tcase, characters_of_every_length_are_text);
    tcase_add_test(tcase, what_is_no_character_ends_the_text);
    tcase_add_test(tcase, a_zero_byte_is_a_character);
    suite_add_tcase(suite, tcase);
    return suite;
}
