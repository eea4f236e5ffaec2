#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/server/storage/fixture.h"

Suite *logdir_suite(void);

static struct fixture f;
static struct k_reason reason;

static void setup(void) { fixture_init(&f); }
static void teardown(void) { fixture_fini(&f); }

static char *path_of(const char *name)
{
    char *path;
    ck_assert_int_gt(asprintf(&path, "%s/%s", f.path, name), 0);
    return path;
}

static void write_text(const char *name, const char *text)
{
    char *path = path_of(name);
    ck_assert_int_eq(io_replace_file(&io_system, path, text, strlen(text), IO_LAZY), 0);
    free(path);
}

static void check_text(const char *name, const char *expected)
{
    char *path = path_of(name), *text;
    size_t size;
    ck_assert_int_eq(io_read_file(&io_system, path, 1 << 20, &text, &size), 0);
    ck_assert_str_eq(text, expected);
    free(text);
    free(path);
}

START_TEST(a_directory_in_use_is_refused_even_to_the_same_process)
{
    struct logdir *second;

    ck_assert_int_eq(logdir_open(f.path, &io_system, &second, &reason), K_BUSY);
    char holder[32];
    snprintf(holder, sizeof holder, "process %d)", (int)getpid());
    ck_assert_ptr_nonnull(strstr(reason.text, holder));
}
END_TEST

START_TEST(a_claimed_directory_names_its_owner)
{
    struct logdir_identity first;
    ck_assert_int_eq(logdir_claim(f.directory, 3, "Xg7dcfA3R8ug8gNSsGPBYg", &reason), 0);
    first = *logdir_identity(f.directory);
    fixture_close(&f, true);
    fixture_open(&f);

    ck_assert_int_eq(logdir_identity(f.directory)->broker_id, 3);
    ck_assert_str_eq(logdir_identity(f.directory)->cluster_id, "Xg7dcfA3R8ug8gNSsGPBYg");
    ck_assert(uuid_equal(&logdir_identity(f.directory)->directory_id, &first.directory_id));
    ck_assert_int_eq(logdir_claim(f.directory, 3, "Xg7dcfA3R8ug8gNSsGPBYg", &reason), 0);
    ck_assert_int_eq(logdir_claim(f.directory, 4, "Xg7dcfA3R8ug8gNSsGPBYg", &reason),
                     K_WRONG_BROKER);
    ck_assert_ptr_nonnull(strstr(reason.text, "broker.id=3"));
    ck_assert_int_eq(logdir_claim(f.directory, 3, "Yg7dcfA3R8ug8gNSsGPBYg", &reason),
                     K_WRONG_CLUSTER);
}
END_TEST

START_TEST(the_incarnation_is_remembered)
{
    struct uuid id = uuid_random();
    ck_assert(uuid_is_zero(&logdir_identity(f.directory)->incarnation));
    ck_assert_int_eq(logdir_set_incarnation(f.directory, &id), 0);
    fixture_close(&f, false);
    fixture_open(&f);

    ck_assert(uuid_equal(&logdir_identity(f.directory)->incarnation, &id));
}
END_TEST

START_TEST(a_damaged_identity_is_refused_with_a_reason)
{
    static const char *const texts[] = {"",
                                        "version=1\nnode.id=1\n",
                                        "version=0\nbroker.id=x\n",
                                        "version=0\nbroker.id=1\n",
                                        "version=0\nbroker.id=1\ncluster.id=\n",
                                        "version=0\nbroker.id=1\ncluster.id=a\ndirectory.id=zz\n"};
    fixture_close(&f, true);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct logdir *directory;
        write_text("meta.properties", texts[i]);
        ck_assert_int_eq(logdir_open(f.path, &io_system, &directory, &reason), K_CORRUPT);
        ck_assert_ptr_nonnull(strstr(reason.text, "meta.properties"));
    }
}
END_TEST

START_TEST(marks_survive_in_kafkas_files)
{
    ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0), -1);
    ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0, 7), 0);
    ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_LOG_START, "t", 0, 2), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);

    check_text("replication-offset-checkpoint", "0\n1\nt 0 7\n");
    check_text("log-start-offset-checkpoint", "0\n1\nt 0 2\n");
    fault_arm(&f.fault, 0, 0, false);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    ck_assert_int_eq(f.fault.calls, 0);                 /* nothing changed, nothing written */
    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_LOG_START, "t", 0), 2);
}
END_TEST

START_TEST(damaged_checkpoints_count_as_missing)
{
    static const char *const texts[] = { "", "0", "0\n", "1\n0\n", "0\n2\nt 0 1\n", "0\n1\nt 0\n",
                                         "0\n1\nt 0 99999999999999999999\n", "0\n1\nt 0 -1\n",
                                         "0\n1\nt 0 1\nmore\n", "0\n-1\n", "\n\n" };
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fixture_close(&f, false);
        write_text("recovery-point-offset-checkpoint", texts[i]);
        write_text("kairn-checkpoint", texts[i]);
        fixture_open(&f);
        fixture_verify(&f);
        ck_assert_int_eq(log_recovery_point(f.log), 0);
    }
}
END_TEST

START_TEST(marks_of_an_ancestor_do_not_speak_for_a_new_log)
{
    ck_assert_int_eq(fixture_append(&f, 5, 10, 1), 0);
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    check_text("recovery-point-offset-checkpoint", "0\n1\nt 0 5\n");
    ck_assert_int_eq(log_remove(f.log, NULL), 0);
    f.log = NULL;
    logdir_delete_doomed(f.directory, NULL, NULL);
    logdir_close(f.directory, false);
    write_text("recovery-point-offset-checkpoint",
               "0\n1\nt 0 5\n"); /* the removal came to no checkpoint */

    fixture_open(&f);

    check_text("recovery-point-offset-checkpoint", "0\n0\n");
    ck_assert_int_eq(log_end(f.log), 0);
    ck_assert_int_eq(log_recovery_point(f.log), 0);
}
END_TEST

START_TEST(partitions_are_listed_and_set_aside)
{
    struct logdir_entry *entries;
    size_t count;
    struct uuid id = { { 1 } };

    ck_assert_int_eq(logdir_list(f.directory, &entries, &count), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(entries[0].topic, "t");
    ck_assert(uuid_equal(&entries[0].topic_id, &id));
    logdir_entries_free(entries, count);

    log_close(f.log, true);
    f.log = NULL;
    ck_assert_int_eq(logdir_set_aside(f.directory, "t", 0), 0);
    ck_assert_int_eq(logdir_list(f.directory, &entries, &count), 0);
    ck_assert_uint_eq(count, 0);
    logdir_entries_free(entries, count);
    logdir_delete_doomed(f.directory, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "ls -d %s/t-0.*-stray > /dev/null", f.path);
    ck_assert_int_eq(system(command), 0);               /* kept */
}
END_TEST

static void *set_marks(void *context)
{
    char topic[16];
    const char *name = context;
    for (int i = 0; i < 500; i++) {
        snprintf(topic, sizeof topic, "%s%d", name, i % 20);
        ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_HIGH_WATERMARK, topic, 0, i), 0);
        if (i % 50 == 0)
            logdir_forget(f.directory, topic, 0);
    }
    return NULL;
}

START_TEST(marks_may_be_set_by_every_thread_while_they_are_written)
{
    pthread_t threads[2];
    static char names[2][2] = { "a", "b" };
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, set_marks, names[i]), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);

    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, "a19", 0), 499);
}
END_TEST

START_TEST(a_stop_is_clean_only_when_every_log_was_closed_clean)
{
    log_close(f.log, false);
    f.log = NULL;
    logdir_close(f.directory, true);
    fixture_open(&f);
    ck_assert(!logdir_was_clean(f.directory));

    fixture_close(&f, true);
    fixture_open(&f);
    ck_assert(logdir_was_clean(f.directory));
}
END_TEST

Suite *logdir_suite(void)
{
    Suite *suite = suite_create("server/storage/logdir");
    TCase *tests = tcase_create("logdir");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_directory_in_use_is_refused_even_to_the_same_process);
    tcase_add_test(tests, a_claimed_directory_names_its_owner);
    tcase_add_test(tests, the_incarnation_is_remembered);
    tcase_add_test(tests, a_damaged_identity_is_refused_with_a_reason);
    tcase_add_test(tests, marks_survive_in_kafkas_files);
    tcase_add_test(tests, damaged_checkpoints_count_as_missing);
    tcase_add_test(tests, marks_of_an_ancestor_do_not_speak_for_a_new_log);
    tcase_add_test(tests, partitions_are_listed_and_set_aside);
    tcase_add_test(tests, marks_may_be_set_by_every_thread_while_they_are_written);
    tcase_add_test(tests, a_stop_is_clean_only_when_every_log_was_closed_clean);
    suite_add_tcase(suite, tests);
    return suite;
}
