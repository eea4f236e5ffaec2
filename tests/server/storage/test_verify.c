/* Each kind of damage is found and named. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/verify.h"
#include "tests/server/storage/fixture.h"

Suite *verify_suite(void);

enum { FOUND_MAX = 64 };

static const char first_log[] = "00000000000000000000.log";
static const char first_index[] = "00000000000000000000.index";
static const char first_times[] = "00000000000000000000.timeindex";

static struct fixture f;
static struct log_verify_summary summary;
static struct {
    enum log_finding_kind kind;
    char path[128], what[256];
    int64_t position, offset;
} found[FOUND_MAX];
static int found_count;

static void note(void *context, const struct log_finding *finding)
{
    (void)context;
    ck_assert_int_lt(found_count, FOUND_MAX);
    found[found_count].kind = finding->kind;
    snprintf(found[found_count].path, sizeof found[0].path, "%s", finding->path);
    snprintf(found[found_count].what, sizeof found[0].what, "%s", finding->what);
    found[found_count].position = finding->position;
    found[found_count].offset = finding->offset;
    found_count++;
}

/* Ten batches of two records a segment, in three segments, closed clean. */
static void setup(void)
{
    fixture_init(&f);
    f.config.index_interval_bytes = 100;
    f.config.segment_bytes = 1 << 20;
    for (int i = 0; i < 30; i++) {
        /* A segment is full when the next batch would not fit. */
        f.config.segment_bytes = i > 0 && i % 10 == 0 ? 200 : 1 << 20;
        log_set_config(f.log, &f.config);
        ck_assert_int_eq(fixture_append(&f, 2, 5, 100 + 10 * i), 0);
    }
    fixture_close(&f, true);
}

static void teardown(void)
{
    fixture_fini(&f);
}

static int verify(const char *path)
{
    struct k_reason reason;
    const struct log_verify_options options = { .io = &io_system, .found = note };

    found_count = 0;
    return log_verify(path, &options, &summary, &reason);
}

static void verify_all(void)
{
    ck_assert_int_eq(verify(f.path), 0);
}

/* Exactly this was found, and nothing else. */
static void expect(enum log_finding_kind kind, const char *file, const char *what, int64_t offset)
{
    verify_all();
    ck_assert_msg(found_count == 1, "%d findings, first \"%s\", second \"%s\"", found_count,
                  found_count > 0 ? found[0].what : "", found_count > 1 ? found[1].what : "");
    ck_assert_int_eq(found[0].kind, kind);
    ck_assert_msg(strstr(found[0].what, what) != NULL, "\"%s\"", found[0].what);
    ck_assert_msg(strstr(found[0].path, file) != NULL, "%s", found[0].path);
    ck_assert_int_eq(found[0].offset, offset);
    ck_assert_int_eq(summary.faults, kind == LOG_FINDING_FAULT);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
    fclose(out);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    char *bytes;
    ck_assert_int_eq(io_read_file(&io_system, path, 1 << 20, &bytes, size), 0);
    return (uint8_t *)bytes;
}

/* Change a file of the partition by a function. */
static void change(const char *name, void (*how)(uint8_t *bytes, size_t *size))
{
    char *path = fixture_file(&f, name);
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    how(bytes, &size);
    write_file(path, bytes, size);
    free(bytes);
    free(path);
}

/* Of the log directory itself. */
static void write_own(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f.path, name);
    write_file(path, text, strlen(text));
}

static void remove_file(const char *name)
{
    char *path = fixture_file(&f, name);
    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

static uint8_t *batch_at(uint8_t *bytes, int index)
{
    for (; index > 0; index--)
        bytes += batch_size(bytes);
    return bytes;
}

START_TEST(a_sound_directory_has_no_faults_and_is_counted)
{
    verify_all();

    ck_assert_msg(found_count == 0, "%s: %s", found[0].path, found[0].what);
    ck_assert_int_eq(summary.partitions, 1);
    ck_assert_int_eq(summary.segments, 3);
    ck_assert_int_eq(summary.batches, 30);
    ck_assert_int_eq(summary.records, 60);
    ck_assert(!summary.live);
}
END_TEST

START_TEST(a_partition_and_a_file_can_be_verified_alone)
{
    static const char *const files[] = { "", first_log, first_index, first_times,
                                         "leader-epoch-checkpoint", "partition.metadata" };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = fixture_file(&f, files[i]);
        ck_assert_int_eq(verify(path), 0);
        ck_assert_msg(found_count == 0, "%s: %s", found[0].path, found[0].what);
        free(path);
    }
    ck_assert_int_eq(verify("/nonexistent"), K_NOT_FOUND);
    ck_assert_int_eq(verify("/etc/passwd"), K_INVALID_ARGUMENT);
    ck_assert_int_eq(verify("/proc/self/task"), K_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_directory_in_use_is_verified_and_said_to_be)
{
    fixture_open(&f);

    verify_all();

    ck_assert(summary.live);
    ck_assert_int_eq(summary.faults, 0);
}
END_TEST

/* --- batches ------------------------------------------------------------------------------ */

static void flip_value(uint8_t *bytes, size_t *size)
{
    (void)size;
    uint8_t *batch = batch_at(bytes, 4);
    batch[batch_size(batch) - 3] ^= 1;
}

START_TEST(a_flipped_bit_is_found_in_its_batch)
{
    change(first_log, flip_value);

    expect(LOG_FINDING_FAULT, first_log, "checksum", 8);
}
END_TEST

static void cut_last_batch(uint8_t *bytes, size_t *size)
{
    (void)bytes;
    *size -= 10;
}

START_TEST(a_batch_that_is_cut_short_is_found)
{
    change(first_log, cut_last_batch);

    expect(LOG_FINDING_FAULT, first_log, "no whole batch", 18);
}
END_TEST

static void take_batch_out(uint8_t *bytes, size_t *size)
{
    uint8_t *batch = batch_at(bytes, 4);
    size_t gone = batch_size(batch);
    memmove(batch, batch + gone, *size - (size_t)(batch - bytes) - gone);
    *size -= gone;
}

START_TEST(missing_offsets_are_found_unless_compaction_took_them)
{
    change(first_log, take_batch_out);
    remove_file(first_index);
    remove_file(first_times);

    verify_all();
    ck_assert_int_eq(found_count, 3);               /* and the indexes */
    ck_assert_str_eq(found[2].what, "offsets 8 to 9 are missing");
    ck_assert_int_eq(found[2].kind, LOG_FINDING_FAULT);
    write_own("cleaner-offset-checkpoint", "0\n1\nt 0 10\n");
    verify_all();
    ck_assert_int_eq(found_count, 2);
    write_own("cleaner-offset-checkpoint", "0\n1\nt 0 9\n");
    verify_all();
    ck_assert_int_eq(found_count, 3);
    write_own("log-start-offset-checkpoint", "0\n1\nt 0 10\n");
    verify_all();
    ck_assert_int_eq(found_count, 2);
    char *path = fixture_file(&f, "");
    ck_assert_int_eq(verify(path), 0);
    ck_assert_int_eq(found[2].kind, LOG_FINDING_NOTE);
    free(path);
}
END_TEST

START_TEST(a_missing_segment_is_found)
{
    remove_file("00000000000000000020.log");

    verify_all();

    ck_assert_int_eq(found_count, 1);
    ck_assert_str_eq(found[0].what, "offsets 20 to 39 are missing");
    ck_assert_ptr_nonnull(strstr(found[0].path, "00000000000000000040.log"));
}
END_TEST

/* In the fifth batch of the first segment, whose checksum is right again. */
static void forge_byte(size_t position, uint8_t value)
{
    char *path = fixture_file(&f, first_log);
    size_t size;
    uint8_t *bytes = read_file(path, &size), *batch = batch_at(bytes, 4);
    batch[position] = value;
    batch_seal_crc(batch);
    write_file(path, bytes, size);
    free(bytes);
    free(path);
}

START_TEST(records_that_can_not_be_read_are_found)
{
    forge_byte(BATCH_HEADER_SIZE, 0x7e);            /* the first record's length */

    expect(LOG_FINDING_FAULT, first_log, "records can not be read", 8);
}
END_TEST

START_TEST(compressed_records_that_can_not_be_opened_are_found)
{
    forge_byte(BATCH_ATTRIBUTES + 1, CODEC_ZSTD);

    expect(LOG_FINDING_FAULT, first_log, "records can not be read", 8);
}
END_TEST

START_TEST(an_unknown_codec_is_found)
{
    forge_byte(BATCH_ATTRIBUTES + 1, 6);

    expect(LOG_FINDING_FAULT, first_log, "codec", 8);
}
END_TEST

static void change_epoch(uint8_t *bytes, size_t *size)
{
    (void)size;
    store_u32(batch_at(bytes, 9) + BATCH_LEADER_EPOCH, 77);
}

START_TEST(a_wrong_leader_epoch_is_found)
{
    change(first_log, change_epoch);

    verify_all();

    ck_assert_int_eq(found_count, 2);
    ck_assert_ptr_nonnull(strstr(found[0].what, "leader-epoch-checkpoint says"));
    ck_assert_int_eq(found[0].offset, 18);
    ck_assert_ptr_nonnull(strstr(found[1].what, "epochs go back from 77"));
}
END_TEST

START_TEST(a_torn_tail_is_found_at_its_position)
{
    char *path = fixture_file(&f, "00000000000000000040.log");
    int64_t size = file_size(path);
    FILE *out = fopen(path, "a");
    fwrite(path, 1, 30, out);
    fclose(out);

    expect(LOG_FINDING_FAULT, "00000000000000000040.log", "no whole batch", 60);
    ck_assert_int_eq(found[0].position, size);
    free(path);
}
END_TEST

/* --- indexes ------------------------------------------------------------------------------ */

static void flip_position(uint8_t *bytes, size_t *size)
{
    (void)size;
    bytes[8 + 7] ^= 1;
}

static void flip_offset(uint8_t *bytes, size_t *size)
{
    (void)size;
    bytes[8 + 3] ^= 1;
}

static void flip_offset_down(uint8_t *bytes, size_t *size)
{
    (void)size;
    bytes[16 + 3] -= 1;
}

static void swap_entries(uint8_t *bytes, size_t *size)
{
    (void)size;
    uint8_t entry[8];
    memcpy(entry, bytes + 8, 8);
    memcpy(bytes + 8, bytes + 16, 8);
    memcpy(bytes + 16, entry, 8);
}

static void cut_a_byte(uint8_t *bytes, size_t *size)
{
    (void)bytes;
    *size -= 1;
}

static const struct {
    void (*how)(uint8_t *bytes, size_t *size);
    const char *what;
} index_damages[] = {
    { flip_position, "entry 1: no batch begins at its position" },
    { flip_offset, "entry 1: " },
    { flip_offset_down, "entry 2: " },
    { swap_entries, "entry " },
    { cut_a_byte, "multiple" },
};

START_TEST(a_damaged_offset_index_is_found)
{
    change(first_index, index_damages[_i].how);

    verify_all();

    ck_assert_int_ge(found_count, 1);
    for (int i = 0; i < found_count; i++) {
        ck_assert_ptr_nonnull(strstr(found[i].path, first_index));
        ck_assert_int_eq(found[i].kind, LOG_FINDING_FAULT);
    }
    ck_assert_msg(strstr(found[0].what, index_damages[_i].what) != NULL, "%s", found[0].what);
}
END_TEST

static void flip_timestamp(uint8_t *bytes, size_t *size)
{
    (void)size;
    bytes[7] ^= 1;
}

static void flip_time_offset(uint8_t *bytes, size_t *size)
{
    (void)size;
    bytes[11] += 2;
}

static void drop_last_time(uint8_t *bytes, size_t *size)
{
    (void)bytes;
    *size -= 12;
}

static const struct {
    void (*how)(uint8_t *bytes, size_t *size);
    const char *what;
} time_damages[] = {
    { flip_timestamp, "entry 0: its timestamp is not the largest" },
    { flip_time_offset, "entry 0: its timestamp is not the largest" },
    { drop_last_time, "the index ends with timestamp" },
    { cut_a_byte, "multiple" },
};

START_TEST(a_damaged_time_index_is_found)
{
    change(first_times, time_damages[_i].how);

    verify_all();

    ck_assert_int_ge(found_count, 1);
    ck_assert_msg(strstr(found[0].what, time_damages[_i].what) != NULL, "%s", found[0].what);
    ck_assert_ptr_nonnull(strstr(found[0].path, first_times));
}
END_TEST

START_TEST(the_index_of_another_segment_is_found)
{
    char *from = fixture_file(&f, first_times);
    char *to = fixture_file(&f, "00000000000000000020.timeindex");
    size_t size;
    uint8_t *bytes = read_file(from, &size);
    write_file(to, bytes, size);

    verify_all();

    ck_assert_int_ge(found_count, 1);
    ck_assert_ptr_nonnull(strstr(found[0].path, "00000000000000000020.timeindex"));
    free(bytes);
    free(from);
    free(to);
}
END_TEST

START_TEST(a_missing_index_is_a_fault_only_of_a_sealed_segment)
{
    remove_file("00000000000000000040.index");
    expect(LOG_FINDING_NOTE, "00000000000000000040.index", "missing", -1);

    remove_file(first_index);
    verify_all();
    ck_assert_int_eq(summary.faults, 1);
    ck_assert_int_eq(summary.notes, 1);
}
END_TEST

START_TEST(room_that_kafka_made_in_an_index_is_no_fault)
{
    char *path = fixture_file(&f, "00000000000000000040.timeindex");
    size_t size;
    uint8_t *bytes = read_file(path, &size), padded[1200] = { 0 };
    memcpy(padded, bytes, size);
    write_file(path, padded, sizeof padded);

    expect(LOG_FINDING_NOTE, "00000000000000000040.timeindex", "empty entries", -1);
    free(bytes);
    free(path);
}
END_TEST

/* --- small files -------------------------------------------------------------------------- */

START_TEST(a_damaged_checkpoint_is_found)
{
    static const char *const names[] = {
        "recovery-point-offset-checkpoint", "log-start-offset-checkpoint",
        "replication-offset-checkpoint", "cleaner-offset-checkpoint", "kairn-checkpoint",
        "meta.properties", "kairn.properties",
    };

    write_own(names[_i], "0\n2\nt 0\n");

    expect(LOG_FINDING_FAULT, names[_i], "form", -1);
}
END_TEST

START_TEST(a_checkpoint_beyond_the_end_is_found)
{
    static const char *const names[] = { "recovery-point-offset-checkpoint",
                                         "log-start-offset-checkpoint",
                                         "replication-offset-checkpoint",
                                         "cleaner-offset-checkpoint" };

    write_own(names[_i], "0\n1\nt 0 61\n");

    verify_all();

    ck_assert_int_eq(found_count, 1);
    ck_assert_ptr_nonnull(strstr(found[0].what, names[_i]));
    ck_assert_int_eq(found[0].offset, 61);
}
END_TEST

START_TEST(a_checkpoint_of_a_partition_that_is_not_there_is_a_note)
{
    write_own("recovery-point-offset-checkpoint", "0\n2\nt 0 60\ngone 3 7\n");

    verify_all();

    ck_assert_int_eq(found_count, 1);
    ck_assert_int_eq(found[0].kind, LOG_FINDING_NOTE);
    ck_assert_ptr_nonnull(strstr(found[0].what, "gone-3"));
}
END_TEST

static void garbage(uint8_t *bytes, size_t *size)
{
    memset(bytes, 'x', *size);
}

START_TEST(damaged_files_of_a_partition_are_found)
{
    static const char *const names[] = { "leader-epoch-checkpoint", "partition.metadata" };

    change(names[_i], garbage);

    expect(LOG_FINDING_FAULT, names[_i], "form", -1);
}
END_TEST

START_TEST(unfinished_work_is_a_note)
{
    char *path = fixture_file(&f, "00000000000000000000.log.deleted");
    write_file(path, "", 0);

    expect(LOG_FINDING_NOTE, ".deleted", "unfinished", -1);
    free(path);
}
END_TEST

START_TEST(a_segment_that_can_not_be_read_does_not_hide_the_others)
{
    char *path = fixture_file(&f, first_log);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(io_system.mkdir(&io_system, path, 0755), 0);

    verify_all();

    ck_assert_int_ge(summary.faults, 1);
    ck_assert_int_eq(summary.batches, 20);
    ck_assert_int_eq(rmdir(path), 0);
    free(path);
}
END_TEST

Suite *verify_suite(void)
{
    Suite *suite = suite_create("server/storage/verify");
    TCase *tests = tcase_create("verify");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_sound_directory_has_no_faults_and_is_counted);
    tcase_add_test(tests, a_partition_and_a_file_can_be_verified_alone);
    tcase_add_test(tests, a_directory_in_use_is_verified_and_said_to_be);
    tcase_add_test(tests, a_flipped_bit_is_found_in_its_batch);
    tcase_add_test(tests, a_batch_that_is_cut_short_is_found);
    tcase_add_test(tests, missing_offsets_are_found_unless_compaction_took_them);
    tcase_add_test(tests, a_missing_segment_is_found);
    tcase_add_test(tests, records_that_can_not_be_read_are_found);
    tcase_add_test(tests, compressed_records_that_can_not_be_opened_are_found);
    tcase_add_test(tests, an_unknown_codec_is_found);
    tcase_add_test(tests, a_wrong_leader_epoch_is_found);
    tcase_add_test(tests, a_torn_tail_is_found_at_its_position);
    tcase_add_loop_test(tests, a_damaged_offset_index_is_found, 0, 5);
    tcase_add_loop_test(tests, a_damaged_time_index_is_found, 0, 4);
    tcase_add_test(tests, the_index_of_another_segment_is_found);
    tcase_add_test(tests, a_missing_index_is_a_fault_only_of_a_sealed_segment);
    tcase_add_test(tests, room_that_kafka_made_in_an_index_is_no_fault);
    tcase_add_loop_test(tests, a_damaged_checkpoint_is_found, 0, 7);
    tcase_add_loop_test(tests, a_checkpoint_beyond_the_end_is_found, 0, 4);
    tcase_add_test(tests, a_checkpoint_of_a_partition_that_is_not_there_is_a_note);
    tcase_add_loop_test(tests, damaged_files_of_a_partition_are_found, 0, 2);
    tcase_add_test(tests, unfinished_work_is_a_note);
    tcase_add_test(tests, a_segment_that_can_not_be_read_does_not_hide_the_others);
    suite_add_tcase(suite, tests);
    return suite;
}
