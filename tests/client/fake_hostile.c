/* fake_hostile.c - how a hostile broker spoils its answers. */
#include <stdlib.h>
#include <string.h>

#include "tests/client/fake_private.h"

int fake_spoil(struct fake_conn *conn, Kairn__ResponseHead *head, size_t *payload_size,
                 int hostility)
{
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 1 };
    static const uint8_t short_head[] = { 0, 0, 0, 8, 0, 0, 1, 0, 1, 2, 3, 4 };
    uint8_t garbage[24] = { 0, 0, 0, 20, 0, 0, 0, 16, 0x08 };
    static Kairn__ApiVersionsResponse other = KAIRN__API_VERSIONS_RESPONSE__INIT;

    switch (hostility) {
    case HOSTILE_HUGE_FRAME:
        fake_send_bytes(conn, huge, sizeof huge);
        return 1;
    case HOSTILE_SHORT_HEAD:
        fake_send_bytes(conn, short_head, sizeof short_head);
        return 1;
    case HOSTILE_GARBAGE_HEAD:
        garbage[9] = (uint8_t)(head->correlation & 0x7f);
        memset(garbage + 10, 0xff, sizeof garbage - 10);
        fake_send_bytes(conn, garbage, sizeof garbage);
        return 1;
    case HOSTILE_EMPTY_BODY:
        head->body_case = KAIRN__RESPONSE_HEAD__BODY__NOT_SET;
        break;
    case HOSTILE_OTHER_BODY:
        head->body_case = KAIRN__RESPONSE_HEAD__BODY_API_VERSIONS;
        head->api_versions = &other;
        break;
    case HOSTILE_UNKNOWN_CORRELATION:
        head->correlation += 1000000;
        break;
    case HOSTILE_PAYLOAD_SIZE:
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_FETCH)
            for (size_t i = 0; i < head->fetch->n_results; i++)
                head->fetch->results[i]->size += 100;
        break;
    case HOSTILE_NO_RESULTS:
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_PRODUCE)
            head->produce->n_results = 0;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_FETCH)
            head->fetch->n_results = 0, *payload_size = 0;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_LIST_OFFSETS)
            head->list_offsets->n_results = 0;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_DELETE_RECORDS)
            head->delete_records->n_results = 0;
        break;
    case HOSTILE_BAD_TOPIC_ID:
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_FETCH)
            for (size_t i = 0; i < head->fetch->n_results; i++)
                head->fetch->results[i]->topic_id.len = 3;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_METADATA)
            for (size_t i = 0; i < head->metadata->n_topics; i++)
                head->metadata->topics[i]->topic_id.len = 3;
        break;
    case HOSTILE_NEGATIVE:
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_PRODUCE)
            for (size_t i = 0; i < head->produce->n_results; i++)
                head->produce->results[i]->base_offset = INT64_MIN;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_LIST_OFFSETS)
            head->list_offsets->results[0]->offset = INT64_MIN;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_DELETE_RECORDS)
            head->delete_records->results[0]->log_start = INT64_MIN;
        if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_METADATA)
            for (size_t i = 0; i < head->metadata->n_topics; i++)
                for (size_t p = 0; p < head->metadata->topics[i]->n_partitions; p++)
                    head->metadata->topics[i]->partitions[p]->partition = UINT32_MAX;
        break;
    default:
        break;
    }
    return 0;
}

static uint8_t *flatten(struct chain *chain, size_t *size)
{
    uint8_t *bytes = malloc(chain->size + FAKE_MANGLED_ROOM), *at = bytes;

    *size = chain->size;
    for (struct chain_piece *piece; (piece = chain_pop(chain)) != NULL; chain_piece_free(piece)) {
        memcpy(at, piece->bytes, piece->size);
        at += piece->size;
    }
    return bytes;
}

bool fake_mangle(struct fake_conn *conn, int body, struct chain *frame)
{
    struct fake *fake = conn->broker->fake;
    size_t size;
    uint8_t *bytes = flatten(frame, &size);

    size = fake->mangle(fake->mangle_context, body, bytes, size);
    if (size > 0)
        chain_copy(frame, bytes, size);
    free(bytes);
    if (size == 0)
        fake_hang_up(conn);
    return size == 0;
}
