#include "client/outgoing.h"

#include "client/config.h"
#include "client/error.h"

int outgoing_open(struct outgoing *outgoing, const struct klient_config *config,
                  klient_error_t **error)
{
    enum { SCRATCH_PER_REQUEST = 4 };
    int code = serializer_open(&outgoing->key, config, true, error);

    if (code != 0)
        goto nothing;
    code = serializer_open(&outgoing->value, config, false, error);
    if (code != 0)
        goto close_key;
    code = interceptors_open(&outgoing->interceptors, config, USE_PRODUCER, error);
    if (code != 0)
        goto close_value;
    outgoing->scratch_max = SCRATCH_PER_REQUEST * (size_t)config->values.request_bytes_max;
    outgoing->idle = outgoing->interceptors.count == 0 && serializer_is_idle(&outgoing->key) &&
                     serializer_is_idle(&outgoing->value);
    return 0;

close_value:
    serializer_close(&outgoing->value);
close_key:
    serializer_close(&outgoing->key);
nothing:
    *outgoing = (struct outgoing){ 0 };
    return code;
}

void outgoing_close(struct outgoing *outgoing)
{
    interceptors_close(&outgoing->interceptors);
    serializer_close(&outgoing->key);
    serializer_close(&outgoing->value);
}

static int serialize(const struct serializer *serializer, struct parcel *parcel, uint8_t *room)
{
    parcel->property = serializer->property;
    return serializer_run(serializer, &parcel->record, room, &parcel->scratch, &parcel->refusal);
}

int outgoing_pack(const struct outgoing *outgoing, const klient_record_t *record,
                  struct parcel *parcel)
{
    arena_init(&parcel->scratch.arena, parcel->room, sizeof parcel->room, outgoing->scratch_max);
    parcel->passed = false;
    if (record == NULL || record->size < sizeof *record || record->topic == NULL)
        return K_INVALID_ARGUMENT;
    parcel->record = *record;
    interceptors_send(&outgoing->interceptors, &parcel->record, &parcel->scratch);
    parcel->passed = true;
    int code = serialize(&outgoing->key, parcel, parcel->key);
    return code != 0 ? code : serialize(&outgoing->value, parcel, parcel->value);
}

void parcel_fini(struct parcel *parcel)
{
    arena_fini(&parcel->scratch.arena);
}

void outgoing_refused(const struct outgoing *outgoing, const struct parcel *parcel, int code)
{
    if (!parcel->passed || !outgoing->interceptors.acknowledges)
        return;
#ifdef MUTANT_REFUSAL_UNTOLD
    return;
#endif
    klient_report_t report = {
        .size = sizeof report,
        .topic = parcel->record.topic,
        .partition = parcel->record.partition,
        .code = (klient_code_t)code,
        .offset = -1,
        .timestamp = -1,
        .opaque = parcel->record.opaque,
    };
    interceptors_acknowledge(&outgoing->interceptors, &report);
}

klient_code_t parcel_explain(const struct parcel *parcel, klient_error_t **error)
{
    const struct refusal *refusal = &parcel->refusal;

    fail(error, K_SERIALIZER_FAILED, "%s: %s: %s", parcel->record.topic, parcel->property,
         refusal->reason.text[0] != '\0' ? refusal->reason.text
                                         : k_error_text(K_SERIALIZER_FAILED));
    if (error != NULL)
        error_set_detail(*error, refusal->detail);
    return KLIENT_SERIALIZER_FAILED;
}

void *klient_scratch_alloc(klient_scratch_t *scratch, size_t size)
{
    return arena_alloc(&scratch->arena, size);
}
