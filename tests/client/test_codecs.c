/* How a producer compresses: its own codec, the topic's, and their levels. */
#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "one", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

START_TEST(compressed_batches_are_whole_batches)
{
    static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd" };
    klient_producer_t *producer =
        producer_with(config_for(fake, "compression.type", codecs[_i], NULL));
    size_t size, batch;

    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, "a value that repeats itself"),
                         KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    uint8_t *bytes = fake_read(fake, "one", 0, &size);
    bool compressed = false;
    int count = 0;
    for (size_t at = 0; at < size; at += batch) {
        ck_assert_int_eq(batch_check(bytes + at, size - at, true, &batch), 0);
        compressed |= (int)batch_codec(bytes + at) == _i;
        count += batch_count(bytes + at);
    }
    ck_assert(compressed);
    ck_assert_int_eq(count, 500);
    free(bytes);
}
END_TEST

/* The codecs and bytes of what the fake stored. */
static size_t stored_as(int codec, int count)
{
    size_t size, batch;
    uint8_t *bytes = fake_read(fake, "one", 0, &size);
    int records = 0;

    for (size_t at = 0; at < size; at += batch) {
        ck_assert_int_eq(batch_check(bytes + at, size - at, true, &batch), 0);
        ck_assert_int_eq(batch_codec(bytes + at), codec);
        records += batch_count(bytes + at);
    }
    ck_assert_int_eq(records, count);
    free(bytes);
    return size;
}

START_TEST(a_topic_that_has_a_codec_gets_it_from_the_start)
{
    atomic_store(&fake_faults(fake)->codec, _i + 1);
    klient_producer_t *producer = producer_with(
        config_for(fake, "compression.type", _i == CODEC_ZSTD ? "gzip" : "zstd", NULL));

    /* One that does not get smaller, then many that do. */
    ck_assert_int_eq(send_text(producer, "one", 0, NULL, "x"), KLIENT_OK);
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, "a value that repeats itself"),
                         KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    stored_as(_i, 501);
}
END_TEST

START_TEST(levels_of_codecs_make_a_difference)
{
    static const struct {
        const char *codec, *name, *low, *high;
    } levels[] = {
        { "gzip", "compression.gzip.level", "1", "9" },
        { "gzip", "compression.level", "1", "9" },
        { "lz4", "compression.lz4.level", "1", "12" },
        { "lz4", "compression.level", "1", "12" },
        { "zstd", "compression.zstd.level", "-5", "19" },
        { "zstd", "compression.level", "1", "19" },
    };
    static char text[60000];
    unsigned state = 1;
    size_t sizes[2];

    for (size_t i = 0; i < sizeof text - 1; i++) {
        state = state * 1103515245u + 12345u;
        text[i] = "the quick brown fox jumps"[(state >> 16) % (i % 7 == 0 ? 25 : 5)];
    }
    for (int high = 0; high < 2; high++) {
        fake_remove_topic(fake, "one");
        fake_add_topic(fake, "one", 1);
        klient_producer_t *producer = producer_with(
            config_for(fake, "compression.type", levels[_i].codec, "batch.size", "100000",
                       levels[_i].name, high ? levels[_i].high : levels[_i].low, NULL));
        ck_assert_int_eq(send_text(producer, "one", 0, NULL, text), KLIENT_OK);
        ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
        sizes[high] = stored_as(compress_find(levels[_i].codec), 1);
    }

    ck_assert_uint_lt(sizes[1], sizes[0]);
}
END_TEST

Suite *codecs_suite(void)
{
    Suite *suite = suite_create("client/codecs");
    TCase *tcase = tcase_create("codecs");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, compressed_batches_are_whole_batches, 1, 5);
    tcase_add_loop_test(tcase, a_topic_that_has_a_codec_gets_it_from_the_start, 0, CODEC_COUNT);
    tcase_add_loop_test(tcase, levels_of_codecs_make_a_difference, 0, 6);
    suite_add_tcase(suite, tcase);
    return suite;
}
