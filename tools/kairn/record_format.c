#include "tools/kairn/record_format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/json.h"

/* A format is a list of pieces: literal bytes, then the field after them ('\0': none). */
struct piece {
    const char *literal;
    size_t size;
    char field;
};

struct record_format {
    bool json;
    char *text;                 /* unescaped literals live here */
    struct piece *pieces;
    size_t count;
};

struct record_format *record_format_json(void)
{
    struct record_format *format = calloc(1, sizeof *format);
    if (format != NULL)
        format->json = true;
    return format;
}

void record_format_free(struct record_format *format)
{
    if (format == NULL)
        return;
    free(format->text);
    free(format->pieces);
    free(format);
}

/* The byte that \c stands for, or -1. */
static int escaped(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    case '\\': return '\\';
    default: return -1;
    }
}

struct record_format *record_format_parse(const char *text, const char **why)
{
    struct record_format *format = calloc(1, sizeof *format);
    size_t size = strlen(text);

    *why = "out of memory";
    if (format == NULL)
        return NULL;
    format->text = malloc(size + 1);
    format->pieces = calloc(size + 1, sizeof *format->pieces);
    if (format->text == NULL || format->pieces == NULL)
        goto fail;

    char *write = format->text, *start = write;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\') {
            int byte = escaped(*++at);
            *why = "after a backslash comes n, t, r, 0 or a backslash";
            if (byte < 0)
                goto fail;
            *write++ = (char)byte;
        } else if (*at == '%' && *++at != '%') {
            *why = "after % comes t, p, o, T, k, v, h, K, S or %";
            if (*at == '\0' || strchr("tpoTkvhKS", *at) == NULL)
                goto fail;
            format->pieces[format->count++] = (struct piece){ start, (size_t)(write - start), *at };
            start = write;
        } else {
            *write++ = *at;
        }
    }
    if (write > start)
        format->pieces[format->count++] = (struct piece){ start, (size_t)(write - start), '\0' };
    return format;

fail:
    record_format_free(format);
    return NULL;
}

static void print_headers(const klient_record_t *record, FILE *out)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const klient_header_t *header = &record->headers[i];
        if (i > 0)
            putc(',', out);
        fwrite(header->key, 1, header->key_size, out);
        putc('=', out);
        if (header->value != NULL)
            fwrite(header->value, 1, header->value_size, out);
    }
}

static void print_bytes(const void *bytes, size_t size, FILE *out)
{
    if (bytes != NULL)
        fwrite(bytes, 1, size, out);
}

static void print_field(char field, const klient_record_t *record, FILE *out)
{
    switch (field) {
    case 't': fputs(record->topic, out); break;
    case 'p': fprintf(out, "%" PRId32, record->partition); break;
    case 'o': fprintf(out, "%" PRId64, record->offset); break;
    case 'T': fprintf(out, "%" PRId64, record->timestamp); break;
    case 'k': print_bytes(record->key, record->key_size, out); break;
    case 'v': print_bytes(record->value, record->value_size, out); break;
    case 'h': print_headers(record, out); break;
    case 'K': fprintf(out, "%lld", record->key != NULL ? (long long)record->key_size : -1LL); break;
    case 'S':
        fprintf(out, "%lld", record->value != NULL ? (long long)record->value_size : -1LL);
        break;
    default: break;
    }
}

static void print_json(const klient_record_t *record, FILE *out)
{
    json_t *object =
        json_pack("{s:s, s:i, s:I, s:I, s:s}", "topic", record->topic, "partition",
                  (int)record->partition, "offset", (json_int_t)record->offset, "timestamp",
                  (json_int_t)record->timestamp, "timestamp_type",
                  record->timestamp_type == KLIENT_TIMESTAMP_APPENDED ? "append" : "create");
    json_t *headers = json_array();

    json_set_bytes(object, "key", record->key, record->key_size);
    json_set_bytes(object, "value", record->value, record->value_size);
    for (size_t i = 0; i < record->header_count; i++) {
        json_t *header = json_object();
        json_set_bytes(header, "key", record->headers[i].key, record->headers[i].key_size);
        json_set_bytes(header, "value", record->headers[i].value, record->headers[i].value_size);
        json_array_append_new(headers, header);
    }
    json_object_set_new(object, "headers", headers);
    json_object_set_new(object, "leader_epoch", json_integer(record->leader_epoch));
    json_line_to(out, object);
}

void record_format_print(const struct record_format *format, const klient_record_t *record,
                         FILE *out)
{
    if (format->json) {
        print_json(record, out);
        return;
    }
    for (size_t i = 0; i < format->count; i++) {
        const struct piece *piece = &format->pieces[i];
        fwrite(piece->literal, 1, piece->size, out);
        print_field(piece->field, record, out);
    }
}
