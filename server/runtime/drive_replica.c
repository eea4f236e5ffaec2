#include "server/runtime/drive_replica.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/append.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/fetch.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/fetcher.h"
#include "server/runtime/flush.h"
#include "server/runtime/lost_copies.h"
#include "server/runtime/partition.h"
#include "server/runtime/proposals.h"
#include "server/runtime/replica_cut.h"
#include "server/runtime/replica_log.h"
#include "server/runtime/replica_session.h"
#include "server/runtime/replica_story.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/upkeep.h"

/* One call: a step, and those that follow from it. */
struct drive {
    struct partition *partition;
    struct drive_fetch_answer *answer;          /* of a FETCH */
    const struct drive_fetched *fetched;        /* of a FETCHED */
    struct replica_event next;
    bool more;                                  /* `next` is to be stepped */
};

/* What the state was before. */
struct before {
    bool leads;
    int32_t leader, epoch, start_epoch;
    struct replica_set isr;
};

bool drive_leads(const struct partition *partition)
{
    const struct replica *replica = &partition->replica;

    return replica->assigned && replica->state.leader == replica->self;
}

/* --- who leads, who is in sync ---------------------------------------------------------------- */

static bool same_set(const struct replica_set *a, const struct replica_set *b)
{
    if (a->count != b->count)
        return false;
    for (int32_t i = 0; i < a->count; i++)
        if (!replica_set_has(b, a->ids[i]))
            return false;
    return true;
}

/* Who leads, or in which epoch, is another: everybody who waits has to look again. */
static void state_changed(struct partition *partition, const struct before *before)
{
    const struct partition_state *state = &partition->replica.state;
    bool leads = drive_leads(partition);

    if (state->leader == before->leader && state->leader_epoch == before->epoch) {
        if (leads && !same_set(&before->isr, &state->isr)) {
            story_set(partition, &before->isr);
            /* Who is out of the set comes back by asking, and has asked: where nothing is written
             * it does not ask again. */
            replica_sessions_changed(partition);
        }
        return;
    }
    story_role(partition);
    replica_log_begin_epoch(partition);
    if (leads && partition->log != NULL)
        cleaner_look_soon(partition);
    if (before->leads && !leads)
        append_refuse_all(partition, K_NOT_LEADER_OR_FOLLOWER);
    partition_role_changed(partition);
    replica_sessions_changed(partition);
}

/* --- carrying out ----------------------------------------------------------------------------- */

static void step_truncated(struct drive *drive)
{
    struct log *log = drive->partition->log;

    drive->next.type = REPLICA_TRUNCATED;
    drive->next.truncated.start = log_start(log);
    drive->next.truncated.end = log_end(log);
    drive->next.truncated.last_epoch = log_last_epoch(log);
    drive->more = true;
}

static void step_appended(struct drive *drive)
{
    drive->next.type = REPLICA_APPENDED;
    drive->next.appended.end = log_end(drive->partition->log);
    drive->next.appended.last_epoch = log_last_epoch(drive->partition->log);
    drive->more = true;
}

/* A write that failed takes the partition offline: it is opened again when that may help. */
static void write_failed(struct partition *partition, const char *what, int code)
{
    LOG_ERROR("replica-write-failed", "topic=%s partition=%" PRId32 " what=%s error=%s",
              partition->topic, partition->key.index, what, k_error_name(code));
    partition_fail(partition, code);
}

static void append_copies(struct drive *drive)
{
    struct partition *partition = drive->partition;
    const struct drive_fetched *fetched = drive->fetched;
    struct metrics *metrics = shard_options(partition->shard)->metrics;

    assert(fetched != NULL && fetched->size > 0);
    int code = log_append_copies(partition->log, fetched->bytes, fetched->size,
                                 partition->replica.state.leader_epoch,
                                 shard_wall_ms(partition->shard));
    if (code == K_KAFKA_STORAGE_ERROR) {
        write_failed(partition, "append", code);
        return;
    }
    if (code != 0) {                    /* nothing was written: it is asked for again, later */
        story_not_appended(partition, code);
        step_appended(drive);
        return;
    }
    partition->not_appended = 0;
    metric_add(metrics, METRIC_REPLICA_BYTES_IN, (int64_t)fetched->size);
    partition_used(partition);
    if (partition->shared->config.flush_on_ack || partition->replica.state.flush_on_ack)
        flush_soon(partition);
    step_appended(drive);
}

static void cut_log(struct drive *drive, int64_t end, bool reset)
{
    struct partition *partition = drive->partition;
    const struct replica *replica = &partition->replica;

    LOG_WARN(reset ? "replica-reset" : "replica-truncated",
             "topic=%s partition=%" PRId32 " leader=%" PRId32 " epoch=%" PRId32 " from=%" PRId64
             " to=%" PRId64 " watermark=%" PRId64,
             partition->topic, partition->key.index, replica->state.leader,
             replica->state.leader_epoch, log_end(partition->log), end, replica->high_watermark);
    if (replica_cut_start(partition, end, reset) != 0)
        step_truncated(drive);          /* it is as it was: the leader will say so again */
}

/* How many of the bytes that were appended since the last time can be read now; where not all can,
 * a share that goes by offsets. */
static size_t published_bytes(struct partition *partition, int64_t watermark)
{
    int64_t before = partition->published, end = partition->replica.end;
    size_t bytes = partition->unpublished_bytes;

    if (watermark < end && end > before)
        bytes = (size_t)((double)bytes * (double)(watermark - before) / (double)(end - before));
    partition->unpublished_bytes -= bytes;
    partition->published = watermark;
    return bytes > 0 ? bytes : 1;
}

static void publish(struct partition *partition, int64_t watermark)
{
    size_t bytes = published_bytes(partition, watermark);

    if (partition->state == PARTITION_OPEN)
        upkeep_touch(partition);
    else
        replica_log_note_watermark(partition);
    if (drive_leads(partition)) {
        fetch_wake(partition, bytes);
        fetch_sessions_wake(partition, bytes);
        replica_sessions_watermark(partition);
    }
}

static void answer_fetch(struct drive *drive, const struct replica_effect *effect)
{
    assert(drive->answer != NULL);
    *drive->answer = (struct drive_fetch_answer){
        .code = effect->answer_fetch.code,
        .diverged = effect->answer_fetch.diverged,
        .diverged_epoch = effect->answer_fetch.diverged_epoch,
        .diverged_end = effect->answer_fetch.diverged_end,
        .start = effect->answer_fetch.start,
        .high_watermark = effect->answer_fetch.high_watermark,
        .end = effect->answer_fetch.end,
    };
}

static void propose(struct drive *drive, const struct replica_effect *effect)
{
    if (proposals_add(drive->partition, effect) == 0)
        return;
    drive->next.type = REPLICA_ISR_ANSWERED;            /* no memory: it is repeated later */
    drive->next.isr_answered.round = effect->propose.round;
    drive->next.isr_answered.code = K_REQUEST_TIMED_OUT;
    drive->more = true;
}

static void take_offline(struct partition *partition, const struct replica_effect *effect)
{
    if (partition->replica.broken != NULL)
        story_broken(partition);
    LOG_ERROR("replica-failed", "topic=%s partition=%" PRId32 " epoch=%" PRId32
              " error=%s reason=\"%s\"", partition->topic, partition->key.index,
              partition->replica.state.leader_epoch, k_error_name(effect->fail.code),
              effect->fail.reason != NULL ? effect->fail.reason : "");
    partition_fail(partition, effect->fail.code);
}

static void carry_out(struct drive *drive, const struct replica_effect *effect)
{
    struct partition *partition = drive->partition;

    switch (effect->type) {
    case REPLICA_DO_FETCH:
        fetcher_follow(partition, effect);
        break;
    case REPLICA_DO_STOP_FETCHING:
        fetcher_leave(partition);
        break;
    case REPLICA_DO_APPEND:
        append_copies(drive);
        break;
    case REPLICA_DO_TRUNCATE:
        cut_log(drive, effect->truncate.end, false);
        break;
    case REPLICA_DO_RESET:
        cut_log(drive, effect->reset.end, true);
        break;
    case REPLICA_DO_TRIM:
        replica_log_trim(partition, effect->trim.end);
        break;
    case REPLICA_DO_ANSWER_FETCH:
        answer_fetch(drive, effect);
        break;
    case REPLICA_DO_ANSWER_PRODUCES:
        append_answer(partition, effect->answer_produces.end, effect->answer_produces.code);
        break;
    case REPLICA_DO_PUBLISH:
        publish(partition, effect->publish.end);
        break;
    case REPLICA_DO_PROPOSE:
        propose(drive, effect);
        break;
    case REPLICA_DO_FAIL:
        take_offline(partition, effect);
        break;
    }
}

/* --- stepping --------------------------------------------------------------------------------- */

static void settle_deadline(struct partition *partition)
{
    int64_t due_ms = replica_deadline_ms(&partition->replica);

    /* One that was put off is looked at when the former comes: so nothing moves in the heap. */
    if (due_ms >= partition->tick_at_ms)
        return;
    shard_deadline_hold(partition->shard, &partition->tick, due_ms);
    partition->tick_at_ms = due_ms;
}

static void step_closed(struct drive *drive)
{
    drive->next.type = REPLICA_CLOSED;
    drive->next.closed.code = drive->partition->offline_code;
    drive->more = true;
}

static void step_once(struct drive *drive)
{
    struct partition *partition = drive->partition;
    struct shard *shard = partition->shard;
    struct replica *replica = &partition->replica;
    struct replica_effects *effects = &shard->effects;
    const struct replica_event event = drive->next;
    const struct before before = { .leads = drive_leads(partition),
                                   .leader = replica->assigned ? replica->state.leader : -1,
                                   .epoch = replica->assigned ? replica->state.leader_epoch : -1,
                                   .isr = replica->state.isr };

    drive->more = false;
    effects->count = 0;
    replica_step(replica, &event, effects);
    for (size_t i = 0; i < effects->count; i++)
        carry_out(drive, &effects->items[i]);
    if (event.type == REPLICA_ASSIGNED || event.type == REPLICA_ISR_ANSWERED)
        state_changed(partition, &before);
    if (!drive->more && partition->state == PARTITION_OFFLINE && replica->open &&
        replica->role != REPLICA_FAILED)
        step_closed(drive);
    lost_copies_stepped(partition);
    drive_groups_changed(partition);
}

static void run(struct drive *drive)
{
    struct shard *shard = drive->partition->shard;

    assert(!shard->stepping);           /* D1 */
    shard->stepping = true;
    do {
        drive->next.now_ms = shard_now_ms(shard);
        step_once(drive);
    } while (drive->more);
    shard->stepping = false;
    settle_deadline(drive->partition);
}

static void step(struct partition *partition, const struct replica_event *event)
{
    struct drive drive = { .partition = partition, .next = *event };

    run(&drive);
}

static void tick(struct shard_deadline *deadline)
{
    struct partition *partition = LIST_OWNER(deadline, struct partition, tick);
    int64_t due_ms = replica_deadline_ms(&partition->replica);

    partition->tick_at_ms = INT64_MAX;
    if (partition->shard->closed)
        return;
    if (due_ms > shard_now_ms(partition->shard))
        settle_deadline(partition);
    else
        step(partition, &(struct replica_event){ .type = REPLICA_TICK });
}

/* --- life ------------------------------------------------------------------------------------- */

int drive_init(struct partition *partition)
{
    shard_deadline_init(&partition->tick, tick);
    if (shard_deadline_make_room(partition->shard) != 0)
        return K_NOMEM;
    replica_init(&partition->replica, shard_options(partition->shard)->broker_id);
    partition->tick_at_ms = INT64_MAX;
    list_init(&partition->followers);
    follow_init(&partition->follow);
    partition->proposal = NULL;
    partition->copy = COPY_FINE;
    partition->end_told = -1;
    list_init(&partition->losing);
    return 0;
}

static void forget_others(struct partition *partition)
{
    fetcher_leave(partition);
    proposals_forget(partition);
    replica_sessions_gone(partition);
}

void drive_retired(struct partition *partition)
{
    forget_others(partition);
    lost_copies_forget(partition);
    shard_deadline_clear(partition->shard, &partition->tick);
}

void drive_fini(struct partition *partition)
{
    forget_others(partition);
    lost_copies_forget(partition);
    shard_deadline_drop(partition->shard, &partition->tick);
    replica_fini(&partition->replica);
}

/* --- events ----------------------------------------------------------------------------------- */

static void copy_set(struct replica_set *to, const int32_t *ids, int32_t count)
{
    assert(count >= 0 && count <= REPLICAS_MAX);
    to->count = count;
    for (int32_t at = 0; at < count; at++)
        to->ids[at] = ids[at];
}

void drive_assigned(struct partition *partition, const struct metadata_partition *known)
{
    struct partition_state state = {
        .leader = known->leader,
        .leader_epoch = known->leader_epoch,
        .version = known->version,
        .controller_epoch = partition->shard->picture->controller_epoch,
        .unclean_epoch = known->unclean_epoch,
        .min_insync = known->min_insync,
        .flush_on_ack = known->flush_on_ack,
    };

    copy_set(&state.replicas, known->replicas, known->replica_count);
    copy_set(&state.isr, known->isr, known->isr_count);
    copy_set(&state.eligible, known->eligible, known->eligible_count);
    step(partition, &(struct replica_event){ .type = REPLICA_ASSIGNED, .assigned = &state });
}

void drive_configured(struct partition *partition)
{
    struct replica_event event = { .type = REPLICA_CONFIGURED };

    event.configured.flush_on_ack = partition->shared->config.flush_on_ack;
    event.configured.lag_max_ms = shard_options(partition->shard)->replication.lag_max_ms;
    step(partition, &event);
}

void drive_opened(struct partition *partition)
{
    struct replica_event event = { .type = REPLICA_OPENED };

    if (partition->replica.role == REPLICA_FAILED && !partition->replica.closed) {
        partition_fail(partition, partition->replica.failure);
        return;
    }
    lost_copies_found(partition);
    if (partition->replica.closed)
        forget_others(partition);       /* it begins anew, and knows what became of its partition */
    if (partition->replica.open && !partition->replica.closed) {
        drive_flushed(partition);
    } else {
        event.opened.start = log_start(partition->log);
        event.opened.end = log_end(partition->log);
        event.opened.flushed = log_recovery_point(partition->log);
        event.opened.high_watermark = replica_log_watermark(partition);
        event.opened.last_epoch = log_last_epoch(partition->log);
        partition->published = event.opened.high_watermark;
        step(partition, &event);
        story_role(partition);
    }
    replica_log_begin_epoch(partition);
    if (partition->state == PARTITION_OPEN && partition->shared->config.flush_on_ack &&
        log_recovery_point(partition->log) < log_end(partition->log))
        flush_soon(partition);
}

void drive_failed(struct partition *partition)
{
    struct drive drive = { .partition = partition };

    lost_copies_add(partition);
    if (partition->shard->stepping || !partition->replica.open ||
        partition->replica.role == REPLICA_FAILED)
        return;
    step_closed(&drive);
    run(&drive);
}

void drive_appended(struct partition *partition)
{
    struct drive drive = { .partition = partition };

    step_appended(&drive);
    run(&drive);
    replica_sessions_appended(partition);
}

void drive_flushed(struct partition *partition)
{
    struct replica_event event = { .type = REPLICA_FLUSHED };

    event.flushed.end = log_recovery_point(partition->log);
    if (event.flushed.end > partition->replica.end)
        event.flushed.end = partition->replica.end;
    if (event.flushed.end > partition->replica.flushed)
        step(partition, &event);
}

void drive_truncated(struct partition *partition, int code)
{
    struct drive drive = { .partition = partition };

    if (code != 0)
        story_not_appended(partition, code);
    step_truncated(&drive);
    run(&drive);
}

void drive_trimmed(struct partition *partition)
{
    struct replica_event event = { .type = REPLICA_TRIMMED };

    event.trimmed.start = log_start(partition->log);
    if (!partition->replica.open || event.trimmed.start == partition->replica.start)
        return;
    step(partition, &event);
    replica_sessions_watermark(partition);
    fetch_sessions_trimmed(partition);
}

void drive_isr_answered(struct partition *partition, uint64_t round, int code)
{
    struct replica_event event = { .type = REPLICA_ISR_ANSWERED };

    event.isr_answered.round = round;
    event.isr_answered.code = code;
    step(partition, &event);
}

void drive_reign(struct partition *partition)
{
    if (partition->replica.doubt.count > 0)
        step(partition, &(struct replica_event){ .type = REPLICA_REIGN });
}

/* --- between replicas ------------------------------------------------------------------------- */

bool drive_fetch(struct partition *partition, const struct drive_fetch *question,
                 struct drive_fetch_answer *answer)
{
    struct drive drive = { .partition = partition, .answer = answer };
    struct replica_event *event = &drive.next;

    event->type = REPLICA_FETCH;
    if (!partition->replica.open ||
        !replica_log_epoch(partition, question->last_epoch, &event->fetch.our_epoch,
                       &event->fetch.our_end)) {
        partition_wake(partition);
        return false;
    }
    event->fetch.follower = question->follower;
    event->fetch.incarnation = question->incarnation;
    event->fetch.leader_epoch = question->leader_epoch;
    event->fetch.offset = question->offset;
    event->fetch.flushed = question->flushed;
    event->fetch.last_epoch = question->last_epoch;
    event->fetch.version = question->version;
    run(&drive);
    return true;
}

bool drive_fetched(struct partition *partition, const struct drive_fetched *answer)
{
    struct drive drive = { .partition = partition, .fetched = answer };
    struct replica_event *event = &drive.next;
    bool needs_log = answer->code == 0 && (answer->size > 0 || answer->diverged);

    event->type = REPLICA_FETCHED;
    event->fetched.our_epoch = -1;
    event->fetched.our_end = -1;
    if ((needs_log && partition->state != PARTITION_OPEN) ||
        (answer->diverged && !replica_log_epoch(partition, answer->diverged_epoch,
                                            &event->fetched.our_epoch, &event->fetched.our_end))) {
        partition_wake(partition);
        return false;
    }
    event->fetched.round = answer->round;
    event->fetched.code = answer->code;
    event->fetched.leader_start = answer->leader_start;
    event->fetched.high_watermark = answer->high_watermark;
    event->fetched.diverged = answer->diverged;
    event->fetched.diverged_epoch = answer->diverged_epoch;
    event->fetched.diverged_end = answer->diverged_end;
    event->fetched.first = answer->first;
    event->fetched.end = answer->end;
    run(&drive);
    return true;
}
