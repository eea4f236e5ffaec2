/* The built-in serializers and deserializers, without a producer or consumer around them. */
#include <math.h>
#include <string.h>

#include "client/serde.h"
#include "common/error.h"
#include "tests/client/helpers.h"

static const uint8_t uuid[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                  0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
#define UUID_TEXT "01234567-89ab-cdef-fedc-ba9876543210"

static int write_as(const char *name, const void *data, size_t size, uint8_t room[SERDE_ROOM],
                    struct serde_bytes *out, struct k_reason *reason)
{
    return serde_find(SERDE_WRITES, name)->write((struct serde_bytes){ data, size }, room, out,
                                                 reason);
}

static int read_as(const char *name, const void *bytes, size_t size, klient_value_t *value,
                   struct k_reason *reason)
{
    return serde_find(SERDE_READS, name)->read((struct serde_bytes){ bytes, size }, value, reason);
}

/* Check that the value is written as `wanted`. */
static void expect_bytes(const char *name, const void *data, size_t size, const void *wanted,
                         size_t wanted_size)
{
    uint8_t room[SERDE_ROOM];
    struct serde_bytes out;
    struct k_reason reason = { "" };

    ck_assert_msg(write_as(name, data, size, room, &out, &reason) == 0, "%s", reason.text);
    ck_assert_uint_eq(out.size, wanted_size);
    ck_assert_mem_eq(out.data, wanted, wanted_size);
}

START_TEST(values_are_written_as_java_writes_them)
{
    int32_t small = -2;
    int64_t large = 0x0102030405060708;
    double half = 1.5, minus_zero = -0.0;

    expect_bytes("int32", &small, sizeof small, "\xff\xff\xff\xfe", 4);
    expect_bytes("int64", &large, sizeof large, "\1\2\3\4\5\6\7\10", 8);
    expect_bytes("double", &half, sizeof half, "\x3f\xf8\0\0\0\0\0\0", 8);
    expect_bytes("double", &minus_zero, sizeof minus_zero, "\x80\0\0\0\0\0\0\0", 8);
    expect_bytes("uuid", uuid, sizeof uuid, UUID_TEXT, 36);
    expect_bytes("string", "\xc3\xa9t\xc3\xa9", 5, "\xc3\xa9t\xc3\xa9", 5);
    expect_bytes("bytes", "\xff\0", 2, "\xff\0", 2);
    expect_bytes("json", " {\"a\": 1}", 9, " {\"a\": 1}", 9);
}
END_TEST

START_TEST(what_is_no_number_is_written_as_java_writes_it)
{
    const uint64_t odd_bits = 0xfff0000000000001;
    double odd;

    memcpy(&odd, &odd_bits, sizeof odd);
    ck_assert(isnan(odd));
    expect_bytes("double", &odd, sizeof odd, "\x7f\xf8\0\0\0\0\0\0", 8);
}
END_TEST

START_TEST(values_may_stand_at_any_address)
{
    char memory[1 + sizeof(int64_t)] = { 0 };
    int64_t number = 77;

    memcpy(memory + 1, &number, sizeof number);
    expect_bytes("int64", memory + 1, sizeof number, "\0\0\0\0\0\0\0\115", 8);
}
END_TEST

START_TEST(what_java_wrote_is_read)
{
    klient_value_t value;

    ck_assert_int_eq(read_as("int32", "\x80\0\0\0", 4, &value, NULL), 0);
    ck_assert_int_eq(value.as.int32, INT32_MIN);
    ck_assert_int_eq(read_as("int64", "\x7f\xff\xff\xff\xff\xff\xff\xff", 8, &value, NULL), 0);
    ck_assert_int_eq(value.as.int64, INT64_MAX);
    ck_assert_int_eq(read_as("double", "\xbf\xe0\0\0\0\0\0\0", 8, &value, NULL), 0);
    ck_assert_double_eq(value.as.real, -0.5);
    ck_assert_int_eq(read_as("uuid", UUID_TEXT, 36, &value, NULL), 0);
    ck_assert_mem_eq(value.as.uuid, uuid, 16);
    ck_assert_int_eq(read_as("uuid", "01234567-89AB-CDEF-FEDC-BA9876543210", 36, &value, NULL), 0);
    ck_assert_mem_eq(value.as.uuid, uuid, 16);
    ck_assert_int_eq(read_as("string", "France", 6, &value, NULL), 0);
    ck_assert_mem_eq(value.as.text.data, "France", 6);
    ck_assert_int_eq(read_as("json", "[1]", 3, &value, NULL), 0);
    ck_assert_uint_eq(value.as.text.size, 3);
    ck_assert_int_eq(read_as("bytes", "\0\1", 2, &value, NULL), 0);
    ck_assert_uint_eq(value.as.bytes.size, 2);
}
END_TEST

START_TEST(a_size_that_is_not_the_types_is_refused_with_both)
{
    static const struct { const char *name; size_t sent, received; } types[] = {
        { "int32", 4, 4 }, { "int64", 8, 8 }, { "double", 8, 8 }, { "uuid", 16, 36 },
    };
    char memory[64] = "";

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (size_t size = 0; size < sizeof memory; size++) {
            struct k_reason reason = { "" };
            uint8_t room[SERDE_ROOM];
            struct serde_bytes out;
            klient_value_t value;
            if (size != types[i].sent) {
                ck_assert_int_eq(write_as(types[i].name, memory, size, room, &out, &reason),
                                 K_SERIALIZER_FAILED);
                char wanted[64];
                snprintf(wanted, sizeof wanted, "has %zu bytes, not %zu", types[i].sent, size);
                ck_assert_ptr_nonnull(strstr(reason.text, wanted));
            }
            if (size != types[i].received)
                ck_assert_int_eq(read_as(types[i].name, memory, size, &value, &reason),
                                 K_DESERIALIZER_FAILED);
        }
}
END_TEST

START_TEST(text_that_is_none_is_refused_where_it_goes_wrong)
{
    static const struct { const char *name, *text, *where; } bad[] = {
        { "string", "Fr\xe9nce", "byte 2" },
        { "json", "{\"a\": }", "byte 6" },
        { "json", "", "byte 0" },
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct k_reason reason = { "" };
        uint8_t room[SERDE_ROOM];
        struct serde_bytes out;
        klient_value_t value;
        size_t size = strlen(bad[i].text);

        ck_assert_int_eq(write_as(bad[i].name, bad[i].text, size, room, &out, &reason),
                         K_SERIALIZER_FAILED);
        ck_assert_ptr_nonnull(strstr(reason.text, bad[i].where));
        ck_assert_int_eq(read_as(bad[i].name, bad[i].text, size, &value, &reason),
                         K_DESERIALIZER_FAILED);
        ck_assert_ptr_nonnull(strstr(reason.text, bad[i].where));
    }
}
END_TEST

START_TEST(a_uuid_has_digits_and_dashes_where_they_belong)
{
    for (size_t i = 0; i < 36; i++) {
        struct k_reason reason;
        klient_value_t value;
        char text[37] = UUID_TEXT;

        text[i] = text[i] == '-' ? '0' : 'g';
        ck_assert_msg(read_as("uuid", text, 36, &value, &reason) == K_DESERIALIZER_FAILED, "%s",
                      text);
    }
}
END_TEST

START_TEST(javas_class_names_are_aliases_on_their_side)
{
    static const struct { const char *stem, *name; } classes[] = {
        { "String", "string" }, { "Integer", "int32" },   { "Long", "int64" },
        { "Double", "double" }, { "UUID", "uuid" },       { "ByteArray", "bytes" },
        { "Bytes", "bytes" },   { "ByteBuffer", "bytes" },
    };
    char class[96];

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        snprintf(class, sizeof class, "org.apache.kafka.common.serialization.%sSerializer",
                 classes[i].stem);
        ck_assert_str_eq(serde_find(SERDE_WRITES, class)->name, classes[i].name);
        ck_assert_ptr_null(serde_find(SERDE_READS, class));
        snprintf(class, sizeof class, "org.apache.kafka.common.serialization.%sDeserializer",
                 classes[i].stem);
        ck_assert_str_eq(serde_find(SERDE_READS, class)->name, classes[i].name);
        ck_assert_ptr_null(serde_find(SERDE_WRITES, class));
    }
}
END_TEST

START_TEST(a_name_that_is_like_one_is_none)
{
    static const char *const names[] = {
        "", "int", "int320", "String", "Serializer", "LongSerializer",
        "org.apache.kafka.common.serialization.",
        "org.apache.kafka.common.serialization.Serializer",
        "org.apache.kafka.common.serialization.ShortSerializer",
        "org.apache.kafka.common.serialization.LongSerializers",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(serde_find(SERDE_WRITES, names[i]) == NULL, "%s", names[i]);
}
END_TEST

Suite *serde_suite(void)
{
    Suite *suite = suite_create("client/serde");
    TCase *tcase = tcase_create("serde");

    tcase_add_test(tcase, values_are_written_as_java_writes_them);
    tcase_add_test(tcase, what_is_no_number_is_written_as_java_writes_it);
    tcase_add_test(tcase, values_may_stand_at_any_address);
    tcase_add_test(tcase, what_java_wrote_is_read);
    tcase_add_test(tcase, a_size_that_is_not_the_types_is_refused_with_both);
    tcase_add_test(tcase, text_that_is_none_is_refused_where_it_goes_wrong);
    tcase_add_test(tcase, a_uuid_has_digits_and_dashes_where_they_belong);
    tcase_add_test(tcase, javas_class_names_are_aliases_on_their_side);
    tcase_add_test(tcase, a_name_that_is_like_one_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
