/* Random operations on a log against a model that holds the same bytes in memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/rand.h"
#include "proto/batch.h"
#include "tests/server/storage/fixture.h"

Suite *model_suite(void);

enum { SEEDS = 12, STEPS = 250 };

static struct fixture f;

static void setup(void) { fixture_init(&f); }
static void teardown(void) { fixture_fini(&f); }

/* The batch that holds `offset`. */
static size_t batch_of(int64_t offset)
{
    size_t i = 0;
    while (f.model.batches[i].last < offset)
        i++;
    return i;
}

/* A read gives the right bytes, ends at a batch, and ends no earlier than it must. */
static void check_read(struct rand *rand)
{
    struct log_span span;
    int64_t log_ends = log_end(f.log);
    int64_t offset = (int64_t)rand_below(rand, (uint64_t)log_ends + 1);
    int64_t end =
        rand_below(rand, 2) == 0 ? log_ends : (int64_t)rand_below(rand, (uint64_t)log_ends + 1);
    size_t limit = rand_below(rand, 3000);

    ck_assert_int_eq(log_read(f.log, offset, end, limit, &span), 0);
    if (span.size == 0) {
        if (offset < end)                    /* only the one batch that holds both */
            ck_assert_int_ge(f.model.batches[batch_of(offset)].last, end);
        return;
    }
    size_t first = batch_of(offset), i = first;
    uint8_t *bytes = malloc(span.size);
    ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
    ck_assert_mem_eq(bytes, f.model.bytes + f.model.batches[first].position, span.size);
    for (size_t at = 0; at < span.size; at += f.model.batches[i].size, i++)
        ck_assert_int_lt(f.model.batches[i].last, end);
    ck_assert_uint_eq(f.model.batches[i - 1].position + f.model.batches[i - 1].size,
                      f.model.batches[first].position + span.size);
    ck_assert(span.size <= limit || i == first + 1);
    struct stat status;
    ck_assert_int_eq(fstat(span.fd, &status), 0);
    bool more = span.position + (off_t)span.size < status.st_size;
    if (more && i < f.model.count && f.model.batches[i].last < end)
        ck_assert_uint_gt(span.size + f.model.batches[i].size, limit);
    free(bytes);
    log_span_release(span.segment);
}

static void check_time(struct rand *rand)
{
    int64_t offset, found, target = 1000 + (int64_t)rand_below(rand, 3000);
    int64_t expected = -1;
    for (size_t i = 0; i < f.model.count && expected < 0; i++) {
        int64_t records = f.model.batches[i].last - f.model.batches[i].base + 1;
        int64_t first = f.model.batches[i].max_timestamp - records + 1;
        if (f.model.batches[i].max_timestamp >= target)
            expected = f.model.batches[i].base + (target > first ? target - first : 0);
    }
    ck_assert_int_eq(log_find_timestamp(f.log, target, &offset, &found), 0);
    ck_assert_int_eq(offset, expected);
}

static void step(struct rand *rand)
{
    switch (rand_below(rand, 24)) {
    case 0:
        fixture_close(&f, true);
        fixture_open(&f);
        ck_assert(logdir_was_clean(f.directory));
        break;
    case 1:
        fixture_close(&f, false);
        fixture_open(&f);
        break;
    case 2:
        fixture_close(&f, false);
        fixture_forget_machine(&f);
        fixture_open(&f);
        break;
    case 3: {
        int64_t cut = (int64_t)rand_below(rand, (uint64_t)log_end(f.log) + 2);
        if (cut * 3 < log_end(f.log) * 2)
            break;
        ck_assert_int_eq(log_truncate(f.log, cut), 0);
        model_cut(&f.model, cut);
        break;
    }
    case 4:
        ck_assert_int_eq(log_flush(f.log), 0);
        ck_assert_int_eq(log_recovery_point(f.log), log_end(f.log));
        break;
    case 5:
        ck_assert_int_eq(log_checkpoint(f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
        break;
    case 6: case 7: case 8: case 9: case 10:
        check_read(rand);
        break;
    case 11: case 12:
        check_time(rand);
        break;
    default:
        ck_assert_int_eq(fixture_append(&f, 1 + (int)rand_below(rand, 8), rand_below(rand, 200),
                                        1000 + (int64_t)rand_below(rand, 3000)), 0);
    }
}

START_TEST(a_log_behaves_as_its_model)
{
    struct rand rand;
    rand_seed(&rand, (uint64_t)_i + 1);
    f.config.segment_bytes = 1000 + (int32_t)rand_below(&rand, 20000);
    f.config.index_interval_bytes = (int32_t)rand_below(&rand, 2000);
    f.config.index_bytes = 120 + (int32_t)rand_below(&rand, 2000);
    log_set_config(f.log, &f.config);

    for (int i = 0; i < STEPS; i++)
        step(&rand);
    fixture_verify(&f);
}
END_TEST

Suite *model_suite(void)
{
    Suite *suite = suite_create("server/storage/model");
    TCase *tests = tcase_create("model");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_log_behaves_as_its_model, 0, SEEDS);
    suite_add_tcase(suite, tests);
    return suite;
}
