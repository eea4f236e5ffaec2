#include "tests/power/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_move.h"
#include "server/storage/log_trim.h"

enum { BATCH_ROOM = 4096, APPENDS_MAX = 3, VALUE_MAX = 700, READ_BYTES = 1 << 14 };

static bool fault(struct story *story, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (story->fault[0] == '\0')
        vsnprintf(story->fault, sizeof story->fault, format, arguments);
    va_end(arguments);
    return false;
}

static bool chance(struct story *story, unsigned of)
{
    return rand_below(&story->rand, of) == 0;
}

/* --- batches ---------------------------------------------------------------------------------- */

static void add(struct story_batches *batches, const struct story_batch *batch)
{
    if (batches->count == batches->capacity) {
        batches->capacity = 2 * batches->count + 16;
        batches->items = realloc(batches->items, batches->capacity * sizeof *batches->items);
        if (batches->items == NULL)
            abort();
    }
    batches->items[batches->count++] = *batch;
}

static uint8_t *keep(struct story *story, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);
    story->slabs = realloc(story->slabs, (story->slab_count + 1) * sizeof *story->slabs);
    if (copy == NULL || story->slabs == NULL)
        abort();
    memcpy(copy, bytes, size);
    story->slabs[story->slab_count++] = copy;
    return copy;
}

/* `after`: what it must stand behind; -1: anything up to it. */
static const struct story_batch *find(const struct story_batches *batches, const uint8_t *bytes,
                                      int64_t after)
{
    size_t size = batch_size(bytes);
    for (size_t i = batches->count; i > 0; i--) {
        const struct story_batch *batch = &batches->items[i - 1];
        if (batch->base == batch_base_offset(bytes) && batch->size == size &&
            (after < 0 || batch->after == after) &&
            memcmp(batch->bytes, bytes, size) == 0)
            return batch;
    }
    return NULL;
}

/* The batches from `offset` on become ghosts. */
static void exorcise(struct story *story, int64_t offset)
{
    struct story_batches *batches = &story->batches;
    while (batches->count > 0 && batches->items[batches->count - 1].last >= offset)
        add(&story->ghosts, &batches->items[--batches->count]);
}

/* --- operations ------------------------------------------------------------------------------- */

static size_t make_batch(struct story *story, uint8_t *to)
{
    struct batch_builder builder;
    char value[VALUE_MAX];
    size_t size = rand_below(&story->rand, VALUE_MAX);
    int records = 1 + (int)rand_below(&story->rand, 3);

    memset(value, 'a' + (int)rand_below(&story->rand, 26), size);
    batch_build_start(&builder, to, BATCH_ROOM);
    for (int i = 0; i < records; i++)
        if (batch_build_add(&builder, story->wall_ms + i, "k", 1, value, (int32_t)size, NULL, 0) !=
            0)
            abort();
    batch_build_finish(&builder);
    return builder.size;
}

/* A follower gets them back to back, in one piece, with the epochs of those who wrote them. */
static int append_copies(struct story *story, const struct log_append *appends, size_t count)
{
    static uint8_t room[APPENDS_MAX * BATCH_ROOM];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(room + size, appends[i].bytes, appends[i].size);
        size += appends[i].size;
    }
    return log_append_copies(story->log, room, size, story->epoch, story->wall_ms);
}

/* Batches in one write. Before it is known whether they are in the log, they may be. */
static int do_append(struct story *story)
{
    static uint8_t room[APPENDS_MAX][BATCH_ROOM];
    struct log_append appends[APPENDS_MAX];
    struct story_batch batches[APPENDS_MAX];
    size_t count = 1 + rand_below(&story->rand, APPENDS_MAX);
    size_t segments = story->log->segment_count;
    int64_t end = log_end(story->log);

    story->wall_ms += 1 + (int64_t)rand_below(&story->rand, 1000);
    for (size_t i = 0; i < count; i++) {
        int64_t gap = story->gaps && chance(story, 3) ? 1 + (int64_t)rand_below(&story->rand, 9)
                                                      : 0;
        if (chance(story, 25) && (i == 0 || story->follower))
            story->epoch += 1 + (story->epoch + 1 == story->begun);
        story->counts.gaps += gap > 0;
        appends[i] = (struct log_append){ .bytes = room[i], .size = make_batch(story, room[i]) };
        batch_stamp(room[i], end + gap, story->epoch);
        batches[i] = (struct story_batch){ .base = end + gap, .last = batch_last_offset(room[i]),
                                           .after = end, .epoch = story->epoch,
                                           .size = appends[i].size,
                                           .bytes = keep(story, room[i], appends[i].size) };
        end = batches[i].last + 1;
    }
    int error = story->follower
                    ? append_copies(story, appends, count)
                    : log_append(story->log, appends, count, story->epoch, story->wall_ms);
    for (size_t i = 0; i < count; i++)
        add(error == 0 ? &story->batches : &story->ghosts, &batches[i]);
    story->counts.appends++;
    story->counts.rolls += story->log->segment_count > segments;
    return error;
}

/* A leader's epoch begins and may get no record. A follower that led for a moment has one that is
 * newer than what it gets to copy. */
static int do_begin_epoch(struct story *story)
{
    story->begun = story->epoch + 1;
    if (!story->follower)
        story->epoch++;
    return log_begin_epoch(story->log, story->begun);
}

/* What the end of a sync promises. */
static void promise(struct story *story, bool whole)
{
    int64_t point = log_recovery_point(story->log);
    if (point > story->promised_end)
        story->promised_end = point;
    if (whole)
        story->ghosts.count = 0;
    story->counts.syncs++;
}

/* As the flush cycle does it, with appends between its steps; one batch of them may be added. */
static int do_sync(struct story *story)
{
    struct log_sync *sync, *second = NULL;
    int error = log_sync_begin(story->log, &sync);
    if (error != 0 || sync == NULL)
        return error;
    bool whole = true;
    if (chance(story, 3)) {
        error = do_append(story);
        whole = error == 0 && log_sync_extend(story->log, sync);
    }
    if (error == 0 && !whole)
        error = log_sync_begin(story->log, &second);
    if (error == 0 && second != NULL && chance(story, 2)) {
        log_sync_chain(sync, second);
        log_sync_run(sync);
    } else if (error == 0) {
        log_sync_run(sync);
        if (second != NULL) {
            error = chance(story, 2) ? do_append(story) : 0;
            log_sync_run(second);
        }
    }
    if (error != 0) {
        log_sync_abandon(sync);
        if (second != NULL)
            log_sync_abandon(second);
        return error;
    }
    /* The second covers what the first does, so it may end first. */
    bool swapped = second != NULL && chance(story, 2);
    error = log_sync_end(story->log, swapped ? second : sync);
    if (error == 0)
        promise(story, false);
    if (second != NULL) {
        int other = log_sync_end(story->log, swapped ? sync : second);
        error = error != 0 ? error : other;
    }
    if (error == 0)
        promise(story, log_recovery_point(story->log) == log_end(story->log));
    return error;
}

static int do_flush(struct story *story)
{
    bool whole = log_recovery_point(story->log) < log_end(story->log);
    int error = log_flush(story->log);
    if (error == 0)
        promise(story, whole);
    return error;
}

static int do_checkpoint(struct story *story)
{
    story->counts.checkpoints++;
    int error = chance(story, 3) ? 0 : log_checkpoint(story->log);
    return error == 0 && chance(story, 2) ? logdir_checkpoint(story->directory) : error;
}

static int do_truncate(struct story *story)
{
    const struct story_batches *batches = &story->batches;
    if (batches->count == 0)
        return 0;
    size_t back = 1 + rand_below(&story->rand, batches->count < 8 ? batches->count : 8);
    int64_t offset = batches->items[batches->count - back].base;
    int64_t expected = batches->items[batches->count - back].after;
    if (offset < story->largest_start)
        return 0;
    if (expected < log_start(story->log))
        expected = log_start(story->log);

    if (expected < story->promised_end)
        story->promised_end = expected;
    size_t ghosts = story->ghosts.count;
    exorcise(story, offset);
    story->counts.truncations++;
    int error = log_truncate(story->log, offset);
    /* Without space to note it, nothing was cut. */
    while (error == K_DISK_FULL && story->ghosts.count > ghosts)
        add(&story->batches, &story->ghosts.items[--story->ghosts.count]);
    if (error == 0 && log_end(story->log) != expected) {
        fault(story, "truncated to %" PRId64 ", but the log ends at %" PRId64, expected,
              log_end(story->log));
        return K_CORRUPT;
    }
    return error;
}

/* All goes. Until that is known to have happened all may be there, or nothing. */
int story_reset(struct story *story)
{
    int64_t start = (int64_t)rand_below(&story->rand, (uint64_t)log_end(story->log) + 50);
    int64_t promised_end = story->promised_end, promised_start = story->promised_start;
    int64_t largest_start = story->largest_start;
    size_t ghosts = story->ghosts.count;

    story->reset_from = largest_start;
    story->promised_end = 0;
    exorcise(story, INT64_MIN);
    if (start < promised_start)
        story->promised_start = start;
    if (start > largest_start)
        story->largest_start = start;
    int error = log_reset(story->log, start);
    if (error == 0) {
        story->promised_start = story->largest_start = start;
        story->ghosts.count = 0;
        story->counts.resets++;
    } else if (error == K_DISK_FULL) {                  /* nothing was done */
        story->promised_end = promised_end;
        story->promised_start = promised_start;
        story->largest_start = largest_start;
        while (story->ghosts.count > ghosts)
            add(&story->batches, &story->ghosts.items[--story->ghosts.count]);
    }
    if (error == 0 || error == K_DISK_FULL)
        story->reset_from = INT64_MAX;
    return error;
}

static int do_trim(struct story *story)
{
    static const struct log_trim_reason reason = { -1, -1 };
    struct log_trim *trim;
    struct log_trimmed gone;
    int64_t span = log_end(story->log) - log_start(story->log);
    int64_t offset = log_start(story->log) + (int64_t)rand_below(&story->rand, (uint64_t)span + 1);

    if (offset > story->largest_start)
        story->largest_start = offset;
    int error = log_trim_begin(story->log, offset, &reason, &trim);
    if (error != 0 || trim == NULL)
        return error;
    story->counts.trims++;
    error = log_trim_apply(story->log, trim, log_trim_persist(trim));
    if (error == 0)
        story->promised_start = offset;
    int ended = log_trim_end(story->log, trim, log_trim_doom(trim), &story->doomed, 0, &gone);
    if (chance(story, 2))
        doomed_delete(&story->doomed, NULL, NULL);
    return error != 0 ? error : ended;
}

/* Stop and start, clean or not, with the power on. */
static int do_restart(struct story *story)
{
    bool clean = chance(story, 2);
    int error = log_close(story->log, clean);
    story_close_directories(story, clean);
    if (error != 0)
        return error;
    story->counts.restarts++;
    story->counts.clean_stops += clean;
    error = story_open(story);
    if (error != 0)
        return error;
    if (story->failed_syncs != NULL && *story->failed_syncs > 0)
        return 0;
    /* Nothing was lost: all was in the page cache. */
    int64_t end = story->batches.count == 0 ? -1
                                            : story->batches.items[story->batches.count - 1].last +
                                                  1;
    if (end >= 0 && end < log_start(story->log))        /* the batches before it were trimmed */
        end = log_start(story->log);
    if (end >= 0 && log_end(story->log) != end) {
        fault(story, "after a %s restart the log ends at %" PRId64 " and not %" PRId64,
              clean ? "clean" : "sudden", log_end(story->log), end);
        return K_CORRUPT;
    }
    return 0;
}

/* As a broker moves it: most is copied while it is in use, the rest when it is closed. All that was
 * moved is on the disk. */
static int do_move(struct story *story)
{
    struct logdir *to = story->directories[story->directory == story->directories[0]];
    const struct log_move_options options = { .from = story->directory, .to = to,
                                              .topic = STORY_TOPIC };
    struct log_move *move;
    char *doomed = NULL;

    if (log_move_new(&options, &move) != 0)
        abort();
    int error = log_move_copy(move);
    if (error == 0)
        error = do_append(story);
    if (error == 0) {
        error = log_close(story->log, true);
        story->log = NULL;
    }
    if (error == 0)
        error = log_move_finish(move, &doomed);
    bool moved = error == 0;
    log_move_free(move, true);
    if (moved)
        story->directory = to;
    if (doomed != NULL && chance(story, 2))
        (void)doomed_delete_directory(story->io, doomed, NULL, NULL);
    free(doomed);
    int opened = story->log != NULL ? 0 : story_open_log(story);
    if (opened == 0 && moved) {
        promise(story, log_recovery_point(story->log) == log_end(story->log));
        story->counts.moves++;
    }
    return error != 0 ? error : opened;
}

static int step(struct story *story)
{
    uint64_t dice = rand_below(&story->rand, 100);
    if (dice < 55)
        return do_append(story);
    if (dice < 72)
        return do_sync(story);
    if (dice < 77)
        return do_flush(story);
    if (dice < 88)
        return do_checkpoint(story);
    if (dice < 92)
        return do_truncate(story);
    if (dice < 96)
        return do_trim(story);
    if (dice < 97)
        return do_begin_epoch(story);
    if (dice < 98)
        return chance(story, 4) ? story_reset(story) : 0;
    if (dice < 99)
        return do_move(story);
    return do_restart(story);
}

/* Out of use means that nothing is written, promised or read. */
static void check_fenced(struct story *story)
{
    struct log_span span;

    if (do_append(story) != K_KAFKA_STORAGE_ERROR || log_flush(story->log) != K_KAFKA_STORAGE_ERROR)
        fault(story, "a directory out of use is written to");
    if (log_read(story->log, log_start(story->log), INT64_MAX, READ_BYTES, &span) !=
        K_KAFKA_STORAGE_ERROR)
        fault(story, "a directory out of use is read from");
}

bool story_live(struct story *story, int steps)
{
    int error = 0;
    for (int i = 0; i < steps && story->log != NULL && (error == 0 || error == K_DISK_FULL); i++)
        error = step(story);
    if (story->log != NULL && logdir_fenced(story->directory))
        check_fenced(story);
    return story->fault[0] == '\0';
}

/* --- life ------------------------------------------------------------------------------------- */

void story_init(struct story *story, const char *path, const struct io *io, uint64_t seed)
{
    memset(story, 0, sizeof *story);
    snprintf(story->path, sizeof story->path, "%s", path);
    story->io = io;
    story->wall_ms = 1700000000000;
    rand_seed(&story->rand, seed);
    story->reset_from = INT64_MAX;
    story->follower = chance(story, 2);
    story->gaps = story->follower && chance(story, 2);
    doomed_init(&story->doomed);
    story->config = (struct log_config){
        .segment_bytes = 1000 + (int32_t)rand_below(&story->rand, 8000),
        .segment_ms = INT64_C(1) << 40,
        .index_bytes = 1 << 20,
        .index_interval_bytes = 1 + (int32_t)rand_below(&story->rand, 2000),
        .max_message_bytes = 1 << 20,
        .retention_ms = -1,
        .retention_bytes = -1,
    };
}

void story_fini(struct story *story)
{
    story_drop(story);
    for (size_t i = 0; i < story->slab_count; i++)
        free(story->slabs[i]);
    free(story->slabs);
    free(story->batches.items);
    free(story->ghosts.items);
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* One batch that was read, where `offset` is expected. */
static bool check_batch(struct story *story, const uint8_t *bytes, size_t available,
                        int64_t offset, struct story_batches *found)
{
    size_t size;
    int code = batch_check(bytes, available, false, &size);
    if (code != 0)
        return fault(story, "a batch at %" PRId64 " is no good: %s", offset, k_error_name(code));
    bool promised = batch_last_offset(bytes) < story->promised_end;
    int64_t after = found->count > 0 ? offset : -1;
    const struct story_batch *known = find(&story->batches, bytes, after);
    if (known == NULL && !promised)
        known = find(&story->ghosts, bytes, after);
    if (known == NULL)
        return fault(story, "at %" PRId64 " stands what was never written there, or not behind "
                     "what is before it%s", offset, promised ? ", or was replaced" : "");
    if (found->count == 0 && known->after > offset)
        return fault(story, "a hole: %" PRId64 " follows where %" PRId64 " was expected",
                     known->after, offset);
    add(found, known);
    if (promised)
        story->counts.promised_batches++;
    else
        story->counts.unpromised_batches++;
    return true;
}

static bool read_all(struct story *story, struct story_batches *found)
{
    int64_t offset = log_start(story->log);
    bool good = true;

    while (good && offset < log_end(story->log)) {
        struct log_span span;
        int code = log_read(story->log, offset, INT64_MAX, READ_BYTES, &span);
        if (code != 0 || span.size == 0)
            return fault(story, "nothing to read at %" PRId64 ": %s", offset, k_error_name(code));
        uint8_t *bytes = malloc(span.size);
        if (bytes == NULL || pread(span.fd, bytes, span.size, span.position) != (ssize_t)span.size)
            abort();
        for (size_t at = 0; good && at < span.size; at += batch_size(bytes + at)) {
            good = check_batch(story, bytes + at, span.size - at, offset, found);
            if (good)
                offset = batch_last_offset(bytes + at) + 1;
        }
        free(bytes);
        log_span_release(span.segment);
    }
    return good;
}

static bool check_epochs(struct story *story, const struct story_batches *found)
{
    for (size_t i = 0; i < found->count; i++) {
        bool last = i + 1 == found->count;
        if (!last && found->items[i + 1].epoch == found->items[i].epoch)
            continue;
        int32_t known;
        int64_t end = last ? log_end(story->log) : found->items[i + 1].base;
        int64_t told = log_epoch_end(story->log, found->items[i].epoch, &known);
        /* One without a record may have begun in the gap before the next batch. */
        if (told > end || told <= found->items[i].last)
            return fault(story, "epoch %" PRId32 " ends at %" PRId64 ", not after %" PRId64
                         " and at most at %" PRId64, found->items[i].epoch, told,
                         found->items[i].last, end);
    }
    return true;
}

/* What is there is what the log holds from now on; the rest could still come back. */
static void go_on(struct story *story, struct story_batches *found)
{
    struct story_batches before = story->batches;
    int64_t end = log_end(story->log);

    for (size_t i = 0; i < before.count; i++)
        if (before.items[i].last >= end) {
            add(&story->ghosts, &before.items[i]);
            story->counts.lost_batches++;
        }
    free(before.items);
    story->batches = *found;
    *found = (struct story_batches){ .count = 0 };
    /* No log goes back to an epoch that it may have had, even where its records are gone. */
    int32_t had = epoch_file_at(&story->log->epochs, end - 1);
    if (had > story->epoch)
        story->epoch = had;
}

bool story_check(struct story *story)
{
    struct story_batches found = { .count = 0 };
    int64_t start = log_start(story->log), end = log_end(story->log);
    bool good = true;

    story->counts.cuts++;
    if (end < story->promised_end)
        good = fault(story, "the log ends at %" PRId64 ", and %" PRId64 " was promised", end,
                     story->promised_end);
    /* A first segment that was never synced may be lost and a later one not. */
    if (start > story->largest_start && start >= story->promised_end)
        story->largest_start = start;
    if (good && (start > story->largest_start || (start < story->promised_start && start != end)))
        good = fault(story, "the log starts at %" PRId64 ", not between %" PRId64 " and %" PRId64,
                     start, story->promised_start, story->largest_start);
    good = good && read_all(story, &found) && check_epochs(story, &found);
    if (good && found.count > 0 && start > story->reset_from)
        good = fault(story, "of a log from %" PRId64 " on, a reset left what follows %" PRId64,
                     story->reset_from, start);
    story->reset_from = INT64_MAX;
    if (good)
        go_on(story, &found);
    free(found.items);
    return good;
}
