#include "tools/kairn/record_input.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 1 << 30, NAME_SHOWN = 40 };

/* What a line may have: the rest of what consume prints says where the record was, which is no
 * matter now. Any other name is a slip. */
static const char *const fields[] = {
    "key",   "key_base64", "value",  "value_base64",   "headers",      "partition",
    "topic", "timestamp",  "offset", "timestamp_type", "leader_epoch",
};

struct bytes {
    const void *data;                   /* NULL: null */
    size_t size;
};

void record_input_init(struct record_input *input, const klient_header_t *common,
                       size_t common_count)
{
    *input = (struct record_input){ .common = common, .common_count = common_count };
    arena_init(&input->arena, NULL, 0, ARENA_MAX);
}

void record_input_fini(struct record_input *input)
{
    json_decref(input->line);
    arena_fini(&input->arena);
}

static bool refuse(struct record_input *input, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct record_input *input, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(input->why, sizeof input->why, format, arguments);
    va_end(arguments);
    return false;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* -1: not of base64. */
static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static bool decode(const char *text, size_t size, uint8_t *out, size_t *out_size)
{
    size_t padding = size >= 2 && text[size - 2] == '=' ? 2 : size >= 1 && text[size - 1] == '=';
    uint32_t bits = 0;

    if (size % 4 != 0 || (padding == 2 && text[size - 1] != '='))
        return false;
    *out_size = 0;
    for (size_t i = 0; i < size - padding; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0)
            out[(*out_size)++] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    return true;
}

static bool read_base64(struct record_input *input, const char *name, const json_t *value,
                        struct bytes *out)
{
    size_t size = json_string_length(value);
    uint8_t *decoded = arena_alloc(&input->arena, size + 1);

    if (decoded == NULL)
        return refuse(input, "out of memory");
    if (!json_is_string(value) || !decode(json_string_value(value), size, decoded, &out->size))
        return refuse(input, "%s is no base64", name);
    out->data = decoded;
    return true;
}

/* What `object` has under this name, as text, as base64 under `name`_base64, or null. */
static bool read_bytes(struct record_input *input, const json_t *object, const char *name,
                       struct bytes *out)
{
    char longer[32];
    const json_t *text = json_object_get(object, name);

    snprintf(longer, sizeof longer, "%s_base64", name);
    const json_t *encoded = json_object_get(object, longer);
    *out = (struct bytes){ 0 };
    if (text != NULL && encoded != NULL)
        return refuse(input, "%s and %s are one too many", name, longer);
    if (encoded != NULL)
        return read_base64(input, longer, encoded, out);
    if (text == NULL || json_is_null(text))
        return true;
    if (!json_is_string(text))
        return refuse(input, "%s is a text or null; anything else has to be quoted", name);
    *out = (struct bytes){ json_string_value(text), json_string_length(text) };
    return true;
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool add_header(struct record_input *input, struct bytes key, struct bytes value,
                       klient_header_t *header)
{
    if (key.data == NULL)
        return refuse(input, "a header has no key");
    *header = (klient_header_t){ key.data, key.size, value.data, value.size };
    return true;
}

/* As consume prints them, which may repeat a name: [{"key": "a", "value": "b"}]. */
static bool read_header_list(struct record_input *input, const json_t *list,
                             klient_header_t *headers)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct bytes key, value;
        if (!json_is_object(item))
            return refuse(input, "a header is an object with key and value");
        if (!read_bytes(input, item, "key", &key) || !read_bytes(input, item, "value", &value) ||
            !add_header(input, key, value, &headers[i]))
            return false;
    }
    return true;
}

/* As people write them: {"a": "b"}. */
static bool read_header_object(struct record_input *input, json_t *object,
                               klient_header_t *headers)
{
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(object, name, value) {
        if (!json_is_string(value) && !json_is_null(value))
            return refuse(input, "the value of header %.*s is no text", NAME_SHOWN, name);
        struct bytes bytes = { json_string_value(value), json_string_length(value) };
        if (!add_header(input, (struct bytes){ name, strlen(name) }, bytes, &headers[count++]))
            return false;
    }
    return true;
}

static bool read_headers(struct record_input *input, klient_record_t *record)
{
    json_t *from = json_object_get(input->line, "headers");
    size_t own = json_is_array(from) ? json_array_size(from) : json_object_size(from);
    size_t count = own + input->common_count;

    if (from != NULL && !json_is_array(from) && !json_is_object(from) && !json_is_null(from))
        return refuse(input, "headers are an object, or a list of objects with key and value");
    klient_header_t *headers = arena_calloc(&input->arena, count + 1, sizeof *headers);
    if (headers == NULL)
        return refuse(input, "out of memory");
    if (json_is_array(from) ? !read_header_list(input, from, headers)
                            : from != NULL && !read_header_object(input, from, headers))
        return false;
    if (input->common_count > 0)
        memcpy(headers + own, input->common, input->common_count * sizeof *headers);
    record->headers = headers;
    record->header_count = count;
    return true;
}

/* --- the rest --------------------------------------------------------------------------------- */

/* False: said. *out is as it was where there is none. */
static bool read_number(struct record_input *input, const char *name, int64_t min, int64_t max,
                        int64_t *out)
{
    const json_t *value = json_object_get(input->line, name);

    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return refuse(input, "%s is a whole number from %lld to %lld", name, (long long)min,
                      (long long)max);
    *out = json_integer_value(value);
    return true;
}

static bool check_names(struct record_input *input)
{
    const char *name;
    json_t *value;

    json_object_foreach(input->line, name, value) {
        size_t i = 0;
        while (i < sizeof fields / sizeof *fields && strcmp(fields[i], name) != 0)
            i++;
        if (i == sizeof fields / sizeof *fields)
            return refuse(input, "a record has no %.*s", NAME_SHOWN, name);
    }
    return true;
}

static bool read_record(struct record_input *input, klient_record_t *record)
{
    struct bytes key, value;
    int64_t partition = record->partition, timestamp = record->timestamp;

    if (!json_is_object(input->line))
        return refuse(input, "a record is a JSON object");
    if (!check_names(input) || !read_bytes(input, input->line, "key", &key) ||
        !read_bytes(input, input->line, "value", &value) || !read_headers(input, record) ||
        !read_number(input, "partition", 0, INT32_MAX, &partition) ||
        !read_number(input, "timestamp", KLIENT_TIMESTAMP_NOW, INT64_MAX, &timestamp))
        return false;
    if (key.data == NULL && value.data == NULL && json_object_get(input->line, "value") == NULL)
        return refuse(input, "there is neither key nor value");
    record->key = key.data;
    record->key_size = key.size;
    record->value = value.data;
    record->value_size = value.size;
    record->partition = (int32_t)partition;
    record->timestamp = timestamp;
    return true;
}

const char *record_input_read(struct record_input *input, const char *line, size_t size,
                              klient_record_t *record)
{
    json_error_t error;

    json_decref(input->line);
    arena_reset(&input->arena);
    input->line = json_loadb(line, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (input->line == NULL)
        refuse(input, "no JSON: %.100s, at character %d", error.text, error.column);
    else if (read_record(input, record))
        return NULL;
    return input->why;
}
