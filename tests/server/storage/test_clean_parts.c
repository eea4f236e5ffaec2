/* The pure pieces of compaction: the map of keys, one batch, the plan, transactions; and the order
 * of syncs in a swap. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/clean_batch.h"
#include "server/storage/clean_plan.h"
#include "server/storage/clean_txn.h"
#include "tests/server/storage/clean_rig.h"

Suite *clean_parts_suite(void);

static const uint64_t secret[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

/* --- the map ---------------------------------------------------------------------------------- */

START_TEST(the_hash_tells_keys_apart_and_needs_its_secret)
{
    struct clean_map map;
    uint8_t text[64];
    struct clean_hash seen[64];
    ck_assert_int_eq(clean_map_init(&map, 1000, 0.9, secret), 0);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)i;
        seen[i] = clean_map_hash(&map, text, i);
        for (size_t j = 0; j < i; j++)
            ck_assert(seen[j].low != seen[i].low && seen[j].high != seen[i].high);
    }

    /* Another secret, another hash; and both halves differ. */
    struct clean_map other;
    const uint64_t other_secret[2] = { 1, 2 };
    ck_assert_int_eq(clean_map_init(&other, 1000, 0.9, other_secret), 0);
    ck_assert(clean_map_hash(&other, text, 8).low != seen[8].low);
    ck_assert(seen[8].low != seen[8].high);
    clean_map_fini(&map);
    clean_map_fini(&other);
}
END_TEST

START_TEST(the_map_holds_the_largest_offset_of_each_key_until_it_is_full)
{
    struct clean_map map;
    ck_assert_int_eq(clean_map_init(&map, 100 * CLEAN_MAP_ENTRY, 0.9, secret), 0);
    for (int i = 0; i < 90; i++)
        ck_assert(clean_map_put(&map, clean_map_hash(&map, &i, sizeof i), 1000 + i));
    int one = 7, more = 90;

    ck_assert(!clean_map_put(&map, clean_map_hash(&map, &more, sizeof more), 1));
    ck_assert(clean_map_put(&map, clean_map_hash(&map, &one, sizeof one), 5000));
    ck_assert(clean_map_put(&map, clean_map_hash(&map, &one, sizeof one), 3));

    ck_assert_int_eq(clean_map_get(&map, clean_map_hash(&map, &one, sizeof one)), 5000);
    ck_assert_int_eq(clean_map_get(&map, clean_map_hash(&map, &more, sizeof more)), -1);
    for (int i = 8; i < 90; i++)
        ck_assert_int_eq(clean_map_get(&map, clean_map_hash(&map, &i, sizeof i)), 1000 + i);
    clean_map_fini(&map);
}
END_TEST

START_TEST(the_smallest_map_takes_one_key)
{
    struct clean_map map;
    int key = 1, other = 2;
    ck_assert_int_eq(clean_map_init(&map, 0, 0.01, secret), 0);
    ck_assert(clean_map_put(&map, clean_map_hash(&map, &key, sizeof key), 0));
    ck_assert(!clean_map_put(&map, clean_map_hash(&map, &other, sizeof other), 0));
    ck_assert_int_eq(clean_map_get(&map, clean_map_hash(&map, &key, sizeof key)), 0);
    ck_assert_int_eq(clean_map_get(&map, clean_map_hash(&map, &other, sizeof other)), -1);
    clean_map_fini(&map);
}
END_TEST

/* --- a batch ---------------------------------------------------------------------------------- */

static struct clean_map map;
static struct clean_rules rules;
static struct buffer out;
static uint8_t batch[4096];

static void setup_batch(void)
{
    ck_assert_int_eq(clean_map_init(&map, 10000, 0.9, secret), 0);
    rules = (struct clean_rules){ .map = &map, .latest = 1000, .now_ms = 50000,
                                  .delete_retention_ms = 100 };
    out = (struct buffer){ 0 };
}

static void teardown_batch(void)
{
    clean_map_fini(&map);
    clean_rules_fini(&rules);
    buffer_fini(&out);
}

/* Keys "a", "b", ... at offsets 10, 11, ...; '-' in `what` is a tombstone. */
static void build(const char *what)
{
    struct batch_builder builder;
    batch_build_start(&builder, batch, sizeof batch);
    for (int i = 0; what[i] != '\0'; i++) {
        char key = (char)('a' + i);
        ck_assert_int_eq(batch_build_add(&builder, 5000 + 10 * i, &key, 1,
                                         what[i] == '-' ? NULL : &what[i], 1, NULL, 0), 0);
    }
    batch_build_finish(&builder);
    batch_stamp(batch, 10, 3);
    store_u64(batch + BATCH_PRODUCER_ID, 77);
    store_u32(batch + BATCH_BASE_SEQUENCE, 5);
    batch_seal_crc(batch);
}

static void supersede(char key, int64_t offset)
{
    ck_assert(clean_map_put(&map, clean_map_hash(&map, &key, 1), offset));
}

static void run(struct clean_verdict verdict)
{
    out.size = 0;
    ck_assert_int_eq(clean_batch(&rules, batch, &verdict, &out), 0);
    size_t size;
    if (out.size > 0) {
        ck_assert_int_eq(batch_check(out.bytes, out.size, false, &size), 0);
        ck_assert_uint_eq(size, out.size);
        ck_assert_int_eq(batch_base_offset(out.bytes), 10);
        ck_assert_int_eq(batch_last_offset(out.bytes), batch_last_offset(batch));
        ck_assert_int_eq(batch_leader_epoch(out.bytes), 3);
        ck_assert_int_eq(batch_producer_id(out.bytes), 77);
        ck_assert_int_eq(batch_base_sequence(out.bytes), 5);
    }
}

/* The keys that are left; their timestamps are checked. */
static const char *left(void)
{
    static char keys[32];
    struct batch_reader reader;
    struct record_view record;
    struct buffer opened = { 0 };
    int count = 0;
    ck_assert_int_eq(batch_open(&reader, out.bytes, &opened), 0);
    while (batch_reader_next(&reader, &record) == 1) {
        keys[count++] = (char)*record.key;
        ck_assert_int_eq(record.offset, 10 + *record.key - 'a');
        ck_assert_int_eq(record.timestamp, 5000 + 10 * (*record.key - 'a'));
    }
    keys[count] = '\0';
    buffer_fini(&opened);
    return keys;
}

START_TEST(a_batch_that_loses_nothing_is_copied)
{
    build("xyz");
    supersede('a', 10);
    supersede('b', 11);
    run((struct clean_verdict){ 0 });
    ck_assert_uint_eq(out.size, batch_size(batch));
    ck_assert_mem_eq(out.bytes, batch, out.size);
}
END_TEST

START_TEST(out_of_date_records_go_and_the_rest_keeps_its_place)
{
    build("vwxyz");
    supersede('b', 40);
    supersede('e', 41);
    run((struct clean_verdict){ 0 });
    ck_assert_str_eq(left(), "acd");
    ck_assert_int_eq(batch_count(out.bytes), 3);
    ck_assert_int_eq(batch_max_timestamp(out.bytes), 5030);
}
END_TEST

START_TEST(records_beyond_the_map_stay)
{
    build("vwxyz");
    supersede('a', 40);
    supersede('e', 41);
    rules.latest = 12;
    run((struct clean_verdict){ 0 });
    ck_assert_str_eq(left(), "bcde");
}
END_TEST

START_TEST(a_tombstone_gets_a_horizon_and_goes_after_it)
{
    build("x-z");
    run((struct clean_verdict){ 0 });
    ck_assert_str_eq(left(), "abc");
    ck_assert((batch_attributes(out.bytes) & BATCH_DELETE_HORIZON) != 0);
    ck_assert_int_eq(batch_base_timestamp(out.bytes), 50100);

    memcpy(batch, out.bytes, out.size);
    rules.now_ms = 50099;                   /* not yet */
    run((struct clean_verdict){ 0 });
    ck_assert_mem_eq(out.bytes, batch, batch_size(batch));

    rules.now_ms = 50100;
    run((struct clean_verdict){ 0 });
    ck_assert_str_eq(left(), "ac");
    ck_assert_int_eq(batch_base_timestamp(out.bytes), 50100);
}
END_TEST

START_TEST(an_empty_batch_stays_only_when_it_is_needed)
{
    build("xy");
    supersede('a', 40);
    supersede('b', 40);
    run((struct clean_verdict){ 0 });
    ck_assert_uint_eq(out.size, 0);

    run((struct clean_verdict){ .keep_empty = true });
    ck_assert_uint_eq(out.size, BATCH_HEADER_SIZE);
    ck_assert_int_eq(batch_count(out.bytes), 0);

    memcpy(batch, out.bytes, out.size);
    run((struct clean_verdict){ .keep_empty = true });
    ck_assert_uint_eq(out.size, BATCH_HEADER_SIZE);
    run((struct clean_verdict){ 0 });
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(records_that_can_not_be_read_are_an_error)
{
    build("xy");
    batch[BATCH_HEADER_SIZE] = 0x7f;
    batch_seal_crc(batch);
    struct clean_verdict verdict = { 0 };
    ck_assert_int_eq(clean_batch(&rules, batch, &verdict, &out), K_CORRUPT_MESSAGE);
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(a_batch_with_more_keys_than_fit_is_noted_in_parts)
{
    struct clean_map small;
    struct buffer opened = { 0 };
    int64_t latest = 9;
    bool full;
    build("abcdefgh");
    for (int64_t from = 10; from < 18; from = latest + 1) {
        ck_assert_int_eq(clean_map_init(&small, 4 * CLEAN_MAP_ENTRY, 0.9, secret), 0);
        ck_assert_int_eq(clean_batch_note(&small, batch, from, &opened, &latest, &full), 0);
        ck_assert_int_gt(latest, from);         /* never endless */
        ck_assert(full == (latest < 17));
        clean_map_fini(&small);
    }
    buffer_fini(&opened);
}
END_TEST

/* --- the plan --------------------------------------------------------------------------------- */

static const struct clean_part parts[] = { { 0, 100 }, { 10, 300 }, { 20, 600 }, { 30, 1000 } };

START_TEST(the_active_segment_and_what_the_owner_forbids_stay)
{
    struct clean_range range = clean_plan_range(parts, 4, 0, 40, -1, INT64_MAX);
    ck_assert_int_eq(range.from, 0);
    ck_assert_int_eq(range.limit, 30);
    ck_assert_int_eq(range.dirty_bytes, 1000);

    range = clean_plan_range(parts, 4, 0, 40, 10, 15);
    ck_assert_int_eq(range.limit, 15);
    ck_assert_int_eq(range.clean_bytes, 100);
    ck_assert_int_eq(range.dirty_bytes, 300);

    range = clean_plan_range(parts, 4, 0, 40, 15, 15);
    ck_assert_int_ge(range.from, range.limit);
}
END_TEST

START_TEST(a_checkpoint_outside_of_the_log_does_not_count)
{
    ck_assert_int_eq(clean_plan_range(parts, 4, 12, 40, 5, INT64_MAX).from, 12);
    ck_assert_int_eq(clean_plan_range(parts, 4, 12, 40, 41, INT64_MAX).from, 12);
    ck_assert_int_eq(clean_plan_range(parts, 4, 12, 40, 20, INT64_MAX).from, 20);
}
END_TEST

START_TEST(a_log_is_due_by_its_ratio_or_by_its_age)
{
    struct clean_policy policy = { .min_dirty_ratio = 0.5, .max_lag_ms = INT64_MAX };
    struct clean_range half = clean_plan_range(parts, 4, 0, 40, 20, INT64_MAX);
    struct clean_range less = half;
    less.clean_bytes = 700;

    ck_assert(clean_plan_due(&half, &policy, -1, 0));
    ck_assert(!clean_plan_due(&less, &policy, 1, 1000000));
    policy.max_lag_ms = 1000;
    ck_assert(!clean_plan_due(&less, &policy, 5000, 6000));
    ck_assert(clean_plan_due(&less, &policy, 5000, 6001));
    ck_assert(!clean_plan_due(&less, &policy, -1, 6001));
}
END_TEST

/* --- transactions ----------------------------------------------------------------------------- */

static void header(uint8_t *to, int64_t offset, int64_t producer, int attributes)
{
    memset(to, 0, BATCH_HEADER_SIZE);
    store_u64(to + BATCH_BASE_OFFSET, (uint64_t)offset);
    store_u64(to + BATCH_PRODUCER_ID, (uint64_t)producer);
    store_u16(to + BATCH_ATTRIBUTES, (uint16_t)attributes);
}

static bool data(struct clean_txn *txn, int64_t offset, int64_t producer)
{
    uint8_t bytes[BATCH_HEADER_SIZE];
    bool discard;
    header(bytes, offset, producer, BATCH_TRANSACTIONAL);
    ck_assert_int_eq(clean_txn_data(txn, bytes, &discard), 0);
    return discard;
}

static bool marker(struct clean_txn *txn, int64_t offset, int64_t producer, int type,
                   struct buffer *index)
{
    uint8_t bytes[BATCH_HEADER_SIZE], key[4] = { 0, 0, 0, (uint8_t)type };
    bool discard;
    header(bytes, offset, producer, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    ck_assert_int_eq(clean_txn_marker(txn, bytes, key, 4, index, &discard), 0);
    return discard;
}

START_TEST(aborted_data_goes_and_markers_outlive_their_data)
{
    struct rig rig;
    struct clean_txn txn;
    struct buffer index = { 0 };
    uint8_t entry[34] = { 0 };
    rig_init(&rig);
    char *path = fixture_file(&rig.f, "x.txnindex");
    store_u64(entry + 2, 5);                /* producer 5 aborted 10 to 20 */
    store_u64(entry + 10, 10);
    store_u64(entry + 18, 20);
    ck_assert_int_eq(io_replace_file(&io_system, path, entry, sizeof entry, IO_LAZY), 0);
    clean_txn_init(&txn);
    ck_assert_int_eq(clean_txn_load(&txn, &io_system, path, 21, 40), K_CORRUPT);
    ck_assert_int_eq(clean_txn_load(&txn, &io_system, path, 0, 20), K_CORRUPT);
    ck_assert_int_eq(clean_txn_load(&txn, &io_system, path, 0, 21), 0);

    clean_txn_start(&txn, 0);
    ck_assert(!data(&txn, 8, 5));           /* of an earlier transaction, committed */
    ck_assert(!marker(&txn, 9, 5, 1, &index));
    ck_assert(data(&txn, 10, 5));
    ck_assert(!data(&txn, 11, 6));
    ck_assert(!marker(&txn, 20, 5, 0, &index));
    ck_assert_uint_eq(index.size, 34);
    ck_assert(!data(&txn, 21, 5));
    ck_assert(!marker(&txn, 22, 6, 1, &index));

    clean_txn_start(&txn, 0);               /* the next cleaning meets no data any more */
    index.size = 0;
    ck_assert(marker(&txn, 20, 5, 0, &index));
    ck_assert(marker(&txn, 22, 6, 1, &index));
    ck_assert_uint_eq(index.size, 0);

    clean_txn_start(&txn, 21);              /* what ended before is not mistaken for a later one */
    ck_assert(!data(&txn, 23, 5));
    clean_txn_fini(&txn);
    buffer_fini(&index);
    free(path);
    rig_fini(&rig);
}
END_TEST

/* --- the order of syncs ----------------------------------------------------------------------- */

/* What was done since the last sync of what it needs. */
static struct {

    int unsynced_files, unsynced_names, violations, swaps;
} watch;

static ssize_t watch_write(const struct io *io, int fd, const struct iovec *from, int count,
                           off_t position)
{
    (void)io;
    watch.unsynced_files = 1;
    return io_system.pwritev(&io_system, fd, from, count, position);
}

static int watch_sync(const struct io *io, int fd)
{
    (void)io;
    watch.unsynced_files = 0;
    return io_system.sync(&io_system, fd);
}

static int watch_sync_directory(const struct io *io, const char *path)
{
    (void)io;
    watch.unsynced_names = 0;
    return io_system.sync_directory(&io_system, path);
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static int watch_rename(const struct io *io, const char *from, const char *to)
{
    (void)io;
    if (ends_with(to, ".log.swap")) {
        watch.violations += watch.unsynced_files;
        watch.swaps++;
    } else if (ends_with(from, ".log.swap") || ends_with(to, ".log.deleted")) {
        /* The decision is durable before the old go; they are gone before it is forgotten. */
        watch.violations += ends_with(from, ".log.swap") && watch.unsynced_names == 2;
        watch.violations += ends_with(to, ".log.deleted") && watch.unsynced_names == 1;
        if (ends_with(to, ".log.deleted"))
            watch.unsynced_names = 2;
    }
    if (ends_with(to, ".log.swap"))
        watch.unsynced_names = 1;
    return io_system.rename(&io_system, from, to);
}

START_TEST(nothing_is_replaced_before_its_replacement_is_durable)
{
    struct rig rig;
    struct rand rand;
    rand_seed(&rand, 1);
    rig_init(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(rig_append(&rig, &rand), 0);
    rig_roll(&rig);
    rig.f.fault.io.pwritev = watch_write;
    rig.f.fault.io.sync = watch_sync;
    rig.f.fault.io.sync_directory = watch_sync_directory;
    rig.f.fault.io.rename = watch_rename;
    memset(&watch, 0, sizeof watch);
    struct clean_options options = rig_options(&rig);

    ck_assert_int_eq(rig_clean(&rig, &options, 1000, NULL, NULL), 0);
    ck_assert_int_gt(watch.swaps, 1);
    ck_assert_int_eq(watch.violations, 0);
    rig_verify(&rig);
    rig_fini(&rig);
}
END_TEST

/* Files of the log that only a descriptor still holds: whoever closes it waits for the disk. */
static void expect_none_held(void *context)
{
    const struct rig *rig = context;
    char name[64], path[512];

    for (int fd = 0; fd < 256; fd++) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(name, path, sizeof path - 1);
        if (size < 0)
            continue;
        path[size] = '\0';
        ck_assert_msg(strstr(path, rig->f.path) == NULL || !ends_with(path, " (deleted)"), "%s",
                      path);
    }
}

START_TEST(who_deletes_what_was_replaced_closes_it_too)
{
    struct rig rig;
    struct rand rand;
    rand_seed(&rand, 1);
    rig_init(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(rig_append(&rig, &rand), 0);
    rig_roll(&rig);
    struct clean_options options = rig_options(&rig);

    ck_assert_int_eq(rig_clean(&rig, &options, 1000, expect_none_held, &rig), 0);
    rig_verify(&rig);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_damaged_batch_ends_the_cleaning_and_nothing_is_lost)
{
    struct rig rig;
    struct rand rand;
    rand_seed(&rand, 1);
    rig_init(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(rig_append(&rig, &rand), 0);
    rig_roll(&rig);
    char *path = fixture_file(&rig.f, "00000000000000000000.log");
    damage_byte(path, 100, 1);
    struct clean_options options = rig_options(&rig);
    int64_t size = log_size(rig.f.log);

    ck_assert_int_eq(rig_clean(&rig, &options, 1000, NULL, NULL), K_CORRUPT);
    ck_assert(!logdir_fenced(rig.f.directory));
    ck_assert_int_eq(log_size(rig.f.log), size);
    damage_byte(path, 100, 1);
    ck_assert_int_eq(rig_clean(&rig, &options, 1000, NULL, NULL), 0);
    rig_verify(&rig);
    free(path);
    rig_fini(&rig);
}
END_TEST

Suite *clean_parts_suite(void)
{
    Suite *suite = suite_create("server/storage/clean_parts");
    TCase *pieces = tcase_create("map"), *batches = tcase_create("batch");
    TCase *rest = tcase_create("rest");

    tcase_add_test(pieces, the_hash_tells_keys_apart_and_needs_its_secret);
    tcase_add_test(pieces, the_map_holds_the_largest_offset_of_each_key_until_it_is_full);
    tcase_add_test(pieces, the_smallest_map_takes_one_key);
    suite_add_tcase(suite, pieces);
    tcase_add_checked_fixture(batches, setup_batch, teardown_batch);
    tcase_add_test(batches, a_batch_that_loses_nothing_is_copied);
    tcase_add_test(batches, out_of_date_records_go_and_the_rest_keeps_its_place);
    tcase_add_test(batches, records_beyond_the_map_stay);
    tcase_add_test(batches, a_tombstone_gets_a_horizon_and_goes_after_it);
    tcase_add_test(batches, an_empty_batch_stays_only_when_it_is_needed);
    tcase_add_test(batches, records_that_can_not_be_read_are_an_error);
    tcase_add_test(batches, a_batch_with_more_keys_than_fit_is_noted_in_parts);
    suite_add_tcase(suite, batches);
    tcase_add_test(rest, the_active_segment_and_what_the_owner_forbids_stay);
    tcase_add_test(rest, a_checkpoint_outside_of_the_log_does_not_count);
    tcase_add_test(rest, a_log_is_due_by_its_ratio_or_by_its_age);
    tcase_add_test(rest, aborted_data_goes_and_markers_outlive_their_data);
    tcase_add_test(rest, nothing_is_replaced_before_its_replacement_is_durable);
    tcase_add_test(rest, who_deletes_what_was_replaced_closes_it_too);
    tcase_add_test(rest, a_damaged_batch_ends_the_cleaning_and_nothing_is_lost);
    suite_add_tcase(suite, rest);
    return suite;
}
