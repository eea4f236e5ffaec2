/* A broker: what the shell around its replica does. */
#include <string.h>

#include "common/error.h"
#include "tests/server/core/crew_private.h"

struct uuid life_id(int life)
{
    struct uuid id = {.bytes = {1}};
    memcpy(&id.bytes[8], &life, sizeof life);
    return id;
}

int life_of(const struct uuid *id)
{
    int life;
    memcpy(&life, &id->bytes[8], sizeof life);
    return life;
}

/* --- its log ---------------------------------------------------------------------------------- */

void log_epoch(const struct crew_log *log, int32_t epoch, int32_t *found, int64_t *end)
{
    int64_t offset = log->end;

    while (offset > log->start && log->at[offset - 1].epoch > epoch)
        offset--;
    *found = offset > log->start ? log->at[offset - 1].epoch : -1;
    *end = offset;
}

int32_t log_last_epoch(const struct crew_log *log)
{
    return log->end > log->start ? log->at[log->end - 1].epoch : -1;
}

static void write_record(struct crew *crew, int id, struct record record)
{
    struct crew_log *log = &crew->broker[id].log;

    CREW_EXPECT(crew, log->end < OFFSETS);
    log->at[log->end] = record;
    judge_written(crew, id, log->end);
    log->end++;
}

void broker_order(struct crew *crew, int id, enum op_kind kind, int64_t end)
{
    struct crew_broker *broker = &crew->broker[id];

    CREW_EXPECT(crew, broker->op_count < OPS);
    broker->ops[broker->op_count++] = (struct op){.kind = kind, .end = end};
}

/* --- its replica's orders --------------------------------------------------------------------- */

static void order_append(struct crew *crew, int id, int64_t end)
{
    struct crew_broker *broker = &crew->broker[id];
    const struct message *heard = crew->heard;

    CREW_EXPECT(crew, heard != NULL && heard->kind == SAYS_RECORDS && heard->end == end);
    broker_order(crew, id, OP_APPEND, end);
    struct op *op = &broker->ops[broker->op_count - 1];
    op->first = heard->first;
    memcpy(op->records, heard->records, sizeof op->records);
}

static void answer_produces(struct crew *crew, int id, int64_t end, int code)
{
    struct crew_broker *broker = &crew->broker[id];
    int kept = 0;

    for (int i = 0; i < broker->waiting_count; i++) {
        if (broker->waiting[i] > end) {
            broker->waiting[kept++] = broker->waiting[i];
            continue;
        }
        CREW_EXPECT(crew, code != 0 || broker->waiting[i] <= broker->replica.high_watermark);
        crew_see(crew, code == 0                           ? CREW_COMMITTED
                       : code == K_NOT_LEADER_OR_FOLLOWER ? CREW_DEPOSED
                                                           : CREW_TOO_FEW);
    }
    broker->waiting_count = kept;
}

static void send_fetch(struct crew *crew, int id, const struct replica_effect *effect)
{
    struct message *message = network_send(crew, SAYS_FETCH, id, (int)effect->fetch.leader);
    if (message != NULL)
        message->said = *effect;
}

static void send_proposal(struct crew *crew, int id, const struct replica_effect *effect)
{
    struct message *message = network_send(crew, SAYS_PROPOSE, id, CONTROLLER);
    if (message == NULL)
        return;
    message->said = *effect;
    message->order = ++crew->proposals;
}

static void perform(struct crew *crew, int id, const struct replica_effect *effect)
{
    struct crew_broker *broker = &crew->broker[id];

    switch (effect->type) {
    case REPLICA_DO_FETCH:
        send_fetch(crew, id, effect);
        break;
    case REPLICA_DO_STOP_FETCHING:
        break;
    case REPLICA_DO_APPEND:
        order_append(crew, id, effect->append.end);
        break;
    case REPLICA_DO_TRUNCATE:
        crew_see(crew, CREW_TRUNCATED);
        broker_order(crew, id, OP_TRUNCATE, effect->truncate.end);
        break;
    case REPLICA_DO_RESET:
        crew_see(crew, CREW_RESET);
        broker_order(crew, id, OP_RESET, effect->reset.end);
        break;
    case REPLICA_DO_TRIM:
        broker_order(crew, id, OP_TRIM, effect->trim.end);
        break;
    case REPLICA_DO_ANSWER_FETCH:
        crew->answer = *effect;
        crew->answers++;
        break;
    case REPLICA_DO_ANSWER_PRODUCES:
        answer_produces(crew, id, effect->answer_produces.end, effect->answer_produces.code);
        break;
    case REPLICA_DO_PUBLISH:
        judge_published(crew, id, broker->published, effect->publish.end);
        broker->published = effect->publish.end;
        if (broker->checkpoint > broker->published)
            broker->checkpoint = broker->published;
        break;
    case REPLICA_DO_PROPOSE:
        send_proposal(crew, id, effect);
        break;
    case REPLICA_DO_FAIL:
        crew_fail(crew, effect->fail.reason, __FILE__, __LINE__);
    }
}

void broker_step(struct crew *crew, int id, struct replica_event *event)
{
    struct crew_broker *broker = &crew->broker[id];
    enum replica_role before = broker->replica.role;
    struct replica_effects effects;

    event->now_ms = crew->now_ms;
    crew->learned = broker->replica.watermark_epoch;
    crew->epoch = broker->replica.state.leader_epoch;
    replica_step(&broker->replica, event, &effects);
    for (size_t i = 0; i < effects.count; i++)
        perform(crew, id, &effects.items[i]);
    judge_step(crew, id, before);
}

/* --- its disk --------------------------------------------------------------------------------- */

static void tell_appended(struct crew *crew, int id, int64_t end, int32_t last_epoch)
{
    struct replica_event event = {.type = REPLICA_APPENDED};
    event.appended.end = end;
    event.appended.last_epoch = last_epoch;
    broker_step(crew, id, &event);
}

static void disk_append(struct crew *crew, int id, const struct op *op)
{
    struct crew_log *log = &crew->broker[id].log;
    bool damaged = !crew->settling && crew_chance(crew, 2);

    if (op->first == log->end && !damaged)
        for (int64_t offset = op->first; offset < op->end; offset++)
            write_record(crew, id, op->records[offset - op->first]);
    tell_appended(crew, id, log->end, log_last_epoch(log));
}

static void disk_cut(struct crew *crew, int id, const struct op *op)
{
    struct crew_log *log = &crew->broker[id].log;
    struct replica_event event = {.type = REPLICA_TRUNCATED};

    if (op->kind == OP_RESET) {
        log->start = log->end = log->flushed = op->end;
    } else {
        if (op->end < log->end)
            log->end = op->end;
        if (log->start > log->end)
            log->start = log->end; /* it was trimmed meanwhile */
        if (log->flushed > log->end)
            log->flushed = log->end;
    }
    event.truncated.start = log->start;
    event.truncated.end = log->end;
    event.truncated.last_epoch = log_last_epoch(log);
    broker_step(crew, id, &event);
}

static void disk_trim(struct crew *crew, int id, int64_t start)
{
    struct crew_log *log = &crew->broker[id].log;
    struct replica_event event = {.type = REPLICA_TRIMMED};

    if (start <= log->start || start > log->end)
        return;
    crew_see(crew, CREW_TRIMMED);
    log->start = start;
    if (log->flushed < start)
        log->flushed = start;
    event.trimmed.start = start;
    broker_step(crew, id, &event);
}

static void disk_open(struct crew *crew, int id)
{
    struct crew_broker *broker = &crew->broker[id];
    struct replica_event event = {.type = REPLICA_OPENED};

    event.opened.start = broker->log.start;
    event.opened.end = broker->log.end;
    event.opened.flushed = broker->log.flushed;
    event.opened.high_watermark = broker->checkpoint;
    event.opened.last_epoch = log_last_epoch(&broker->log);
    broker->published = broker->checkpoint;
    if (broker->published < broker->log.start)
        broker->published = broker->log.start;
    if (broker->published > broker->log.end)
        broker->published = broker->log.end;
    broker_step(crew, id, &event);
}

void broker_disk(struct crew *crew, int id)
{
    struct crew_broker *broker = &crew->broker[id];
    struct replica_event event = {.type = REPLICA_FLUSHED};

    if (!broker->up || broker->op_count == 0)
        return;
    struct op op = broker->ops[0];
    memmove(broker->ops, broker->ops + 1, (size_t)--broker->op_count * sizeof op);
    switch (op.kind) {
    case OP_OPEN:
        disk_open(crew, id);
        break;
    case OP_APPEND:
        disk_append(crew, id, &op);
        break;
    case OP_WRITTEN:
        tell_appended(crew, id, op.end, op.records[0].epoch);
        break;
    case OP_TRUNCATE:
    case OP_RESET:
        disk_cut(crew, id, &op);
        break;
    case OP_TRIM:
        disk_trim(crew, id, op.end);
        break;
    case OP_FLUSH:
        broker->log.flushed = event.flushed.end = broker->log.end;
        broker_step(crew, id, &event);
        break;
    }
}

/* Do all up to the last produce that the replica was not told of. */
void broker_tell_written(struct crew *crew, int id)
{
    const struct crew_broker *broker = &crew->broker[id];
    int last = broker->op_count;

    while (last > 0 && broker->ops[last - 1].kind != OP_WRITTEN)
        last--;
    while (last-- > 0)
        broker_disk(crew, id);
}

/* --- its life --------------------------------------------------------------------------------- */

void broker_start(struct crew *crew, int id)
{
    struct crew_broker *broker = &crew->broker[id];
    struct replica_event event = {.type = REPLICA_CONFIGURED};

    broker->up = broker->lease = true;
    broker->life++;
    broker->registered = broker->life;
    broker->lossy = broker->lost;
    replica_init(&broker->replica, id);
    broker->published = 0;
    event.configured.flush_on_ack = crew->flush;
    event.configured.lag_max_ms = 300;
    broker_step(crew, id, &event);
    broker_order(crew, id, OP_OPEN, 0);
    if (crew_chance(crew, 70))
        broker_disk(crew, id);
}

/* power: what is not on the disk may be gone. */
void broker_crash(struct crew *crew, int id, bool power)
{
    struct crew_broker *broker = &crew->broker[id];
    struct crew_log *log = &broker->log;

    broker->cut |= power;
    broker->lost |= power; /* whether it did is not known */
    if (power)
        log->end = log->flushed + crew_pick(crew, (int)(log->end - log->flushed) + 1);
    broker->up = broker->lease = false;
    broker->op_count = broker->waiting_count = 0;
    replica_fini(&broker->replica);
}

void broker_produce(struct crew *crew, int id, bool all)
{
    struct crew_broker *broker = &crew->broker[id];
    int count = 1 + crew_pick(crew, 2);

    if (!broker->up || replica_may_append(&broker->replica, all, broker->lease) != 0 ||
        broker->log.end + count >= OFFSETS || broker->waiting_count == WAITING)
        return;
    if (!broker->lease)
        crew_see(crew, CREW_NO_LEASE);
    struct record record = {.epoch = broker->replica.state.leader_epoch};
    for (int i = 0; i < count; i++) {
        record.id = ++crew->next_id;
        write_record(crew, id, record);
    }
    if (all)
        broker->waiting[broker->waiting_count++] = broker->log.end;
    if (crew_chance(crew, 85) && broker->op_count == 0) {
        tell_appended(crew, id, broker->log.end, record.epoch);
    } else if (broker->op_count < OPS / 2) {
        broker_order(crew, id, OP_WRITTEN, broker->log.end);
        broker->ops[broker->op_count - 1].records[0] = record;
    } else {
        tell_appended(crew, id, broker->log.end, record.epoch);
    }
}
