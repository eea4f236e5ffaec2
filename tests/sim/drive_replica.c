/* One partition on one broker: core/replica, a log, and who waits. */
#include <assert.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

struct sim_log *host_log(const struct host *host)
{
    return &host->broker->disk.logs[host->partition];
}

/* Then the faults end, and what is left is for the time after. */
enum { LOG_ENOUGH = 600 };

static void timer_fires(struct broker *broker, uint64_t partition, uint64_t timer)
{
    struct host *host = &broker->hosts[partition];
    if (host->made && timer == host->timer)
        host_step(host, &(struct replica_event){.type = REPLICA_TICK}, NULL);
}

/* --- the log ---------------------------------------------------------------------------------- */

static struct replica_event log_event(const struct host *host, enum replica_event_type type)
{
    const struct sim_log *log = host_log(host);
    struct replica_event event = {.type = type};

    if (type == REPLICA_APPENDED) {
        event.appended.end = log->end;
        event.appended.last_epoch = log_last_epoch(log);
    } else {
        event.truncated.start = log->start;
        event.truncated.end = log->end;
        event.truncated.last_epoch = log_last_epoch(log);
    }
    return event;
}

static void cut_done(struct broker *broker, uint64_t partition, uint64_t unused)
{
    struct host *host = &broker->hosts[partition];
    struct replica_event event = log_event(host, REPLICA_TRUNCATED);

    (void)unused;
    host_step(host, &event, NULL);
}

static void append_answer(struct broker *broker, uint64_t partition, uint64_t unused)
{
    struct host *host = &broker->hosts[partition];
    struct sim_log *log = host_log(host);
    const struct message *answer = &host->answer;
    int64_t first = log->end;

    (void)unused;
    if (host->failed)
        return;
    assert(answer->fetched.first == log->end);
    if (broker->disk.full) {
        broker->world->counters.disk_full++; /* as if the records were damaged */
    } else {
        for (int i = 0; i < answer->fetched.count; i++)
            log_append(log, &answer->fetched.records[i]);
        truth_appended(host, first);
    }
    struct replica_event event = log_event(host, REPLICA_APPENDED);
    host_step(host, &event, NULL);
    if (broker->world->plan.options.flush_on_ack)
        host_flush(host);
}

static void flush_done(struct broker *broker, uint64_t partition, uint64_t turn_and_end)
{
    struct host *host = &broker->hosts[partition];
    struct sim_log *log = host_log(host);
    int64_t end = (int64_t)(turn_and_end & 0xffff);

    if (host->failed)
        return;
    host->flushing = false;
    if (turn_and_end >> 16 == host->log_turn && end > log->flushed) {
        log->flushed = end;
        struct replica_event event = {.type = REPLICA_FLUSHED, .flushed = {.end = end}};
        host_step(host, &event, NULL);
    }
    if (broker->world->plan.options.flush_on_ack && log->end > log->flushed)
        host_flush(host);
}

void host_flush(struct host *host)
{
    const struct sim_options *options = &host->broker->world->plan.options;
    struct sim_log *log = host_log(host);

    if (!host->opened || host->failed || host->flushing || log->flushed >= log->end)
        return;
    host->flushing = true;
    uint64_t range = (uint64_t)options->flush_takes_ms * 1000 + 1;
    broker_later(host->broker, (int64_t)rand_below(&host->broker->rand, range), flush_done,
                 (uint64_t)host->partition, host->log_turn << 16 | (uint64_t)log->end);
}

static void upkeep(struct broker *broker, uint64_t partition, uint64_t unused)
{
    struct host *host = &broker->hosts[partition];

    (void)unused;
    if (!host->opened || host->failed)
        return;
    host_log(host)->high_watermark = host->core.high_watermark;
    host_flush(host);
    broker_later(broker, broker->world->plan.options.flush_every_ms * 1000, upkeep, partition, 0);
}

static void order_to_log(struct host *host, const struct replica_effect *effect,
                         const struct message *question)
{
    struct world *world = host->broker->world;
    struct sim_log *log = host_log(host);
    int64_t delay_us = 1 + (int64_t)rand_below(
                               &host->broker->rand,
                               (uint64_t)world->plan.options.write_takes_ms * 1000 + 1);

    if (effect->type == REPLICA_DO_APPEND) {
        host->answer = *question;
        broker_later(host->broker, delay_us, append_answer, (uint64_t)host->partition, 0);
        return;
    }
    host->log_turn++;
    if (effect->type == REPLICA_DO_TRUNCATE) {
        world->counters.truncations += log->end > effect->truncate.end;
        log_truncate(log, effect->truncate.end);
    } else {
        world->counters.resets++;
        log_reset(log, effect->reset.end);
    }
    truth_truncated(host);
    broker_later(host->broker, delay_us, cut_done, (uint64_t)host->partition, 0);
}

void host_trim(struct host *host, int64_t start)
{
    struct replica_event event = {.type = REPLICA_TRIMMED};
    struct sim_log *log = host_log(host);

    if (!host->opened || host->failed || start <= log->start || start > host->core.high_watermark)
        return;
    log_trim(log, start);
    event.trimmed.start = log->start;
    host_step(host, &event, NULL);
}

static void trim_done(struct broker *broker, uint64_t partition, uint64_t start)
{
    host_trim(&broker->hosts[partition], (int64_t)start);
}

/* --- produces --------------------------------------------------------------------------------- */

static void answer_produce(struct host *host, int to, uint64_t life, int operation, int code,
                           int64_t offset)
{
    struct world *world = host->broker->world;
    struct message answer;

    memset(&answer, 0, sizeof answer);
    answer.kind = MESSAGE_PRODUCED;
    answer.from = host->broker->id;
    answer.to = to;
    answer.life = life;
    answer.partition = host->partition;
    answer.produced.operation = operation;
    answer.produced.code = code;
    answer.produced.offset = offset;
    world->counters.not_leader += code == K_NOT_LEADER_OR_FOLLOWER;
    world->counters.lease_refusals += code == K_LEASE_EXPIRED;
    world->counters.not_enough += code == K_NOT_ENOUGH_REPLICAS;
    world->counters.after_append += code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    world->counters.out_of_order += code == K_OUT_OF_ORDER_SEQUENCE_NUMBER;
    world->counters.disk_full += code == K_DISK_FULL;
    if (code == 0 && world->operations[operation].acks < 0) {
        struct operation done = world->operations[operation];
        done.offset = offset;
        world->operations[operation].promised = true;
        if (truth_is_void(host))
            world->operations[operation].excused = true;
        else
            truth_acknowledged(world, &done);
    }
    message_send(world, &answer);
}

static void answer_pending(struct host *host, int64_t end, int code)
{
    for (int i = 0; i < PENDING_MAX; i++) {
        struct pending *pending = &host->pending[i];
        if (!pending->used || pending->end > end)
            continue;
        pending->used = false;
        answer_produce(host, pending->from, pending->life, pending->operation, code,
                       pending->end - 1);
    }
}

static void pending_add(struct host *host, const struct message *message, int64_t end)
{
    int at = 0;

    for (int i = 0; i < PENDING_MAX; i++)
        if (!host->pending[i].used)
            at = i;
    host->pending[at] =
        (struct pending){true, end, message->from, message->produce.operation, message->life};
}

/* 0: append it. Else the answer; *offset of a duplicate. */
static int check_sequence(const struct sim_log *log, const struct record *record, int64_t *offset)
{
    if (record->producer < 0)
        return 0;
    int32_t last = log_last_sequence(log, record->producer);
    *offset = log_find_sequence(log, record->producer, record->sequence);
    if (*offset >= 0)
        return K_DUPLICATE_SEQUENCE_NUMBER;
    if (last < 0 ? record->sequence == 0 : record->sequence == last + 1)
        return 0;
    return K_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void append_record(struct host *host, const struct message *message)
{
    struct sim_log *log = host_log(host);
    struct record record = message->produce.record;
    int64_t offset = log->end;

    record.epoch = host->core.state.leader_epoch;
    log_append(log, &record);
    truth_appended(host, offset);
    if (message->produce.acks >= 0)
        truth_served(host);
    if (message->produce.acks < 0)
        pending_add(host, message, log->end);
    struct replica_event event = log_event(host, REPLICA_APPENDED);
    host_step(host, &event, NULL);
    if (message->produce.acks == 1)
        answer_produce(host, message->from, message->life, message->produce.operation, 0, offset);
    if (host->broker->world->plan.options.flush_on_ack)
        host_flush(host);
    fetch_wake(host);
    if (log->end >= LOG_ENOUGH)
        host->broker->world->nothing_more = true;
}

void host_on_produce(struct host *host, const struct message *message)
{
    bool all = message->produce.acks < 0;
    int64_t offset = -1;
    int code = !host->made ? K_NOT_LEADER_OR_FOLLOWER
                           : replica_may_append(&host->core, all,
                                                broker_lease_holds(host->broker));

    if (code == 0 && message->produce.epoch > host->core.state.leader_epoch)
        code = K_UNKNOWN_LEADER_EPOCH;
    if (code == 0)
        code = check_sequence(host_log(host), &message->produce.record, &offset);
    if (code == 0 && host->broker->disk.full)
        code = K_DISK_FULL;
    if (code == K_DUPLICATE_SEQUENCE_NUMBER) {
        host->broker->world->counters.duplicates++;
        if (offset < host->core.high_watermark)
            code = 0;
        else if (all)
            pending_add(host, message, offset + 1);
        if (code != 0 && all)
            return;
    } else if (code == 0) {
        append_record(host, message);
        return;
    }
    if (message->produce.acks != 0)
        answer_produce(host, message->from, message->life, message->produce.operation, code,
                       offset);
}

/* --- reads ------------------------------------------------------------------------------------ */

void host_on_read(struct host *host, const struct message *message)
{
    struct message answer = message_answer(message, MESSAGE_WAS_READ);
    const struct sim_log *log = host_log(host);
    int64_t offset = message->read.offset, watermark = 0;
    int code = !host->made ? K_NOT_LEADER_OR_FOLLOWER
                           : replica_may_read(&host->core, broker_lease_holds(host->broker));

    if (code == 0 && message->read.epoch > host->core.state.leader_epoch)
        code = K_UNKNOWN_LEADER_EPOCH;
    if (code == 0 && message->read.epoch < host->core.state.leader_epoch)
        code = K_FENCED_LEADER_EPOCH;
    if (code == 0)
        code = replica_latest(&host->core, &watermark);
    if (code == 0 && (offset < log->start || offset > log->end))
        code = K_OFFSET_OUT_OF_RANGE;
    host->broker->world->counters.lease_refusals += code == K_LEASE_EXPIRED;
    if (code == 0)
        truth_served(host);
    answer.was_read.round = message->read.round;
    answer.was_read.code = code;
    answer.was_read.epoch = host->made ? host->core.state.leader_epoch : -1;
    answer.was_read.offset = code == K_OFFSET_OUT_OF_RANGE ? log->start : offset;
    answer.was_read.high_watermark = watermark;
    for (; code == 0 && offset < watermark && answer.was_read.count < FETCH_BATCH_MAX; offset++)
        answer.was_read.records[answer.was_read.count++] = log->records[offset];
    message_send(host->broker->world, &answer);
}

/* --- the shell -------------------------------------------------------------------------------- */

static void perform(struct host *host, const struct replica_effect *effect,
                    const struct message *question)
{
    struct broker *broker = host->broker;

    switch (effect->type) {
    case REPLICA_DO_FETCH:
        fetch_send(host, effect);
        break;
    case REPLICA_DO_STOP_FETCHING:
        break; /* an answer that comes yet has an old round */
    case REPLICA_DO_APPEND:
    case REPLICA_DO_TRUNCATE:
    case REPLICA_DO_RESET:
        order_to_log(host, effect, question);
        break;
    case REPLICA_DO_TRIM:
        broker_later(broker, 500, trim_done, (uint64_t)host->partition,
                     (uint64_t)effect->trim.end);
        break;
    case REPLICA_DO_ANSWER_FETCH:
        fetch_answer(host, effect, question);
        break;
    case REPLICA_DO_ANSWER_PRODUCES:
        answer_pending(host, effect->answer_produces.end, effect->answer_produces.code);
        break;
    case REPLICA_DO_PUBLISH:
        world_note(broker->world, 0x9b, (uint64_t)effect->publish.end);
        fetch_wake(host);
        break;
    case REPLICA_DO_PROPOSE:
        propose_send(host, effect);
        break;
    case REPLICA_DO_FAIL:
        host->failed = true;
        world_violated(broker->world, "replica %d of partition %d went offline: %s", broker->id,
                       host->partition, effect->fail.reason);
        break;
    }
}

static bool is_leading_newly(struct host *host)
{
    if (host->core.role != REPLICA_LEADING || host->led_epoch == host->core.state.leader_epoch)
        return false;
    host->led_epoch = host->core.state.leader_epoch;
    return true;
}

void host_step(struct host *host, struct replica_event *event, const struct message *question)
{
    struct replica_effects effects;
    struct broker *broker = host->broker;
    int64_t before = host->core.high_watermark;

    event->now_ms = broker_now_ms(broker);
    replica_step(&host->core, event, &effects);
    if (is_leading_newly(host)) {
        world_say(broker->world, "broker %d leads partition %d, epoch %d, end %d, watermark %d",
                  broker->id, host->partition, host->core.state.leader_epoch, (int)host->core.end,
                  (int)host->core.high_watermark);
        memset(host->told_watermark, 0xff, sizeof host->told_watermark);
        truth_leads(host);
    }
    if (host->core.high_watermark > before)
        truth_published(host); /* before anybody hears of it */
    for (size_t i = 0; i < effects.count; i++)
        perform(host, &effects.items[i], question);

    int64_t deadline_ms = replica_deadline_ms(&host->core);
    host->timer++;
    broker_check_awake(broker, event->type == REPLICA_TICK, deadline_ms, "replica");
    if (deadline_ms != INT64_MAX)
        broker_at_ms(broker, deadline_ms, timer_fires, (uint64_t)host->partition, host->timer);
}

static void open_log(struct host *host)
{
    const struct sim_log *log = host_log(host);
    struct replica_event event = {.type = REPLICA_OPENED};

    host->opened = true;
    event.opened.start = log->start;
    event.opened.end = log->end;
    event.opened.flushed = log->flushed;
    event.opened.high_watermark = log->high_watermark;
    event.opened.last_epoch = log_last_epoch(log);
    host_step(host, &event, NULL);
    upkeep(host->broker, (uint64_t)host->partition, 0);
}

void host_configured(struct host *host)
{
    const struct sim_options *options = &host->broker->world->plan.options;
    struct replica_event event = {.type = REPLICA_CONFIGURED};

    if (!host->made || host->failed)
        return;
    event.configured.flush_on_ack = options->flush_on_ack != 0;
    event.configured.lag_max_ms = options->lag_max_ms;
    host_step(host, &event, NULL);
    if (options->flush_on_ack)
        host_flush(host);
}

void host_make(struct broker *broker, int partition)
{
    struct host *host = &broker->hosts[partition];
    uint64_t timer = host->timer;

    memset(host, 0, sizeof *host);
    host->broker = broker;
    host->partition = partition;
    host->timer = timer + 1;
    host->led_epoch = -1;
    host->expected = broker->world->truths[partition].stored.leader_epoch >= 0;
    if (!replica_set_has(&broker->world->assignment[partition].replicas, broker->id))
        return;
    host->made = true;
    replica_init(&host->core, broker->id);
    host_configured(host);
    if (host_log(host)->exists)
        open_log(host);
}

void host_end(struct host *host)
{
    if (host->made)
        replica_fini(&host->core);
    host->made = host->opened = false;
}

void host_told(struct host *host)
{
    struct partition_state *state = &host->broker->states[host->partition];
    struct replica_event event = {.type = REPLICA_ASSIGNED, .assigned = state};

    if (!host->made || host->failed)
        return;
    host_step(host, &event, NULL);
    if (!host_log(host)->exists && !end_is_lost(host)) {    /* else nobody makes it anew */
        host_log(host)->exists = true;
        open_log(host);
    }
    end_tell(host);
}

void host_disk_failed(struct host *host)
{
    struct replica_event event = {.type = REPLICA_CLOSED, .closed = {.code = K_IO}};

    if (!host->made || host->failed)
        return;
    host_step(host, &event, NULL);
    host->failed = true;
}
