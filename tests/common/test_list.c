#include "common/list.h"
#include "tests/common/suites.h"

struct item {
    int value;
    struct list link;
};

static int value_of(const struct list *node)
{
    return LIST_OWNER(node, const struct item, link)->value;
}

START_TEST(nodes_keep_the_order_they_were_put_in)
{
    struct list head;
    struct item items[] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } };
    int expected = 1;
    list_init(&head);

    list_append(&head, &items[1].link);
    list_append(&head, &items[3].link);
    list_prepend(&head, &items[0].link);
    list_insert_before(&items[3].link, &items[2].link);

    LIST_EACH(&head, node)
        ck_assert_int_eq(value_of(node), expected++);
    ck_assert_int_eq(expected, 5);
    ck_assert_int_eq(value_of(list_first(&head)), 1);
}
END_TEST

START_TEST(removed_nodes_are_gone_and_may_be_removed_again)
{
    struct list head;
    struct item one = { .value = 1 }, two = { .value = 2 };
    list_init(&head);
    list_append(&head, &one.link);
    list_append(&head, &two.link);

    list_remove(&one.link);
    list_remove(&one.link);

    ck_assert(list_empty(&one.link));
    ck_assert_int_eq(value_of(list_first(&head)), 2);
    list_remove(&two.link);
    ck_assert(list_empty(&head));
    ck_assert_ptr_null(list_first(&head));
}
END_TEST

START_TEST(safe_walk_allows_removing_every_node)
{
    struct list head;
    struct item items[10];
    int seen = 0;
    list_init(&head);
    for (int i = 0; i < 10; i++)
        list_append(&head, &items[i].link);

    LIST_EACH_SAFE(&head, node, after) {
        list_remove(node);
        seen++;
    }

    ck_assert_int_eq(seen, 10);
    ck_assert(list_empty(&head));
}
END_TEST

Suite *list_suite(void)
{
    Suite *suite = suite_create("common/list");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, nodes_keep_the_order_they_were_put_in);
    tcase_add_test(basics, removed_nodes_are_gone_and_may_be_removed_again);
    tcase_add_test(basics, safe_walk_allows_removing_every_node);
    suite_add_tcase(suite, basics);
    return suite;
}
