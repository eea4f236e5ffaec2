#include <pthread.h>
#include <string.h>

#include "common/slab.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

START_TEST(slab_lives_until_its_last_reference)
{
    struct slab *slab = slab_new(100);
    memset(slab->bytes, 'x', 100);

    ck_assert_uint_eq(slab->size, 100);
    ck_assert_ptr_eq(slab_ref(slab), slab);
    ck_assert_uint_eq(slab_references(slab), 2);
    slab_unref(slab);
    ck_assert_uint_eq(slab_references(slab), 1);
    ck_assert_uint_eq(slab->bytes[99], 'x');
    slab_unref(slab);
    slab_unref(NULL);
}
END_TEST

static void *drop(void *slab)
{
    slab_unref(slab);
    return NULL;
}

START_TEST(threads_may_drop_their_references_at_once)
{
    for (int round = 0; round < 50; round++) {
        struct slab *slab = slab_new(16);
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, drop, slab_ref(slab));
        slab_unref(slab);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
}
END_TEST

START_TEST(slab_without_memory_is_null)
{
    memory_fail_after(0);
    struct slab *slab = slab_new(16);
    memory_restore();

    ck_assert_ptr_null(slab);
}
END_TEST

Suite *slab_suite(void)
{
    Suite *suite = suite_create("common/slab");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, slab_lives_until_its_last_reference);
    tcase_add_test(basics, threads_may_drop_their_references_at_once);
    tcase_add_test(basics, slab_without_memory_is_null);
    suite_add_tcase(suite, basics);
    return suite;
}
