/* The numbers of idempotent producers: what may follow, what is known again, who is forgotten. */
#include <check.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/producer_state.h"

Suite *producer_numbers_suite(void);

/* A data batch of `count` records at `offset`, noted. */
static void note_numbers(struct producer_state *state, int64_t id, int16_t epoch, int32_t sequence,
                         int32_t count, int64_t offset)
{
    uint8_t batch[BATCH_HEADER_SIZE] = { 0 };
    struct producer_end end;

    store_u64(batch + BATCH_BASE_OFFSET, (uint64_t)offset);
    store_u32(batch + BATCH_LAST_DELTA, (uint32_t)count - 1);
    store_u64(batch + BATCH_PRODUCER_ID, (uint64_t)id);
    store_u16(batch + BATCH_PRODUCER_EPOCH, (uint16_t)epoch);
    store_u32(batch + BATCH_BASE_SEQUENCE, (uint32_t)sequence);
    ck_assert_int_eq(producer_state_reserve(state, 1), 0);
    producer_state_note(state, batch, sizeof batch, &end);
}

static int check_numbers(const struct producer_state *state, int32_t first, int32_t count,
                         int64_t *stored)
{
    return producer_state_check(state, &(struct producer_numbers){ 1, 0, first, count }, stored);
}

START_TEST(the_last_five_requests_are_known_again_and_older_ones_are_duplicates_of_nowhere)
{
    struct producer_state state;
    int64_t stored;
    producer_state_init(&state);

    for (int i = 0; i < 7; i++)
        note_numbers(&state, 1, 0, 10 * i, 10, 100 * i);    /* others wrote in between */

    for (int i = 2; i < 7; i++) {
        ck_assert_int_eq(check_numbers(&state, 10 * i, 10, &stored), 0);
        ck_assert_int_eq(stored, 100 * i);
    }
    ck_assert_int_eq(check_numbers(&state, 10, 10, &stored), K_DUPLICATE_SEQUENCE_NUMBER);
    ck_assert_int_eq(check_numbers(&state, 70, 10, &stored), 0);
    ck_assert_int_eq(stored, -1);
    ck_assert_int_eq(check_numbers(&state, 71, 10, &stored), K_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check_numbers(&state, 65, 10, &stored), K_OUT_OF_ORDER_SEQUENCE_NUMBER);
    producer_state_fini(&state);
}
END_TEST

START_TEST(batches_that_follow_each_other_are_one_run_across_the_largest_sequence)
{
    struct producer_state state;
    int64_t stored;
    producer_state_init(&state);

    for (int64_t i = 0; i < 20; i++)
        note_numbers(&state, 1, 0, (int32_t)((INT32_MAX - 49 + 5 * i) & INT32_MAX), 5, 5 * i);

    ck_assert_int_eq(check_numbers(&state, INT32_MAX - 9, 20, &stored), 0);
    ck_assert_int_eq(stored, 40);
    ck_assert_int_eq(check_numbers(&state, 50, 5, &stored), 0);
    ck_assert_int_eq(stored, -1);
    producer_state_fini(&state);
}
END_TEST

START_TEST(who_is_silent_is_forgotten_but_not_with_an_open_transaction)
{
    struct producer_state state;
    producer_state_init(&state);
    for (int64_t id = 1; id <= 20; id++)
        note_numbers(&state, id, 0, 0, 1, id);

    for (int round = 0; round < 3; round++) {
        note_numbers(&state, 7, 0, round + 1, 1, 30 + round);
        ck_assert_int_eq(producer_state_expire(&state, 3), 0);
    }

    ck_assert_uint_eq(state.count, 1);
    ck_assert_ptr_nonnull(producer_state_find(&state, 7));
    ck_assert_ptr_null(producer_state_find(&state, 8));
    producer_state_fini(&state);
}
END_TEST

Suite *producer_numbers_suite(void)
{
    Suite *suite = suite_create("server/storage/producer_numbers");
    TCase *tcase = tcase_create("producer_numbers");

    tcase_add_test(tcase,
                   the_last_five_requests_are_known_again_and_older_ones_are_duplicates_of_nowhere);
    tcase_add_test(tcase, batches_that_follow_each_other_are_one_run_across_the_largest_sequence);
    tcase_add_test(tcase, who_is_silent_is_forgotten_but_not_with_an_open_transaction);
    suite_add_tcase(suite, tcase);
    return suite;
}
