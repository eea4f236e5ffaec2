/* Every file of a partition and of its log directory, damaged in every way, after a clean stop and
 * after a crash, one at a time and in pairs. Whatever happens, a record is read as it was written
 * or refused with an error; what no damage touches is read; and the log can be written to, or says
 * why not. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/rand.h"
#include "proto/batch.h"
#include "server/storage/log_internal.h"
#include "tests/server/storage/fixture.h"

Suite *damage_suite(void);

enum { FILES_MAX = 64, SHORT_FILE = 160, SAMPLES = 24, PAIRS = 400, HUGE = 3 << 20,
       NAME_SIZE = 300, PATH_SIZE = 400 };

static struct fixture f;

/* --- a picture of all files, to come back to ------------------------------------------------ */

struct saved {
    char name[NAME_SIZE];               /* below the fixture's directory */
    uint8_t *bytes;
    size_t size;
};

struct picture {
    struct saved files[FILES_MAX];
    size_t count;
};

/* Clean: after a clean stop; crashed: the process ended after a checkpoint and more appends; old:
 * an earlier run; other: another partition of the same shape. */
static struct picture clean, crashed, old, other;

static void path_of(const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", f.path, name);
}

static void save_file(struct picture *picture, const char *name)
{
    struct saved *saved = &picture->files[picture->count++];
    char path[PATH_SIZE];
    ck_assert_uint_le(picture->count, FILES_MAX);
    snprintf(saved->name, sizeof saved->name, "%s", name);
    path_of(name, path);
    saved->size = (size_t)file_size(path);
    saved->bytes = malloc(saved->size + 1);
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, saved->bytes, saved->size), saved->size);
    close(fd);
}

static void save_directory(struct picture *picture, const char *below)
{
    char path[PATH_SIZE];
    path_of(below, path);
    DIR *listing = opendir(path);
    struct dirent *entry;
    ck_assert_ptr_nonnull(listing);
    while ((entry = readdir(listing)) != NULL) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "%s%s%s", below, below[0] == '\0' ? "" : "/", entry->d_name);
        if (entry->d_type == DT_REG && strcmp(entry->d_name, ".lock") != 0)
            save_file(picture, name);
    }
    closedir(listing);
}

static void save(struct picture *picture)
{
    save_directory(picture, "");
    save_directory(picture, "t-0");
}

static void forget(struct picture *picture)
{
    for (size_t i = 0; i < picture->count; i++)
        free(picture->files[i].bytes);
    picture->count = 0;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char path[PATH_SIZE];
    path_of(name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), size);
    close(fd);
}

static void restore(const struct picture *picture)
{
    char path[PATH_SIZE];
    path_of("t-0", path);
    DIR *listing = opendir(path);
    struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (unlinkat(dirfd(listing), entry->d_name, 0) != 0 && entry->d_name[0] != '.')
            ck_assert_int_eq(unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR), 0);
    }
    if (listing != NULL)
        closedir(listing);
    listing = opendir(f.path);
    while ((entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, "t-0") != 0 && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 && unlinkat(dirfd(listing), entry->d_name, 0) != 0)
            ck_assert_int_eq(unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR), 0);
    }
    closedir(listing);
    for (size_t i = 0; i < picture->count; i++)
        write_bytes(picture->files[i].name, picture->files[i].bytes, picture->files[i].size);
}

/* --- damage --------------------------------------------------------------------------------- */

enum way { MISSING, EMPTY, CUT, FLIPPED, SWAPPED, OLD, GROWN, A_DIRECTORY, UNREADABLE, WAYS };
static const char *const way_names[WAYS] = { "missing", "empty", "cut", "flipped", "swapped",
                                             "old", "grown", "a directory", "unreadable" };

struct damage {
    const struct saved *file;
    enum way way;
    size_t at;                          /* CUT, FLIPPED */
};

static char refused[2][PATH_SIZE];            /* paths that can not be opened */

static int refusing_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    for (int i = 0; i < 2; i++) {
        if (strcmp(path, refused[i]) == 0 && (flags & O_CREAT) == 0) {
            errno = EACCES;
            return -1;
        }
    }
    return io_system.open(io, path, flags, mode);
}

static const struct saved *same_in(const struct picture *picture, const char *name)
{
    for (size_t i = 0; i < picture->count; i++)
        if (strcmp(picture->files[i].name, name) == 0)
            return &picture->files[i];
    return NULL;
}

/* False when there is nothing to do in this way. */
static bool apply(const struct damage *damage, int slot)
{
    static uint8_t huge[HUGE];
    const struct saved *file = damage->file, *instead;
    char path[PATH_SIZE];
    uint8_t *bytes;
    path_of(file->name, path);
    switch (damage->way) {
    case MISSING:
    case A_DIRECTORY:
        (void)unlink(path);             /* two damages may meet in a file */
        return damage->way == MISSING || mkdir(path, 0755) == 0 || errno == EEXIST;
    case EMPTY:
    case CUT:
        return truncate(path, damage->way == EMPTY ? 0 : (off_t)damage->at) == 0;
    case FLIPPED:
        bytes = malloc(file->size);
        memcpy(bytes, file->bytes, file->size);
        bytes[damage->at] ^= (uint8_t)(1u << (damage->at % 8));
        write_bytes(file->name, bytes, file->size);
        free(bytes);
        return true;
    case SWAPPED:
    case OLD:
        instead = same_in(damage->way == OLD ? &old : &other, file->name);
        if (instead == NULL || (instead->size == file->size &&
                                memcmp(instead->bytes, file->bytes, file->size) == 0))
            return false;
        write_bytes(file->name, instead->bytes, instead->size);
        return true;
    case GROWN:
        bytes = huge;
        memcpy(bytes, file->bytes, file->size);
        write_bytes(file->name, bytes, HUGE);
        return true;
    default:
        snprintf(refused[slot], sizeof refused[slot], "%s", path);
        return true;
    }
}

/* --- what must hold ------------------------------------------------------------------------- */

static const char *what;                /* the case, for messages */
static size_t opened, refusals;         /* cases */

static bool is_log(const struct saved *file)
{
    size_t size = strlen(file->name);
    return size > 4 && strcmp(file->name + size - 4, ".log") == 0;
}

/* 0 when the batch that `offset` is in was read as it was written, else the error. */
static int read_offset(int64_t offset, size_t i)
{
    struct log_span span;
    size_t size = f.model.batches[i].size;
    uint8_t bytes[4096];
    log_forget_served(f.log);
    int code = log_read(f.log, offset, INT64_MAX, 1, &span);
    if (code != 0)
        return code;
    if (span.size == 0)
        return K_NOT_FOUND;
    ck_assert_uint_le(size, sizeof bytes);
    ssize_t got = pread(span.fd, bytes, size, span.position);
    log_span_release(span.segment);
    if (got != (ssize_t)size || memcmp(bytes, f.model.bytes + f.model.batches[i].position, size))
        return K_CORRUPT_MESSAGE;       /* readers check the batch and refuse it */
    return 0;
}

/* Time lookups are a scan's, as long as all batches are there. */
static void verify_times(void)
{
    for (size_t i = 0; i < f.model.count; i++) {
        int64_t offset, found, wanted = f.model.batches[i].max_timestamp;
        size_t first = 0;
        while (f.model.batches[first].max_timestamp < wanted)
            first++;
        ck_assert_msg(log_find_timestamp(f.log, wanted, &offset, &found) == 0, "%s", what);
        ck_assert_msg(offset == f.model.batches[first].last, "%s: time %d: offset %d, not %d", what,
                      (int)wanted, (int)offset, (int)f.model.batches[first].last);
    }
}

/* Is the batch in this file? */
static bool holds(const struct picture *picture, const struct saved *file, int64_t offset)
{
    int64_t base = strtoll(file->name + strlen("t-0/"), NULL, 10), next = INT64_MAX;
    for (size_t i = 0; i < picture->count; i++) {
        int64_t other_base = strtoll(picture->files[i].name + strlen("t-0/"), NULL, 10);
        if (is_log(&picture->files[i]) && other_base > base && other_base < next)
            next = other_base;
    }
    return offset >= base && offset < next;
}

/* After a clean stop, one damage takes nothing but what lies in its own file and behind it. */
static void verify_rest(const struct damage *damage)
{
    int64_t into = 0;
    for (size_t i = 0; i < f.model.count; i++) {
        bool inside = holds(&clean, damage->file, f.model.batches[i].base);
        int64_t end = inside ? into + (int64_t)f.model.batches[i].size : 0;
        bool before = (damage->way == CUT || damage->way == FLIPPED) && end <= (int64_t)damage->at;
        into = end;
        if (!inside || before)
            ck_assert_msg(read_offset(f.model.batches[i].base, i) == 0, "%s: batch %zu", what, i);
    }
}

static void verify_opened(bool logs_are_good, bool all_was_promised)
{
    size_t bad = 0;
    for (size_t i = 0; i < f.model.count; i++)
        bad += read_offset(f.model.batches[i].base, i) != 0;
    if (logs_are_good) {
        ck_assert_msg(bad == 0, "%s: %zu batches are not read", what, bad);
        verify_times();
    }
    if (all_was_promised)
        ck_assert_msg(log_end(f.log) >= model_end(&f.model), "%s: end %d", what,
                      (int)log_end(f.log));
    int64_t end = log_end(f.log);
    static uint8_t bytes[1 << 12];
    struct log_append append = { .bytes = bytes };
    append.size = make_batch(bytes, sizeof bytes, 1, 10, 5000);
    int code = log_append(f.log, &append, 1, log_last_epoch(f.log) + 1, f.wall_ms);
    ck_assert_msg(code == 0 && append.base_offset == end, "%s: append: %d", what, code);
}

static void try_case(const struct picture *from, const struct damage *damages, int count)
{
    char text[1000] = "";
    bool logs_are_good = true, promises_are_good = true;

    restore(from);
    memset(refused, 0, sizeof refused);
    for (int i = 0; i < count; i++) {
        const struct damage *damage = &damages[i];
        if (!apply(damage, i))
            return;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s at %zu",
                 i > 0 ? " and " : from == &clean ? "clean: " : "crashed: ", damage->file->name,
                 way_names[damage->way], damage->at);
        logs_are_good = logs_are_good && !is_log(damage->file);
        promises_are_good = promises_are_good && strstr(damage->file->name, "kairn-ch") == NULL &&
                            strstr(damage->file->name, "recovery-p") == NULL;
    }
    /* The words of one file against another's: a batch's epoch against the file of epochs. */
    bool epochs_lie = from == &crashed && strstr(text, "leader-epoch") != NULL;
    what = text;
    int code = fixture_try_open(&f);
    if (code == 0 && from == &clean && count == 1 && is_log(damages[0].file))
        verify_rest(&damages[0]);
    opened += code == 0;
    refusals += code != 0;
    if (code == 0)
        verify_opened(logs_are_good && !epochs_lie, promises_are_good);
    else
        ck_assert_msg((!logs_are_good && (count > 1 || damages[0].way == UNREADABLE)) ||
                          strstr(text, "meta.properties") != NULL ||
                          strstr(text, "partition.metadata") != NULL ||
                          strstr(text, ".lock") != NULL,
                      "%s: not opened: %s", text, k_error_name(code));
    if (code != 0)
        f.log = NULL;
    fixture_close(&f, false);
}

/* All ways for one file: each byte of a short one, samples of a long one. */
static size_t damages_of(const struct saved *file, struct damage *out)
{
    size_t count = 0, step = file->size <= SHORT_FILE ? 1 : file->size / SAMPLES;
    for (int way = 0; way < WAYS; way++) {
        size_t places = way == CUT || way == FLIPPED ? file->size : 1;
        for (size_t at = 0; at < places; at += step)
            out[count++] = (struct damage){ file, (enum way)way, at };
    }
    return count;
}

/* --- the logs that are damaged -------------------------------------------------------------- */

static void write_some(int from, int count, int64_t timestamp_step)
{
    for (int i = from; i < from + count; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 40, 1000 + timestamp_step * i), 0);
}

static void setup(void)
{
    fixture_init(&f);
    f.fault.io.open = refusing_open;
    f.config.segment_bytes = 1500;
    f.config.index_interval_bytes = 300;
    struct model none = { 0 };

    /* Another partition: the same files with other records, in this one's place. */
    fixture_close(&f, false);
    restore(&other);
    fixture_open(&f);
    write_some(0, 31, 7);
    fixture_close(&f, true);
    save(&other);
    free(f.model.bytes);
    free(f.model.batches);
    f.model = none;
    restore(&old);                      /* nothing: an empty directory */

    fixture_open(&f);
    write_some(0, 12, 10);
    fixture_close(&f, true);
    save(&old);
    fixture_open(&f);
    write_some(12, 19, 10);
    ck_assert_int_eq(log_checkpoint(f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(f.directory), 0);
    fixture_close(&f, false);
    save(&crashed);
    fixture_open(&f);
    fixture_close(&f, true);
    save(&clean);
}

static void teardown(void)
{
    f.directory = NULL;
    fixture_fini(&f);
    forget(&clean);
    forget(&crashed);
    forget(&old);
    forget(&other);
}

static struct damage all[1 << 15];

START_TEST(every_damage_to_one_file_is_repaired_or_an_error)
{
    const struct picture *from = _i == 0 ? &clean : &crashed;
    for (size_t i = 0; i < from->count; i++) {
        size_t count = damages_of(&from->files[i], all);
        for (size_t d = 0; d < count; d++)
            try_case(from, &all[d], 1);
    }
    ck_assert_uint_gt(opened, 500);
    ck_assert_uint_gt(refusals, 20);
}
END_TEST

START_TEST(two_damages_at_a_time_are_repaired_or_an_error)
{
    const struct picture *from = _i == 0 ? &clean : &crashed;
    struct rand rand;
    size_t count = 0;
    rand_seed(&rand, (uint64_t)_i + 1);
    for (size_t i = 0; i < from->count; i++)
        count += damages_of(&from->files[i], all + count);
    for (int i = 0; i < PAIRS; i++) {
        struct damage pair[2] = { all[rand_below(&rand, count)], all[rand_below(&rand, count)] };
        if (pair[0].file != pair[1].file)
            try_case(from, pair, 2);
    }
}
END_TEST

START_TEST(twenty_thousand_tiny_segments_are_opened_in_bounded_time_and_memory)
{
    enum { SEGMENTS = 20000, OPEN_MS_MAX = 20000, BYTES_EACH_MAX = 1024 };
    static uint8_t bytes[256];
    struct timespec start, end;
    restore(&old);
    fixture_open(&f);
    f.config.segment_bytes = 14;
    log_set_config(f.log, &f.config);
    int64_t first = log_end(f.log);
    for (int i = 0; i < SEGMENTS; i++) {
        struct log_append append = { .bytes = bytes };
        append.size = make_batch(bytes, sizeof bytes, 1, 10, i);
        ck_assert_int_eq(log_append(f.log, &append, 1, 0, f.wall_ms), 0);
    }
    fixture_close(&f, _i == 0);

    size_t before = mallinfo2().uordblks;
    clock_gettime(CLOCK_MONOTONIC, &start);
    fixture_open(&f);
    clock_gettime(CLOCK_MONOTONIC, &end);

    ck_assert_int_eq(log_end(f.log), first + SEGMENTS);
    ck_assert_int_lt((end.tv_sec - start.tv_sec) * 1000, OPEN_MS_MAX);
    ck_assert_uint_lt((mallinfo2().uordblks - before) / SEGMENTS, BYTES_EACH_MAX);
    struct log_span span;
    for (int64_t offset = first; offset < first + SEGMENTS; offset += 997) {
        ck_assert_int_eq(log_read(f.log, offset, INT64_MAX, 1, &span), 0);
        log_span_release(span.segment);
    }
    fixture_close(&f, false);
}
END_TEST

START_TEST(timestamps_of_the_far_future_and_none_are_found_as_they_are)
{
    static const int64_t timestamps[] = { 5, INT64_MAX - 1, 7, 0, INT64_MAX - 3 };
    int64_t offset, found, base;
    restore(&old);
    fixture_open(&f);
    base = log_end(f.log);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(fixture_append(&f, 1, 10, timestamps[i]), 0);
    for (int life = 0; life < 2; life++) {
        ck_assert_int_eq(log_find_timestamp(f.log, INT64_MAX - 4, &offset, &found), 0);
        ck_assert_int_eq(offset, base + 1);
        ck_assert_int_eq(found, INT64_MAX - 1);
        ck_assert_int_eq(log_find_timestamp(f.log, INT64_MAX, &offset, &found), 0);
        ck_assert_int_eq(offset, -1);
        ck_assert_int_eq(log_find_max_timestamp(f.log, &offset, &found), 0);
        ck_assert_int_eq(offset, base + 1);
        fixture_close(&f, true);
        fixture_open(&f);
    }
    fixture_close(&f, true);
}
END_TEST

Suite *damage_suite(void)
{
    Suite *suite = suite_create("server/storage/damage");
    TCase *tests = tcase_create("damage");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_damage_to_one_file_is_repaired_or_an_error, 0, 2);
    tcase_add_loop_test(tests, two_damages_at_a_time_are_repaired_or_an_error, 0, 2);
    tcase_add_loop_test(
        tests, twenty_thousand_tiny_segments_are_opened_in_bounded_time_and_memory, 0, 2);
    tcase_add_test(tests, timestamps_of_the_far_future_and_none_are_found_as_they_are);
    suite_add_tcase(suite, tests);
    return suite;
}
