#include "proto/head.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "common/uuid.h"
#include "proto/frame.h"
#include "tests/proto/suites.h"

static struct arena arena;
static struct chain chain;

static void setup(void)
{
    arena_init(&arena, NULL, 0, SIZE_MAX);
    chain_init(&chain);
}

static void teardown(void)
{
    chain_fini(&chain);
    arena_fini(&arena);
}

/* The head of the frame in `chain`, which is one piece. */
static struct frame packed_frame(size_t payload_size)
{
    struct chain_piece *piece = chain.first;
    ck_assert_ptr_nonnull(piece);
    ck_assert_ptr_null(piece->next);
    ck_assert_uint_eq(load_u32(piece->bytes) + 4, piece->size + payload_size);
    return (struct frame){.head = piece->bytes + FRAME_PREFIX,
                          .head_size = piece->size - FRAME_PREFIX};
}

START_TEST(a_packed_request_is_unpacked_again)
{
    uint8_t id[16] = "0123456789abcdef";
    uint32_t sizes[] = { 100, 200 };
    Kairn__ProducePartition partition = KAIRN__PRODUCE_PARTITION__INIT;
    partition.topic_id = (ProtobufCBinaryData){ sizeof id, id };
    partition.partition = 5;
    partition.leader_epoch = -1;
    partition.n_batch_sizes = 2;
    partition.batch_sizes = sizes;
    Kairn__ProducePartition *partitions[] = { &partition };
    Kairn__ProduceRequest produce = KAIRN__PRODUCE_REQUEST__INIT;
    produce.acks = -1;
    produce.n_partitions = 1;
    produce.partitions = partitions;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.correlation = 77;
    head.client_id = (char *)"tester";
    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    head.produce = &produce;

    ck_assert_int_eq(head_pack_request(&head, 300, &chain), 0);
    struct frame frame = packed_frame(300);
    Kairn__RequestHead *out;
    ck_assert_int_eq(head_unpack_request(frame.head, frame.head_size, &arena, &out), 0);

    uint64_t correlation;
    ck_assert_int_eq(head_peek_correlation(frame.head, frame.head_size, &correlation), 0);
    ck_assert_uint_eq(correlation, 77);
    ck_assert_uint_eq(out->correlation, 77);
    ck_assert_str_eq(out->client_id, "tester");
    ck_assert_int_eq(out->body_case, KAIRN__REQUEST_HEAD__BODY_PRODUCE);
    ck_assert_int_eq(out->produce->acks, -1);
    ck_assert_uint_eq(out->produce->partitions[0]->batch_sizes[1], 200);
    ck_assert_int_eq(out->produce->partitions[0]->leader_epoch, -1);
}
END_TEST

START_TEST(a_packed_error_is_unpacked_again)
{
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    head.correlation = UINT64_MAX;
    head.error = head_error(&arena, K_NOT_LEADER_OR_FOLLOWER, NULL);

    ck_assert_int_eq(head_pack_response(&head, 0, &chain), 0);
    struct frame frame = packed_frame(0);
    Kairn__ResponseHead *out;
    ck_assert_int_eq(head_unpack_response(frame.head, frame.head_size, &arena, &out), 0);

    uint64_t correlation;
    ck_assert_int_eq(head_peek_correlation(frame.head, frame.head_size, &correlation), 0);
    ck_assert_uint_eq(correlation, UINT64_MAX);
    ck_assert_int_eq(head_error_code(out->error), K_NOT_LEADER_OR_FOLLOWER);
    ck_assert_str_eq(out->error->message, k_error_text(K_NOT_LEADER_OR_FOLLOWER));
}
END_TEST

START_TEST(an_error_takes_a_copy_of_a_text_of_its_own)
{
    char text[] = "the disk is on fire";

    Kairn__Error *error = head_error(&arena, K_IO, text);
    text[0] = 'X';

    ck_assert_int_eq(head_error_code(error), K_IO);
    ck_assert_str_eq(error->message, "the disk is on fire");
    ck_assert_int_eq(head_error_code(NULL), 0);
}
END_TEST

START_TEST(an_empty_head_is_one_without_a_body)
{
    Kairn__RequestHead *out;

    ck_assert_int_eq(head_unpack_request(NULL, 0, &arena, &out), 0);

    uint64_t correlation = 1;
    ck_assert_int_eq(head_peek_correlation(NULL, 0, &correlation), 0);
    ck_assert_uint_eq(correlation, 0);
    ck_assert_int_eq(out->body_case, KAIRN__REQUEST_HEAD__BODY__NOT_SET);
}
END_TEST

START_TEST(a_body_of_the_future_is_kept_as_an_unknown_field)
{
    const uint8_t bytes[] = { 0x08, 0x05, 0xa2, 0x7d, 0x02, 'h', 'i' };   /* field 2004 */

    Kairn__RequestHead *out;
    ck_assert_int_eq(head_unpack_request(bytes, sizeof bytes, &arena, &out), 0);

    ck_assert_uint_eq(out->correlation, 5);
    ck_assert_int_eq(out->body_case, KAIRN__REQUEST_HEAD__BODY__NOT_SET);
}
END_TEST

START_TEST(garbage_is_malformed)
{
    static const char *const rows[] = {
        "\xff",                         /* a tag cut off */
        "\x08\xff\xff",                 /* a varint cut off */
        "\x1a\x7fx",                    /* a string longer than the head */
        "\x62\xff\xff\xff\xff\x0f",     /* a submessage of 4 GiB */
        "\x0b",                         /* a wire type that does not exist any more */
        "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Kairn__RequestHead *out;
        ck_assert_int_eq(
            head_unpack_request((const uint8_t *)rows[i], strlen(rows[i]), &arena, &out),
            K_MALFORMED);
    }
}
END_TEST

START_TEST(a_correlation_id_cut_off_or_without_end_is_malformed)
{
    const uint8_t bytes[12] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};

    uint64_t correlation;
    for (size_t size = 1; size <= sizeof bytes; size++)
        ck_assert_int_eq(head_peek_correlation(bytes, size, &correlation), K_MALFORMED);
}
END_TEST

/* A head whose metadata answer (or fetch request) holds `size / 2` empty submessages. */
static uint8_t *empty_submessages(uint8_t body_tag, uint8_t repeated_tag, size_t size,
                                  size_t *total)
{
    uint8_t *bytes = malloc(size + 5);
    ck_assert_ptr_nonnull(bytes);
    size_t at = 0;
    bytes[at++] = body_tag;
    size_t left = size;
    for (; left >= 0x80; left >>= 7)
        bytes[at++] = (uint8_t)(left | 0x80);
    bytes[at++] = (uint8_t)left;
    for (size_t i = 0; i < size / 2; i++) {
        bytes[at++] = repeated_tag;
        bytes[at++] = 0;
    }
    *total = at;
    return bytes;
}

START_TEST(many_empty_submessages_hit_the_cap)
{
    size_t size;
    uint8_t *bytes = empty_submessages(13 << 3 | 2, 5 << 3 | 2, 500000, &size);

    Kairn__RequestHead *request;
    ck_assert_int_eq(head_unpack_request(bytes, size, &arena, &request), K_FRAME_TOO_LARGE);
    ck_assert_uint_le(arena.used, HEAD_UNPACK_BASE + HEAD_UNPACK_REQUEST_FACTOR * size);
    free(bytes);

    arena_reset(&arena);
    bytes = empty_submessages(11 << 3 | 2, 6 << 3 | 2, 500000, &size);
    Kairn__ResponseHead *response;
    ck_assert_int_eq(head_unpack_response(bytes, size, &arena, &response), K_FRAME_TOO_LARGE);
    ck_assert_uint_le(arena.used, HEAD_UNPACK_BASE + HEAD_UNPACK_RESPONSE_FACTOR * size);
    free(bytes);
}
END_TEST

/* The smallest rows that a request has: of short names, in the first partition. */
START_TEST(a_commit_of_thousands_of_partitions_with_short_names_fits)
{
    enum { ROWS = 8192 };
    Kairn__OffsetCommitPartition row = KAIRN__OFFSET_COMMIT_PARTITION__INIT;
    Kairn__OffsetCommitRequest body = KAIRN__OFFSET_COMMIT_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT, *out;
    Kairn__OffsetCommitPartition **rows = malloc(ROWS * sizeof *rows);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = &row;
    row.topic = (char *)"t";
    row.offset = 1;
    body.group = (char *)"g";
    body.partitions = rows;
    body.n_partitions = ROWS;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT;
    head.offset_commit = &body;
    size_t size = kairn__request_head__get_packed_size(&head);
    uint8_t *bytes = malloc(size);
    kairn__request_head__pack(&head, bytes);

    ck_assert_int_eq(head_unpack_request(bytes, size, &arena, &out), 0);

    ck_assert_uint_eq(out->offset_commit->n_partitions, ROWS);
    free(bytes);
    free(rows);
}
END_TEST

/* Nothing went wrong with any of them: two bytes each. */
START_TEST(the_answer_to_a_commit_of_thousands_of_partitions_fits)
{
    enum { ROWS = 8192 };
    Kairn__OffsetCommitResult row = KAIRN__OFFSET_COMMIT_RESULT__INIT;
    Kairn__OffsetCommitResponse body = KAIRN__OFFSET_COMMIT_RESPONSE__INIT;
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT, *out;
    Kairn__OffsetCommitResult **rows = malloc(ROWS * sizeof *rows);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = &row;
    body.results = rows;
    body.n_results = ROWS;
    head.body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_COMMIT;
    head.offset_commit = &body;
    size_t size = kairn__response_head__get_packed_size(&head);
    uint8_t *bytes = malloc(size);
    kairn__response_head__pack(&head, bytes);

    ck_assert_int_eq(head_unpack_response(bytes, size, &arena, &out), 0);

    ck_assert_uint_eq(out->offset_commit->n_results, ROWS);
    free(bytes);
    free(rows);
}
END_TEST

START_TEST(the_limit_of_the_arena_holds_as_well)
{
    size_t size;
    uint8_t *bytes = empty_submessages(13 << 3 | 2, 5 << 3 | 2, 200, &size);
    struct arena small;
    arena_init(&small, NULL, 0, 2000);

    Kairn__RequestHead *out;
    int error = head_unpack_request(bytes, size, &small, &out);

    ck_assert_int_eq(error, K_FRAME_TOO_LARGE);
    arena_fini(&small);
    free(bytes);
}
END_TEST

START_TEST(a_fetch_of_ten_thousand_partitions_stays_under_the_cap)
{
    enum { COUNT = 10000 };
    uint8_t id[16] = "0123456789abcdef";
    Kairn__FetchPartition partition = KAIRN__FETCH_PARTITION__INIT;
    partition.topic_id = (ProtobufCBinaryData){ sizeof id, id };
    Kairn__FetchPartition **partitions = calloc(COUNT, sizeof *partitions);
    ck_assert_ptr_nonnull(partitions);
    for (int i = 0; i < COUNT; i++)
        partitions[i] = &partition;             /* all zero: the smallest on the wire */
    Kairn__FetchRequest fetch = KAIRN__FETCH_REQUEST__INIT;
    fetch.n_partitions = COUNT;
    fetch.partitions = partitions;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &fetch;

    ck_assert_int_eq(head_pack_request(&head, 0, &chain), 0);
    struct frame frame = packed_frame(0);
    Kairn__RequestHead *out;
    int error = head_unpack_request(frame.head, frame.head_size, &arena, &out);

    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(out->fetch->n_partitions, COUNT);
    free(partitions);
}
END_TEST

START_TEST(metadata_of_ten_thousand_partitions_stays_under_the_cap)
{
    enum { COUNT = 10000 };
    int32_t brokers[] = { 1 };
    Kairn__PartitionInfo partition = KAIRN__PARTITION_INFO__INIT;
    partition.leader = 1;
    partition.n_replicas = partition.n_isr = 1;
    partition.replicas = partition.isr = brokers;
    Kairn__PartitionInfo **partitions = calloc(COUNT, sizeof *partitions);
    ck_assert_ptr_nonnull(partitions);
    for (int i = 0; i < COUNT; i++)
        partitions[i] = &partition;
    Kairn__TopicInfo topic = KAIRN__TOPIC_INFO__INIT, *topics[] = { &topic };
    topic.n_partitions = COUNT;
    topic.partitions = partitions;
    Kairn__MetadataResponse metadata = KAIRN__METADATA_RESPONSE__INIT;
    metadata.n_topics = 1;
    metadata.topics = topics;
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT;
    head.body_case = KAIRN__RESPONSE_HEAD__BODY_METADATA;
    head.metadata = &metadata;

    ck_assert_int_eq(head_pack_response(&head, 0, &chain), 0);
    struct frame frame = packed_frame(0);
    Kairn__ResponseHead *out;
    int error = head_unpack_response(frame.head, frame.head_size, &arena, &out);

    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(out->metadata->topics[0]->n_partitions, COUNT);
    free(partitions);
}
END_TEST

START_TEST(a_head_over_the_maximum_is_not_packed)
{
    char *text = malloc(FRAME_HEAD_MAX + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', FRAME_HEAD_MAX);
    text[FRAME_HEAD_MAX] = '\0';
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    head.client_id = text;

    ck_assert_int_eq(head_pack_request(&head, 0, &chain), K_FRAME_TOO_LARGE);

    ck_assert_uint_eq(chain.size, 0);
    free(text);
}
END_TEST

START_TEST(only_sixteen_bytes_are_a_uuid)
{
    struct uuid uuid = { "0123456789abcdef" }, out;

    ProtobufCBinaryData data = head_bytes_of_uuid(&uuid);
    ck_assert_int_eq(head_uuid(data, &out), 0);
    ck_assert(uuid_equal(&uuid, &out));

    data.len = 15;
    ck_assert_int_eq(head_uuid(data, &out), K_MALFORMED);
    ck_assert_int_eq(head_uuid((ProtobufCBinaryData){ 0 }, &out), K_MALFORMED);
}
END_TEST

Suite *head_suite(void)
{
    Suite *suite = suite_create("proto/head");
    TCase *honest = tcase_create("honest"), *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(honest, setup, teardown);
    tcase_add_checked_fixture(hostile, setup, teardown);
    tcase_add_test(honest, a_packed_request_is_unpacked_again);
    tcase_add_test(honest, a_packed_error_is_unpacked_again);
    tcase_add_test(honest, an_error_takes_a_copy_of_a_text_of_its_own);
    tcase_add_test(honest, an_empty_head_is_one_without_a_body);
    tcase_add_test(honest, a_body_of_the_future_is_kept_as_an_unknown_field);
    tcase_add_test(honest, a_fetch_of_ten_thousand_partitions_stays_under_the_cap);
    tcase_add_test(honest, metadata_of_ten_thousand_partitions_stays_under_the_cap);
    tcase_add_test(honest, a_head_over_the_maximum_is_not_packed);
    tcase_add_test(honest, only_sixteen_bytes_are_a_uuid);
    tcase_add_test(hostile, garbage_is_malformed);
    tcase_add_test(hostile, a_correlation_id_cut_off_or_without_end_is_malformed);
    tcase_add_test(hostile, many_empty_submessages_hit_the_cap);
    tcase_add_test(hostile, a_commit_of_thousands_of_partitions_with_short_names_fits);
    tcase_add_test(hostile, the_answer_to_a_commit_of_thousands_of_partitions_fits);
    tcase_add_test(hostile, the_limit_of_the_arena_holds_as_well);
    suite_add_tcase(suite, honest);
    suite_add_tcase(suite, hostile);
    return suite;
}
