/* What a topic asks of the batches that producers send: codec, timestamps, keys, sizes. */
#include <check.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/list.h"
#include "common/mail.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/runtime/io_pool.h"
#include "tests/server/lib/plane.h"

enum { ROOM = 1 << 20, RECORDS = 200 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[ROOM];

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 4,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void publish_both(const char *name, const char *value, const char *name2,
                         const char *value2)
{
    topic.config_name = name;
    topic.config_value = value;
    topic.config2_name = name2;
    topic.config2_value = value2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
}

static void publish(const char *name, const char *value)
{
    publish_both(name, value, NULL, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* `count` records whose values are "value<tag>" and that are `age_ms` old, the last one
 * `last_age_ms`. */
static size_t make(int count, int tag, int64_t age_ms, int64_t last_age_ms)
{
    struct batch_builder builder;
    char value[32];
    int size = snprintf(value, sizeof value, "value%d", tag);
    int64_t now = now_ms();

    batch_build_start(&builder, batch, sizeof batch);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(batch_build_add(&builder, now - (i == count - 1 ? last_age_ms : age_ms),
                                         "key", 3, value, size, NULL, 0),
                         0);
    batch_build_finish(&builder);
    return builder.size;
}

/* The batch of `size` bytes in another codec. */
static size_t encode(size_t size, int codec)
{
    struct buffer out;

    buffer_init(&out);
    ck_assert_int_eq(compress_bytes(codec, COMPRESS_LEVEL_DEFAULT, batch + BATCH_HEADER_SIZE,
                                    size - BATCH_HEADER_SIZE, &out),
                     0);
    memcpy(batch + BATCH_HEADER_SIZE, out.bytes, out.size);
    size = BATCH_HEADER_SIZE + out.size;
    buffer_fini(&out);
    store_u32(batch + BATCH_LENGTH, (uint32_t)(size - BATCH_LENGTH_END));
    store_u16(batch + BATCH_ATTRIBUTES, (uint16_t)codec);
    batch_seal_crc(batch);
    return size;
}

static int outcome(struct asked *asked, int64_t *limit)
{
    int code = head_error_code(asked->head->error);
    if (code == 0) {
        const Kairn__Error *error = asked->head->produce->results[0]->error;
        code = head_error_code(error);
        if (limit != NULL && error != NULL)
            *limit = error->limit;
    }
    asked_free(asked);
    return code;
}

static int produce(size_t size)
{
    return outcome(plane_produce(&plane, 0, &topic.id, 0, -1, batch, size), NULL);
}

/* What is stored of partition 0, from the start. */
static struct asked *fetch(void)
{
    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 0, 0, 0);
    asked_wait(asked);
    return asked;
}

/* Count the records of a stored batch, which must carry "value<tag>". */
static int count_records(const uint8_t *stored, int tag)
{
    struct batch_reader reader;
    struct record_view record;
    struct buffer opened;
    char value[32];
    int count = 0, more, size = snprintf(value, sizeof value, "value%d", tag);
    size_t whole;

    ck_assert_int_eq(batch_check(stored, batch_size(stored), false, &whole), 0);
    buffer_init(&opened);
    ck_assert_int_eq(decompress_bytes(batch_codec(stored), stored + BATCH_HEADER_SIZE,
                                      batch_size(stored) - BATCH_HEADER_SIZE, ROOM, &opened),
                     0);
    ck_assert_int_eq(batch_reader_init(&reader, stored, opened.bytes, opened.size), 0);
    while ((more = batch_reader_next(&reader, &record)) == 1) {
        ck_assert_int_eq(record.offset, batch_base_offset(stored) + count);
        ck_assert_int_eq(record.value_size, size);
        ck_assert_mem_eq(record.value, value, (size_t)size);
        count++;
    }
    ck_assert_int_eq(more, 0);
    buffer_fini(&opened);
    return count;
}

/* Threads of the io pool, kept busy until they are let go. */
struct stopper {
    struct mail mail;
    sem_t go;
};
static struct stopper stoppers[2];

static void stand_still(struct mail *mail)
{
    sem_wait(&LIST_OWNER(mail, struct stopper, mail)->go);
}

static void stop_pool(void)
{
    for (int i = 0; i < 2; i++) {
        sem_init(&stoppers[i].go, 0, 0);
        stoppers[i].mail.deliver = stand_still;
        mail_post(io_pool_target(plane.pool), &stoppers[i].mail);
    }
}

static void let_pool_go(void)
{
    for (int i = 0; i < 2; i++)
        sem_post(&stoppers[i].go);
}

/* --- codecs ----------------------------------------------------------------------------------- */

static const char *const types[] = { "producer", "uncompressed", "none", "gzip", "snappy", "lz4",
                                     "zstd" };
static const int stored_codec[] = { -1, CODEC_NONE, CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4,
                                    CODEC_ZSTD };

START_TEST(batches_are_stored_in_the_codec_of_the_topic)
{
    publish("compression.type", types[_i]);

    for (int codec = CODEC_NONE; codec < CODEC_COUNT; codec++)
        ck_assert_int_eq(produce(encode(make(RECORDS, codec, 0, 0), codec)), 0);

    struct asked *asked = fetch();
    const uint8_t *at = asked->batches;
    for (int codec = CODEC_NONE; codec < CODEC_COUNT; codec++, at += batch_size(at)) {
        ck_assert_int_eq(batch_base_offset(at), codec * RECORDS);
        ck_assert_int_eq(batch_codec(at), stored_codec[_i] < 0 ? codec : stored_codec[_i]);
        ck_assert_int_eq(count_records(at, codec), RECORDS);
    }
    ck_assert_ptr_eq(at, asked->batches + asked->batches_size);
    asked_free(asked);
}
END_TEST

static const struct {
    const char *type, *option, *values[2];
} levels[] = {
    { "gzip", "compression.gzip.level", { "1", "9" } },
    { "lz4", "compression.lz4.level", { "9", "12" } },  /* 9 is the fast compressor */
    { "zstd", "compression.zstd.level", { "-1000", "19" } },
};

START_TEST(the_level_of_the_codec_is_heeded)
{
    size_t sizes[2];

    for (int i = 0; i < 2; i++) {
        topic = (struct plane_topic){ .name = i == 0 ? "low" : "high", .id = uuid_random(),
                                      .partitions = 1, .leader = PLANE_BROKER, .leader_epoch = 1 };
        publish_both("compression.type", levels[_i].type, levels[_i].option,
                     levels[_i].values[i]);
        ck_assert_int_eq(produce(make(5000, 7, 0, 0)), 0);
        struct asked *asked = fetch();
        sizes[i] = asked->batches_size;
        asked_free(asked);
    }

    ck_assert_uint_lt(sizes[1], sizes[0]);
}
END_TEST

START_TEST(the_order_of_a_partition_is_kept)
{
    enum { COUNT = 60 };
    struct asked *asked[COUNT];

    publish("compression.type", "gzip");
    ck_assert_int_eq(produce(make(1, 0, 0, 0)), 0);     /* the log is open */
    stop_pool();
    /* Large ones that must be compressed, and small ones that are as they should be. */
    for (int i = 0; i < COUNT; i++) {
        size_t size = make(i % 2 == 0 ? 4000 : 1, i, 0, 0);
        if (i % 2 == 1)
            size = encode(size, CODEC_GZIP);
        asked[i] = plane_produce_start(&plane, plane_owner(&plane, &topic.id, 0), &topic.id, 0, -1,
                                       batch, size);
    }
    ck_assert(!asked_is_finished(asked[COUNT - 1]));
    let_pool_go();
    for (int i = 0; i < COUNT; i++) {
        asked_wait(asked[i]);
        ck_assert_int_eq(outcome(asked[i], NULL), 0);
    }

    struct asked *stored = fetch();
    const uint8_t *at = stored->batches + batch_size(stored->batches);
    for (int i = 0; i < COUNT; i++, at += batch_size(at))
        ck_assert_int_eq(count_records(at, i), i % 2 == 0 ? 4000 : 1);
    asked_free(stored);
}
END_TEST

START_TEST(other_partitions_do_not_wait)
{
    publish("compression.type", "gzip");
    ck_assert_int_eq(produce(make(1, 0, 0, 0)), 0);
    size_t size = encode(make(1, 0, 0, 0), CODEC_GZIP);
    asked_free(plane_produce(&plane, 0, &topic.id, 1, -1, batch, size));
    stop_pool();

    struct asked *slow = plane_produce_start(&plane, 0, &topic.id, 0, -1, batch,
                                             make(RECORDS, 0, 0, 0));
    size = encode(make(1, 0, 0, 0), CODEC_GZIP);
    struct asked *quick = plane_produce(&plane, 0, &topic.id, 1, -1, batch, size);

    ck_assert_int_eq(outcome(quick, NULL), 0);
    ck_assert(!asked_is_finished(slow));
    let_pool_go();
    asked_wait(slow);
    ck_assert_int_eq(outcome(slow, NULL), 0);
}
END_TEST

START_TEST(a_batch_that_grows_over_the_limit_is_refused_with_the_limit)
{
    int64_t limit = 0;
    char exact[16], less[16];
    size_t plain = make(RECORDS, 1, 0, 0), packed = encode(plain, CODEC_ZSTD);

    snprintf(exact, sizeof exact, "%zu", plain);
    snprintf(less, sizeof less, "%zu", plain - 1);
    ck_assert_uint_lt(packed, plain);
    publish_both("compression.type", "none", "max.message.bytes", exact);
    ck_assert_int_eq(produce(packed), 0);
    publish_both("compression.type", "none", "max.message.bytes", less);
    packed = encode(make(RECORDS, 1, 0, 0), CODEC_ZSTD);

    ck_assert_int_eq(outcome(plane_produce(&plane, 0, &topic.id, 0, -1, batch, packed), &limit),
                     K_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(limit, (int64_t)plain - 1);
}
END_TEST

START_TEST(a_batch_of_exactly_the_limit_is_taken)
{
    char exact[16], less[16];
    size_t size = encode(make(RECORDS, 1, 0, 0), CODEC_GZIP);

    snprintf(exact, sizeof exact, "%zu", size);
    snprintf(less, sizeof less, "%zu", size - 1);
    publish("max.message.bytes", exact);
    ck_assert_int_eq(produce(size), 0);
    publish("max.message.bytes", less);
    ck_assert_int_eq(produce(size), K_MESSAGE_TOO_LARGE);
}
END_TEST

START_TEST(what_is_refused_in_the_pool_leaves_no_hole)
{
    publish("compression.type", "zstd");
    size_t size = encode(make(RECORDS, 1, 0, 0), CODEC_GZIP);

    batch[BATCH_HEADER_SIZE + 20] ^= 0xff;
    batch_seal_crc(batch);
    ck_assert_int_eq(produce(size), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(produce(make(RECORDS, 2, 0, 0)), 0);

    struct asked *asked = fetch();
    ck_assert_int_eq(batch_base_offset(asked->batches), 0);
    ck_assert_int_eq(count_records(asked->batches, 2), RECORDS);
    asked_free(asked);
}
END_TEST

START_TEST(unknown_codecs_are_refused_by_their_name)
{
    publish(NULL, NULL);
    size_t size = make(1, 1, 0, 0);

    store_u16(batch + BATCH_ATTRIBUTES, 5);
    batch_seal_crc(batch);

    ck_assert_int_eq(produce(size), K_UNSUPPORTED_COMPRESSION_TYPE);
}
END_TEST

START_TEST(a_partition_that_moves_away_answers_what_is_under_way)
{
    enum { COUNT = 20 };
    struct asked *asked[COUNT];

    publish("compression.type", "zstd");
    ck_assert_int_eq(produce(make(1, 0, 0, 0)), 0);
    stop_pool();
    for (int i = 0; i < COUNT; i++) {
        size_t size = make(4000, i, 0, 0);
        asked[i] = plane_produce_start(&plane, 0, &topic.id, 0, -1, batch, size);
    }
    plane_publish_deletion(&plane, &topic.id);
    let_pool_go();

    for (int i = 0; i < COUNT; i++) {
        asked_wait(asked[i]);
        ck_assert_int_eq(outcome(asked[i], NULL), K_NOT_LEADER_OR_FOLLOWER);
    }
}
END_TEST

START_TEST(a_stop_answers_what_is_under_way_and_keeps_what_was_confirmed)
{
    enum { COUNT = 20 };
    struct asked *asked[COUNT];
    int confirmed = 0, stored = 0;

    publish("compression.type", "zstd");
    for (int i = 0; i < COUNT; i++) {
        size_t size = make(4000, 1, 0, 0);
        asked[i] = plane_produce_start(&plane, 0, &topic.id, 0, -1, batch, size);
    }
    plane_restart(&plane);
    for (int i = 0; i < COUNT; i++) {
        asked_wait(asked[i]);
        int code = outcome(asked[i], NULL);
        ck_assert(code == 0 || code == K_CLOSED);
        confirmed += code == 0;
    }

    plane_publish(&plane, &topic);
    struct asked *all = fetch();
    for (size_t at = 0; at < all->batches_size; at += batch_size(all->batches + at))
        stored++;
    ck_assert_int_eq(stored, confirmed);
    asked_free(all);
}
END_TEST

START_TEST(metadata_name_the_codec_of_a_topic_that_has_one)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__MetadataRequest body = KAIRN__METADATA_REQUEST__INIT;
    char *names[] = { (char *)"orders" };

    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
    body.n_topics = 1;
    body.topics = names;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        publish("compression.type", types[i]);
        struct asked *asked = plane_ask(&plane, 0, &head, NULL, 0);
        const Kairn__TopicInfo *info = asked->head->metadata->topics[0];
        ck_assert_str_eq(info->codec,
                         stored_codec[i] < 0 ? "" : compress_row(stored_codec[i])->name);
        asked_free(asked);
    }
}
END_TEST

/* --- timestamps ------------------------------------------------------------------------------- */

enum { HOUR_MS = 3600 * 1000 };

static const struct {
    const char *name;
    int64_t age_ms;                     /* of the one record that is out of bounds */
} bounds[] = {
    { "message.timestamp.before.max.ms", 2 * HOUR_MS },
    { "message.timestamp.after.max.ms", -2 * HOUR_MS },
    { "message.timestamp.difference.max.ms", 2 * HOUR_MS },
    { "message.timestamp.difference.max.ms", -2 * HOUR_MS },
};

START_TEST(one_record_out_of_bounds_is_an_invalid_timestamp)
{
    publish(bounds[_i].name, "3600000");

    for (int codec = CODEC_NONE; codec < CODEC_COUNT; codec++) {
        ck_assert_int_eq(produce(encode(make(3, 1, 0, bounds[_i].age_ms), codec)),
                         K_INVALID_TIMESTAMP);
        ck_assert_int_eq(produce(encode(make(3, 1, 0, bounds[_i].age_ms / 4), codec)), 0);
    }
    publish(NULL, NULL);
    ck_assert_int_eq(produce(make(3, 1, 0, bounds[_i].age_ms)), 0);
}
END_TEST

START_TEST(a_bound_looks_in_its_own_direction_only)
{
    publish("message.timestamp.after.max.ms", "3600000");
    ck_assert_int_eq(produce(make(3, 1, 2 * HOUR_MS, 2 * HOUR_MS)), 0);
    publish("message.timestamp.before.max.ms", "3600000");
    ck_assert_int_eq(produce(make(3, 1, -2 * HOUR_MS, -2 * HOUR_MS)), 0);
}
END_TEST

START_TEST(a_header_that_lies_about_the_newest_timestamp_is_put_right)
{
    publish("message.timestamp.after.max.ms", "3600000");
    size_t size = make(3, 1, 1000, 500);
    int64_t newest = batch_max_timestamp(batch);

    store_u64(batch + BATCH_MAX_TIMESTAMP, (uint64_t)(newest + 1000LL * HOUR_MS));
    batch_seal_crc(batch);
    ck_assert_int_eq(produce(size), 0);

    struct asked *asked = fetch();
    ck_assert_int_eq(batch_max_timestamp(asked->batches), newest);
    ck_assert_int_eq(count_records(asked->batches, 1), 3);
    asked_free(asked);
}
END_TEST

START_TEST(with_append_time_there_are_no_bounds)
{
    publish_both("message.timestamp.type", "LogAppendTime", "message.timestamp.difference.max.ms",
                 "1000");
    size_t size = encode(make(3, 1, HOUR_MS, -HOUR_MS), CODEC_LZ4);
    int64_t before = now_ms();

    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, size);

    const Kairn__ProduceResult *result = asked->head->produce->results[0];
    ck_assert_int_eq(head_error_code(result->error), 0);
    ck_assert_int_ge(result->append_time_ms, before);
    int64_t stamped = result->append_time_ms;
    asked_free(asked);
    asked = fetch();
    ck_assert_int_eq(batch_max_timestamp(asked->batches), stamped);
    ck_assert_int_eq(batch_attributes(asked->batches), CODEC_LZ4 | BATCH_APPEND_TIME);
    asked_free(asked);
}
END_TEST

START_TEST(producers_do_not_set_what_is_the_brokers)
{
    publish(NULL, NULL);
    size_t size = make(1, 1, 0, 0);

    store_u16(batch + BATCH_ATTRIBUTES, BATCH_APPEND_TIME);
    batch_seal_crc(batch);
    ck_assert_int_eq(produce(size), K_INVALID_TIMESTAMP);
    store_u16(batch + BATCH_ATTRIBUTES, BATCH_DELETE_HORIZON);
    batch_seal_crc(batch);
    ck_assert_int_eq(produce(size), K_INVALID_RECORD);
}
END_TEST

Suite *recompress_suite(void);

Suite *recompress_suite(void)
{
    Suite *suite = suite_create("server/api/recompress");
    TCase *tests = tcase_create("recompress");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, batches_are_stored_in_the_codec_of_the_topic, 0, 7);
    tcase_add_loop_test(tests, the_level_of_the_codec_is_heeded, 0,
                        (int)(sizeof levels / sizeof levels[0]));
    tcase_add_test(tests, the_order_of_a_partition_is_kept);
    tcase_add_test(tests, other_partitions_do_not_wait);
    tcase_add_test(tests, a_batch_that_grows_over_the_limit_is_refused_with_the_limit);
    tcase_add_test(tests, a_batch_of_exactly_the_limit_is_taken);
    tcase_add_test(tests, what_is_refused_in_the_pool_leaves_no_hole);
    tcase_add_test(tests, unknown_codecs_are_refused_by_their_name);
    tcase_add_test(tests, a_partition_that_moves_away_answers_what_is_under_way);
    tcase_add_test(tests, a_stop_answers_what_is_under_way_and_keeps_what_was_confirmed);
    tcase_add_test(tests, metadata_name_the_codec_of_a_topic_that_has_one);
    tcase_add_loop_test(tests, one_record_out_of_bounds_is_an_invalid_timestamp, 0, 4);
    tcase_add_test(tests, a_bound_looks_in_its_own_direction_only);
    tcase_add_test(tests, a_header_that_lies_about_the_newest_timestamp_is_put_right);
    tcase_add_test(tests, with_append_time_there_are_no_bounds);
    tcase_add_test(tests, producers_do_not_set_what_is_the_brokers);
    suite_add_tcase(suite, tests);
    return suite;
}
