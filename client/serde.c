#include "client/serde.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "common/endian.h"
#include "common/json_check.h"
#include "common/utf8.h"

/* --- what goes as it is ----------------------------------------------------------------------- */

static int write_bytes(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                       struct k_reason *reason)
{
    (void)room;
    (void)reason;
    *out = data;
    return 0;
}

static int read_bytes(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    (void)reason;
    value->as.bytes.data = bytes.data;
    value->as.bytes.size = bytes.size;
    return 0;
}

static void set_text(klient_value_t *value, struct serde_bytes bytes)
{
    value->as.text.data = bytes.data;
    value->as.text.size = bytes.size;
}

/* 0 or `code`. */
static int check_text(struct serde_bytes text, int code, struct k_reason *reason)
{
    size_t valid = utf8_valid(text.data, text.size);

    return valid == text.size ? 0
                              : k_reason_set(reason, code, "no UTF-8 from byte %zu on", valid);
}

static int write_string(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                        struct k_reason *reason)
{
    (void)room;
    *out = data;
    return check_text(data, K_SERIALIZER_FAILED, reason);
}

static int read_string(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    set_text(value, bytes);
    return check_text(bytes, K_DESERIALIZER_FAILED, reason);
}

static int check_json(struct serde_bytes text, int code, struct k_reason *reason)
{
    struct json_fault fault;

    return json_check(text.data, text.size, &fault)
               ? 0
               : k_reason_set(reason, code, "no JSON at byte %zu: %s", fault.at, fault.what);
}

static int write_json(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                      struct k_reason *reason)
{
    (void)room;
    *out = data;
    return check_json(data, K_SERIALIZER_FAILED, reason);
}

static int read_json(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    set_text(value, bytes);
    return check_json(bytes, K_DESERIALIZER_FAILED, reason);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int check_size(struct serde_bytes bytes, size_t size, const char *what, int code,
                      struct k_reason *reason)
{
    return bytes.size == size
               ? 0
               : k_reason_set(reason, code, "%s has %zu bytes, not %zu", what, size, bytes.size);
}

static int write_int32(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                       struct k_reason *reason)
{
    uint32_t number;
    int code = check_size(data, sizeof number, "an int32", K_SERIALIZER_FAILED, reason);

    if (code != 0)
        return code;
    memcpy(&number, data.data, sizeof number);
    store_u32(room, number);
    *out = (struct serde_bytes){ room, sizeof number };
    return 0;
}

static int read_int32(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    int code = check_size(bytes, sizeof value->as.int32, "an int32", K_DESERIALIZER_FAILED, reason);

    if (code == 0)
        value->as.int32 = (int32_t)load_u32(bytes.data);
    return code;
}

static int write_int64(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                       struct k_reason *reason)
{
    uint64_t number;
    int code = check_size(data, sizeof number, "an int64", K_SERIALIZER_FAILED, reason);

    if (code != 0)
        return code;
    memcpy(&number, data.data, sizeof number);
    store_u64(room, number);
    *out = (struct serde_bytes){ room, sizeof number };
    return 0;
}

static int read_int64(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    int code = check_size(bytes, sizeof value->as.int64, "an int64", K_DESERIALIZER_FAILED, reason);

    if (code == 0)
        value->as.int64 = (int64_t)load_u64(bytes.data);
    return code;
}

static int write_double(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                        struct k_reason *reason)
{
    const uint64_t not_a_number = 0x7ff8000000000000;      /* the one that Java writes for all */
    double number;
    uint64_t bits;
    int code = check_size(data, sizeof number, "a double", K_SERIALIZER_FAILED, reason);

    if (code != 0)
        return code;
    memcpy(&number, data.data, sizeof number);
    memcpy(&bits, &number, sizeof bits);
    store_u64(room, isnan(number) ? not_a_number : bits);
    *out = (struct serde_bytes){ room, sizeof bits };
    return 0;
}

static int read_double(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    int code = check_size(bytes, sizeof value->as.real, "a double", K_DESERIALIZER_FAILED, reason);

    if (code == 0) {
        uint64_t bits = load_u64(bytes.data);
        memcpy(&value->as.real, &bits, sizeof bits);
    }
    return code;
}

/* --- uuids: 36 characters, because Java's are written as text --------------------------------- */

static bool is_dash(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

static int write_uuid(struct serde_bytes data, uint8_t room[SERDE_ROOM], struct serde_bytes *out,
                      struct k_reason *reason)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = data.data;
    int code = check_size(data, 16, "a UUID", K_SERIALIZER_FAILED, reason);

    if (code != 0)
        return code;
    for (size_t i = 0; i < SERDE_ROOM; i++) {
        if (is_dash(i)) {
            room[i] = '-';
            continue;
        }
        room[i++] = (uint8_t)digits[*from >> 4];
        room[i] = (uint8_t)digits[*from++ & 15];
    }
    *out = (struct serde_bytes){ room, SERDE_ROOM };
    return 0;
}

static unsigned digit_value(uint8_t digit)
{
    return (unsigned)(isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10);
}

static int read_uuid(struct serde_bytes bytes, klient_value_t *value, struct k_reason *reason)
{
    const uint8_t *text = bytes.data;
    uint8_t *to = value->as.uuid;
    int code = check_size(bytes, SERDE_ROOM, "a UUID as text", K_DESERIALIZER_FAILED, reason);

    for (size_t i = 0; code == 0 && i < SERDE_ROOM; i++)
        if (is_dash(i) ? text[i] != '-' : !isxdigit(text[i]))
            code = k_reason_set(reason, K_DESERIALIZER_FAILED, "no UUID at character %zu", i);
    for (size_t i = 0; code == 0 && i < SERDE_ROOM; i += 2) {
        i += is_dash(i) ? 1 : 0;
        *to++ = (uint8_t)(digit_value(text[i]) << 4 | digit_value(text[i + 1]));
    }
    return code;
}

/* --- by name ---------------------------------------------------------------------------------- */

static const struct serde table[] = {
    { "bytes", KLIENT_TYPE_BYTES, write_bytes, read_bytes },
    { "string", KLIENT_TYPE_STRING, write_string, read_string },
    { "int32", KLIENT_TYPE_INT32, write_int32, read_int32 },
    { "int64", KLIENT_TYPE_INT64, write_int64, read_int64 },
    { "double", KLIENT_TYPE_DOUBLE, write_double, read_double },
    { "uuid", KLIENT_TYPE_UUID, write_uuid, read_uuid },
    { "json", KLIENT_TYPE_JSON, write_json, read_json },
};

static const char java_package[] = "org.apache.kafka.common.serialization.";

/* What stands before Serializer and Deserializer in the names of Java's classes. */
static const struct { const char *name, *stem; } of_java[] = {
    { "bytes", "ByteArray" }, { "bytes", "ByteBuffer" }, { "bytes", "Bytes" },
    { "string", "String" },   { "int32", "Integer" },    { "int64", "Long" },
    { "double", "Double" },   { "uuid", "UUID" },
};

bool serde_is_of_java(const char *name)
{
    return strncmp(name, java_package, sizeof java_package - 1) == 0;
}

const struct serde *serde_all(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

static const char *name_of_class(const char *class, const char *suffix)
{
    size_t size = strlen(class), suffix_size = strlen(suffix);

    if (size < suffix_size || strcmp(class + size - suffix_size, suffix) != 0)
        return NULL;
    size -= suffix_size;
    for (size_t i = 0; i < sizeof of_java / sizeof of_java[0]; i++)
        if (strlen(of_java[i].stem) == size && memcmp(of_java[i].stem, class, size) == 0)
            return of_java[i].name;
    return NULL;
}

const struct serde *serde_find(enum serde_side side, const char *name)
{
    if (serde_is_of_java(name))
        name = name_of_class(name + sizeof java_package - 1,
                             side == SERDE_WRITES ? "Serializer" : "Deserializer");
    for (size_t i = 0; name != NULL && i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
