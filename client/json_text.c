#include "client/json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

static void add(struct json_text *json, const char *bytes, size_t size)
{
    json->failed = json->failed || buffer_copy(&json->buffer, bytes, size) != 0;
}

static void add_text(struct json_text *json, const char *text)
{
    add(json, text, strlen(text));
}

static void add_name(struct json_text *json, const char *name)
{
    if (json->comma)
        add_text(json, ",");
    json->comma = true;
    if (name == NULL)
        return;
    add_text(json, "\"");
    add_text(json, name);
    add_text(json, "\":");
}

void json_text_begin(struct json_text *json)
{
    *json = (struct json_text){ .comma = false };
    buffer_init(&json->buffer);
}

char *json_text_end(struct json_text *json)
{
    add(json, "", 1);
    if (json->failed) {
        buffer_fini(&json->buffer);
        return NULL;
    }
    return (char *)json->buffer.bytes;
}

void json_text_open(struct json_text *json, const char *name, char bracket)
{
    add_name(json, name);
    add(json, &bracket, 1);
    json->comma = false;
}

void json_text_close(struct json_text *json, char bracket)
{
    add(json, &bracket, 1);
    json->comma = true;
}

void json_text_number(struct json_text *json, const char *name, int64_t number)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, number);
    add_name(json, name);
    add_text(json, text);
}

void json_text_bool(struct json_text *json, const char *name, bool value)
{
    add_name(json, name);
    add_text(json, value ? "true" : "false");
}

void json_text_null(struct json_text *json, const char *name)
{
    add_name(json, name);
    add_text(json, "null");
}

void json_text_string(struct json_text *json, const char *name, const char *text)
{
    if (text == NULL)
        json_text_null(json, name);
    else
        json_text_sized(json, name, text, strlen(text));
}

void json_text_sized(struct json_text *json, const char *name, const char *text, size_t size)
{
    bool valid = utf8_valid((const uint8_t *)text, size) == size;
    size_t written = 0;
    char escape[8];

    add_name(json, name);
    add_text(json, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            snprintf(escape, sizeof escape, "\\%c", byte);
        else if (byte < 0x20 || (byte >= 0x80 && !valid))
            snprintf(escape, sizeof escape, "\\u%04x", byte < 0x20 ? byte : 0xfffdu);
        else
            continue;
        add(json, text + written, i - written);
        add_text(json, escape);
        written = i + 1;
    }
    add(json, text + written, size - written);
    add_text(json, "\"");
}

void json_text_base64(struct json_text *json, const char *name, const uint8_t *bytes, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    add_name(json, name);
    add_text(json, "\"");
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < size ? bytes[i + 2] : 0;
        char four[4] = { alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                         i + 1 < size ? alphabet[bits >> 6 & 63] : '=',
                         i + 2 < size ? alphabet[bits & 63] : '=' };
        add(json, four, sizeof four);
    }
    add_text(json, "\"");
}
