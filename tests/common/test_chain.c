#include <string.h>

#include "common/chain.h"
#include "common/error.h"
#include "common/slab.h"
#include "tests/common/memory.h"
#include "tests/common/suites.h"

static void count_release(void *owner)
{
    ++*(int *)owner;
}

START_TEST(pieces_come_out_in_order_with_their_bytes)
{
    struct chain chain;
    struct slab *slab = slab_new(8);
    int released = 0;
    memcpy(slab->bytes, "slabbyte", 8);
    chain_init(&chain);

    ck_assert_int_eq(chain_copy(&chain, "head", 4), 0);
    ck_assert_int_eq(chain_slab(&chain, slab, slab->bytes + 4, 4), 0);
    ck_assert_int_eq(chain_file(&chain, 7, 4096, 100, count_release, &released), 0);
    ck_assert_uint_eq(chain.size, 108);

    struct chain_piece *piece = chain_pop(&chain);
    ck_assert_int_eq(piece->kind, CHAIN_MEMORY);
    ck_assert_uint_eq(piece->size, 4);
    ck_assert_mem_eq(piece->bytes, "head", 4);
    chain_piece_free(piece);

    piece = chain_pop(&chain);
    ck_assert_mem_eq(piece->bytes, "byte", 4);
    ck_assert_uint_eq(slab_references(slab), 2);
    chain_piece_free(piece);
    ck_assert_uint_eq(slab_references(slab), 1);

    piece = chain_pop(&chain);
    ck_assert_int_eq(piece->kind, CHAIN_FILE);
    ck_assert_int_eq(piece->fd, 7);
    ck_assert_int_eq(piece->position, 4096);
    ck_assert_int_eq(released, 0);
    chain_piece_free(piece);
    ck_assert_int_eq(released, 1);

    ck_assert_ptr_null(chain_pop(&chain));
    ck_assert_uint_eq(chain.size, 0);
    slab_unref(slab);
}
END_TEST

START_TEST(chain_emptied_by_popping_can_be_filled_again)
{
    struct chain chain;
    chain_init(&chain);

    chain_copy(&chain, "a", 1);
    chain_piece_free(chain_pop(&chain));
    chain_copy(&chain, "b", 1);

    struct chain_piece *piece = chain_pop(&chain);
    ck_assert_mem_eq(piece->bytes, "b", 1);
    chain_piece_free(piece);
    chain_fini(&chain);
}
END_TEST

START_TEST(fini_releases_every_piece_once)
{
    struct chain chain;
    int released = 0;
    chain_init(&chain);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(chain_file(&chain, i, 0, 1, count_release, &released), 0);

    chain_fini(&chain);
    chain_fini(&chain);

    ck_assert_int_eq(released, 5);
}
END_TEST

START_TEST(move_appends_and_leaves_the_source_empty_and_usable)
{
    struct chain target, source;
    chain_init(&target);
    chain_init(&source);
    chain_copy(&target, "a", 1);
    chain_copy(&source, "b", 1);
    chain_copy(&source, "c", 1);

    chain_move(&target, &source);
    chain_move(&target, &source);
    chain_copy(&source, "x", 1);
    chain_copy(&target, "d", 1);

    ck_assert_uint_eq(target.size, 4);
    ck_assert_uint_eq(source.size, 1);
    for (const char *expected = "abcd"; *expected != '\0'; expected++) {
        struct chain_piece *piece = chain_pop(&target);
        ck_assert_uint_eq(piece->bytes[0], *expected);
        chain_piece_free(piece);
    }
    chain_fini(&target);
    chain_fini(&source);
}
END_TEST

START_TEST(out_of_memory_leaves_the_chain_and_the_owner_alone)
{
    struct chain chain;
    struct slab *slab = slab_new(8);
    int released = 0;
    chain_init(&chain);
    chain_copy(&chain, "a", 1);

    memory_fail_after(0);
    int copied = chain_copy(&chain, "b", 1);
    int shared = chain_slab(&chain, slab, slab->bytes, 8);
    int file = chain_file(&chain, 1, 0, 1, count_release, &released);
    memory_restore();

    ck_assert_int_eq(copied, K_NOMEM);
    ck_assert_int_eq(shared, K_NOMEM);
    ck_assert_int_eq(file, K_NOMEM);
    ck_assert_int_eq(released, 0);
    ck_assert_uint_eq(slab_references(slab), 1);
    ck_assert_uint_eq(chain.size, 1);
    chain_fini(&chain);
    slab_unref(slab);
}
END_TEST

Suite *chain_suite(void)
{
    Suite *suite = suite_create("common/chain");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, pieces_come_out_in_order_with_their_bytes);
    tcase_add_test(basics, chain_emptied_by_popping_can_be_filled_again);
    tcase_add_test(basics, fini_releases_every_piece_once);
    tcase_add_test(basics, move_appends_and_leaves_the_source_empty_and_usable);
    tcase_add_test(basics, out_of_memory_leaves_the_chain_and_the_owner_alone);
    suite_add_tcase(suite, basics);
    return suite;
}
