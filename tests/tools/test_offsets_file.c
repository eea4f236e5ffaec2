#include <stdlib.h>
#include <string.h>

#include "tests/tools/suites.h"
#include "tools/kairn/offsets_file.h"

static struct offsets_file file;
static const char *why;

/* The number of the line that is wrong, 0: none. */
static size_t read_text(const char *text, size_t size)
{
    FILE *in = fmemopen((char *)text, size, "r");

    ck_assert_ptr_nonnull(in);
    file = (struct offsets_file){ 0 };
    size_t wrong = offsets_file_read(in, "readers", &file, &why);
    fclose(in);
    return wrong;
}

#define READ(text) read_text(text, sizeof(text) - 1)

START_TEST(lines_are_topic_partition_offset_with_or_without_a_group)
{
    ck_assert_uint_eq(READ("orders,0,5\r\n\nreaders,orders,1,7\nothers,orders,1,9\n"
                           "\"readers\",\"logs\",0,0"), 0);

    ck_assert_uint_eq(file.count, 3);
    ck_assert_str_eq(file.lines[0].topic, "orders");
    ck_assert_int_eq(file.lines[0].partition, 0);
    ck_assert_int_eq(file.lines[0].offset, 5);
    ck_assert_int_eq(file.lines[1].partition, 1);
    ck_assert_int_eq(file.lines[1].offset, 7);
    ck_assert_str_eq(file.lines[2].topic, "logs");
    offsets_file_free(&file);
}
END_TEST

START_TEST(a_group_whose_name_has_commas_and_quotes_stands_in_quotes)
{
    const char *text = "\"a,\"\"b\"\"\",orders,0,5";
    FILE *in = fmemopen((char *)text, strlen(text), "r");

    ck_assert_uint_eq(offsets_file_read(in, "a,\"b\"", &file, &why), 0);

    ck_assert_uint_eq(file.count, 1);
    ck_assert_str_eq(file.lines[0].topic, "orders");
    offsets_file_free(&file);
    fclose(in);
}
END_TEST

START_TEST(a_wrong_line_is_named_and_nothing_is_kept)
{
    static const char *const wrong[] = {
        "orders,0,1\norders",         "orders,0,1\norders,0",     "orders,0,1\na,b,c,d,e",
        "orders,0,1\norders,x,1",     "orders,0,1\norders,1,-1",  "orders,0,1\norders,1,",
        "orders,0,1\norders,0,2",     "orders,0,1\n,0,2",         "orders,0,1\n\"orders,0,2",
        "orders,0,1\n\"or\"ders,1,2", "orders,0,1\norders,2147483648,2",
        "orders,0,1\norders, 1,2",    "orders,0,1\ng,orders,1,99999999999999999999",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(read_text(wrong[i], strlen(wrong[i])) == 2, "%s", wrong[i]);
        ck_assert_ptr_nonnull(why);
        ck_assert_uint_eq(file.count, 0);
    }
    ck_assert_uint_eq(READ("orders,0,1\nor\0ders,1,2"), 2);
}
END_TEST

START_TEST(what_is_printed_can_be_read)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    offsets_file_print(out, "orders", 3, 123456789012);
    offsets_file_print(out, "a.b_c-d", 0, 0);
    fclose(out);

    ck_assert_uint_eq(read_text(text, size), 0);

    ck_assert_uint_eq(file.count, 2);
    ck_assert_int_eq(file.lines[0].offset, 123456789012);
    ck_assert_str_eq(file.lines[1].topic, "a.b_c-d");
    offsets_file_free(&file);
    free(text);
}
END_TEST

Suite *offsets_file_suite(void)
{
    Suite *suite = suite_create("tools/offsets_file");
    TCase *tests = tcase_create("offsets_file");

    tcase_add_test(tests, lines_are_topic_partition_offset_with_or_without_a_group);
    tcase_add_test(tests, a_group_whose_name_has_commas_and_quotes_stands_in_quotes);
    tcase_add_test(tests, a_wrong_line_is_named_and_nothing_is_kept);
    tcase_add_test(tests, what_is_printed_can_be_read);
    suite_add_tcase(suite, tests);
    return suite;
}
