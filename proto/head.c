#include "proto/head.h"

#include <stdbool.h>
#include <string.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/uuid.h"
#include "proto/frame.h"

/* protobuf-c's view of the arena while one head is unpacked. */
struct budget {
    struct arena *arena;
    int code;                       /* of what was refused; 0: nothing was */
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *budget = data;
    bool allowed = arena_allows(budget->arena, size);
    void *memory = arena_alloc(budget->arena, size);

#ifdef MUTANT_NO_MEMORY_IS_TOO_MUCH
    allowed = false;
#endif
    if (memory == NULL)
        budget->code = allowed ? K_NOMEM : K_FRAME_TOO_LARGE;
    return memory;
}

static void budget_free(void *data, void *memory)
{
    (void)data;
    (void)memory;                   /* the arena frees all at once */
}

static int unpack(const ProtobufCMessageDescriptor *kind, const uint8_t *bytes, size_t size,
                  size_t factor, struct arena *arena, ProtobufCMessage **out)
{
    if (size > FRAME_HEAD_MAX)
        return K_MALFORMED;

    size_t limit = arena->limit, cap = arena->used + factor * size + HEAD_UNPACK_BASE;
    struct budget budget = { .arena = arena };
    ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };

    arena->limit = cap < limit ? cap : limit;
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, &allocator, size, bytes);
    arena->limit = limit;
    if (message == NULL)
        return budget.code != 0 ? budget.code : K_MALFORMED;
    *out = message;
    return 0;
}

int head_unpack_request(const uint8_t *bytes, size_t size, struct arena *arena,
                        Kairn__RequestHead **out)
{
    ProtobufCMessage *message;
    int error = unpack(&kairn__request_head__descriptor, bytes, size, HEAD_UNPACK_REQUEST_FACTOR,
                       arena, &message);
    if (error == 0)
        *out = (Kairn__RequestHead *)message;
    return error;
}

int head_unpack_response(const uint8_t *bytes, size_t size, struct arena *arena,
                         Kairn__ResponseHead **out)
{
    ProtobufCMessage *message;
    int error = unpack(&kairn__response_head__descriptor, bytes, size,
                       HEAD_UNPACK_RESPONSE_FACTOR, arena, &message);
    if (error == 0)
        *out = (Kairn__ResponseHead *)message;
    return error;
}

static int pack(const ProtobufCMessage *head, size_t payload_size, struct chain *out)
{
    size_t head_size = protobuf_c_message_get_packed_size(head);
    if (head_size > FRAME_HEAD_MAX || payload_size > FRAME_PAYLOAD_MAX)
        return K_FRAME_TOO_LARGE;

    uint8_t *at = chain_reserve(out, FRAME_PREFIX + head_size);
    if (at == NULL)
        return K_NOMEM;
    frame_prefix(at, head_size, payload_size);
    protobuf_c_message_pack(head, at + FRAME_PREFIX);
    return 0;
}

int head_pack_request(const Kairn__RequestHead *head, size_t payload_size, struct chain *out)
{
    return pack(&head->base, payload_size, out);
}

int head_pack_response(const Kairn__ResponseHead *head, size_t payload_size, struct chain *out)
{
    return pack(&head->base, payload_size, out);
}

Kairn__Error *head_error(struct arena *arena, int code, const char *text)
{
    Kairn__Error *error = arena_alloc(arena, sizeof *error);
    if (error == NULL)
        return NULL;
    kairn__error__init(error);
    error->code = code;
    /* The table's text is constant and outlives every message; protobuf-c only reads it. */
    error->message = text == NULL ? (char *)k_error_text(code) : arena_strdup(arena, text);
    return error->message != NULL ? error : NULL;
}

int head_uuid(ProtobufCBinaryData data, struct uuid *out)
{
    if (data.len != sizeof out->bytes)
        return K_MALFORMED;
    memcpy(out->bytes, data.data, sizeof out->bytes);
    return 0;
}

ProtobufCBinaryData head_bytes_of_uuid(const struct uuid *uuid)
{
    return (ProtobufCBinaryData){ .len = sizeof uuid->bytes, .data = (uint8_t *)uuid->bytes };
}
