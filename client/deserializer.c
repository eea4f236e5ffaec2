#include "client/deserializer.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/error.h"

/* --- life ------------------------------------------------------------------------------------- */

static int open_one(struct deserializers *pair, const struct klient_config *config, bool is_key,
                    klient_error_t **error)
{
    struct deserializer *deserializer = is_key ? &pair->key : &pair->value;
    const char *name = is_key ? config->values.key_deserializer : config->values.value_deserializer;

    deserializer->pair = pair;
    deserializer->property = is_key ? "key.deserializer" : "value.deserializer";
    deserializer->is_key = is_key;
    deserializer->built_in = serde_find(SERDE_READS, name);
    if (deserializer->built_in != NULL)
        return 0;
    deserializer->own =
        extension_find(&config->extensions, EXTENSION_DESERIALIZER, name)->as.deserializer;
    return extension_open(deserializer->own.open, deserializer->own.context, config,
                          deserializer->property, &deserializer->state, error);
}

static void close_one(struct deserializer *deserializer)
{
    if (deserializer->built_in == NULL && deserializer->own.close != NULL)
        deserializer->own.close(deserializer->state);
}

int deserializers_open(const struct klient_config *config, struct deserializers **out,
                       klient_error_t **error)
{
    struct deserializers *pair = calloc(1, sizeof *pair);

    if (pair == NULL)
        return fail(error, K_NOMEM, NULL);
    atomic_init(&pair->references, 1);
    int code = open_one(pair, config, true, error);
    if (code != 0)
        goto free_pair;
    code = open_one(pair, config, false, error);
    if (code != 0)
        goto close_key;
    *out = pair;
    return 0;

close_key:
    close_one(&pair->key);
free_pair:
    free(pair);
    return code;
}

struct deserializers *deserializers_ref(struct deserializers *deserializers)
{
    atomic_fetch_add_explicit(&deserializers->references, 1, memory_order_relaxed);
    return deserializers;
}

void deserializers_unref(struct deserializers *deserializers)
{
    if (atomic_fetch_sub(&deserializers->references, 1) != 1)
        return;
    close_one(&deserializers->key);
    close_one(&deserializers->value);
    free(deserializers);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int make_own(const struct deserializer *deserializer, const klient_record_t *record,
                    struct serde_bytes bytes, klient_value_t *value, struct refusal *refusal)
{
    klient_deserialization_t call = {
        .size = sizeof call,
        .topic = record->topic,
        .partition = record->partition,
        .offset = record->offset,
        .is_key = deserializer->is_key,
        .bytes = bytes.data,
        .bytes_size = bytes.size,
        .headers = record->headers,
        .header_count = record->header_count,
        .reason = refusal->reason.text,
        .reason_size = sizeof refusal->reason.text,
    };

    refusal->detail = deserializer->own.deserialize(deserializer->state, &call, &value->as.own);
    if (refusal->detail != 0)
        return K_DESERIALIZER_FAILED;
    value->type = KLIENT_TYPE_OWN;
    value->maker = deserializer;
#ifndef MUTANT_VALUE_UNHELD
    deserializers_ref(deserializer->pair);
#endif
    return 0;
}

static klient_code_t refuse(const struct deserializer *deserializer, const klient_record_t *record,
                            const struct refusal *refusal, klient_error_t **error)
{
    const char *why = refusal->reason.text[0] != '\0' ? refusal->reason.text
                                                      : k_error_text(K_DESERIALIZER_FAILED);
    struct k_reason text;

    k_reason_set(&text, 0, "offset %lld: %s: %.400s", (long long)record->offset,
                 deserializer->property, why);
    fail_partition(error, K_DESERIALIZER_FAILED, record->topic, record->partition,
                   record->offset + 1, text.text);
    if (error != NULL)
        error_set_detail(*error, refusal->detail);
    return KLIENT_DESERIALIZER_FAILED;
}

/* Why it can not be read, or NULL. */
static const char *obstacle(const klient_record_t *record, const klient_value_t *value)
{
    if (record == NULL || record->size < sizeof *record || record->origin == NULL)
        return "only records that were received can be read";
    if (value == NULL || value->size < sizeof *value)
        return "the value's size is not set";
    return NULL;
}

static klient_code_t make_value(const struct deserializer *deserializer,
                                const klient_record_t *record, struct serde_bytes bytes,
                                klient_value_t *out, klient_error_t **error)
{
    klient_value_t value = { .size = out->size };
    struct refusal refusal;
    int code = 0;

    refusal.detail = 0;
    refusal.reason.text[0] = '\0';
    if (bytes.data != NULL && deserializer->built_in != NULL) {
        value.type = deserializer->built_in->type;
        code = deserializer->built_in->read(bytes, &value, &refusal.reason);
    } else if (bytes.data != NULL) {
        code = make_own(deserializer, record, bytes, &value, &refusal);
    }
    if (code != 0)
        return refuse(deserializer, record, &refusal, error);
    *out = value;
    return KLIENT_OK;
}

klient_code_t klient_record_key(const klient_record_t *record, klient_value_t *key,
                                klient_error_t **error)
{
    const char *why = obstacle(record, key);

    if (why != NULL)
        return fail(error, K_INVALID_ARGUMENT, "%s", why);
    return make_value(&records_deserializers(record->origin)->key, record,
                      (struct serde_bytes){ record->key, record->key_size }, key, error);
}

klient_code_t klient_record_value(const klient_record_t *record, klient_value_t *value,
                                  klient_error_t **error)
{
    const char *why = obstacle(record, value);

    if (why != NULL)
        return fail(error, K_INVALID_ARGUMENT, "%s", why);
    return make_value(&records_deserializers(record->origin)->value, record,
                      (struct serde_bytes){ record->value, record->value_size }, value, error);
}

void klient_value_free(klient_value_t *value)
{
    if (value == NULL || value->type != KLIENT_TYPE_OWN)
        return;
    const struct deserializer *deserializer = value->maker;
    if (deserializer->own.free_own != NULL)
        deserializer->own.free_own(deserializer->state, value->as.own);
    deserializers_unref(deserializer->pair);
    value->type = KLIENT_TYPE_NULL;
    value->maker = NULL;
}
