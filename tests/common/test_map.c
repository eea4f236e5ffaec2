#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/map.h"
#include "common/rand.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

enum { KEYS = 300 };

static int values[KEYS];

START_TEST(values_are_found_replaced_and_removed)
{
    struct map map;
    void *old = &values[9];
    map_init(&map);

    ck_assert_ptr_null(map_get_text(&map, "a"));
    ck_assert_int_eq(map_put_text(&map, "a", &values[0], &old), 0);
    ck_assert_ptr_null(old);
    ck_assert_int_eq(map_put_text(&map, "a", &values[1], &old), 0);
    ck_assert_ptr_eq(old, &values[0]);
    ck_assert_ptr_eq(map_get_text(&map, "a"), &values[1]);
    ck_assert_uint_eq(map.count, 1);
    ck_assert_ptr_eq(map_remove_text(&map, "a"), &values[1]);
    ck_assert_ptr_null(map_remove_text(&map, "a"));
    ck_assert_uint_eq(map.count, 0);
    map_fini(&map);
}
END_TEST

START_TEST(keys_are_bytes_of_any_length)
{
    struct map map;
    map_init(&map);

    ck_assert_int_eq(map_put(&map, "", 0, &values[0], NULL), 0);
    ck_assert_int_eq(map_put(&map, "\0", 1, &values[1], NULL), 0);
    ck_assert_int_eq(map_put(&map, "\0\0", 2, &values[2], NULL), 0);

    ck_assert_ptr_eq(map_get(&map, NULL, 0), &values[0]);
    ck_assert_ptr_eq(map_get(&map, "\0", 1), &values[1]);
    ck_assert_ptr_eq(map_get(&map, "\0\0", 2), &values[2]);
    ck_assert_ptr_null(map_get(&map, "\0\0\0", 3));
    map_fini(&map);
}
END_TEST

START_TEST(keys_are_copied)
{
    struct map map;
    char key[] = "orders";
    map_init(&map);

    map_put_text(&map, key, &values[0], NULL);
    key[0] = 'x';

    ck_assert_ptr_eq(map_get_text(&map, "orders"), &values[0]);
    map_fini(&map);
}
END_TEST

/* The naive map: one place per possible key. */
START_TEST(random_operations_agree_with_an_array)
{
    struct map map;
    struct rand rand;
    void *model[KEYS] = { NULL };
    size_t count = 0;
    map_init(&map);
    rand_seed(&rand, 99);

    for (int step = 0; step < 200000; step++) {
        size_t key = rand_below(&rand, KEYS);
        void *value = &values[rand_below(&rand, KEYS)], *old;
        char text[16];
        snprintf(text, sizeof text, "key-%zu", key);
        switch (rand_below(&rand, 3)) {
        case 0:
            ck_assert_int_eq(map_put_text(&map, text, value, &old), 0);
            ck_assert_ptr_eq(old, model[key]);
            count += model[key] == NULL;
            model[key] = value;
            break;
        case 1:
            ck_assert_ptr_eq(map_remove_text(&map, text), model[key]);
            count -= model[key] != NULL;
            model[key] = NULL;
            break;
        case 2:
            ck_assert_ptr_eq(map_get_text(&map, text), model[key]);
            break;
        }
        ck_assert_uint_eq(map.count, count);
    }
    ck_assert_uint_le(map.capacity, 4 * KEYS);
    map_fini(&map);
}
END_TEST

START_TEST(walk_meets_every_entry_once_and_allows_removing)
{
    struct map map;
    size_t position = 0, size;
    const void *key;
    void *value;
    bool seen[KEYS] = { false };
    map_init(&map);
    for (int i = 0; i < KEYS; i++)
        ck_assert_int_eq(map_put(&map, &i, sizeof i, &values[i], NULL), 0);

    while (map_next(&map, &position, &key, &size, &value)) {
        int index;
        ck_assert_uint_eq(size, sizeof index);
        memcpy(&index, key, sizeof index);
        ck_assert(!seen[index]);
        ck_assert_ptr_eq(value, &values[index]);
        seen[index] = true;
        ck_assert_ptr_eq(map_remove(&map, &index, sizeof index), value);
    }

    for (int i = 0; i < KEYS; i++)
        ck_assert(seen[i]);
    ck_assert_uint_eq(map.count, 0);
    position = 0;
    ck_assert(!map_next(&map, &position, NULL, NULL, NULL));
    map_fini(&map);
}
END_TEST

START_TEST(coming_and_going_keys_do_not_fill_the_map)
{
    struct map map;
    map_init(&map);

    for (int i = 0; i < 100000; i++) {
        ck_assert_int_eq(map_put(&map, &i, sizeof i, &values[0], NULL), 0);
        ck_assert_ptr_nonnull(map_remove(&map, &i, sizeof i));
    }

    ck_assert_uint_le(map.capacity, 64);
    map_fini(&map);
}
END_TEST

START_TEST(put_without_memory_changes_nothing)
{
    struct map map;
    void *old = &values[5];
    int errors[2];
    map_init(&map);

    for (int granted = 0; granted < 2; granted++) {
        memory_fail_after(granted);
        errors[granted] = map_put_text(&map, "a", &values[0], &old);
        memory_restore();
    }

    ck_assert_int_eq(errors[0], K_NOMEM);
    ck_assert_int_eq(errors[1], K_NOMEM);
    ck_assert_ptr_eq(old, &values[5]);
    ck_assert_ptr_null(map_get_text(&map, "a"));
    ck_assert_int_eq(map_put_text(&map, "a", &values[0], NULL), 0);
    map_fini(&map);
}
END_TEST

Suite *map_suite(void)
{
    Suite *suite = suite_create("common/map");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, values_are_found_replaced_and_removed);
    tcase_add_test(basics, keys_are_bytes_of_any_length);
    tcase_add_test(basics, keys_are_copied);
    tcase_add_test(basics, random_operations_agree_with_an_array);
    tcase_add_test(basics, walk_meets_every_entry_once_and_allows_removing);
    tcase_add_test(basics, coming_and_going_keys_do_not_fill_the_map);
    tcase_add_test(basics, put_without_memory_changes_nothing);
    suite_add_tcase(suite, basics);
    return suite;
}
