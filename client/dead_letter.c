#include "client/dead_letter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json_text.h"
#include "common/error.h"
#include "common/utf8.h"

#define PREFIX_DLQ "klient.dlq."
#define PREFIX_RETRY "klient.retry."
#define DUE PREFIX_RETRY "due"

enum { ERROR_SIZE_MAX = 4096, FACTS_MAX = 11 };

/* --- headers ---------------------------------------------------------------------------------- */

static bool has_prefix(const klient_header_t *header, const char *prefix)
{
    size_t size = strlen(prefix);

    return header->key_size >= size && memcmp(header->key, prefix, size) == 0;
}

static bool is_ours(const klient_header_t *header)
{
    return has_prefix(header, PREFIX_DLQ) || has_prefix(header, PREFIX_RETRY);
}

klient_header_t *dead_letter_strip(struct arena *arena, const klient_record_t *record,
                                   size_t *count)
{
    klient_header_t *kept =
        arena_calloc(arena, record->header_count + FACTS_MAX, sizeof *kept);

    *count = 0;
    for (size_t i = 0; kept != NULL && i < record->header_count; i++)
        if (!is_ours(&record->headers[i]))
            kept[(*count)++] = record->headers[i];
    return kept;
}

static int add(struct arena *arena, klient_header_t *headers, size_t *count, const char *key,
               const char *value, size_t size)
{
    void *copy = arena_copy(arena, value, size);

    if (copy == NULL)
        return K_NOMEM;
    headers[(*count)++] = (klient_header_t){ key, strlen(key), copy, size };
    return 0;
}

static int add_number(struct arena *arena, klient_header_t *headers, size_t *count,
                      const char *key, int64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%" PRId64, number);

    return add(arena, headers, count, key, text, (size_t)size);
}

/* --- what is too large ------------------------------------------------------------------------ */

static size_t headers_size(const klient_record_t *record)
{
    size_t size = 0;

    for (size_t i = 0; i < record->header_count; i++)
        if (!is_ours(&record->headers[i]))
            size += record->headers[i].key_size + record->headers[i].value_size;
    return size;
}

/* The sizes of what is left out; 0 for what is there. */
struct left_out { size_t value, key, headers; };

static struct left_out left_out(const klient_record_t *record, enum dead_letter_lack lack)
{
    return (struct left_out){
        .value = lack >= LETTER_LACKS_VALUE ? record->value_size : 0,
        .key = lack >= LETTER_LACKS_KEY ? record->key_size : 0,
        .headers = lack >= LETTER_LACKS_HEADERS ? headers_size(record) : 0,
    };
}

size_t dead_letter_left_out(const klient_record_t *record, enum dead_letter_lack lack)
{
    struct left_out left = left_out(record, lack);

    return left.value + left.key + left.headers;
}

/* Instead of what is left out: how large it was. The value becomes an empty one and not null, which
 * would delete others with that key where the topic is compacted. */
static int leave_out(struct arena *arena, const struct left_out *left, klient_header_t *headers,
                     size_t *count, klient_record_t *out)
{
    int code = 0;

    if (left->value > 0) {
        out->value = "";
        out->value_size = 0;
        code = add_number(arena, headers, count, PREFIX_DLQ "value.size", (int64_t)left->value);
    }
    if (code == 0 && left->key > 0) {
        out->key = NULL;
        out->key_size = 0;
        code = add_number(arena, headers, count, PREFIX_DLQ "key.size", (int64_t)left->key);
    }
    if (code == 0 && left->headers > 0)
        code = add_number(arena, headers, count, PREFIX_DLQ "headers.size",
                          (int64_t)left->headers);
    return code;
}

/* --- by headers ------------------------------------------------------------------------------- */

/* As much of the reason as is text and not too long. */
static size_t error_size(const char *error)
{
    return utf8_valid((const uint8_t *)error, strnlen(error, ERROR_SIZE_MAX));
}

int dead_letter_write(struct arena *arena, const klient_record_t *record,
                      const struct dead_letter_facts *facts, klient_record_t *out)
{
    size_t count;
    klient_header_t *headers = dead_letter_strip(arena, record, &count);
    struct left_out left = left_out(record, facts->lack);
    int code = headers == NULL ? K_NOMEM : 0;

    klient_record_init(out);
    out->key = record->key;
    out->key_size = record->key_size;
    out->value = record->value;
    out->value_size = record->value_size;
    if (left.headers > 0)
        count = 0;
    if (code == 0)
        code = add(arena, headers, &count, PREFIX_DLQ "topic", record->topic,
                   strlen(record->topic));
    if (code == 0)
        code = add_number(arena, headers, &count, PREFIX_DLQ "partition", record->partition);
    if (code == 0)
        code = add_number(arena, headers, &count, PREFIX_DLQ "offset", record->offset);
    if (code == 0)
        code = add_number(arena, headers, &count, PREFIX_DLQ "timestamp", record->timestamp);
    if (code == 0)
        code = add(arena, headers, &count, PREFIX_DLQ "group", facts->group, strlen(facts->group));
    if (code == 0)
        code = add(arena, headers, &count, PREFIX_DLQ "error", facts->error,
                   error_size(facts->error));
    if (code == 0)
        code = add_number(arena, headers, &count, PREFIX_DLQ "attempts", facts->attempts);
    if (code == 0 && facts->due_ms >= 0)
        code = add_number(arena, headers, &count, DUE, facts->due_ms);
    if (code == 0)
        code = leave_out(arena, &left, headers, &count, out);
    out->headers = headers;
    out->header_count = count;
    return code;
}

/* --- reading them ----------------------------------------------------------------------------- */

static const klient_header_t *find(const klient_record_t *record, const char *key)
{
    size_t size = strlen(key);

    for (size_t i = record->header_count; i-- > 0;)
        if (record->headers[i].key_size == size && memcmp(record->headers[i].key, key, size) == 0)
            return record->headers[i].value == NULL ? NULL : &record->headers[i];
    return NULL;
}

static bool find_text(const klient_record_t *record, const char *key, const char **text,
                      size_t *size)
{
    const klient_header_t *header = find(record, key);

    if (header == NULL || utf8_valid(header->value, header->value_size) != header->value_size)
        return false;
    *text = header->value;
    *size = header->value_size;
    return true;
}

static bool find_number(const klient_record_t *record, const char *key, int64_t max, int64_t *out)
{
    const klient_header_t *header = find(record, key);
    char text[24], *end;

    if (header == NULL || header->value_size == 0 || header->value_size >= sizeof text)
        return false;
    memcpy(text, header->value, header->value_size);
    text[header->value_size] = '\0';
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < -1 || number > max || text[0] == ' ')
        return false;
    *out = number;
    return true;
}

bool dead_letter_due(const klient_record_t *record, int64_t *due_ms)
{
    return find_number(record, DUE, INT64_MAX, due_ms);
}

klient_code_t klient_record_failure(const klient_record_t *record, klient_failure_t *out)
{
    static const char *const sizes[] = { PREFIX_DLQ "value.size", PREFIX_DLQ "key.size",
                                         PREFIX_DLQ "headers.size" };
    klient_failure_t found = { .size = sizeof found };
    int64_t partition, attempts, size;

    if (record == NULL || out == NULL || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    if (!find_text(record, PREFIX_DLQ "topic", &found.topic, &found.topic_size) ||
        !find_number(record, PREFIX_DLQ "partition", INT32_MAX, &partition) ||
        !find_number(record, PREFIX_DLQ "offset", INT64_MAX, &found.offset) ||
        !find_number(record, PREFIX_DLQ "timestamp", INT64_MAX, &found.timestamp) ||
        !find_text(record, PREFIX_DLQ "group", &found.group, &found.group_size) ||
        !find_text(record, PREFIX_DLQ "error", &found.error, &found.error_size) ||
        !find_number(record, PREFIX_DLQ "attempts", INT32_MAX, &attempts) || partition < 0 ||
        found.offset < 0 || attempts < 0)
        return KLIENT_NOT_FOUND;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (find_number(record, sizes[i], UINT32_MAX, &size) && size > 0)
            found.left_out += size;
    found.partition = (int32_t)partition;
    found.attempts = (int32_t)attempts;
    *out = found;
    return KLIENT_OK;
}

/* --- the envelope ----------------------------------------------------------------------------- */

/* Null, a text, or in base64 what is no text: the members that it may be are named by `names`. */
static void put_bytes(struct json_text *json, const char *const names[2], const void *bytes,
                      size_t size)
{
    if (bytes == NULL)
        json_text_null(json, names[0]);
    else if (utf8_valid(bytes, size) == size)
        json_text_sized(json, names[0], bytes, size);
    else
        json_text_base64(json, names[1], bytes, size);
}

static const char *const of_key[] = { "key", "key_base64" };
static const char *const of_value[] = { "value", "value_base64" };

static void put_facts(struct json_text *json, const klient_record_t *record,
                      const struct dead_letter_facts *facts)
{
    json_text_string(json, "topic", record->topic);
    json_text_number(json, "partition", record->partition);
    json_text_number(json, "offset", record->offset);
    json_text_number(json, "timestamp", record->timestamp);
    json_text_sized(json, "group", facts->group, error_size(facts->group));
    json_text_sized(json, "error", facts->error, error_size(facts->error));
    json_text_number(json, "attempts", facts->attempts);
}

/* Key, value and headers, or how large they were. */
static void put_record(struct json_text *json, const klient_record_t *record,
                       const struct left_out *left, const klient_header_t *headers, size_t count)
{
    put_bytes(json, of_key, left->key > 0 ? NULL : record->key, record->key_size);
    if (left->key > 0)
        json_text_number(json, "key_size", (int64_t)left->key);
    put_bytes(json, of_value, left->value > 0 ? NULL : record->value, record->value_size);
    if (left->value > 0)
        json_text_number(json, "value_size", (int64_t)left->value);
    if (left->headers > 0)
        json_text_number(json, "headers_size", (int64_t)left->headers);
    json_text_open(json, "headers", '[');
    for (size_t i = 0; i < count && left->headers == 0; i++) {
        json_text_open(json, NULL, '{');
        put_bytes(json, of_key, headers[i].key, headers[i].key_size);
        put_bytes(json, of_value, headers[i].value, headers[i].value_size);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
}

int dead_letter_envelope(struct arena *arena, const klient_record_t *record,
                         const struct dead_letter_facts *facts, klient_record_t *out)
{
    struct json_text json;
    size_t count;
    const klient_header_t *headers = dead_letter_strip(arena, record, &count);
    struct left_out left = left_out(record, facts->lack);

    if (headers == NULL)
        return K_NOMEM;
    json_text_begin(&json);
    json_text_open(&json, NULL, '{');
    put_facts(&json, record, facts);
    put_record(&json, record, &left, headers, count);
    json_text_close(&json, '}');
    char *text = json_text_end(&json);
    char *copy = text == NULL ? NULL : arena_strdup(arena, text);
    free(text);
    if (copy == NULL)
        return K_NOMEM;
    klient_record_init(out);
    out->key = left.key > 0 ? NULL : record->key;
    out->key_size = left.key > 0 ? 0 : record->key_size;
    out->value = copy;
    out->value_size = strlen(copy);
    return 0;
}
