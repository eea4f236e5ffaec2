#include "server/runtime/partition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/append.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/dirs.h"
#include "server/runtime/fetch.h"
#include "server/runtime/move.h"
#include "server/runtime/recompress.h"
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
    return partition->high_watermark;
}

/* --- may it serve? ---------------------------------------------------------------------------- */

/* Explained by the picture, because we do not have it. */
static void explain_absence(const struct shard *shard, const struct partition_key *key,
                            struct outcome *outcome)
{
    const struct metadata_topic *topic = metadata_topic_by_id(shard->picture, &key->topic_id);
    if (topic == NULL) {
        outcome->code = K_UNKNOWN_TOPIC_ID;
        return;
    }
    if (key->index < 0 || key->index >= topic->partition_count) {
        outcome->code = K_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    const struct metadata_partition *known = &topic->partitions[key->index];
    outcome->code = K_NOT_LEADER_OR_FOLLOWER;
    outcome->leader = known->leader;
    outcome->leader_epoch = known->leader_epoch;
}

static bool lease_allows(const struct partition *partition, enum partition_access access)
{
    const struct shards_options *options = shard_options(partition->shard);
    if (!options->fenced_by_lease)
        return true;
    /* Nobody else can become leader while we are the only in-sync replica, so what all replicas
     * must hold may still be written; readers and unconfirmed writers would not notice a
     * successor. */
    if (access == ACCESS_WRITE_ALL && partition->sole_member)
        return true;
    int64_t now = clock_boot_ms(loop_clock(partition->shard->loop));
    return now < options->lease_until_ms(options->lease_context);
}

struct partition *partition_serving(struct shard *shard, const struct partition_key *key,
                                    int32_t leader_epoch, enum partition_access access,
                                    struct outcome *outcome)
{
    *outcome = OUTCOME_NONE;
    struct partition *partition = partition_find(shard, key);

    if (partition == NULL || !partition->leading) {
        explain_absence(shard, key, outcome);
        return NULL;
    }
    if (leader_epoch >= 0 && leader_epoch != partition->leader_epoch) {
        outcome->code = leader_epoch < partition->leader_epoch ? K_FENCED_LEADER_EPOCH
                                                               : K_UNKNOWN_LEADER_EPOCH;
        outcome->leader = shard_options(shard)->broker_id;
        outcome->leader_epoch = partition->leader_epoch;
        return NULL;
    }
    if (!lease_allows(partition, access)) {
        outcome->code = K_LEASE_EXPIRED;
        return NULL;
    }
    partition_wake(partition);
    if (partition->state == PARTITION_IDLE) {           /* it is not opened any more */
        outcome->code = K_CLOSED;
        return NULL;
    }
    if (partition->state == PARTITION_OFFLINE) {
        outcome->code = partition->offline_code;
        return NULL;
    }
    rest_touch(partition);
    return partition;
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
static void wake_all(struct partition *partition)
{
    wake_waiting(partition);
    fetch_wake(partition, SIZE_MAX);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void open_log(struct partition *partition, enum dirs_order_kind kind);

static void retry_open(struct shard_deadline *deadline)
{
    struct partition *partition = LIST_OWNER(deadline, struct partition, retry);

    open_log(partition, DIRS_OPEN);
}

static void free_partition(struct partition *partition)
{
    shard_deadline_clear(partition->shard, &partition->retry);
    free(partition->topic);
    free(partition);
}

static void go_offline(struct partition *partition, int code)
{
    partition->state = PARTITION_OFFLINE;
    rest_forget(partition);
    bool passes = code == K_DISK_FULL || code == K_NOMEM || code == K_CLOSED;

    partition->offline_code = passes ? code : K_KAFKA_STORAGE_ERROR;
    append_refuse_all(partition, partition->offline_code);
    if (passes && partition->log == NULL && !partition->shard->closed)
        shard_deadline_set(partition->shard, &partition->retry,
                           shard_now_ms(partition->shard) + RETRY_MS);
    wake_all(partition);
}

void partition_fail(struct partition *partition, int code)
{
    if (partition->state == PARTITION_OFFLINE)
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
        if (partition->state == PARTITION_OPEN && logdir_fenced(partition->directory)) {
            go_offline(partition, K_KAFKA_STORAGE_ERROR);
            count++;
        }
    }
    if (count > 0)
        LOG_ERROR("partitions-offline",
                  "loop=%d count=%zu reason=\"their log directory is out of use\"", shard->index,
                  count);
}

static void order_retirement(struct partition *partition);

static bool is_wanted(const struct partition *partition)
{
    return !list_empty(&partition->preparing) || !list_empty(&partition->appends) ||
           !list_empty(&partition->watchers) || !list_empty(&partition->waiting);
}

/* The log is on the disk, as it should be, and in nobody's hands. */
static void log_rests(struct partition *partition)
{
    partition->state = PARTITION_IDLE;
    if (!is_wanted(partition))
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
    wake_waiting(partition);
    fetch_log_opened(partition);
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
    append_opened(partition);
    rest_touch(partition);
    LOG_DEBUG("partition-open", "topic=%s partition=%" PRId32 " epoch=%" PRId32 " start=%" PRId64
              " end=%" PRId64, partition->topic, partition->key.index, partition->leader_epoch,
              log_start(partition->log), log_end(partition->log));
    serve_again(partition);
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

static void open_log(struct partition *partition, enum dirs_order_kind kind)
{
    if (partition->shard->closed)
        return;
    struct dirs_order *order = new_order(partition, kind, log_opened);
    if (order == NULL) {
        go_offline(partition, K_NOMEM);
        return;
    }
    topic_config_for_log(&partition->config, &order->config);
    partition->state = PARTITION_OPENING;
    dirs_order(shard_options(partition->shard)->dirs, order);
}

void partition_wake(struct partition *partition)
{
    if (partition->state == PARTITION_IDLE && partition->leading)
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

void partition_pause(struct partition *partition)
{
    assert(partition->state == PARTITION_OPEN);
    partition->state = PARTITION_OPENING;
    list_remove(&partition->dirty);
    list_remove(&partition->unprepared);
    rest_forget(partition);
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
    else if (partition->leading && !partition->shard->closed)
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
    struct partition *partition = calloc(1, sizeof *partition);
    if (partition == NULL)
        return NULL;
    partition->shard = shard;
    partition->key = *key;
    partition->topic = strdup(topic);
    list_init(&partition->appends);
    list_init(&partition->unflushed);
    flush_init(&partition->flush);
    list_init(&partition->dirty);
    recompress_init_partition(partition);
    list_init(&partition->watchers);
    list_init(&partition->waiting);
    list_init(&partition->touched);
    list_init(&partition->awake);
    shard_deadline_init(&partition->retry, retry_open);
    if (partition->topic == NULL ||
        map_put(&shard->partitions, key, sizeof *key, partition, NULL) != 0) {
        free(partition->topic);
        free(partition);
        return NULL;
    }
    return partition;
}

static void stop_leading(struct partition *partition)
{
    if (!partition->leading)
        return;
    partition->leading = false;
    metric_add(shard_options(partition->shard)->metrics, METRIC_PARTITIONS, -1);
    append_refuse_all(partition, K_NOT_LEADER_OR_FOLLOWER);
    wake_all(partition);
}

static void start_leading(struct partition *partition, int32_t leader_epoch)
{
    if (!partition->leading)
        metric_add(shard_options(partition->shard)->metrics, METRIC_PARTITIONS, 1);
    partition->leading = true;
    partition->leader_epoch = leader_epoch;
    if (partition->state == PARTITION_IDLE)
        open_log(partition, DIRS_OPEN_IF_HURT);
}

static void apply_config(struct partition *partition, const struct metadata_topic *topic)
{
    partition->retain_at_ms = 0;
    topic_config_resolve(shard_defaults(partition->shard), topic, &partition->config);
    topic_config_for_batches(&partition->config, &partition->rules);
    if (partition->log != NULL) {
        struct log_config config;
        topic_config_for_log(&partition->config, &config);
        log_set_config(partition->log, &config);
        append_config_changed(partition);
        upkeep_config_changed(partition);
        cleaner_look_soon(partition);
    }
}

void partition_follow(struct shard *shard, const struct metadata_topic *topic, int32_t index)
{
    const struct metadata_partition *known = &topic->partitions[index];
    const struct partition_key key = { .topic_id = topic->id, .index = index };
    int32_t self = shard_options(shard)->broker_id;
    bool leads = known->leader == self;

    struct partition *partition = partition_find(shard, &key);
    if (partition == NULL) {
        if (!leads)
            return;
        partition = add_partition(shard, &key, topic->name);
        if (partition == NULL) {
            LOG_ERROR("partition-not-served", "topic=%s partition=%" PRId32 " error=NOMEM",
                      topic->name, index);
            return;
        }
    }
    apply_config(partition, topic);
    partition->sole_member = known->isr_count == 1 && known->isr[0] == self;
    if (leads)
        start_leading(partition, known->leader_epoch);
    else
        stop_leading(partition);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void retired(struct dirs_order *order)
{
    free_partition(order->context);
    free(order);
}

static void order_retirement(struct partition *partition)
{
    enum dirs_order_kind kind = partition->fate == PARTITION_REMOVED ? DIRS_REMOVE : DIRS_SET_ASIDE;
    struct dirs_order *order = new_order(partition, kind, retired);

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
    stop_leading(partition);
    assert(list_empty(&partition->appends) && list_empty(&partition->watchers));
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
    if (partition->fate != PARTITION_STAYS && partition->jobs == 0)
        order_retirement(partition);
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
    bool clean = log_close(partition->log, !failed) == 0 && !failed;
    append_refuse_all(partition, K_CLOSED);
    free_partition(partition);
    return clean;
}
