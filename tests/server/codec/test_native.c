#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/rand.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "server/codec/codec.h"

enum { LIMIT = 1 << 20, ARENA_LIMIT = 1 << 24 };

/* All bytes of a chain of memory, malloc'ed. */
static uint8_t *flatten(struct chain *chain, size_t *size)
{
    uint8_t *bytes = malloc(chain->size), *at = bytes;

    *size = chain->size;
    for (struct chain_piece *piece; (piece = chain_pop(chain)) != NULL; chain_piece_free(piece)) {
        ck_assert_int_eq(piece->kind, CHAIN_MEMORY);
        memcpy(at, piece->bytes, piece->size);
        at += piece->size;
    }
    return bytes;
}

static uint8_t *fetch_frame(const char *payload, size_t *size)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
    struct chain chain;

    head.correlation = 77;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.max_bytes = 1234;
    chain_init(&chain);
    ck_assert_int_eq(head_pack_request(&head, strlen(payload), &chain), 0);
    ck_assert_int_eq(chain_copy(&chain, payload, strlen(payload)), 0);
    return flatten(&chain, size);
}

START_TEST(a_frame_becomes_a_request_whose_payload_stays_in_place)
{
    struct codec_request request;
    struct arena arena;
    size_t size;
    uint8_t *frame = fetch_frame("batches", &size);
    arena_init(&arena, NULL, 0, ARENA_LIMIT);

    ck_assert_int_eq(codec_native.cut(frame, size, LIMIT), (ssize_t)size);
    ck_assert_int_eq(codec_native.decode(frame, size, &arena, &request), 0);

    ck_assert_uint_eq(request.head->correlation, 77);
    ck_assert_int_eq(request.head->body_case, KAIRN__REQUEST_HEAD__BODY_FETCH);
    ck_assert_uint_eq(request.head->fetch->max_bytes, 1234);
    ck_assert_ptr_eq(request.payload, frame + size - 7);
    ck_assert_uint_eq(request.payload_size, 7);
    arena_fini(&arena);
    free(frame);
}
END_TEST

START_TEST(an_answer_carries_head_and_payload)
{
    Kairn__ResponseHead head = KAIRN__RESPONSE_HEAD__INIT, *read;
    struct chain payload, out;
    struct frame frame;
    struct arena arena;
    size_t size;
    head.correlation = 5;
    chain_init(&payload);
    chain_init(&out);
    ck_assert_int_eq(chain_copy(&payload, "abc", 3), 0);

    ck_assert_int_eq(codec_native.encode(&head, &payload, &out), 0);

    ck_assert_uint_eq(payload.size, 0);
    uint8_t *bytes = flatten(&out, &size);
    ck_assert_int_eq(codec_native.cut(bytes, size, LIMIT), (ssize_t)size);
    ck_assert_int_eq(frame_split(bytes, size, &frame), 0);
    ck_assert_uint_eq(frame.payload_size, 3);
    ck_assert_mem_eq(frame.payload, "abc", 3);
    arena_init(&arena, NULL, 0, ARENA_LIMIT);
    ck_assert_int_eq(head_unpack_response(frame.head, frame.head_size, &arena, &read), 0);
    ck_assert_uint_eq(read->correlation, 5);
    arena_fini(&arena);
    free(bytes);
}
END_TEST

START_TEST(a_frame_over_the_limit_is_refused_by_its_length_alone)
{
    uint8_t bytes[FRAME_PREFIX];
    frame_prefix(bytes, 10, LIMIT);

    ck_assert_int_eq(codec_native.cut(bytes, sizeof bytes, LIMIT), K_FRAME_TOO_LARGE);
}
END_TEST

/* Whatever is changed in a frame: an answer of some kind, and nothing outside of it is touched. */
START_TEST(damaged_frames_are_typed_errors_or_other_requests)
{
    struct rand rand;
    size_t size;
    uint8_t *frame = fetch_frame("batches", &size);
    rand_seed(&rand, 20260101);

    for (int round = 0; round < 20000; round++) {
        uint8_t *damaged = malloc(size);
        memcpy(damaged, frame, size);
        for (uint64_t i = 0; i <= rand_below(&rand, 3); i++)
            damaged[rand_below(&rand, size)] ^= (uint8_t)(1u << rand_below(&rand, 8));
        ssize_t cut = codec_native.cut(damaged, size, LIMIT);
        if (cut > 0 && (size_t)cut <= size) {
            struct codec_request request;
            struct arena arena;
            arena_init(&arena, NULL, 0, ARENA_LIMIT);
            int code = codec_native.decode(damaged, (size_t)cut, &arena, &request);
            ck_assert(code == 0 || code == K_MALFORMED || code == K_FRAME_TOO_LARGE ||
                      code == K_NOMEM);
            arena_fini(&arena);
        }
        free(damaged);
    }
    free(frame);
}
END_TEST

Suite *native_suite(void);

Suite *native_suite(void)
{
    Suite *suite = suite_create("server/codec/native");
    TCase *tests = tcase_create("native");

    tcase_add_test(tests, a_frame_becomes_a_request_whose_payload_stays_in_place);
    tcase_add_test(tests, an_answer_carries_head_and_payload);
    tcase_add_test(tests, a_frame_over_the_limit_is_refused_by_its_length_alone);
    tcase_add_test(tests, damaged_frames_are_typed_errors_or_other_requests);
    suite_add_tcase(suite, tests);
    return suite;
}
