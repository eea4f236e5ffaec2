/* What a dry run says is what a start then does; and the dry run itself does nothing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "server/storage/recover_dry.h"
#include "tests/server/storage/fixture.h"

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
    tcase_add_test(tests, a_directory_in_use_is_refused);
    tcase_add_test(tests, an_identity_that_a_start_refuses_is_told);
    suite_add_tcase(suite, tests);
    return suite;
}
