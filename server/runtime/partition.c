#include "server/runtime/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/append.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/dirs.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/fetch.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/group_place.h"
#include "server/runtime/move.h"
#include "server/runtime/recompress.h"
#include "server/runtime/replica_log.h"
#include "server/runtime/replica_session.h"
#include "server/runtime/rest.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/upkeep.h"
#include "server/storage/logdir.h"

enum { RETRY_MS = 1000 };

/* The key is hashed and compared as bytes. */
_Static_assert(sizeof(struct partition_key) == 20, "partition_key must have no holes");

struct partition *partition_find(struct shard *shard, const struct partition_key *key)
{
    return map_get(&shard->partitions, key, sizeof *key);
}

int64_t partition_high_watermark(const struct partition *partition)
{
#ifdef MUTANT_READ_UNCOMMITTED
    return partition->replica.end;
#else
    return partition->replica.high_watermark;
#endif
}

/* --- waiting requests ------------------------------------------------------------------------- */

/* Everybody who waits for the end of OPENING looks again. */
static void wake_waiting(struct partition *partition)
{
    struct list woken;
    list_init(&woken);
    list_move(&woken, &partition->waiting);
    while (!list_empty(&woken)) {
        struct partition_wait *wait = LIST_OWNER(list_first(&woken), struct partition_wait, node);
        list_remove(&wait->node);
        wait->run(wait);
    }
}

/* We can not serve any more, or not as before. */
void partition_role_changed(struct partition *partition)
{
    wake_waiting(partition);
    fetch_wake(partition, SIZE_MAX);
    fetch_sessions_wake(partition, SIZE_MAX);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void open_log(struct partition *partition, enum dirs_order_kind kind);

static void go_offline(struct partition *partition, int code);
static void retry_later(struct partition *partition);
static void serve_opened(struct partition *partition);

/* Nothing is wrong with a log that is still open: only its replica begins anew. */
static void retry_open(struct shard_deadline *deadline)
{
    struct partition *partition = LIST_OWNER(deadline, struct partition, retry);

    if (partition->log == NULL) {
        open_log(partition, DIRS_OPEN);
        return;
    }
    if (partition->shard->closed)
        return;
    if (logdir_fenced(partition->directory)) {
        go_offline(partition, K_KAFKA_STORAGE_ERROR);
        return;
    }
    if (!partition_is_still(partition)) {
        retry_later(partition);
        return;
    }
    partition->state = PARTITION_OPEN;
    serve_opened(partition);
}

static void retry_later(struct partition *partition)
{
    shard_deadline_hold(partition->shard, &partition->retry,
                        shard_now_ms(partition->shard) + RETRY_MS);
}

static void free_partition(struct partition *partition)
{
    drive_groups_retired(partition);
    shard_deadline_drop(partition->shard, &partition->retry);
    drive_fini(partition);
    shared_config_unref(partition->shared);
    free(partition);
}

static void go_offline(struct partition *partition, int code)
{
    partition->state = PARTITION_OFFLINE;
    rest_forget(partition);
    if (partition->log != NULL)
        log_rest_files(partition->log);
    /* LOG_DIR_NOT_FOUND passes once the replica is not counted on any more. */
    bool passes = code == K_DISK_FULL || code == K_NOMEM || code == K_CLOSED ||
                  code == K_LOG_DIR_NOT_FOUND;
    partition->offline_code = passes && code != K_LOG_DIR_NOT_FOUND ? code : K_KAFKA_STORAGE_ERROR;
    append_refuse_all(partition, partition->offline_code);
    drive_failed(partition);
    if (passes && !partition->shard->closed)
        retry_later(partition);
    partition_role_changed(partition);
}

void partition_fail(struct partition *partition, int code)
{
    /* While OPENING the log is in other hands: see is_hurt(). */
    if (partition->state == PARTITION_OFFLINE || partition->state == PARTITION_OPENING)
        return;
    LOG_ERROR("partition-offline", "topic=%s partition=%" PRId32 " error=%s", partition->topic,
              partition->key.index, k_error_name(code));
    go_offline(partition, code);
}

void partitions_leave_fenced(struct shard *shard)
{
    size_t position = 0, count = 0;
    void *value;

    while (map_next(&shard->partitions, &position, NULL, NULL, &value)) {
        struct partition *partition = value;
        bool rests = partition->state == PARTITION_IDLE && partition->directory != NULL;
        if ((partition->state == PARTITION_OPEN || rests) && logdir_fenced(partition->directory)) {
            go_offline(partition, K_KAFKA_STORAGE_ERROR);
            count++;
        }
    }
    if (count > 0)
        LOG_ERROR("partitions-offline",
                  "loop=%d count=%zu reason=\"their log directory is out of use\"", shard->index,
                  count);
}

/* Did anything happen, while it was OPENING, that takes it offline? */
static bool is_hurt(const struct partition *partition)
{
    return partition->replica.role == REPLICA_FAILED || logdir_fenced(partition->directory);
}

static void order_retirement(struct partition *partition);

static bool is_wanted(const struct partition *partition)
{
    return !list_empty(&partition->preparing) || !list_empty(&partition->appends) ||
           !list_empty(&partition->watchers) || !list_empty(&partition->waiting) ||
           fetch_sessions_want_log(partition);
}

/* The log is on the disk, as it should be, and in nobody's hands. */
static void log_rests(struct partition *partition)
{
    partition->state = PARTITION_IDLE;
    if (!is_wanted(partition) && (!replica_log_trim_waits(partition) || partition->shard->closed))
        return;
    if (!partition->shard->closed)
        open_log(partition, DIRS_OPEN);
    else
        go_offline(partition, K_CLOSED);
}

/* Whoever came meanwhile has waited. */
static void serve_again(struct partition *partition)
{
    append_resume(partition);
    cleaner_look_soon(partition);
    replica_sessions_changed(partition);
    fetcher_log_opened(partition);
    wake_waiting(partition);
    fetch_log_opened(partition);
    fetch_sessions_wake(partition, SIZE_MAX);
    replica_log_trim_again(partition);
}

static void serve_opened(struct partition *partition)
{
    drive_opened(partition);
    if (partition->state != PARTITION_OPEN)
        return;
    rest_touch(partition);
    serve_again(partition);
}

static void log_opened(struct dirs_order *order)
{
    struct partition *partition = order->context;
    int code = order->code;

    assert(partition->state == PARTITION_OPENING);
    partition->log = order->log;
    partition->directory = order->directory;
    free(order);
    partition->state = PARTITION_IDLE;
    if (partition->fate != PARTITION_STAYS) {
        order_retirement(partition);
        return;
    }
    if (code == 0 && logdir_fenced(partition->directory))
        code = K_KAFKA_STORAGE_ERROR;
    if (code != 0) {
        go_offline(partition, code);
        return;
    }
    if (partition->log == NULL) {
        log_rests(partition);
        return;
    }
    partition->state = PARTITION_OPEN;
    LOG_DEBUG("partition-open", "topic=%s partition=%" PRId32 " start=%" PRId64 " end=%" PRId64,
              partition->topic, partition->key.index, log_start(partition->log),
              log_end(partition->log));
    serve_opened(partition);
}

static struct dirs_order *new_order(struct partition *partition, enum dirs_order_kind kind,
                                    void (*done)(struct dirs_order *order))
{
    struct dirs_order *order = calloc(1, sizeof *order);
    if (order == NULL)
        return NULL;
    order->kind = kind;
    order->partition = partition->key.index;
    order->topic_id = partition->key.topic_id;
    order->answer_to = shard_mail_target(partition->shard);
    order->done = done;
    order->context = partition;
    snprintf(order->topic, sizeof order->topic, "%s", partition->topic);
    return order;
}

/* Does the cluster rely on what is in our log, as far as we know? */
static bool is_counted(const struct partition *partition)
{
    const struct replica *replica = &partition->replica;
    return !replica->assigned || replica_set_has(&replica->state.isr, replica->self) ||
           replica_set_has(&replica->state.eligible, replica->self);
}

static void open_log(struct partition *partition, enum dirs_order_kind kind)
{
    if (partition->shard->closed)
        return;
    struct dirs_order *order = new_order(partition, kind, log_opened);
    if (order == NULL) {
        go_offline(partition, K_NOMEM);
        return;
    }
    topic_config_for_log(&partition->shared->config, &order->config);
    order->must_exist = is_counted(partition);
    partition->state = PARTITION_OPENING;
    dirs_order(shard_options(partition->shard)->dirs, order);
}

void partition_wake(struct partition *partition)
{
    if (partition->state == PARTITION_IDLE && partition->fate == PARTITION_STAYS)
        open_log(partition, DIRS_OPEN);
}

/* --- resting ---------------------------------------------------------------------------------- */

static void log_closed(struct dirs_order *order)
{
    struct partition *partition = order->context;

    assert(partition->state == PARTITION_OPENING);
    free(order);
    partition->state = PARTITION_IDLE;
    if (partition->fate != PARTITION_STAYS)
        order_retirement(partition);
    else
        log_rests(partition);
}

void partition_rest(struct partition *partition)
{
    assert(partition->state == PARTITION_OPEN && !is_wanted(partition));
    struct dirs_order *order = new_order(partition, DIRS_CLOSE, log_closed);
    if (order == NULL)
        return;                         /* it stays open for now */
    rest_forget(partition);
    upkeep_forget(partition);
    order->log = partition->log;
    partition->log = NULL;
    partition->state = PARTITION_OPENING;
    dirs_order(shard_options(partition->shard)->dirs, order);
}

/* --- changing over ---------------------------------------------------------------------------- */

static void configure_log(struct partition *partition)
{
    struct log_config config;
    topic_config_for_log(&partition->shared->config, &config);
    log_set_config(partition->log, &config);
}

void partition_pause(struct partition *partition)
{
    assert(partition->state == PARTITION_OPEN);
    partition->state = PARTITION_OPENING;
    list_remove(&partition->dirty);
    list_remove(&partition->unprepared);
    rest_forget(partition);
}

void partition_cut_ended(struct partition *partition, int code)
{
    assert(partition->state == PARTITION_OPENING && partition->log != NULL);
    partition->state = PARTITION_OPEN;
    if (partition->fate != PARTITION_STAYS) {
        order_retirement(partition);
        return;
    }
    if (partition->shard->closed)
        return;
    if (code == K_KAFKA_STORAGE_ERROR || is_hurt(partition)) {
        partition_fail(partition, K_KAFKA_STORAGE_ERROR);
        return;
    }
    configure_log(partition);
    drive_truncated(partition, code);
    if (partition->state != PARTITION_OPEN)
        return;
    rest_touch(partition);
    upkeep_touch(partition);
    serve_again(partition);
}

bool partition_is_still(const struct partition *partition)
{
    return list_empty(&partition->flush.syncs) && partition->job == NULL &&
           partition->jobs == 0 && !cleaner_running(partition);
}

void partition_resume(struct partition *partition)
{
    assert(partition->state == PARTITION_OPENING && partition->log != NULL);
    partition->state = PARTITION_OPEN;
    if (partition->shard->closed)
        return;
    if (is_hurt(partition)) {
        partition_fail(partition, K_KAFKA_STORAGE_ERROR);
        return;
    }
    append_flushed(partition);
    if (partition->state != PARTITION_OPEN)
        return;
    rest_touch(partition);
    upkeep_touch(partition);
    serve_again(partition);
}

static void log_changed_over(struct dirs_order *order)
{
    struct partition *partition = order->context;
    int code = order->code;

    assert(partition->state == PARTITION_OPENING);
    free(order);
    partition->state = PARTITION_IDLE;
    move_ended(partition, code);
    if (partition->fate != PARTITION_STAYS)
        order_retirement(partition);
    else if (!partition->shard->closed)
        open_log(partition, DIRS_OPEN);
    else
        log_rests(partition);
}

int partition_change_over(struct partition *partition, struct log_move *move, struct logdir *to)
{
    struct dirs_order *order = new_order(partition, DIRS_MOVE, log_changed_over);
    if (order == NULL)
        return K_NOMEM;
    upkeep_forget(partition);
    order->move = move;
    order->to = to;
    order->log = partition->log;
    partition->log = NULL;
    dirs_order(shard_options(partition->shard)->dirs, order);
    return 0;
}

/* --- following the picture -------------------------------------------------------------------- */

static struct partition *add_partition(struct shard *shard, const struct partition_key *key,
                                       const char *topic)
{
    size_t topic_size = strlen(topic) + 1;
    struct partition *partition = calloc(1, sizeof *partition + topic_size);
    if (partition == NULL)
        return NULL;
    memcpy(partition->topic, topic, topic_size);
    partition->shard = shard;
    partition->key = *key;
    partition->internal = topic_is_internal(topic);
    partition->holds_groups = strcmp(topic, OFFSETS_TOPIC) == 0;
    list_init(&partition->appends);
    list_init(&partition->unflushed);
    list_init(&partition->uncommitted);
    if (drive_init(partition) != 0)
        goto undo;
    flush_init(&partition->flush);
    list_init(&partition->dirty);
    recompress_init_partition(partition);
    list_init(&partition->watchers);
    list_init(&partition->readers);
    list_init(&partition->waiting);
    list_init(&partition->touched);
    list_init(&partition->awake);
    shard_deadline_init(&partition->retry, retry_open);
    if (shard_deadline_make_room(shard) != 0)
        goto fini_drive;
    if (map_put(&shard->partitions, key, sizeof *key, partition, NULL) != 0) {
        free_partition(partition);
        return NULL;
    }
    return partition;

fini_drive:
    drive_fini(partition);
undo:
    free(partition);
    return NULL;
}

/* A log that nothing is known of. Alone it may rest until its first use, unless it is hurt. */
static void look_at_log(struct partition *partition, const struct metadata_partition *known)
{
    /* Others ask a follower's log where it ends; and so does an election that waits for the only
     * copy there is. */
    bool asked = known->replica_count > 1 || known->leader < 0;

    if (partition->state == PARTITION_IDLE && !partition->replica.open)
        open_log(partition, asked ? DIRS_OPEN : DIRS_OPEN_IF_HURT);
}

static void apply_config(struct partition *partition, struct shared_config *shared)
{
    partition->retain_at_ms = 0;
    shared_config_unref(partition->shared);
    partition->shared = shared_config_ref(shared);
    if (partition->log != NULL && partition->cut == NULL) {
        configure_log(partition);
        upkeep_config_changed(partition);
        cleaner_look_soon(partition);
    }
    drive_configured(partition);
}

static bool is_replica(const struct metadata_partition *known, int32_t broker)
{
    for (int32_t i = 0; i < known->replica_count; i++)
        if (known->replicas[i] == broker)
            return true;
    return false;
}

void partition_expect(struct shard *shard, const struct metadata_topic *topic, int32_t index)
{
    const struct partition_key key = { .topic_id = topic->id, .index = index };

    if (is_replica(&topic->partitions[index], shard_options(shard)->broker_id) &&
        partition_find(shard, &key) == NULL && add_partition(shard, &key, topic->name) == NULL) {
        LOG_ERROR("partition-not-served",
                  "topic=%s partition=%" PRId32 " error=NOMEM action=\"it is tried again\"",
                  topic->name, index);
        settings_retry(shard);
    }
}

void partition_follow(struct shard *shard, const struct metadata_topic *topic, int32_t index,
                      struct shared_config *shared)
{
    const struct metadata_partition *known = &topic->partitions[index];
    const struct partition_key key = { .topic_id = topic->id, .index = index };
    bool ours = is_replica(known, shard_options(shard)->broker_id);

    struct partition *partition = partition_find(shard, &key);
    if (partition == NULL)
        return;
    if (!ours) {
        if (known->replica_count > 0)
            partition_retire(partition, PARTITION_REMOVED);
        return;
    }
    apply_config(partition, shared);
    drive_assigned(partition, known);
    look_at_log(partition, known);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void retired(struct dirs_order *order)
{
    free_partition(order->context);
    free(order);
}

static void order_retirement(struct partition *partition)
{
    static const enum dirs_order_kind kinds[] = { 0, DIRS_REMOVE, DIRS_SET_ASIDE, DIRS_CLOSE };
    struct dirs_order *order = new_order(partition, kinds[partition->fate], retired);

    if (order == NULL) {                /* no memory to care: the next start sets it aside */
        log_close(partition->log, true);
        free_partition(partition);
        return;
    }
    order->log = partition->log;
    partition->log = NULL;
    dirs_order(shard_options(partition->shard)->dirs, order);
}

void partition_retire(struct partition *partition, enum partition_fate fate)
{
    struct shard *shard = partition->shard;

    map_remove(&shard->partitions, &partition->key, sizeof partition->key);
    shard_deadline_clear(shard, &partition->retry);
    append_refuse_all(partition, K_NOT_LEADER_OR_FOLLOWER);
    drive_groups_retired(partition);
    partition_role_changed(partition);
    drive_retired(partition);
    assert(list_empty(&partition->appends) && list_empty(&partition->watchers));
    assert(list_empty(&partition->readers));
    assert(list_empty(&partition->preparing) && partition->job == NULL);
    partition->fate = fate;
    move_forget(partition);
    upkeep_forget(partition);
    flush_forget(&partition->flush);
    rest_forget(partition);
    cleaner_forget(partition);
    if (partition->state != PARTITION_OPENING && partition->jobs == 0)
        order_retirement(partition);
}

void partition_job_ended(struct partition *partition)
{
    assert(partition->jobs > 0);
    partition->jobs--;
    if (partition->fate != PARTITION_STAYS) {
        if (partition->jobs == 0)
            order_retirement(partition);
    } else if (replica_log_trim_waits(partition) && !partition->shard->closed) {
        upkeep_touch(partition);        /* not at once: a trim that failed would go in circles */
    }
}

bool partition_close(struct partition *partition)
{
    bool failed = partition->state == PARTITION_OFFLINE && partition->log != NULL;

    move_forget(partition);
    assert(partition->state != PARTITION_OPENING && partition->jobs == 0);
    upkeep_forget(partition);
    flush_forget(&partition->flush);
    rest_forget(partition);
    cleaner_forget(partition);
    replica_log_note_watermark(partition);
    int code = log_close(partition->log, !failed);
    if (code != 0 && code != K_KAFKA_STORAGE_ERROR)     /* the directory's, told when it went */
        LOG_WARN("stop-not-clean", "topic=%s partition=%" PRId32 " error=%s", partition->topic,
                 partition->key.index, k_error_name(code));
    bool clean = code == 0 && !failed;
    append_refuse_all(partition, K_CLOSED);
    free_partition(partition);
    return clean;
}
