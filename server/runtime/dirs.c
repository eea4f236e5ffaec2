/* An entry's life: known (from the listing) or made by an order; lent to the order that works on
 * it or whose log is open; given up when a retiring order has finished, or an open failed. Orders
 * for a lent entry wait in it, first come first served. */
#include "server/runtime/dirs_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"
#include "net/loop.h"
#include "server/runtime/dirs_work.h"
#include "server/runtime/flush_cycle.h"
#include "server/runtime/io_pool.h"
#include "server/storage/log_move.h"

enum { TRIM_LOGS = 64 };                /* that went to rest */

size_t dirs_entry_name(char name[DIRS_NAME_SIZE], const char *topic, int32_t partition)
{
    return (size_t)snprintf(name, DIRS_NAME_SIZE, "%s-%" PRId32, topic, partition);
}

static size_t index_of(const struct dirs *dirs, const struct logdir *directory)
{
    size_t i = 0;

    while (dirs->directories[i] != directory)
        i++;
    return i;
}

struct logdir *dirs_find(const struct dirs *dirs, const char *path)
{
    for (size_t i = 0; i < dirs->count; i++) {
        if (strcmp(logdir_path(dirs->directories[i]), path) == 0)
            return dirs->directories[i];
    }
    return NULL;
}

/* The directory in use with the fewest partitions; the first of equals. */
static size_t choose_directory(const struct dirs *dirs)
{
    size_t best = 0;
    for (size_t i = 1; i < dirs->count; i++) {
        bool usable = !logdir_fenced(dirs->directories[i]);
        if (usable && (logdir_fenced(dirs->directories[best]) || dirs->used[i] < dirs->used[best]))
            best = i;
    }
    return best;
}

struct dirs_entry *dirs_add_entry(struct dirs *dirs, const char *topic, int32_t partition,
                                  size_t directory)
{
    size_t topic_size = strlen(topic) + 1;
    struct dirs_entry *entry = calloc(1, sizeof *entry + topic_size);
    if (entry == NULL)
        return NULL;
    memcpy(entry->topic, topic, topic_size);
    entry->dirs = dirs;
    entry->directory = directory;
    entry->partition = partition;
    list_init(&entry->waiting);

    char name[DIRS_NAME_SIZE];
    size_t size = dirs_entry_name(name, topic, partition);
    if (map_put(&dirs->entries, name, size, entry, NULL) != 0) {
        free(entry);
        return NULL;
    }
    dirs->used[directory]++;
    return entry;
}

/* The entry's log is in another directory now. */
static void assign(struct dirs_entry *entry, size_t directory)
{
    entry->dirs->used[entry->directory]--;
    entry->directory = directory;
    entry->dirs->used[directory]++;
}

void dirs_free_entry(struct dirs_entry *entry)
{
    free(entry);
}

/* --- chores ----------------------------------------------------------------------------------- */

static void run_deletion(struct mail *mail);

/* Checkpoints are part of a clean stop; deletion is for the background. */
static void chore_start(struct dirs_chore *chore, void (*run)(struct mail *mail))
{
    struct io_pool *pool = chore->dirs->pool;

    if (chore->dirs->closed)
        return;
    chore->busy = true;
    chore->mail.deliver = run;
    mail_post(run == run_deletion ? io_pool_background(pool) : io_pool_target(pool), &chore->mail);
}

static void chore_finished(struct mail *mail)
{
    struct dirs_chore *chore = LIST_OWNER(mail, struct dirs_chore, mail);
    chore->busy = false;
}

static void chore_return(struct dirs_chore *chore)
{
    chore->mail.deliver = chore_finished;
    loop_post(chore->dirs->control, &chore->mail);
}

/* What is left when the pool stops is deleted by the next start. */
static bool stop_deleting(const void *context)
{
    return io_pool_stopping(context);
}

static void run_deletion(struct mail *mail)
{
    struct dirs_chore *chore = LIST_OWNER(mail, struct dirs_chore, mail);

    logdir_delete_doomed(chore->directory, stop_deleting, chore->dirs->pool);
    chore_return(chore);
}

static void run_checkpoint(struct mail *mail)
{
    struct dirs_chore *chore = LIST_OWNER(mail, struct dirs_chore, mail);

    int code = logdir_checkpoint(chore->directory);
    if (code != 0 && !logdir_fenced(chore->directory))
        LOG_WARN("checkpoint-failed", "directory=%s error=%s", logdir_path(chore->directory),
                 k_error_name(code));
    chore_return(chore);
}

static void run_trimming(struct mail *mail)
{
    struct dirs_chore *chore = LIST_OWNER(mail, struct dirs_chore, mail);

    (void)malloc_trim(0);
    chore_return(chore);
}

/* The memory of many logs that went to rest lies in pieces between that of what stays: once no more
 * of them do, the system gets its pages back. */
static void trim_soon(struct dirs *dirs)
{
    bool quiet = dirs->rested == dirs->rested_before;

    if (dirs->rested >= TRIM_LOGS && quiet && !dirs->trimming.busy) {
        dirs->rested = 0;
        chore_start(&dirs->trimming, run_trimming);
    }
    dirs->rested_before = dirs->rested;
}

static void count_full(struct dirs *dirs)
{
    int64_t full = 0;

    for (size_t i = 0; i < dirs->count; i++)
        full += logdir_full(dirs->directories[i]);
    metric_set(dirs->metrics, METRIC_DIRECTORIES_FULL, full);
}

void dirs_checkpoint(struct dirs *dirs)
{
    dirs_tell_progress(dirs);
    count_full(dirs);
    trim_soon(dirs);
    for (size_t i = 0; i < dirs->count; i++) {
        if (!dirs->checkpoints[i].busy)
            chore_start(&dirs->checkpoints[i], run_checkpoint);
    }
}

/* --- orders ----------------------------------------------------------------------------------- */

static void order_worked(struct mail *mail);

/* In the io pool. */
static void work_on_order(struct mail *mail)
{
    struct dirs_order *order = LIST_OWNER(mail, struct dirs_order, mail);

    dirs_work(order);
    order->mail.deliver = order_worked;
    loop_post(order->dirs->control, &order->mail);
}

static void order_answer(struct mail *mail)
{
    struct dirs_order *order = LIST_OWNER(mail, struct dirs_order, mail);

    order->done(order);
}

static void answer(struct dirs_order *order)
{
    order->mail.deliver = order_answer;
    mail_post(order->answer_to, &order->mail);
}

void dirs_lend(struct dirs_entry *entry, struct dirs_order *order)
{
    assert(!entry->lent);
    entry->lent = true;
    order->entry = entry;
    order->directory = entry->dirs->directories[entry->directory];
    order->mail.deliver = work_on_order;
    if (dirs_order_opens(order))
        dirs_opening(entry->dirs);
    mail_post(io_pool_target(entry->dirs->pool), &order->mail);
}

static void admit_order(struct mail *mail);

static void admit_waiting(struct list *waiting)
{
    while (!list_empty(waiting)) {
        struct list *node = list_first(waiting);
        list_remove(node);
        admit_order(&LIST_OWNER(node, struct dirs_order, node)->mail);
    }
}

/* The entry's log is closed: whoever waits may have it. */
static void give_back(struct dirs_entry *entry)
{
    struct list waiting;

    entry->lent = false;
    list_init(&waiting);
    list_move(&waiting, &entry->waiting);
    admit_waiting(&waiting);
}

/* The entry's log is out of the way: whoever waits starts over with a new entry. */
static void give_up(struct dirs_entry *entry)
{
    struct dirs *dirs = entry->dirs;
    char name[DIRS_NAME_SIZE];
    size_t size = dirs_entry_name(name, entry->topic, entry->partition);

    map_remove(&dirs->entries, name, size);
    dirs->used[entry->directory]--;
    admit_waiting(&entry->waiting);
    dirs_free_entry(entry);
}

static void order_worked(struct mail *mail)
{
    struct dirs_order *order = LIST_OWNER(mail, struct dirs_order, mail);
    struct dirs *dirs = order->dirs;

    if (order->doomed != NULL)
        purge_directory(&dirs->purge, order->directory, order->doomed, dirs->delete_delay_ms);
    free(order->doomed);
    order->doomed = NULL;
    struct dirs_entry *entry = order->entry;
    if (order->kind == DIRS_MOVE && order->code == 0)
        assign(entry, index_of(dirs, order->to));
    if (dirs_order_opens(order))
        dirs_opened(dirs);
    bool opened = dirs_order_opens(order) && order->code == 0;
    dirs->rested += order->kind == DIRS_CLOSE || (opened && order->log == NULL);
    if (opened) {
        entry->exists = true;
        if (order->log == NULL)
            give_back(entry);
    } else if (entry->exists && (dirs_order_returns(order) || order->code != 0)) {
        give_back(entry);           /* what is there is not forgotten: it would be made anew */
    } else {
        give_up(entry);
    }
    answer(order);
}

static bool retires_its_own(const struct dirs_order *order)
{
    return !dirs_order_opens(order) && order->log != NULL;
}

/* Nothing is done on the disk: the next start sees to it. */
static void refuse_order(struct dirs_order *order, int code)
{
    if (!dirs_order_opens(order))
        log_close(order->log, true);
    order->log = NULL;
    order->code = code;
    answer(order);
}

static void forget_offline(struct dirs_entry *entry)
{
    char name[DIRS_NAME_SIZE];
    map_remove(&entry->dirs->entries, name, dirs_entry_name(name, entry->topic, entry->partition));
    dirs_free_entry(entry);
}

/* On the control loop. */
static void admit_order(struct mail *mail)
{
    struct dirs_order *order = LIST_OWNER(mail, struct dirs_order, mail);
    struct dirs *dirs = order->dirs;
    if (dirs->closed) {
        refuse_order(order, K_CLOSED);
        return;
    }
    char name[DIRS_NAME_SIZE];
    size_t size = dirs_entry_name(name, order->topic, order->partition);

    struct dirs_entry *entry = map_get(&dirs->entries, name, size);
    if (entry != NULL && entry->lent) {
        if (retires_its_own(order)) {
            entry->lent = false;              /* it was lent to the open that made this log */
            dirs_lend(entry, order);
        } else {
            list_append(&entry->waiting, &order->node);
        }
        return;
    }
    if (entry != NULL && entry->offline && uuid_equal(&entry->topic_id, &order->topic_id) &&
        dirs_order_opens(order) && order->must_exist) {
        refuse_order(order, K_LOG_DIR_NOT_FOUND);
        return;
    }
    /* The topic is gone, and may be made again; or others have all that counts. */
    if (entry != NULL && entry->offline) {
        forget_offline(entry);
        entry = NULL;
    }
    if (entry != NULL && order->kind == DIRS_OPEN_IF_HURT &&
        logdir_rests(dirs->directories[entry->directory], order->topic, order->partition)) {
        order->directory = dirs->directories[entry->directory];
        answer(order);
        return;
    }
    if (entry == NULL)
        entry = dirs_add_entry(dirs, order->topic, order->partition, choose_directory(dirs));
    if (entry == NULL) {
        refuse_order(order, K_NOMEM);
        return;
    }
    dirs_lend(entry, order);
}

void dirs_miss(struct dirs *dirs)
{
    dirs->incomplete = true;
}

void dirs_order(struct dirs *dirs, struct dirs_order *order)
{
    order->dirs = dirs;
    order->code = 0;
    list_init(&order->node);
    order->mail.deliver = admit_order;
    loop_post(dirs->control, &order->mail);
}

/* --- group commit ----------------------------------------------------------------------------- */

struct flush_cycle *dirs_flush_cycle(struct dirs *dirs, const struct logdir *directory,
                                     bool background)
{
    size_t i = index_of(dirs, directory);

    return background ? &dirs->background_cycles[i] : &dirs->urgent_cycles[i];
}

/* --- a directory out of use ------------------------------------------------------------------- */

static void hear_of_fence(struct mail *mail)
{
    struct dirs *dirs = LIST_OWNER(mail, struct dirs, fenced_mail);

    atomic_store(&dirs->fenced_posted, false);
    if (!dirs->closed && dirs->fenced != NULL)
        dirs->fenced(dirs->context);
}

/* On any thread. */
static void tell_of_fence(struct logdir_watch *watch)
{
    struct dirs *dirs = LIST_OWNER(watch, struct dirs, watch);

    if (!atomic_exchange(&dirs->fenced_posted, true))
        loop_post(dirs->control, &dirs->fenced_mail);
}

void dirs_close(struct dirs *dirs)
{
    dirs->closed = true;
    purge_close(&dirs->purge);
    for (size_t i = 0; i < dirs->count; i++)
        logdir_set_watch(dirs->directories[i], NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

/* A crash came while a log was changed over; or somebody made a copy. */
static void settle_twice(struct dirs_entry *first, const struct logdir_entry *found, size_t index)
{
    struct dirs *dirs = first->dirs;
    struct logdir *winner = NULL;
    int code = log_move_settle(dirs->directories[first->directory], dirs->directories[index],
                               found->topic, found->partition, &winner);
    if (code == K_NOT_FOUND)
        LOG_WARN("partition-twice", "topic=%s partition=%" PRId32 " unused=%s", found->topic,
                 found->partition, logdir_path(dirs->directories[index]));
    if (winner == dirs->directories[index]) {
        assign(first, index);
        first->topic_id = found->topic_id;
    }
}

static int list_directory(struct dirs *dirs, size_t index)
{
    struct logdir_entry *found;
    size_t count;
    int code = logdir_list(dirs->directories[index], &found, &count);
    if (code != 0)
        return code;

    for (size_t i = 0; i < count && code == 0; i++) {
        char name[DIRS_NAME_SIZE];
        size_t size = dirs_entry_name(name, found[i].topic, found[i].partition);
        struct dirs_entry *entry = map_get(&dirs->entries, name, size);
        if (entry != NULL) {
            settle_twice(entry, &found[i], index);
            continue;
        }
        entry = dirs_add_entry(dirs, found[i].topic, found[i].partition, index);
        if (entry == NULL) {
            code = K_NOMEM;
        } else {
            entry->topic_id = found[i].topic_id;
            entry->exists = true;
        }
    }
    logdir_entries_free(found, count);
    return code;
}

int dirs_new(const struct dirs_options *options, struct dirs **out)
{
    assert(options->count > 0);
    struct dirs *dirs = calloc(1, sizeof *dirs);
    if (dirs == NULL)
        return K_NOMEM;
    dirs->control = options->control;
    dirs->pool = options->pool;
    dirs->count = options->count;
    dirs->incomplete = options->incomplete;
    dirs->metrics = options->metrics;
    dirs->fenced = options->fenced;
    dirs->context = options->context;
    dirs->watch.fenced = tell_of_fence;
    dirs->fenced_mail.deliver = hear_of_fence;
    map_init(&dirs->entries);
    dirs->directories = calloc(dirs->count, sizeof *dirs->directories);
    dirs->used = calloc(dirs->count, sizeof *dirs->used);
    dirs->checkpoints = calloc(dirs->count, sizeof *dirs->checkpoints);
    dirs->deletions = calloc(dirs->count, sizeof *dirs->deletions);
    dirs->urgent_cycles = calloc(dirs->count, sizeof *dirs->urgent_cycles);
    dirs->background_cycles = calloc(dirs->count, sizeof *dirs->background_cycles);

    dirs->delete_delay_ms = options->delete_delay_ms;

    int code = purge_init(&dirs->purge, options->control, options->pool);
    if (dirs->directories == NULL || dirs->used == NULL || dirs->checkpoints == NULL ||
        dirs->deletions == NULL || dirs->urgent_cycles == NULL || dirs->background_cycles == NULL)
        code = K_NOMEM;
    if (code != 0)
        goto free_dirs;
    for (size_t i = 0; i < dirs->count; i++) {
        dirs->directories[i] = options->directories[i];
        dirs->checkpoints[i].dirs = dirs->deletions[i].dirs = dirs->trimming.dirs = dirs;
        dirs->checkpoints[i].directory = dirs->deletions[i].directory = dirs->directories[i];
        flush_cycle_init(&dirs->urgent_cycles[i], io_pool_urgent(dirs->pool));
        flush_cycle_init(&dirs->background_cycles[i], io_pool_target(dirs->pool));
    }
    for (size_t i = 0; i < dirs->count; i++) {
        code = list_directory(dirs, i);
        if (code != 0)
            goto free_dirs;
    }
    dirs->progress.over = dirs->entries.count == 0;         /* a first start is no recovery */
    for (size_t i = 0; i < dirs->count; i++)
        logdir_set_watch(dirs->directories[i], &dirs->watch);
    for (size_t i = 0; i < dirs->count; i++)
        chore_start(&dirs->deletions[i], run_deletion);       /* what a crash left half deleted */
    *out = dirs;
    return 0;

free_dirs:
    dirs_free(dirs);
    return code;
}

void dirs_free(struct dirs *dirs)
{
    if (dirs == NULL)
        return;
    size_t position = 0;
    void *value;
    while (map_next(&dirs->entries, &position, NULL, NULL, &value))
        dirs_free_entry(value);
    map_fini(&dirs->entries);
    purge_fini(&dirs->purge);
    free(dirs->background_cycles);
    free(dirs->urgent_cycles);
    free(dirs->deletions);
    free(dirs->checkpoints);
    free(dirs->used);
    free(dirs->directories);
    free(dirs);
}
