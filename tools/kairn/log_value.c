#include "tools/kairn/log_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/endian.h"
#include "tools/kairn/json.h"

static void print_hex(FILE *out, const char *prefix, const uint8_t *bytes, size_t size)
{
    fprintf(out, "\"%s", prefix);
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%02x", bytes[i]);
    fputc('"', out);
}

static void print_odd(FILE *out, const uint8_t *bytes, size_t size)
{
    print_hex(out, "hex:", bytes, size);
}

/* Print and give back; NULL: the bytes do not have the form. */
static void print_or_odd(FILE *out, json_t *value, const uint8_t *bytes, size_t size)
{
    if (value == NULL) {
        print_odd(out, bytes, size);
        return;
    }
    json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
}

static void as_string(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    print_or_odd(out, json_stringn((const char *)bytes, size), bytes, size);
}

static void as_int32(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    if (size == 4)
        fprintf(out, "%" PRId32, (int32_t)load_u32(bytes));
    else
        print_odd(out, bytes, size);
}

static void as_int64(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    if (size == 8)
        fprintf(out, "%" PRId64, (int64_t)load_u64(bytes));
    else
        print_odd(out, bytes, size);
}

static void as_double(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    if (size != 8) {
        print_odd(out, bytes, size);
        return;
    }
    uint64_t bits = load_u64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    /* JSON has no word for what is no number. */
    fprintf(out, json && !isfinite(value) ? "\"%.17g\"" : "%.17g", value);
}

static bool is_uuid_text(const uint8_t *bytes, size_t size)
{
    if (size != 36)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? bytes[i] != '-' : !isxdigit(bytes[i]))
            return false;
    }
    return true;
}

static void as_uuid(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    if (is_uuid_text(bytes, size)) {
        fprintf(out, "\"%.36s\"", (const char *)bytes);
        return;
    }
    if (size != 16) {
        print_odd(out, bytes, size);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < size; i++)
        fprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
    fputc('"', out);
}

static void as_bytes(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    print_hex(out, "", bytes, size);
}

static void as_json(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)json;
    print_or_odd(out, json_loadb((const char *)bytes, size, JSON_DECODE_ANY, NULL), bytes, size);
}

log_dump_value *log_value_find(const char *name)
{
    static const struct { const char *name; log_dump_value *print; } all[] = {
        { "string", as_string }, { "int32", as_int32 }, { "int64", as_int64 },
        { "double", as_double }, { "uuid", as_uuid },   { "bytes", as_bytes },
        { "json", as_json },
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, name) == 0)
            return all[i].print;
    }
    return NULL;
}
