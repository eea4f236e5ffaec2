#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/rand.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

START_TEST(small_request_stays_in_the_callers_memory)
{
    alignas(max_align_t) char memory[256];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory, 4096);
    memory_fail_after(0);

    char *text = arena_strdup(&arena, "Precision Products");
    void *rest = arena_alloc(&arena, 200);

    memory_restore();
    ck_assert_str_eq(text, "Precision Products");
    ck_assert_ptr_nonnull(rest);
    ck_assert(text >= memory && text < memory + sizeof memory);
    arena_fini(&arena);
}
END_TEST

START_TEST(allocations_are_aligned_and_do_not_overlap)
{
    struct arena arena;
    struct rand rand;
    unsigned char *blocks[500];
    size_t sizes[500];
    char memory[333];
    arena_init(&arena, memory + 1, sizeof memory - 1, SIZE_MAX);
    rand_seed(&rand, 7);

    for (int i = 0; i < 500; i++) {
        sizes[i] = rand_below(&rand, i % 50 == 0 ? 20000 : 100);
        blocks[i] = arena_alloc(&arena, sizes[i]);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], i & 0xff, sizes[i]);
    }

    for (int i = 0; i < 500; i++)
        for (size_t at = 0; at < sizes[i]; at++)
            ck_assert_uint_eq(blocks[i][at], i & 0xff);
    arena_fini(&arena);
}
END_TEST

START_TEST(limit_is_never_exceeded_and_reset_gives_it_back)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1024);

    ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
    ck_assert(!arena_allows(&arena, 32));
    ck_assert_ptr_null(arena_alloc(&arena, 32));
    ck_assert(arena_allows(&arena, 16));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
    ck_assert_ptr_null(arena_alloc(&arena, 1));

    arena_reset(&arena);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1024));
    arena_fini(&arena);
}
END_TEST

START_TEST(limit_counts_what_tiny_requests_really_take)
{
    struct arena arena;
    int granted = 0;
    arena_init(&arena, NULL, 0, 1600);

    while (arena_alloc(&arena, 1) != NULL)
        granted++;

    ck_assert_int_eq(granted, 1600 / (int)alignof(max_align_t));
    arena_fini(&arena);
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, SIZE_MAX);

    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX - 8));
    ck_assert_ptr_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 0));
    arena_fini(&arena);
}
END_TEST

START_TEST(calloc_clears_memory_that_was_used_before)
{
    struct arena arena;
    unsigned char memory[512];
    memset(memory, 0xff, sizeof memory);
    arena_init(&arena, memory, sizeof memory, 4096);

    unsigned char *cleared = arena_calloc(&arena, 10, 10);

    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(cleared[i], 0);
    arena_fini(&arena);
}
END_TEST

START_TEST(printf_and_copy_make_exact_copies)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 4096);

    ck_assert_str_eq(arena_printf(&arena, "%s-%d", "orders", 3), "orders-3");
    ck_assert_mem_eq(arena_copy(&arena, "a\0b", 3), "a\0b", 3);
    ck_assert_ptr_null(arena_printf(&arena, "%5000d", 1));
    arena_fini(&arena);
}
END_TEST

START_TEST(out_of_memory_is_null_and_the_arena_stays_usable)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, SIZE_MAX);

    memory_fail_after(0);
    void *refused = arena_alloc(&arena, 10);
    char *text = arena_printf(&arena, "%d", 1);
    memory_restore();

    ck_assert_ptr_null(refused);
    ck_assert_ptr_null(text);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 10));
    arena_fini(&arena);
}
END_TEST

Suite *arena_suite(void)
{
    Suite *suite = suite_create("common/arena");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, small_request_stays_in_the_callers_memory);
    tcase_add_test(basics, allocations_are_aligned_and_do_not_overlap);
    tcase_add_test(basics, limit_is_never_exceeded_and_reset_gives_it_back);
    tcase_add_test(basics, limit_counts_what_tiny_requests_really_take);
    tcase_add_test(basics, absurd_sizes_are_refused);
    tcase_add_test(basics, calloc_clears_memory_that_was_used_before);
    tcase_add_test(basics, printf_and_copy_make_exact_copies);
    tcase_add_test(basics, out_of_memory_is_null_and_the_arena_stays_usable);
    suite_add_tcase(suite, basics);
    return suite;
}
