#include "proto/api_table.h"

#include "common/feature.h"
#include "proto/head.h"
#include "tests/proto/suites.h"

/* The body with this number in a oneof's message, or NULL. */
static const ProtobufCFieldDescriptor *body_of(const ProtobufCMessageDescriptor *head,
                                               uint32_t body)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(head, body);
    return field != NULL && (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 ? field : NULL;
}

static size_t body_count(const ProtobufCMessageDescriptor *head)
{
    size_t count = 0;
    for (unsigned i = 0; i < head->n_fields; i++)
        count += (head->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    return count;
}

START_TEST(the_table_and_the_heads_name_the_same_bodies)
{
    size_t count;
    const struct api_row *rows = api_rows(&count);

    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(body_of(&kairn__request_head__descriptor, rows[i].body) != NULL, "%s",
                      rows[i].name);
        ck_assert_msg(body_of(&kairn__response_head__descriptor, rows[i].body) != NULL, "%s",
                      rows[i].name);
    }
    ck_assert_uint_eq(body_count(&kairn__request_head__descriptor), count);
    ck_assert_uint_eq(body_count(&kairn__response_head__descriptor), count);
}
END_TEST

START_TEST(the_constants_of_both_heads_are_the_field_numbers)
{
#define X(name, number, lowest, highest)                                   \
    ck_assert_int_eq(KAIRN__REQUEST_HEAD__BODY_##name, number);            \
    ck_assert_int_eq(KAIRN__RESPONSE_HEAD__BODY_##name, number);           \
    ck_assert_int_le(lowest, highest);
    PROTO_API_TABLE(X)
#undef X
}
END_TEST

START_TEST(a_body_is_found_by_its_number)
{
    ck_assert_str_eq(api_find(12)->name, "PRODUCE");
    ck_assert_ptr_null(api_find(0));
    ck_assert_ptr_null(api_find(9999));
}
END_TEST

START_TEST(only_versions_of_the_table_are_supported)
{
    const struct api_row *produce = api_find(12);

    const struct feature_levels levels = { { 1 } };

    ck_assert(api_supported(produce->body, produce->lowest, &levels));
    ck_assert(api_supported(produce->body, produce->highest, &levels));
    ck_assert(!api_supported(produce->body, produce->highest + 1, &levels));
    ck_assert(!api_supported(9999, 0, &levels));
}
END_TEST

START_TEST(a_version_that_waits_for_a_level_is_not_there_before_it)
{
    const struct api_row *fetch = api_find(41);
    const struct feature_levels before = { { 1 } }, after = { { 2 } };

    ck_assert_uint_eq(api_highest(fetch, &before), 0);
    ck_assert_uint_eq(api_highest(fetch, &after), 1);
    ck_assert(!api_supported(41, 1, &before));
    ck_assert(api_supported(41, 1, &after));
}
END_TEST

START_TEST(a_body_that_waits_for_a_level_is_not_known_before_it)
{
    const struct api_row *join = api_find(30);
    const struct feature_levels before = { { 3, 1 } }, after = { { 3, 2 } };

    ck_assert(!api_served(join, &before));
    ck_assert(!api_supported(30, join->lowest, &before));
    ck_assert(api_served(join, &after));
    ck_assert(api_supported(30, join->lowest, &after));
    ck_assert(api_served(api_find(12), &before));
}
END_TEST

/* Who never hears of a level goes on with the lowest version: it must be served. */
START_TEST(every_gated_version_leaves_a_lower_one)
{
    const struct feature_levels none = { { 0 } };
    size_t count;
    const struct api_row *rows = api_rows(&count);

    for (size_t i = 0; i < count; i++)
        ck_assert_uint_ge(api_highest(&rows[i], &none), rows[i].lowest);
}
END_TEST

Suite *api_table_suite(void)
{
    Suite *suite = suite_create("proto/api_table");
    TCase *table = tcase_create("table");

    tcase_add_test(table, a_version_that_waits_for_a_level_is_not_there_before_it);
    tcase_add_test(table, a_body_that_waits_for_a_level_is_not_known_before_it);
    tcase_add_test(table, every_gated_version_leaves_a_lower_one);
    tcase_add_test(table, the_table_and_the_heads_name_the_same_bodies);
    tcase_add_test(table, the_constants_of_both_heads_are_the_field_numbers);
    tcase_add_test(table, a_body_is_found_by_its_number);
    tcase_add_test(table, only_versions_of_the_table_are_supported);
    suite_add_tcase(suite, table);
    return suite;
}
