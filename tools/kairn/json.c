#include "tools/kairn/json.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("kairn: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void json_line(json_t *value)
{
    json_line_to(stdout, value);
}

void json_line_to(FILE *out, json_t *value)
{
    checked(value);
    json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    putc('\n', out);
    json_decref(value);
}

static json_t *base64(const uint8_t *bytes, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = checked(malloc((size + 2) / 3 * 4 + 1)), *at = text;

    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < size ? bytes[i + 2] : 0;
        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[(bits >> 12) & 63];
        *at++ = i + 1 < size ? alphabet[(bits >> 6) & 63] : '=';
        *at++ = i + 2 < size ? alphabet[bits & 63] : '=';
    }
    json_t *value = json_stringn(text, (size_t)(at - text));
    free(text);
    return checked(value);
}

void json_set_bytes(json_t *object, const char *name, const void *bytes, size_t size)
{
    if (bytes == NULL) {
        json_object_set_new(object, name, json_null());
        return;
    }
    json_t *text = json_stringn(bytes, size);
    if (text != NULL) {
        json_object_set_new(object, name, text);
        return;
    }
    char longer[64];
    snprintf(longer, sizeof longer, "%s_base64", name);
    json_object_set_new(object, longer, base64(bytes, size));
}

json_t *json_ids(const int32_t *ids, size_t count)
{
    json_t *array = checked(json_array());
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}
