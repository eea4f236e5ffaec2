#include "tools/kairn/letter.h"

#include <string.h>

#include "tools/kairn/json.h"
#include "tools/kairn/moment.h"

#define PREFIX "klient.dlq."

/* --- by headers ------------------------------------------------------------------------------- */

static const char *text_of(struct arena *arena, const char *text, size_t size)
{
    return arena_printf(arena, "%.*s", (int)size, text);
}

static bool is_ours(const klient_header_t *header)
{
    return header->key_size >= strlen(PREFIX) && memcmp(header->key, PREFIX, strlen(PREFIX)) == 0;
}

static bool read_headers(const klient_record_t *from, struct letter *out)
{
    klient_failure_t failure = { .size = sizeof failure };

    if (klient_record_failure(from, &failure) != KLIENT_OK)
        return false;
    klient_header_t *headers = arena_calloc(&out->arena, from->header_count + 1, sizeof *headers);
    out->topic = text_of(&out->arena, failure.topic, failure.topic_size);
    out->group = text_of(&out->arena, failure.group, failure.group_size);
    out->error = text_of(&out->arena, failure.error, failure.error_size);
    out->attempts = failure.attempts;
    out->left_out = failure.left_out;
    out->record = *from;
    out->record.partition = failure.partition;
    out->record.offset = failure.offset;
    out->record.timestamp = failure.timestamp;
    out->record.headers = headers;
    out->record.header_count = 0;
    for (size_t i = 0; headers != NULL && i < from->header_count; i++)
        if (!is_ours(&from->headers[i]))
            headers[out->record.header_count++] = from->headers[i];
    return headers != NULL && out->topic != NULL && out->group != NULL && out->error != NULL;
}

/* --- by envelope ------------------------------------------------------------------------------ */

static int value_of_digit(char digit)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit == '\0' ? NULL : strchr(alphabet, digit);

    return at == NULL ? -1 : (int)(at - alphabet);
}

static bool read_base64(struct arena *arena, const char *text, size_t text_size, const void **bytes,
                        size_t *size)
{
    uint8_t *out = arena_alloc(arena, text_size / 4 * 3 + 1);
    size_t used = 0, digits = text_size;
    uint32_t bits = 0;

    while (digits > 0 && text_size - digits < 2 && text[digits - 1] == '=')
        digits--;
    if (out == NULL || text_size % 4 != 0)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int value = value_of_digit(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 > 0)
            out[used++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    *bytes = out;
    *size = used;
    return true;
}

/* `name` is null or text, or `name`_base64 is. */
static bool read_bytes(struct arena *arena, const json_t *object, const char *name,
                       const void **bytes, size_t *size)
{
    const json_t *plain = json_object_get(object, name);
    char longer[32];

    *bytes = NULL;
    *size = 0;
    if (json_is_null(plain))
        return true;
    if (json_is_string(plain)) {
        *size = json_string_length(plain);
        *bytes = arena_copy(arena, json_string_value(plain), *size);
        return *bytes != NULL;
    }
    snprintf(longer, sizeof longer, "%s_base64", name);
    const json_t *coded = json_object_get(object, longer);
    return json_is_string(coded) &&
           read_base64(arena, json_string_value(coded), json_string_length(coded), bytes, size);
}

static bool read_envelope_headers(const json_t *list, struct letter *out)
{
    size_t count = json_array_size(list);
    klient_header_t *headers = arena_calloc(&out->arena, count + 1, sizeof *headers);

    if (!json_is_array(list) || headers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        const void *key;
        if (!read_bytes(&out->arena, one, "key", &key, &headers[i].key_size) || key == NULL ||
            !read_bytes(&out->arena, one, "value", &headers[i].value, &headers[i].value_size))
            return false;
        headers[i].key = key;
    }
    out->record.headers = headers;
    out->record.header_count = count;
    return true;
}

/* How much is not there because it was too large. */
static int64_t read_left_out(const json_t *envelope)
{
    return json_integer_value(json_object_get(envelope, "value_size")) +
           json_integer_value(json_object_get(envelope, "key_size")) +
           json_integer_value(json_object_get(envelope, "headers_size"));
}

static bool read_facts(json_t *envelope, struct letter *out)
{
    json_int_t partition, offset, timestamp, attempts;
    const char *topic, *group, *error;

    if (json_unpack(envelope, "{s:s, s:I, s:I, s:I, s:s, s:s, s:I}", "topic", &topic, "partition",
                    &partition, "offset", &offset, "timestamp", &timestamp, "group", &group,
                    "error", &error, "attempts", &attempts) != 0 ||
        partition < 0 || partition > INT32_MAX || offset < 0 || attempts < 0 || timestamp < -1)
        return false;
    out->topic = arena_strdup(&out->arena, topic);
    out->group = arena_strdup(&out->arena, group);
    out->error = arena_strdup(&out->arena, error);
    out->attempts = attempts;
    out->left_out = read_left_out(envelope);
    out->record.partition = (int32_t)partition;
    out->record.offset = offset;
    out->record.timestamp = timestamp;
    return out->topic != NULL && out->group != NULL && out->error != NULL;
}

static bool read_envelope(const klient_record_t *from, struct letter *out)
{
    json_t *envelope = from->value == NULL ? NULL
                                           : json_loadb(from->value, from->value_size,
                                                        JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                                                        NULL);

    klient_record_init(&out->record);
    bool sound = json_is_object(envelope) && read_facts(envelope, out) &&
                 read_bytes(&out->arena, envelope, "key", &out->record.key,
                            &out->record.key_size) &&
                 read_bytes(&out->arena, envelope, "value", &out->record.value,
                            &out->record.value_size) &&
                 read_envelope_headers(json_object_get(envelope, "headers"), out);
    json_decref(envelope);
    return sound;
}

bool letter_read(const klient_record_t *from, struct letter *out)
{
    *out = (struct letter){ .topic = NULL };
    arena_init(&out->arena, NULL, 0, SIZE_MAX);
    if (read_headers(from, out) || read_envelope(from, out))
        return true;
    letter_free(out);
    return false;
}

void letter_free(struct letter *letter)
{
    arena_fini(&letter->arena);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

json_t *letter_json(const klient_record_t *from, const struct letter *letter)
{
    const klient_record_t *record = &letter->record;
    json_t *headers = json_array();
    json_t *object = json_pack(
        "{s:{s:s, s:i, s:I, s:I}, s:s, s:i, s:I, s:I, s:s, s:s, s:I}", "dead_letter", "topic",
        from->topic, "partition", (int)from->partition, "offset", (json_int_t)from->offset,
        "timestamp", (json_int_t)from->timestamp, "topic", letter->topic, "partition",
        (int)record->partition, "offset", (json_int_t)record->offset, "timestamp",
        (json_int_t)record->timestamp, "group", letter->group, "error", letter->error, "attempts",
        (json_int_t)letter->attempts);

    if (object == NULL)
        return NULL;
    if (letter->left_out > 0)
        json_object_set_new(object, "left_out", json_integer(letter->left_out));
    json_set_bytes(object, "key", record->key, record->key_size);
    json_set_bytes(object, "value", record->value, record->value_size);
    for (size_t i = 0; i < record->header_count; i++) {
        json_t *header = json_object();
        json_set_bytes(header, "key", record->headers[i].key, record->headers[i].key_size);
        json_set_bytes(header, "value", record->headers[i].value, record->headers[i].value_size);
        json_array_append_new(headers, header);
    }
    json_object_set_new(object, "headers", headers);
    return object;
}

/* --- which are wanted ------------------------------------------------------------------------- */

static bool read_time(const struct args *args, const char *flag, int64_t *ms)
{
    const char *text = args_value(args, flag);
    struct place place = { PLACE_OFFSET, -1 };

    if (text != NULL && (!place_read(text, false, &place) ||
                         (place.kind != PLACE_OFFSET && place.kind != PLACE_TIME))) {
        command_misuse(args,
                       "%s takes a time such as 2026-11-29T13:05 (UTC), or ms since 1970, not '%s'",
                       flag, text);
        return false;
    }
    *ms = place.value;
    return true;
}

bool letter_filter_read(const struct args *args, struct letter_filter *out)
{
    *out = (struct letter_filter){ .topic = args_value(args, "--source"),
                                   .group = args_value(args, "--group"),
                                   .error = args_value(args, "--error"),
                                   .key = args_value(args, "--key") };
    return read_time(args, "--since", &out->since_ms) && read_time(args, "--until", &out->until_ms);
}

bool letter_filter_is_open(const struct letter_filter *filter)
{
    return filter->topic == NULL && filter->group == NULL && filter->error == NULL &&
           filter->key == NULL && filter->since_ms < 0 && filter->until_ms < 0;
}

bool letter_filter_passes(const struct letter_filter *filter, const klient_record_t *from,
                          const struct letter *letter)
{
    const klient_record_t *record = &letter->record;

    if (filter->topic != NULL && strcmp(filter->topic, letter->topic) != 0)
        return false;
    if (filter->group != NULL && strcmp(filter->group, letter->group) != 0)
        return false;
    if (filter->error != NULL && strstr(letter->error, filter->error) == NULL)
        return false;
    if (filter->key != NULL &&
        (record->key == NULL || record->key_size != strlen(filter->key) ||
         memcmp(record->key, filter->key, record->key_size) != 0))
        return false;
    return (filter->since_ms < 0 || from->timestamp >= filter->since_ms) &&
           (filter->until_ms < 0 || from->timestamp < filter->until_ms);
}

/* FNV-1a, with the zero at its end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (const char *at = text == NULL ? "" : text;; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
        if (*at == '\0')
            return hash;
    }
}

uint64_t letter_filter_hash(const struct letter_filter *filter)
{
    const char *const texts[] = { filter->topic, filter->group, filter->error, filter->key };
    uint64_t hash = UINT64_C(14695981039346656037);
    char times[64];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash = hash_text(hash_text(hash, texts[i] == NULL ? "-" : "+"), texts[i]);
    snprintf(times, sizeof times, "%lld %lld", (long long)filter->since_ms,
             (long long)filter->until_ms);
    return hash_text(hash, times);
}
