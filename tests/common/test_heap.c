#include "common/error.h"
#include "common/heap.h"
#include "common/rand.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

enum { NODES = 200 };

START_TEST(nodes_come_out_by_key)
{
    const int64_t keys[] = { 5, -3, 9, 0, INT64_MAX, INT64_MIN, 5 };
    struct heap_node nodes[7];
    struct heap heap;
    int64_t before = INT64_MIN;
    heap_init(&heap);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(heap_push(&heap, &nodes[i], keys[i]), 0);

    for (int i = 0; i < 7; i++) {
        struct heap_node *top = heap_top(&heap);
        ck_assert_int_ge(top->key, before);
        before = top->key;
        heap_remove(&heap, top);
        ck_assert_uint_eq(top->index, HEAP_OUT);
    }

    ck_assert_ptr_null(heap_top(&heap));
    heap_fini(&heap);
}
END_TEST

START_TEST(removing_a_node_that_is_out_does_nothing)
{
    struct heap_node in, out;
    struct heap heap;
    heap_init(&heap);
    heap_node_init(&out);
    heap_push(&heap, &in, 1);

    heap_remove(&heap, &out);

    ck_assert_ptr_eq(heap_top(&heap), &in);
    heap_fini(&heap);
}
END_TEST

/* Push, move and remove at random; after each, the top must be what a walk over all nodes finds. */
START_TEST(random_operations_agree_with_a_plain_search)
{
    struct heap_node nodes[NODES];
    struct heap heap;
    struct rand rand;
    heap_init(&heap);
    rand_seed(&rand, 42);
    for (int i = 0; i < NODES; i++)
        heap_node_init(&nodes[i]);

    for (int step = 0; step < 4000; step++) {
        struct heap_node *node = &nodes[rand_below(&rand, NODES)];
        int64_t key = (int64_t)rand_below(&rand, 100);
        if (node->index == HEAP_OUT)
            ck_assert_int_eq(heap_push(&heap, node, key), 0);
        else if (rand_below(&rand, 2) == 0)
            heap_move(&heap, node, key);
        else
            heap_remove(&heap, node);

        size_t count = 0;
        int64_t least = INT64_MAX;
        for (int i = 0; i < NODES; i++) {
            if (nodes[i].index == HEAP_OUT)
                continue;
            ck_assert_ptr_eq(heap.nodes[nodes[i].index], &nodes[i]);
            least = nodes[i].key < least ? nodes[i].key : least;
            count++;
        }
        ck_assert_uint_eq(heap.count, count);
        if (count > 0)
            ck_assert_int_eq(heap_top(&heap)->key, least);
    }
    heap_fini(&heap);
}
END_TEST

START_TEST(push_without_memory_leaves_the_heap_as_it_was)
{
    struct heap_node first, second;
    struct heap heap;
    heap_init(&heap);
    heap_node_init(&first);
    heap_node_init(&second);

    memory_fail_after(0);
    int error = heap_push(&heap, &first, 1);
    memory_restore();

    ck_assert_int_eq(error, K_NOMEM);
    ck_assert_uint_eq(first.index, HEAP_OUT);
    ck_assert_int_eq(heap_push(&heap, &second, 2), 0);
    ck_assert_ptr_eq(heap_top(&heap), &second);
    heap_fini(&heap);
}
END_TEST

Suite *heap_suite(void)
{
    Suite *suite = suite_create("common/heap");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, nodes_come_out_by_key);
    tcase_add_test(basics, removing_a_node_that_is_out_does_nothing);
    tcase_add_test(basics, random_operations_agree_with_a_plain_search);
    tcase_add_test(basics, push_without_memory_leaves_the_heap_as_it_was);
    suite_add_tcase(suite, basics);
    return suite;
}
