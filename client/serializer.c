#include "client/serializer.h"

#include "client/config.h"

int serializer_open(struct serializer *serializer, const struct klient_config *config, bool is_key,
                    klient_error_t **error)
{
    const char *name = is_key ? config->values.key_serializer : config->values.value_serializer;

    *serializer = (struct serializer){ .property = is_key ? "key.serializer" : "value.serializer",
                                       .is_key = is_key,
                                       .built_in = serde_find(SERDE_WRITES, name) };
    if (serializer->built_in != NULL)
        return 0;
    serializer->own =
        extension_find(&config->extensions, EXTENSION_SERIALIZER, name)->as.serializer;
    return extension_open(serializer->own.open, serializer->own.context, config,
                          serializer->property, &serializer->state, error);
}

void serializer_close(struct serializer *serializer)
{
    if (serializer->built_in == NULL && serializer->own.close != NULL)
        serializer->own.close(serializer->state);
}

bool serializer_is_idle(const struct serializer *serializer)
{
    return serializer->built_in != NULL && serializer->built_in->type == KLIENT_TYPE_BYTES;
}

static int run_own(const struct serializer *serializer, klient_record_t *record,
                   struct serde_bytes *bytes, klient_scratch_t *scratch, struct refusal *refusal)
{
    klient_serialization_t call = {
        .size = sizeof call,
        .topic = record->topic,
        .is_key = serializer->is_key,
        .data = bytes->data,
        .data_size = bytes->size,
        .scratch = scratch,
        .reason = refusal->reason.text,
        .reason_size = sizeof refusal->reason.text,
        .headers = record->headers,
        .header_count = record->header_count,
    };

    refusal->reason.text[0] = '\0';
    refusal->detail = serializer->own.serialize(serializer->state, &call);
    if (refusal->detail != 0)
        return K_SERIALIZER_FAILED;
    record->headers = call.headers;
    record->header_count = call.header_count;
    *bytes = (struct serde_bytes){ call.bytes, call.bytes == NULL ? 0 : call.bytes_size };
    return 0;
}

int serializer_run(const struct serializer *serializer, klient_record_t *record,
                   uint8_t room[SERDE_ROOM], klient_scratch_t *scratch, struct refusal *refusal)
{
    const void **data = serializer->is_key ? &record->key : &record->value;
    size_t *size = serializer->is_key ? &record->key_size : &record->value_size;
    struct serde_bytes bytes = { *data, *size };
    int code;

    if (bytes.data == NULL)
        return 0;
    if (serializer->built_in != NULL) {
        refusal->detail = 0;
        code = serializer->built_in->write(bytes, room, &bytes, &refusal->reason);
    } else {
        code = run_own(serializer, record, &bytes, scratch, refusal);
    }
    *data = bytes.data;
    *size = bytes.size;
    return code;
}
