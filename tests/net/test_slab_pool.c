#include "net/slab_pool.h"

#include "common/slab.h"
#include "tests/net/suites.h"

START_TEST(a_slab_that_was_given_back_is_taken_again)
{
    struct slab_pool pool;
    slab_pool_init(&pool);

    struct slab *first = slab_pool_take(&pool, 100000);
    slab_pool_give(&pool, first);
    struct slab *second = slab_pool_take(&pool, 90000);

    ck_assert_ptr_eq(first, second);
    ck_assert_uint_eq(slab_references(second), 1);
    slab_pool_give(&pool, second);
    slab_pool_fini(&pool);
}
END_TEST

START_TEST(a_slab_that_somebody_holds_is_not_handed_out)
{
    struct slab_pool pool;
    slab_pool_init(&pool);

    struct slab *held = slab_ref(slab_pool_take(&pool, 100000));
    slab_pool_give(&pool, held);
    struct slab *other = slab_pool_take(&pool, 100000);
    ck_assert_ptr_ne(held, other);
    slab_unref(held);
    struct slab *again = slab_pool_take(&pool, 100000);
    ck_assert_ptr_eq(held, again);

    slab_pool_give(&pool, other);
    slab_pool_give(&pool, again);
    slab_pool_fini(&pool);
}
END_TEST

START_TEST(a_much_larger_slab_is_not_wasted_on_a_small_frame)
{
    struct slab_pool pool;
    slab_pool_init(&pool);

    struct slab *large = slab_pool_take(&pool, 1 << 20);
    slab_pool_give(&pool, large);
    struct slab *small = slab_pool_take(&pool, 100000);

    ck_assert_uint_lt(small->size, 1 << 20);
    slab_pool_give(&pool, small);
    slab_pool_fini(&pool);
}
END_TEST

START_TEST(what_the_pool_keeps_is_bounded)
{
    enum { COUNT = 100 };
    const size_t size = _i == 0 ? SLAB_POOL_SIZE_MIN : 2 << 20;
    struct slab_pool pool;
    struct slab *slabs[COUNT];
    slab_pool_init(&pool);

    for (int i = 0; i < COUNT; i++)
        slabs[i] = slab_pool_take(&pool, size);
    for (int i = 0; i < COUNT; i++) {
        slab_pool_give(&pool, slabs[i]);
        ck_assert_uint_le(pool.bytes, SLAB_POOL_BYTES_MAX);
    }
    /* A flow of another size takes the place of this one. */
    struct slab *other = slab_pool_take(&pool, size + size / 2);
    slab_pool_give(&pool, other);
    ck_assert_ptr_eq(slab_pool_take(&pool, size + size / 2), other);

    slab_pool_give(&pool, other);
    slab_pool_fini(&pool);
}
END_TEST

START_TEST(what_lies_unused_is_freed_by_the_second_trim)
{
    struct slab_pool pool;
    slab_pool_init(&pool);

    slab_pool_give(&pool, slab_pool_take(&pool, 100000));
    ck_assert(slab_pool_trim(&pool));
    ck_assert(!slab_pool_trim(&pool));

    ck_assert_uint_eq(pool.bytes, 0);
    slab_pool_fini(&pool);
}
END_TEST

Suite *slab_pool_suite(void)
{
    Suite *suite = suite_create("slab_pool");
    TCase *tcase = tcase_create("pool");

    tcase_add_test(tcase, a_slab_that_was_given_back_is_taken_again);
    tcase_add_test(tcase, a_slab_that_somebody_holds_is_not_handed_out);
    tcase_add_test(tcase, a_much_larger_slab_is_not_wasted_on_a_small_frame);
    tcase_add_loop_test(tcase, what_the_pool_keeps_is_bounded, 0, 2);
    tcase_add_test(tcase, what_lies_unused_is_freed_by_the_second_trim);
    suite_add_tcase(suite, tcase);
    return suite;
}
