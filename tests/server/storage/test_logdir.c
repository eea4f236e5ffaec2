#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
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

static char *read_text(const char *name)
{
    char *path = path_of(name), *text;
    size_t size;
    ck_assert_int_eq(io_read_file(&io_system, path, 1 << 20, &text, &size), 0);
    free(path);
    return text;
}

static void check_text(const char *name, const char *expected)
{
    char *text = read_text(name);
    ck_assert_str_eq(text, expected);
    free(text);
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

START_TEST(a_path_that_is_none_is_not_said_to_belong_to_others)
{
    struct logdir *other;

    errno = EACCES;                                     /* from before */
    ck_assert_int_ne(logdir_open("", &io_system, &other, &reason), 0);

    ck_assert_str_eq(reason.text, "cannot make log directory : No such file or directory");
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

static size_t known(struct uuid *out)
{
    return logdir_known_incarnations(&f.directory, 1, out);
}

static void reopen(void)
{
    fixture_close(&f, false);
    fixture_open(&f);
}

START_TEST(starts_that_may_not_have_registered_are_remembered_beside_the_last_that_did)
{
    struct uuid ids[20], found[LOGDIR_INCARNATIONS + 1];
    for (size_t i = 0; i < 20; i++)
        ids[i] = uuid_random();
    ck_assert_int_eq(logdir_claim(f.directory, 3, "Xg7dcfA3R8ug8gNSsGPBYg", &reason), 0);
    ck_assert_uint_eq(known(found), 0);
    for (size_t i = 0; i < 20; i++) {
        ck_assert_int_eq(logdir_set_incarnation(f.directory, &ids[i]), 0);
        if (i == 0) {
            logdir_incarnation_registered(f.directory);
            ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
        }
        reopen();
        size_t count = known(found);
        ck_assert_uint_eq(count, i < LOGDIR_INCARNATIONS ? i + 1 : LOGDIR_INCARNATIONS + 1);
        ck_assert(uuid_equal(&found[0], &ids[i]));
        ck_assert(uuid_equal(&found[count - 1], &ids[0]));      /* the one that surely did */
    }
    logdir_incarnation_registered(f.directory);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    reopen();
    ck_assert_uint_eq(known(found), 1);
    ck_assert(uuid_equal(&found[0], &ids[19]));
    write_text("kairn.properties", "version=0\nincarnation=Xg7dcfA3R8ug8gNSsGPBYg\nearlier=x\n");
    reopen();
    ck_assert_uint_eq(known(found), 0);
}
END_TEST

START_TEST(what_is_known_is_what_all_directories_know_that_were_in_use)
{
    struct fixture other;
    struct uuid found[LOGDIR_INCARNATIONS + 1], ids[3];
    for (size_t i = 0; i < 3; i++)
        ids[i] = uuid_random();
    fixture_init(&other);
    struct logdir *both[] = { other.directory, f.directory };
    ck_assert_int_eq(logdir_claim(f.directory, 3, "Xg7dcfA3R8ug8gNSsGPBYg", &reason), 0);
    ck_assert_int_eq(logdir_set_incarnation(f.directory, &ids[0]), 0);
    ck_assert_uint_eq(logdir_known_incarnations(both, 2, found), 1);        /* the other is new */

    ck_assert_int_eq(logdir_claim(other.directory, 3, "Xg7dcfA3R8ug8gNSsGPBYg", &reason), 0);
    ck_assert_uint_eq(logdir_known_incarnations(both, 2, found), 0);
    ck_assert_int_eq(logdir_set_incarnation(other.directory, &ids[1]), 0);
    ck_assert_uint_eq(logdir_known_incarnations(both, 2, found), 0);        /* it was away */
    ck_assert_int_eq(logdir_set_incarnation(f.directory, &ids[2]), 0);
    ck_assert_int_eq(logdir_set_incarnation(other.directory, &ids[2]), 0);
    ck_assert_uint_eq(logdir_known_incarnations(both, 2, found), 1);
    ck_assert(uuid_equal(&found[0], &ids[2]));
    fixture_fini(&other);
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
                                         "0\n1\nt 0 1\nmore\n", "0\n1\nt 0 1", "0\n-1\n", "\n\n" };
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

/* Kafka lost them so more than once: to a start that did not come far, and wrote what it knew. */
START_TEST(high_watermarks_outlive_starts_that_fail_or_open_no_log)
{
    ck_assert_int_eq(fixture_append(&f, 10, 20, 1000), 0);
    ck_assert_int_eq(log_flush(f.log), 0);
    ck_assert_int_eq(logdir_set_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0, 7), 0);
    fixture_close(&f, false);
    bool fired = true;
    for (int n = 1; fired; n++) {
        ck_assert_int_lt(n, 1000);
        fault_arm(&f.fault, n, n % 2 == 0 ? EIO : ENOSPC, n % 3 == 0);
        int error = fixture_try_open(&f);
        fired = f.fault.fired > 0;
        if (error == 0 && n % 4 == 0)
            (void)log_checkpoint(f.log);
        log_close(f.log, n % 5 == 0);
        logdir_close(f.directory, n % 5 == 0);
        f.log = NULL;
        f.directory = NULL;

        fault_arm(&f.fault, 0, 0, false);
        ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
        ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0), 7);
        logdir_close(f.directory, n % 2 == 0);          /* and opens no log */
        f.directory = NULL;
    }
    fixture_open(&f);
    ck_assert_int_eq(logdir_mark(f.directory, LOGDIR_HIGH_WATERMARK, "t", 0), 7);
    check_text("replication-offset-checkpoint", "0\n1\nt 0 7\n");
}
END_TEST

/* --- the machine stopped ---------------------------------------------------------------------- */

START_TEST(a_start_after_a_loss_settles_it_although_nobody_writes)
{
    ck_assert_int_eq(fixture_append(&f, 3, 10, 1), 0);
    fixture_close(&f, false);
    f.fault.life = "another life";

    fixture_open(&f);
    ck_assert(logdir_may_have_lost_data(f.directory));
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    check_text("kairn-checkpoint", "another life\n0\n1\nt 0 3\n");

    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert(!logdir_may_have_lost_data(f.directory));
    fixture_verify(&f);
}
END_TEST

/* In the checkpoint of this life of the machine stands that all was written. */
static void write_some(void)
{
    ck_assert_int_eq(fixture_append(&f, 3, 10, 1), 0);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
}

static void check_loss_until_told(void)
{
    fixture_open(&f);
    ck_assert(logdir_may_have_lost_data(f.directory) && !logdir_is_foreign(f.directory));
    fixture_verify(&f);
    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert(!logdir_may_have_lost_data(f.directory));
}

START_TEST(a_directory_that_was_fenced_may_have_lost_data_at_the_next_start)
{
    write_some();
    logdir_fence(f.directory, K_IO, "test");
    check_text("kairn-checkpoint", "");         /* not only at the end: there may be none */
    fixture_close(&f, false);
    check_loss_until_told();
}
END_TEST

START_TEST(a_fenced_directory_is_not_trusted_once_the_disk_lets_us_say_so)
{
    f.fault.forgetful = true;
    write_some();
    fault_arm(&f.fault, 1, EIO, true);
    logdir_fence(f.directory, K_IO, "test");
    fault_arm(&f.fault, 0, 0, false);
    ck_assert_int_eq(logdir_checkpoint(f.directory), K_KAFKA_STORAGE_ERROR);
    check_text("kairn-checkpoint", "");
    fixture_close(&f, false);
    check_loss_until_told();
}
END_TEST

START_TEST(a_fenced_directory_is_not_trusted_although_the_disk_refuses_every_change)
{
    write_some();
    fault_arm(&f.fault, 1, EIO, true);
    logdir_fence(f.directory, K_IO, "test");
    ck_assert_int_eq(logdir_checkpoint(f.directory), K_KAFKA_STORAGE_ERROR);
    fixture_close(&f, true);
    fault_arm(&f.fault, 0, 0, false);
    char *text = read_text("kairn-checkpoint");
    ck_assert_ptr_nonnull(strstr(text, "t 0 3"));
    free(text);

    check_loss_until_told();
}
END_TEST

/* What this process says is what the next one reads, as long as it is the same directory. */
START_TEST(the_end_of_a_life_outlives_the_process)
{
    char before[IO_LIFE_SIZE], after[IO_LIFE_SIZE], again[IO_LIFE_SIZE];
    char path[128], mark[128];
    struct stat status;
    int how;
    if (access("/dev/shm", W_OK) != 0)
        return;
    snprintf(path, sizeof path, "%s/t-0", f.path);
    ck_assert_int_eq(stat(path, &status), 0);
    io_system.life(&io_system, path, before);
    ck_assert_str_ne(before, "");

    pid_t child = fork();
    if (child == 0)
        _exit(io_system.end_life(&io_system, path) == 0 ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_int_eq(how, 0);

    io_system.life(&io_system, path, after);
    io_system.life(&io_system, path, again);
    ck_assert_str_ne(before, after);
    ck_assert_str_eq(after, again);
    ck_assert_int_eq(io_system.end_life(&io_system, path), 0);
    io_system.life(&io_system, path, again);
    ck_assert_str_ne(after, again);
    io_system.life(&io_system, f.path, again);
    ck_assert_ptr_null(strstr(again, "after="));

    /* A mark that says nothing is no reason to trust. */
    snprintf(mark, sizeof mark, "/dev/shm/kairn-life-%x-%x-%jx", major(status.st_dev),
             minor(status.st_dev), (uintmax_t)status.st_ino);
    ck_assert_int_eq(truncate(mark, 3), 0);
    io_system.life(&io_system, path, again);
    ck_assert_str_eq(again, "");
    ck_assert_int_eq(unlink(mark), 0);
}
END_TEST

static int fail_sync_filesystem(const struct io *io, int fd)
{
    (void)io, (void)fd;
    errno = EIO;
    return -1;
}

START_TEST(a_sync_that_fails_at_the_stop_may_have_lost_data)
{
    int (*sync_filesystem)(const struct io *, int) = f.fault.io.sync_filesystem;

    write_some();
    f.fault.io.sync_filesystem = fail_sync_filesystem;
    fixture_close(&f, true);
    f.fault.io.sync_filesystem = sync_filesystem;
    check_loss_until_told();
}
END_TEST

START_TEST(a_loss_that_was_not_told_is_found_again)
{
    struct log_options options = { .topic = "t", .topic_id = { { 1 } }, .config = f.config };
    ck_assert_int_eq(fixture_append(&f, 3, 10, 1), 0);
    fixture_close(&f, false);
    f.fault.life = "another life";

    for (int clean = 0; clean < 2; clean++) {
        ck_assert_int_eq(logdir_open(f.path, &f.fault.io, &f.directory, &reason), 0);
        ck_assert(logdir_may_have_lost_data(f.directory));
        options.directory = f.directory;
        ck_assert_int_eq(log_open(&options, &f.log, &reason), 0);
        fixture_close(&f, clean);
    }
    fixture_open(&f);
    ck_assert(logdir_may_have_lost_data(f.directory));
    fixture_close(&f, true);
    fixture_open(&f);
    ck_assert(logdir_was_clean(f.directory) && !logdir_may_have_lost_data(f.directory));
}
END_TEST

START_TEST(a_loss_is_found_again_while_a_log_was_not_looked_at)
{
    struct log_options options = { .topic = "u", .topic_id = { { 2 } }, .config = f.config,
                                   .directory = f.directory };
    struct log *other;
    ck_assert_int_eq(log_open(&options, &other, &reason), 0);
    log_close(other, false);
    fixture_close(&f, false);
    f.fault.life = "another life";

    fixture_open(&f);
    ck_assert_int_eq(fixture_append(&f, 3, 10, 1), 0);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    fixture_close(&f, true);
    fixture_open(&f);
    ck_assert(logdir_may_have_lost_data(f.directory));

    options.directory = f.directory;
    ck_assert_int_eq(log_open(&options, &other, &reason), 0);
    log_close(other, false);
    fixture_close(&f, false);
    fixture_open(&f);
    ck_assert(!logdir_may_have_lost_data(f.directory));
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

START_TEST(a_stop_that_can_not_be_marked_as_clean_is_none)
{
    char *path = path_of(".kafka_cleanshutdown.tmp");
    ck_assert_int_eq(mkdir(path, 0755), 0);             /* in the way of the mark */
    ck_assert_int_eq(log_close(f.log, true), 0);
    f.log = NULL;

    ck_assert(!logdir_close(f.directory, true));

    ck_assert_int_eq(rmdir(path), 0);
    free(path);
    fixture_open(&f);
    ck_assert(!logdir_was_clean(f.directory));
    ck_assert_int_eq(log_close(f.log, true), 0);
    f.log = NULL;
    ck_assert(logdir_close(f.directory, true));
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
    tcase_add_test(tests, a_path_that_is_none_is_not_said_to_belong_to_others);
    tcase_add_test(tests, a_claimed_directory_names_its_owner);
    tcase_add_test(tests, the_incarnation_is_remembered);
    tcase_add_test(tests,
                   starts_that_may_not_have_registered_are_remembered_beside_the_last_that_did);
    tcase_add_test(tests, what_is_known_is_what_all_directories_know_that_were_in_use);
    tcase_add_test(tests, a_damaged_identity_is_refused_with_a_reason);
    tcase_add_test(tests, marks_survive_in_kafkas_files);
    tcase_add_test(tests, damaged_checkpoints_count_as_missing);
    tcase_add_test(tests, marks_of_an_ancestor_do_not_speak_for_a_new_log);
    tcase_add_test(tests, partitions_are_listed_and_set_aside);
    tcase_add_test(tests, high_watermarks_outlive_starts_that_fail_or_open_no_log);
    tcase_add_test(tests, a_start_after_a_loss_settles_it_although_nobody_writes);
    tcase_add_test(tests, a_loss_that_was_not_told_is_found_again);
    tcase_add_test(tests, a_directory_that_was_fenced_may_have_lost_data_at_the_next_start);
    tcase_add_test(tests, a_fenced_directory_is_not_trusted_once_the_disk_lets_us_say_so);
    tcase_add_test(tests, a_fenced_directory_is_not_trusted_although_the_disk_refuses_every_change);
    tcase_add_test(tests, the_end_of_a_life_outlives_the_process);
    tcase_add_test(tests, a_sync_that_fails_at_the_stop_may_have_lost_data);
    tcase_add_test(tests, a_loss_is_found_again_while_a_log_was_not_looked_at);
    tcase_add_test(tests, marks_may_be_set_by_every_thread_while_they_are_written);
    tcase_add_test(tests, a_stop_is_clean_only_when_every_log_was_closed_clean);
    tcase_add_test(tests, a_stop_that_can_not_be_marked_as_clean_is_none);
    suite_add_tcase(suite, tests);
    return suite;
}
