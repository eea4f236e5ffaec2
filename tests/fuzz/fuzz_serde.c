/* Keys and values as whoever wrote them left them, read with every built-in deserializer. The first
 * byte of the input chooses the deserializer. What it takes is written again as the same bytes; of
 * JSON a parser that builds the whole value is of the same opinion. */
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/serde.h"
#include "common/json_check.h"
#include "tests/fuzz/target.h"

/* The value as an application would give it to the serializer. */
static struct serde_bytes value_of(const klient_value_t *value)
{
    switch (value->type) {
    case KLIENT_TYPE_INT32:
        return (struct serde_bytes){ &value->as.int32, sizeof value->as.int32 };
    case KLIENT_TYPE_INT64:
        return (struct serde_bytes){ &value->as.int64, sizeof value->as.int64 };
    case KLIENT_TYPE_DOUBLE:
        return (struct serde_bytes){ &value->as.real, sizeof value->as.real };
    case KLIENT_TYPE_UUID:
        return (struct serde_bytes){ value->as.uuid, sizeof value->as.uuid };
    case KLIENT_TYPE_BYTES:
        return (struct serde_bytes){ value->as.bytes.data, value->as.bytes.size };
    default:
        return (struct serde_bytes){ value->as.text.data, value->as.text.size };
    }
}

/* Digits of a UUID may have been capitals, and there are many that are no number. */
static bool is_same(klient_type_t type, const klient_value_t *value, struct serde_bytes written,
                    struct serde_bytes read)
{
    const uint8_t *a = written.data, *b = read.data;

    if (written.size != read.size)
        return false;
    if (type == KLIENT_TYPE_DOUBLE && isnan(value->as.real))
        return true;
    for (size_t i = 0; i < read.size; i++)
        if (a[i] != b[i] && (type != KLIENT_TYPE_UUID || a[i] != tolower(b[i])))
            return false;
    return true;
}

/* The other parser knows limits that JSON does not have. */
static bool is_its_limit(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           strncmp(error->text, "invalid Unicode '", 17) == 0;
}

/* It takes values that are nested deeper, and loses zero bytes between them. */
static bool is_its_leniency(struct serde_bytes text, const struct json_fault *fault)
{
    return strstr(fault->what, "too deeply") != NULL || memchr(text.data, 0, text.size) != NULL;
}

static void compare_parsers(struct serde_bytes text, bool taken)
{
    struct json_fault fault = { 0, "" };
    json_error_t error;
    json_t *built = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (json_check(text.data, text.size, &fault) != taken || fault.at > text.size)
        abort();
    if (taken && built == NULL && !is_its_limit(&error))
        abort();
    if (!taken && built != NULL && !is_its_leniency(text, &fault))
        abort();
    json_decref(built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    const struct serde *all = serde_all(&count);
    struct k_reason reason = { "" };
    struct serde_bytes written;
    uint8_t room[SERDE_ROOM];

    if (size == 0)
        return 0;
    const struct serde *serde = &all[data[0] % count];
    struct serde_bytes bytes = { data + 1, size - 1 };
    klient_value_t value = { .size = sizeof value, .type = serde->type };

    int code = serde->read(bytes, &value, &reason);
    if (serde->type == KLIENT_TYPE_JSON)
        compare_parsers(bytes, code == 0);
    if (code != 0 && reason.text[0] == '\0')
        abort();
    if (code != 0)
        return 0;
    if (serde->write(value_of(&value), room, &written, &reason) != 0 ||
        !is_same(serde->type, &value, written, bytes))
        abort();
    return 0;
}
