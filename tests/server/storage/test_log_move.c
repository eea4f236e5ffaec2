/* A log goes to another directory: nothing is lost or there twice, whatever fails and wherever the
 * process ends. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/storage/log_move.h"
#include "server/storage/logdir_internal.h"
#include "tests/server/storage/fixture.h"

Suite *log_move_suite(void);

static const char topic[] = "t";

static struct fixture f;                /* the log; where it is when a case begins */
static char other_path[80];
static struct logdir *other;

static void open_other(void)
{
    struct k_reason reason;
    ck_assert_int_eq(logdir_open(other_path, &f.fault.io, &other, &reason), 0);
}

static void close_other(void)
{
    logdir_close(other, true);
    other = NULL;
}

static void setup(void)
{
    fixture_init(&f);
    f.config.segment_bytes = 1000;
    f.config.index_interval_bytes = 300;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 150, i), 0);
    snprintf(other_path, sizeof other_path, "%s/other", f.path);
    open_other();
}

static void teardown(void)
{
    fault_arm(&f.fault, 0, 0, false);
    if (other != NULL)
        close_other();
    fixture_fini(&f);
}

static struct log_move *new_move(struct logdir *from, struct logdir *to)
{
    struct log_move *move;
    const struct log_move_options options = { .from = from, .to = to, .topic = topic };
    ck_assert_int_eq(log_move_new(&options, &move), 0);
    return move;
}

static int finish(struct log_move *move)
{
    char *doomed;
    int code = log_move_finish(move, &doomed);
    ck_assert(code == 0 || doomed == NULL);
    free(doomed);
    return code;
}

/* Close the log, as it is before the end of its move. */
static int close_log(void)
{
    int code = log_close(f.log, true);
    f.log = NULL;
    return code;
}

static int open_log_in(struct logdir *directory)
{
    const struct log_options options = { .directory = directory, .topic = topic,
                                         .config = f.config };
    struct k_reason reason;
    return log_open(&options, &f.log, &reason);
}

static bool holds(const char *directory, const char *name)
{
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &status) == 0;
}

/* Entries of a directory whose names end in `suffix`. */
static int count(const char *directory, const char *suffix)
{
    int found = 0;
    DIR *listing = opendir(directory);
    ck_assert_ptr_nonnull(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL; ) {
        size_t size = strlen(entry->d_name);
        found += size >= strlen(suffix) &&
                 strcmp(entry->d_name + size - strlen(suffix), suffix) == 0;
    }
    closedir(listing);
    return found;
}

START_TEST(a_log_that_is_written_to_meanwhile_is_moved_whole)
{
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    ck_assert(holds(f.path, "t-0") && !holds(other_path, "t-0"));
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 150, 100 + i), 0);
    ck_assert_int_eq(close_log(), 0);

    ck_assert_int_eq(finish(move), 0);

    log_move_free(move, true);
    ck_assert(!holds(f.path, "t-0") && holds(other_path, "t-0"));
    ck_assert_int_eq(count(f.path, "-delete"), 1);
    ck_assert(logdir_rests(other, topic, 0));
    ck_assert_int_eq(open_log_in(other), 0);
    ck_assert(!holds(other_path, "t-0/kairn-arrived"));
    fixture_verify(&f);
    ck_assert_int_eq(log_recovery_point(f.log), log_end(f.log));
    ck_assert_int_eq(close_log(), 0);
}
END_TEST

START_TEST(files_that_went_away_meanwhile_do_not_come_along)
{
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    ck_assert_int_eq(log_truncate(f.log, 6), 0);
    model_cut(&f.model, 6);
    ck_assert_int_eq(fixture_append(&f, 1, 150, 500), 0);
    ck_assert_int_eq(close_log(), 0);

    ck_assert_int_eq(finish(move), 0);

    log_move_free(move, true);
    ck_assert_int_eq(open_log_in(other), 0);
    fixture_verify(&f);
    ck_assert_int_eq(close_log(), 0);
}
END_TEST

START_TEST(marks_come_along)
{
    static const int64_t marks[LOGDIR_MARKS] = {
        [LOGDIR_RECOVERY_POINT] = 4, [LOGDIR_LOG_START] = 2, [LOGDIR_HIGH_WATERMARK] = 20,
        [LOGDIR_WRITTEN_END] = 24, [LOGDIR_CLEANED] = 3 };
    for (int mark = 0; mark < LOGDIR_MARKS; mark++)
        ck_assert_int_eq(logdir_set_mark(f.directory, mark, topic, 0, marks[mark]), 0);
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    ck_assert_int_eq(close_log(), 0);

    ck_assert_int_eq(finish(move), 0);

    log_move_free(move, true);
    logdir_close(other, false);
    open_other();
    for (int mark = 0; mark < LOGDIR_MARKS; mark++)
        ck_assert_int_eq(logdir_mark(other, mark, topic, 0),
                         mark == LOGDIR_RECOVERY_POINT ? 24 : marks[mark]);
    ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, topic, 0), -1);
}
END_TEST

START_TEST(what_was_copied_for_nothing_is_deleted)
{
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    ck_assert_int_eq(count(other_path, "-future"), 1);

    log_move_free(move, true);

    ck_assert_int_eq(count(other_path, "-future"), 0);
    fixture_verify(&f);
}
END_TEST

START_TEST(a_copy_that_a_crash_left_is_no_log)
{
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    log_move_free(move, false);
    logdir_close(other, false);

    open_other();

    ck_assert_int_eq(count(other_path, "-future"), 0);
    ck_assert_int_eq(count(other_path, "-delete"), 1);
    logdir_delete_doomed(other, NULL, NULL);
    ck_assert_int_eq(count(other_path, "-delete"), 0);
}
END_TEST

START_TEST(where_something_has_the_name_nothing_is_changed)
{
    char path[200];
    snprintf(path, sizeof path, "%s/t-0", other_path);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    struct log_move *move = new_move(f.directory, other);

    ck_assert_int_eq(log_move_copy(move), K_EXISTS);

    log_move_free(move, true);
    ck_assert(!logdir_fenced(other));
    fixture_verify(&f);
}
END_TEST

/* What a start does with both directories; *in is the one to be used. */
static void start_over(struct logdir **in)
{
    fault_arm(&f.fault, 0, 0, false);
    if (f.log != NULL)
        (void)close_log();
    logdir_close(f.directory, false);
    logdir_close(other, false);
    struct k_reason reason;
    ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
    open_other();
    logdir_loss_told(f.directory);
    logdir_loss_told(other);
    bool here = holds(f.path, "t-0"), there = holds(other_path, "t-0");
    ck_assert(here || there);
    *in = here ? f.directory : other;
    if (here && there)
        ck_assert_int_eq(log_move_settle(f.directory, other, topic, 0, in), 0);
    ck_assert(holds(f.path, "t-0") != holds(other_path, "t-0"));
    logdir_delete_doomed(f.directory, NULL, NULL);
    logdir_delete_doomed(other, NULL, NULL);
}

/* Move with the n-th call failing; whatever comes of it, the log is whole in the directory that the
 * move says, and in the one that the next start says. `lasting`: as if the process ended there. */
static void move_with_every_call_failing(int code, bool lasting)
{
    struct logdir *from = f.directory, *to = other;
    for (int n = 1, fired = 1; fired > 0; n++) {
        ck_assert_int_lt(n, 2000);
        struct log_move *move = new_move(from, to);
        fault_arm(&f.fault, n, code, lasting);
        int result = log_move_copy(move);
        int appended = fixture_append(&f, 1, 150, 1000 + n);
        ck_assert(appended == 0 || f.fault.fired > 0);
        if (close_log() != 0 && result == 0)
            result = K_IO;
        if (result == 0)
            result = finish(move);
        fired = f.fault.fired;
        log_move_free(move, n % 2 == 0);
        ck_assert(fired > 0 || result == 0);
        struct logdir *serving = result == 0 ? to : from;
        fault_arm(&f.fault, 0, 0, false);
        if (code == ENOSPC)
            ck_assert(!logdir_fenced(f.directory) && !logdir_fenced(other));
        if (!logdir_fenced(serving)) {          /* what is written from now on counts */
            ck_assert_int_eq(open_log_in(serving), 0);
            fixture_verify(&f);
            ck_assert_int_eq(fixture_append(&f, 1, 150, 5000 + n), 0);
        }

        struct logdir *in;
        start_over(&in);
        ck_assert_int_eq(open_log_in(in), 0);
        fixture_verify(&f);
        from = in;
        to = in == other ? f.directory : other;
        if (f.model.count > 30) {
            ck_assert_int_eq(log_truncate(f.log, 12), 0);
            model_cut(&f.model, 12);
        }
    }
    ck_assert_int_eq(close_log(), 0);
}

START_TEST(an_error_at_any_call_loses_nothing) { move_with_every_call_failing(EIO, false); }
END_TEST

START_TEST(an_end_at_any_call_loses_nothing) { move_with_every_call_failing(EIO, true); }
END_TEST

START_TEST(a_full_disk_at_any_call_loses_nothing) { move_with_every_call_failing(ENOSPC, false); }
END_TEST

START_TEST(a_disk_that_stays_full_takes_nothing_out_of_use)
{
    move_with_every_call_failing(ENOSPC, true);
}
END_TEST

/* The process ends as soon as the copy has its name; then both are there. */
static void leave_both(void)
{
    f.fault.forgetful = true;           /* else some tries begin after a loss, with other calls */
    struct log_move *move = new_move(f.directory, other);
    ck_assert_int_eq(log_move_copy(move), 0);
    ck_assert_int_eq(close_log(), 0);
    int calls = 0;
    for (bool both = false; !both; calls++) {
        ck_assert_int_lt(calls, 1000);
        fault_arm(&f.fault, calls + 1, EIO, true);
        (void)finish(move);
        log_move_free(move, false);
        fault_arm(&f.fault, 0, 0, false);
        both = holds(f.path, "t-0") && holds(other_path, "t-0");
        if (!both) {
            struct logdir *in;
            start_over(&in);
            ck_assert_ptr_eq(in, f.directory);
            ck_assert_int_eq(open_log_in(in), 0);
            move = new_move(f.directory, other);
            ck_assert_int_eq(log_move_copy(move), 0);
            ck_assert_int_eq(close_log(), 0);
        }
    }
    logdir_close(f.directory, false);
    logdir_close(other, false);
    struct k_reason reason;
    ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
    open_other();
}

START_TEST(the_copy_counts_when_none_was_opened_since)
{
    struct logdir *winner = NULL;
    leave_both();

    ck_assert_int_eq(log_move_settle(f.directory, other, topic, 0, &winner), 0);

    ck_assert_ptr_eq(winner, other);
    ck_assert(!holds(f.path, "t-0"));
    ck_assert_int_eq(count(f.path, "-delete"), 1);
}
END_TEST

START_TEST(what_went_on_while_a_directory_was_missing_counts)
{
    for (int there = 0; there < 2; there++) {
        struct logdir *winner = NULL;
        leave_both();
        struct logdir *used = there == 1 ? other : f.directory;
        ck_assert_int_eq(open_log_in(used), 0);
        ck_assert_int_eq(fixture_append(&f, 1, 150, 7000), 0);
        ck_assert_int_eq(close_log(), 0);

        ck_assert_int_eq(log_move_settle(other, f.directory, topic, 0, &winner), 0);

        ck_assert_ptr_eq(winner, used);
        ck_assert_int_eq(open_log_in(winner), 0);
        fixture_verify(&f);
    }
    ck_assert_int_eq(close_log(), 0);
}
END_TEST

START_TEST(two_of_a_name_of_which_none_arrived_are_not_judged)
{
    char path[200];
    struct logdir *winner = NULL;
    snprintf(path, sizeof path, "%s/t-0", other_path);
    ck_assert_int_eq(mkdir(path, 0755), 0);

    ck_assert_int_eq(log_move_settle(f.directory, other, topic, 0, &winner), K_NOT_FOUND);

    ck_assert(holds(f.path, "t-0") && holds(other_path, "t-0"));
}
END_TEST

Suite *log_move_suite(void)
{
    Suite *suite = suite_create("server/storage/log_move");
    TCase *tests = tcase_create("log_move");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_log_that_is_written_to_meanwhile_is_moved_whole);
    tcase_add_test(tests, files_that_went_away_meanwhile_do_not_come_along);
    tcase_add_test(tests, marks_come_along);
    tcase_add_test(tests, what_was_copied_for_nothing_is_deleted);
    tcase_add_test(tests, a_copy_that_a_crash_left_is_no_log);
    tcase_add_test(tests, where_something_has_the_name_nothing_is_changed);
    tcase_add_test(tests, an_error_at_any_call_loses_nothing);
    tcase_add_test(tests, an_end_at_any_call_loses_nothing);
    tcase_add_test(tests, a_full_disk_at_any_call_loses_nothing);
    tcase_add_test(tests, a_disk_that_stays_full_takes_nothing_out_of_use);
    tcase_add_test(tests, the_copy_counts_when_none_was_opened_since);
    tcase_add_test(tests, what_went_on_while_a_directory_was_missing_counts);
    tcase_add_test(tests, two_of_a_name_of_which_none_arrived_are_not_judged);
    suite_add_tcase(suite, tests);
    return suite;
}
