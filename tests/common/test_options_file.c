#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/options.h"
#include "common/rand.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

struct values {
    char *name;
    char *other;
    int32_t number;
};

static const struct option rows[] = {
    { "name", OPTION_STRING, offsetof(struct values, name), NULL, 0, 0, NULL, 0, "A name.", NULL },
    { "a =b", OPTION_STRING, offsetof(struct values, other), NULL, 0, 0, NULL, 0, "Odd.", NULL },
    { "number", OPTION_INT, offsetof(struct values, number), "7", 0, 9, NULL, 0, "Digit.", NULL },
};

static const struct option_table table = { rows, sizeof rows / sizeof *rows };

static struct values values;
static uint8_t sources[sizeof rows / sizeof *rows];
static struct k_reason reason;
static char path[64];
static int file;                /* lives in memory: a disk would make thousands of files slow */

static void set_up(void)
{
    file = memfd_create("options", MFD_CLOEXEC);
    ck_assert_int_ge(file, 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    ck_assert_int_eq(options_defaults(&table, &values, sources), 0);
    reason.text[0] = '\0';
}

static void tear_down(void)
{
    options_fini(&table, &values);
    close(file);
}

static int read_bytes(const char *bytes, size_t size)
{
    ck_assert_int_eq(ftruncate(file, 0), 0);
    ck_assert_int_eq(pwrite(file, bytes, size, 0), (ssize_t)size);
    return options_read_file(&table, &values, sources, path, &reason);
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

struct example {
    const char *text, *name;
};

static const struct example examples[] = {
    { "name=a", "a" },
    { "name=a\n", "a" },
    { "name=a\r\n", "a" },
    { "  name  =  a b  \n", "a b" },
    { "name:a", "a" },
    { "name a", "a" },
    { "name\ta=b", "a=b" },
    { "name = = a", "= a" },
    { "name", "" },
    { "name=", "" },
    { "# name=x\n! name=y\n\n  # indented\nname=a", "a" },
    { "name=a\nname=b", "b" },
    { "name=a\\\n   b\\\n\tc", "abc" },
    { "name=a\\\n# b", "a# b" },
    { "# comment \\\nname=a", "a" },
    { "name=a\\\\\nnumber=1", "a\\" },
    { "name=a\\", "a" },
    { "name=a\\tb\\nc\\q", "a\tb\ncq" },
    { "na\\\nme=a", "a" },
    { "name=\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
    { "name=\xc3\xa9", "\xc3\xa9" },
    { "", NULL },
    { "\n\n", NULL },
};

START_TEST(properties_are_read_as_java_reads_them)
{
    ck_assert_msg(read_text(examples[_i].text) == 0, "%s", reason.text);

    ck_assert_pstr_eq(values.name, examples[_i].name);
    ck_assert_uint_eq(sources[0],
                      examples[_i].name != NULL ? OPTION_FROM_FILE : OPTION_FROM_DEFAULT);
}
END_TEST

START_TEST(escaped_separators_belong_to_the_name)
{
    ck_assert_int_eq(read_text("a\\ \\=b = x"), 0);

    ck_assert_str_eq(values.other, "x");
}
END_TEST

static void check_reason(int line, const char *what)
{
    char expected[512];

    snprintf(expected, sizeof expected, "%s:%d: %s", path, line, what);
    ck_assert_str_eq(reason.text, expected);
}

START_TEST(reason_names_file_and_line)
{
    ck_assert_int_eq(read_text("# one\nname=a\\\nb\n\nnumber=12\nname=c"), K_INVALID_CONFIG);

    check_reason(5, "number: expected an integer, 0 to 9, not \"12\"");
    ck_assert_str_eq(values.name, "ab");
    ck_assert_int_eq(values.number, 7);
}
END_TEST

START_TEST(unknown_name_in_a_file_is_an_error)
{
    ck_assert_int_eq(read_text("\nnumbr=1"), K_UNKNOWN_NAME);

    check_reason(2, "unknown name \"numbr\"; did you mean \"number\"?");
}
END_TEST

START_TEST(damaged_lines_are_refused)
{
    ck_assert_int_eq(read_text("name=\\ud83d\\ude00"), K_INVALID_CONFIG);
    ck_assert_int_eq(read_text("name=\\u0000"), K_INVALID_CONFIG);
    ck_assert_int_eq(read_text("name=\\u12"), K_INVALID_CONFIG);
    ck_assert_int_eq(read_text("name=\\uwxyz"), K_INVALID_CONFIG);
    ck_assert_int_eq(read_bytes("name=a\0b", 8), K_INVALID_CONFIG);
    check_reason(1, "the line holds a zero byte");
}
END_TEST

START_TEST(endless_line_is_refused)
{
    size_t size = 1000000;
    char *text = malloc(size);
    memset(text, 'a', size);

    int error = read_bytes(text, size);

    ck_assert_int_eq(error, K_INVALID_CONFIG);
    check_reason(1, "the line is too long");
    free(text);
}
END_TEST

START_TEST(file_that_can_not_be_read_is_named)
{
    ck_assert_int_eq(options_read_file(&table, &values, sources, "/nonexistent/x", &reason), K_IO);
    ck_assert_str_eq(reason.text, "can not open /nonexistent/x: No such file or directory");
    ck_assert_int_eq(options_read_file(&table, &values, sources, "/tmp", &reason), K_IO);
}
END_TEST

START_TEST(without_memory_the_file_is_not_read)
{
    memory_fail_after(0);
    int error = options_read_file(&table, &values, sources, path, &reason);
    memory_restore();

    ck_assert_int_eq(error, K_NOMEM);
}
END_TEST

START_TEST(random_bytes_never_crash_the_reader)
{
    static const char letters[] = "name=:\\u0a1 \t\n\r#!b";
    struct rand rand;
    rand_seed(&rand, 6);

    for (int round = 0; round < 3000; round++) {
        char bytes[64];
        size_t size = rand_below(&rand, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = letters[rand_below(&rand, sizeof letters)];
        int error = read_bytes(bytes, size);
        ck_assert(error == 0 || error == K_INVALID_CONFIG || error == K_UNKNOWN_NAME);
    }
}
END_TEST

Suite *options_file_suite(void)
{
    Suite *suite = suite_create("common/options_file");
    TCase *basics = tcase_create("basics");

    tcase_add_checked_fixture(basics, set_up, tear_down);
    tcase_add_loop_test(basics, properties_are_read_as_java_reads_them, 0,
                        sizeof examples / sizeof *examples);
    tcase_add_test(basics, escaped_separators_belong_to_the_name);
    tcase_add_test(basics, reason_names_file_and_line);
    tcase_add_test(basics, unknown_name_in_a_file_is_an_error);
    tcase_add_test(basics, damaged_lines_are_refused);
    tcase_add_test(basics, endless_line_is_refused);
    tcase_add_test(basics, file_that_can_not_be_read_is_named);
    tcase_add_test(basics, without_memory_the_file_is_not_read);
    tcase_add_test(basics, random_bytes_never_crash_the_reader);
    suite_add_tcase(suite, basics);
    return suite;
}
