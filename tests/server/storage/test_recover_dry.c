/* What a dry run says is what a start then does; and the dry run itself does nothing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "server/storage/recover_dry.h"
#include "tests/server/storage/clean_rig.h"

Suite *recover_dry_suite(void);

static struct fixture f;
static struct log_recover_summary summary;
static struct k_reason reason;
static char told[16384];

static void setup(void)
{
    fixture_init(&f);
    for (int i = 0; i < 30; i++) {
        f.config.segment_bytes = i > 0 && i % 10 == 0 ? 200 : 1 << 20;
        log_set_config(f.log, &f.config);
        ck_assert_int_eq(fixture_append(&f, 2, 5, 100 + 10 * i), 0);
    }
}

static void teardown(void)
{
    fixture_fini(&f);
}

static void note(void *context, const char *line)
{
    (void)context;
    size_t used = strlen(told);
    ck_assert_uint_lt(used + strlen(line) + 1, sizeof told);
    snprintf(told + used, sizeof told - used, "%s\n", line);
}

/* Names, sizes, times and contents of all files, as one line of text. */
static void fingerprint(char *text, size_t size)
{
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && (find . -printf '%%p %%s %%T@ %%C@\\n' | sort; "
             "find . -type f -print0 | sort -z | xargs -0 cat) | md5sum",
             f.path);
    FILE *in = popen(command, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(fgets(text, (int)size, in));
    pclose(in);
}

/* A dry run, and that it changed nothing. */
static int rehearse(void)
{
    char before[64], after[64];

    told[0] = '\0';
    log_set_level(LOG_LEVEL_INFO);
    fingerprint(before, sizeof before);
    int code = log_recover_dry(f.path, note, NULL, &summary, &reason);
    fingerprint(after, sizeof after);
    ck_assert_str_eq(before, after);
    return code;
}

static void append_garbage(const char *name)
{
    char *path = fixture_file(&f, name);
    FILE *out = fopen(path, "a");
    ck_assert_ptr_nonnull(out);
    fwrite("no batch at all, just text after the log's end", 1, 40, out);
    fclose(out);
    free(path);
}

START_TEST(after_a_clean_stop_there_is_nothing_to_do)
{
    fixture_close(&f, true);

    ck_assert_int_eq(rehearse(), 0);

    ck_assert(summary.clean);
    ck_assert_int_eq(summary.partitions, 1);
    ck_assert_int_eq(summary.cuts, 0);
    ck_assert_ptr_nonnull(strstr(told, "would-open topic=t partition=0 start=0 end=60 "));
    ck_assert_ptr_nonnull(strstr(told, ".kafka_cleanshutdown"));
}
END_TEST

START_TEST(a_torn_tail_is_told_with_offsets_and_then_cut_by_a_start)
{
    fixture_close(&f, false);
    append_garbage("00000000000000000040.log");

    ck_assert_int_eq(rehearse(), 0);
    ck_assert(!summary.clean);
    ck_assert_int_eq(summary.cuts, 1);
    ck_assert_int_eq(summary.cut_bytes, 40);
    ck_assert_ptr_nonnull(strstr(told, "log-cut topic=t partition=0 end=60 "));
    ck_assert_ptr_nonnull(strstr(told, "would-open topic=t partition=0 start=0 end=60 "));

    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_cut_in_an_early_segment_drops_the_later_ones)
{
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    char *path = fixture_file(&f, "00000000000000000000.log");
    damage_byte(path, file_size(path) - 3, 1);
    free(path);

    ck_assert_int_eq(rehearse(), 0);

    ck_assert_ptr_nonnull(strstr(told, "log-cut topic=t partition=0 end=18 "));
    ck_assert_ptr_nonnull(strstr(told, "segment-dropped"));
    ck_assert_ptr_nonnull(strstr(told, "would-delete file="));
    ck_assert_ptr_nonnull(strstr(told, "would-open topic=t partition=0 start=0 end=18 "));
    ck_assert_int_ge(summary.removals, 2);
    model_cut(&f.model, 18);
    fixture_open(&f);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_damaged_index_would_be_written_anew)
{
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    char *path = fixture_file(&f, "00000000000000000020.index");
    ck_assert_int_eq(unlink(path), 0);

    ck_assert_int_eq(rehearse(), 0);

    ck_assert_ptr_nonnull(strstr(told, "would-open topic=t partition=0 start=0 end=60 "));
    ck_assert_int_gt(summary.bytes_read, 1000);
    free(path);
}
END_TEST

/* Compaction was cut off when the new segment was decided on, or when the old ones were gone. */
static void interrupt_swap(struct rig *rig, enum clean_turn last)
{
    struct clean_options options = rig_options(rig);
    struct clean_job *job;
    int turns = 0;
    ck_assert_int_eq(log_flush(rig->f.log), 0);
    ck_assert_int_eq(clean_begin(rig->f.log, &options, &job), 0);
    while (rig_files(rig, ".log.swap") == 0 || clean_turn(job) != last) {
        ck_assert_int_lt(turns++, 100);
        if (clean_turn(job) == CLEAN_AWAY)
            clean_away(job, 1 << 20);
        else
            ck_assert_int_eq(clean_home(job), 0);
    }
    clean_free(job);
    rig_close(rig, false);
}

START_TEST(an_unfinished_swap_is_finished)
{
    static const enum clean_turn cuts[] = { CLEAN_AWAY, CLEAN_HOME };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct rig rig;
        struct rand rand;
        rand_seed(&rand, 1);
        rig_init(&rig);
        for (int j = 0; j < 20; j++)
            ck_assert_int_eq(rig_append(&rig, &rand), 0);
        rig_roll(&rig);
        interrupt_swap(&rig, cuts[i]);
        char expected[64], path[64];
        snprintf(expected, sizeof expected, "start=0 end=%d ", (int)rig.count);
        memcpy(path, f.path, sizeof path);
        memcpy(f.path, rig.f.path, sizeof path);

        ck_assert_int_eq(rehearse(), 0);

        ck_assert_msg(strstr(told, expected) != NULL, "%s", told);
        ck_assert_int_eq(summary.failed, 0);
        memcpy(f.path, path, sizeof path);
        fixture_open(&rig.f);
        ck_assert_int_eq(log_start(rig.f.log), 0);
        ck_assert_int_eq(log_end(rig.f.log), rig.count);
        rig_fini(&rig);
    }
}
END_TEST

START_TEST(a_segment_that_a_start_makes_is_there_for_it)
{
    ck_assert_int_eq(log_flush(f.log), 0);
    fixture_close(&f, false);
    char *path = fixture_file(&f, "00000000000000000040.log");
    ck_assert_int_eq(truncate(path, file_size(path) - 1), 0);

    ck_assert_int_eq(rehearse(), 0);

    ck_assert_msg(strstr(told, "would-open topic=t partition=0 start=0 end=60 ") != NULL, "%s",
                  told);
    ck_assert_int_eq(summary.failed, 0);
    fixture_open(&f);
    ck_assert_int_eq(log_end(f.log), 60);
    free(path);
}
END_TEST

/* While nobody knows up to where it was, all holes are taken for its. */
START_TEST(where_compaction_has_been_nothing_is_cut_at_a_hole)
{
    ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_CLEANED, "t", 0, 10), 0);
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    char *path = fixture_file(&f, "00000000000000000020.log");
    ck_assert_int_eq(unlink(path), 0);

    ck_assert_int_eq(rehearse(), 0);

    ck_assert_msg(strstr(told, "would-open topic=t partition=0 start=0 end=60 ") != NULL, "%s",
                  told);
    f.config.compacted = true;
    fixture_open(&f);
    ck_assert_int_eq(log_end(f.log), 60);
    free(path);
}
END_TEST

START_TEST(a_directory_in_use_is_refused)
{
    ck_assert_int_eq(rehearse(), K_BUSY);
    ck_assert_ptr_nonnull(strstr(reason.text, "kairn log verify"));
    ck_assert_int_eq(log_recover_dry("/nonexistent", note, NULL, &summary, &reason), K_NOT_FOUND);
}
END_TEST

START_TEST(an_identity_that_a_start_refuses_is_told)
{
    char path[128];
    fixture_close(&f, true);
    snprintf(path, sizeof path, "%s/meta.properties", f.path);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs("version=7\n", out);
    fclose(out);

    ck_assert_int_eq(rehearse(), K_CORRUPT);
}
END_TEST

Suite *recover_dry_suite(void)
{
    Suite *suite = suite_create("server/storage/recover_dry");
    TCase *tests = tcase_create("recover_dry");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, after_a_clean_stop_there_is_nothing_to_do);
    tcase_add_test(tests, a_torn_tail_is_told_with_offsets_and_then_cut_by_a_start);
    tcase_add_test(tests, a_cut_in_an_early_segment_drops_the_later_ones);
    tcase_add_test(tests, a_damaged_index_would_be_written_anew);
    tcase_add_test(tests, an_unfinished_swap_is_finished);
    tcase_add_test(tests, a_segment_that_a_start_makes_is_there_for_it);
    tcase_add_test(tests, where_compaction_has_been_nothing_is_cut_at_a_hole);
    tcase_add_test(tests, a_directory_in_use_is_refused);
    tcase_add_test(tests, an_identity_that_a_start_refuses_is_told);
    suite_add_tcase(suite, tests);
    return suite;
}
