/* The last five requests of a producer are known again after every kind of start; damage to what
 * remembers them is found, and costs no more than that. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/endian.h"
#include "proto/batch.h"
#include "server/storage/dump.h"
#include "server/storage/file_name.h"
#include "server/storage/io.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_trim.h"
#include "server/storage/producer_runs.h"
#include "server/storage/verify.h"
#include "tests/server/storage/fixture.h"

Suite *producer_runs_suite(void);

static const char runs_name[] = "00000000000000000028.kairn-producers";

static struct fixture f;

/* Seven requests of two records, each behind one of another producer: 28 records. */
static void setup(void)
{
    fixture_init(&f);
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(fixture_produce(&f, 8, 0, 2 * i, 2, false), 0);
        ck_assert_int_eq(fixture_produce(&f, 7, 3, 2 * i, 2, false), 0);
    }
}

static void teardown(void) { fixture_fini(&f); }

/* How many of producer 7's last requests are answered with their offset. */
static int known(void)
{
    int count = 0;
    for (int i = 6; i >= 0; i--) {
        struct producer_numbers again = { .id = 7, .epoch = 3, .first = 2 * i, .count = 2 };
        int64_t stored;
        int error = log_check_numbers(f.log, &again, &stored);
        ck_assert(error == 0 || error == K_DUPLICATE_SEQUENCE_NUMBER);
        if (error != 0)
            return count;
        ck_assert_int_eq(stored, 4 * i + 2);
        count++;
    }
    return count;
}

static bool there(const char *name)
{
    char *path = fixture_file(&f, name);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

START_TEST(the_last_five_requests_are_known_after_every_kind_of_start)
{
    ck_assert_int_eq(known(), 5);
    for (int how = 0; how < 6; how++) {
        if (how == 4)                       /* segments begin, snapshots with them */
            ck_assert_int_eq(log_roll(f.log, log_end(f.log)), 0);
        ck_assert_int_eq(log_flush(f.log), 0);
        ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
        fixture_close(&f, how % 3 == 0);
        ck_assert(how % 3 != 0 || there(runs_name));
        if (how % 3 == 2)
            f.fault.life = how == 2 ? "another life" : "a third one";
        fixture_open(&f);
        ck_assert_int_eq(known(), 5);
    }
}
END_TEST

START_TEST(without_the_file_the_last_one_is_known)
{
    fixture_close(&f, true);
    char *path = fixture_file(&f, runs_name);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    fixture_open(&f);
    ck_assert_int_eq(known(), 1);
}
END_TEST

START_TEST(where_the_snapshot_says_all_there_is_no_file)
{
    ck_assert_int_eq(log_reset(f.log, 28), 0);
    model_cut(&f.model, 0);
    uint8_t bytes[512];
    size_t size = make_batch(bytes, sizeof bytes, 2, 10, 1);
    store_u64(bytes + BATCH_PRODUCER_ID, 7);
    store_u16(bytes + BATCH_PRODUCER_EPOCH, 0);
    store_u32(bytes + BATCH_BASE_SEQUENCE, 0);
    batch_seal_crc(bytes);
    struct log_append append = { .bytes = bytes, .size = size };
    ck_assert_int_eq(log_append(f.log, &append, 1, 0, 1), 0);
    fixture_close(&f, true);
    ck_assert(there("00000000000000000030.snapshot"));
    ck_assert(!there("00000000000000000030.kairn-producers"));
    fixture_open(&f);
}
END_TEST

START_TEST(both_files_go_together)
{
    static const struct log_trim_reason reason = { -1, -1 };
    struct log_trim *trim;
    f.config.segment_bytes = 300;
    log_set_config(f.log, &f.config);
    for (int i = 7; i < 14; i++) {
        ck_assert_int_eq(fixture_produce(&f, 8, 0, 2 * i, 2, false), 0);
        ck_assert_int_eq(fixture_produce(&f, 7, 3, 2 * i, 2, false), 0);
    }
    for (int cut = 0; cut < 3; cut++) {
        struct file_offsets snapshots, runs;
        ck_assert_int_eq(file_offsets_list(&io_system, f.log->path, ".snapshot", &snapshots), 0);
        ck_assert_int_eq(file_offsets_list(&io_system, f.log->path, ".kairn-producers", &runs), 0);
        ck_assert_uint_eq(runs.count, snapshots.count);
        ck_assert(cut == 2 ? runs.count == 0 : runs.count > 3);
        for (size_t i = 0; i < runs.count; i++)
            ck_assert_int_eq(runs.at[i], snapshots.at[i]);
        file_offsets_fini(&snapshots);
        file_offsets_fini(&runs);
        if (cut == 0) {
            ck_assert_int_eq(log_trim_begin(f.log, 34, &reason, &trim), 0);
            ck_assert_int_eq(log_trim_apply(f.log, trim, log_trim_persist(trim)), 0);
            ck_assert_int_eq(log_trim_doom(trim), 0);
            log_trim_abandon(trim);
            f.log->dooming = 0;
            ck_assert_int_eq(log_truncate(f.log, 52), 0);
        } else if (cut == 1) {
            ck_assert_int_eq(log_reset(f.log, 100), 0);
        }
    }
}
END_TEST

/* --- damage ----------------------------------------------------------------------------------- */

static char finding[256];
static int findings;

static void note(void *context, const struct log_finding *found)
{
    (void)context;
    findings++;
    snprintf(finding, sizeof finding, "%s", found->what);
}

static void verify(void)
{
    struct log_verify_summary summary;
    struct k_reason reason;
    findings = 0;
    ck_assert_int_eq(log_verify(f.path, &(struct log_verify_options){ .found = note }, &summary,
                                &reason), 0);
}

static size_t load(const char *path, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

static void store(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

START_TEST(every_damaged_byte_and_every_length_is_found)
{
    uint8_t bytes[1024], damaged[1024];
    char *path = fixture_file(&f, runs_name);
    fixture_close(&f, true);
    size_t size = load(path, bytes, sizeof bytes);
    ck_assert_uint_eq(size, 22 + 2 * (9 + 5 * 16));
    verify();
    ck_assert_int_eq(findings, 0);
    for (size_t i = 0; i < 2 * size; i++) {
        memcpy(damaged, bytes, size);
        if (i < size)
            damaged[i] ^= 0x10;
        store(path, damaged, i < size ? size : i - size);
        verify();
        ck_assert_msg(findings == 1, "%zu: %d findings: %s", i, findings, finding);
        FILE *out = fopen("/dev/null", "w");
        struct k_reason reason;
        int dumped = log_dump(path, &(struct log_dump_options){ .json = i % 2 == 0 }, out, &reason);
        ck_assert(dumped == K_CORRUPT_MESSAGE || (i >= 14 && i < 18));
        fclose(out);
        if (i % 7 != 0)
            continue;
        fixture_open(&f);
        ck_assert_int_eq(known(), 1);
        ck_assert(!there(runs_name));
        fixture_close(&f, true);
    }
    free(path);
}
END_TEST

/* Whole, but it does not say what can be. */
START_TEST(what_can_not_be_is_not_believed)
{
    static const struct { size_t at; uint8_t value; const char *what; } lies[] = {
        { 1, 2, "its version is unknown" },
        { 13, 27, "it is of another offset" },
        { 21, 1, "its count is not that of its entries" },
        { 21, 3, "its count is not that of its entries" },
        { 30, 0, "its count is not that of its entries" },
        { 30, 6, "its count is not that of its entries" },
        { 29, 8, "its producers do not ascend" },
        { 29, 6, "its batches do not end with those of the snapshot beside it" },
        { 31, 0x80, "its batches are not of a time before the file's offset" },
        { 35, 0x80, "its batches are not of a time before the file's offset" },
        { 38, 0, "its batches are not of a time before the file's offset" },
        { 39, 0x80, "its batches are not of a time before the file's offset" },
        { 46, 200, "its batches are not of a time before the file's offset" },
        { 98, 3, "its batches do not end with those of the snapshot beside it" },
        { 102, 1, "its batches do not end with those of the snapshot beside it" },
    };
    uint8_t bytes[1024], lying[1024];
    char *path = fixture_file(&f, runs_name);
    fixture_close(&f, true);
    size_t size = load(path, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(lying, bytes, size);
        ck_assert_msg(lying[lies[i].at] != lies[i].value, "%zu", i);
        lying[lies[i].at] = lies[i].value;
        store_u32(lying + 2, crc32c(0, lying + 6, size - 6));
        store(path, lying, size);
        verify();
        ck_assert_msg(findings == 1 && strcmp(finding, lies[i].what) == 0, "%zu: %s", i, finding);
        fixture_open(&f);
        ck_assert_int_eq(known(), 1);
        fixture_close(&f, true);
    }
    free(path);
}
END_TEST

START_TEST(the_file_of_another_snapshot_is_not_believed)
{
    uint8_t bytes[1024];
    char *path = fixture_file(&f, runs_name);
    char *snapshot = fixture_file(&f, "00000000000000000028.snapshot");
    fixture_close(&f, true);
    size_t size = load(path, bytes, sizeof bytes);
    fixture_open(&f);                       /* and another history comes to the same offset */
    ck_assert_int_eq(log_truncate(f.log, 26), 0);
    ck_assert_int_eq(fixture_produce(&f, 8, 0, 14, 2, false), 0);
    fixture_close(&f, true);
    store(path, bytes, size);
    verify();
    ck_assert_str_eq(finding, "it is of another snapshot than the one beside it");
    ck_assert_int_eq(unlink(snapshot), 0);
    verify();
    ck_assert_int_eq(findings, 1);
    ck_assert_str_eq(finding, "the snapshot beside it is missing");
    fixture_open(&f);                       /* the log was read, and both are made anew */
    ck_assert(there(runs_name));
    fixture_close(&f, true);
    verify();
    ck_assert_int_eq(findings, 0);
    free(path);
    free(snapshot);
}
END_TEST

Suite *producer_runs_suite(void)
{
    Suite *suite = suite_create("server/storage/producer_runs");
    TCase *tests = tcase_create("producer_runs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_last_five_requests_are_known_after_every_kind_of_start);
    tcase_add_test(tests, without_the_file_the_last_one_is_known);
    tcase_add_test(tests, where_the_snapshot_says_all_there_is_no_file);
    tcase_add_test(tests, both_files_go_together);
    tcase_add_test(tests, every_damaged_byte_and_every_length_is_found);
    tcase_add_test(tests, what_can_not_be_is_not_believed);
    tcase_add_test(tests, the_file_of_another_snapshot_is_not_believed);
    suite_add_tcase(suite, tests);
    return suite;
}
