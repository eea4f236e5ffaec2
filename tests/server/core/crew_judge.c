/* What must hold.
 *
 *  J1  what was committed is in the log of whoever is elected cleanly, and of every leader of the
 *      newest epoch
 *  J2  below the newest leader's watermark every member of the stored set has the same records, on
 *      its disk where the state promises that
 *  J3  an epoch has one record at an offset
 *  J4  a watermark is never above what was committed, and says the same everywhere
 *  J5  what clients are told of the end never goes back
 *  J6  who waits is answered: on commit, when the set is too small, when the leader is another
 *  J7  without the lease nothing is read, nor appended with acks=1
 *
 * An unclean election ends what was committed above the log that won; who learned its watermark
 * before that is not judged until it has learned it anew. */
#include "common/error.h"
#include "tests/server/core/crew_private.h"

void judge_written(struct crew *crew, int id, int64_t offset)
{
    const struct record *record = &crew->broker[id].log.at[offset];
    int16_t *written = &crew->written[record->epoch][offset];

    CREW_EXPECT(crew, *written == 0 || *written == record->id); /* J3 */
    *written = record->id;
}

static bool is_newest_leader(const struct crew *crew, int id)
{
    const struct crew_broker *broker = &crew->broker[id];
    return broker->up && broker->replica.role == REPLICA_LEADING &&
           broker->replica.state.leader_epoch == crew->stored.leader_epoch;
}

/* Has its log all that was committed? What is below its start was removed by rule. */
static void expect_committed(struct crew *crew, int id, int64_t from, int64_t to)
{
    const struct crew_log *log = &crew->broker[id].log;

    if (crew->broker[id].lost && !crew->stored.flush_on_ack)
        return; /* it is dropped, and not leader any more, as soon as that is seen */
    CREW_EXPECT(crew, to <= log->end);
    for (int64_t o = from > log->start ? from : log->start; o < to; o++)
        CREW_EXPECT(crew, log->at[o].id == crew->committed[o]);
}

/* J2 */
static void expect_in_sync(struct crew *crew, int64_t from, int64_t to)
{
    const struct partition_state *stored = &crew->stored;

    for (int32_t i = 0; i < stored->isr.count; i++) {
        const struct crew_broker *member = &crew->broker[stored->isr.ids[i]];
        expect_committed(crew, stored->isr.ids[i], from, to);
        CREW_EXPECT(crew, !stored->flush_on_ack || member->log.flushed >= to);
    }
}

/* What is committed of its log, up to where it differs. */
static int64_t agreed_end(const struct crew *crew, int id)
{
    const struct crew_log *log = &crew->broker[id].log;
    int64_t end = log->start;

    while (end < log->end && end < crew->committed_end &&
           log->at[end].id == crew->committed[end])
        end++;
    return end;
}

/* What the first leader after an unclean election holds for committed is committed now. */
static void take_over_committed(struct crew *crew, int id, int64_t end)
{
    if (!crew->unclean || !is_newest_leader(crew, id))
        return;
    crew->unclean = false;
    crew->committed_end = agreed_end(crew, id);
    for (; crew->committed_end < end; crew->committed_end++)
        crew->committed[crew->committed_end] = crew->broker[id].log.at[crew->committed_end].id;
}

void judge_published(struct crew *crew, int id, int64_t from, int64_t to)
{
    const struct crew_broker *broker = &crew->broker[id];
    const struct crew_log *log = &broker->log;
    bool leads = broker->replica.role == REPLICA_LEADING;

    if (to < from) {
        CREW_EXPECT(crew, crew->learned < broker->replica.state.unclean_epoch);
        crew_see(crew, CREW_CUT_COMMITTED);
    }
    if (broker->replica.watermark_epoch < crew->stored.unclean_epoch)
        return;
    take_over_committed(crew, id, from);
    if (from < broker->replica.start)
        from = broker->replica.start; /* below it nothing is there, or not for long */
    for (int64_t o = from; o < to && leads; o++) {
        if (o < crew->committed_end) {
            CREW_EXPECT(crew, crew->committed[o] == log->at[o].id); /* J1 */
        } else {
            CREW_EXPECT(crew, o == crew->committed_end || from == broker->replica.start);
            crew->committed[o] = log->at[o].id;
            crew->committed_end = o + 1;
        }
    }
    CREW_EXPECT(crew, to <= crew->committed_end);
    for (int64_t o = from; o < to && !leads && o < log->end; o++)
        CREW_EXPECT(crew, crew->committed[o] == log->at[o].id); /* J4 */
    if (!leads)
        return;
    if (is_newest_leader(crew, id))
        expect_in_sync(crew, from, to);
    else if (crew->stored.leader != -1)
        expect_committed(crew, crew->stored.leader, from, to);
}

static void expect_answered(struct crew *crew, int id)
{
    const struct crew_broker *broker = &crew->broker[id];
    const struct replica *replica = &broker->replica;
    bool leads = replica->role == REPLICA_LEADING;
    bool is_short = replica->state.isr.count < replica->state.min_insync;

    for (int i = 0; i < broker->waiting_count; i++) {
        CREW_EXPECT(crew, leads);
        CREW_EXPECT(crew, broker->waiting[i] > replica->high_watermark);
        CREW_EXPECT(crew, !is_short || broker->waiting[i] > replica->end);
    }
}

void judge_step(struct crew *crew, int id, enum replica_role before)
{
    const struct crew_broker *broker = &crew->broker[id];
    const struct replica *replica = &broker->replica;

    CREW_EXPECT(crew, !replica->open || replica->truncating ||
                          replica->high_watermark == broker->published);
    CREW_EXPECT(crew, replica->truncating || replica->end <= broker->log.end);
    if ((before != replica->role || crew->epoch != replica->state.leader_epoch) &&
        is_newest_leader(crew, id)) {
        take_over_committed(crew, id, broker->published);
        expect_committed(crew, id, 0, crew->committed_end); /* J1 */
    }
    expect_answered(crew, id);                              /* J6 */
    if (!broker->lease) {                                   /* J7 */
        CREW_EXPECT(crew, replica_may_read(replica, false) != 0);
        CREW_EXPECT(crew, replica_may_append(replica, false, false) != 0);
    }
}

void judge_stored(struct crew *crew, bool elected)
{
    const struct partition_state *stored = &crew->stored;

    CREW_EXPECT(crew, stored->leader == -1 || replica_set_has(&stored->isr, stored->leader));
    if (elected)
        expect_committed(crew, stored->leader, 0, crew->committed_end); /* J1 */
    else if (stored->leader != -1 && is_newest_leader(crew, stored->leader))
        expect_in_sync(crew, 0, crew->broker[stored->leader].replica.high_watermark);
}

/* The log that won is the truth now; it can still grow before its broker knows that it won. */
void judge_unclean(struct crew *crew)
{
    crew->committed_end = agreed_end(crew, crew->stored.leader);
    crew->unclean = true;
    crew->latest = 0;
}

void judge_clients(struct crew *crew, int id)
{
    const struct replica *replica = &crew->broker[id].replica;
    int64_t offset;

    if (replica_may_read(replica, crew->broker[id].lease) != 0 ||
        replica->state.leader_epoch < crew->latest_epoch ||
        replica->state.leader_epoch < crew->stored.unclean_epoch ||
        replica_latest(replica, &offset) != 0)
        return;
    CREW_EXPECT(crew, offset >= crew->latest); /* J5 */
    crew->latest = offset;
    crew->latest_epoch = replica->state.leader_epoch;
}

/* J4 */
void judge_pairs(struct crew *crew)
{
    for (int id = 0; id < crew->brokers; id++) {
        const struct crew_broker *broker = &crew->broker[id];
        const struct crew_log *log = &broker->log;
        if (!broker->up || broker->replica.truncating ||
            broker->replica.watermark_epoch < crew->stored.unclean_epoch)
            continue;
        /* Who cut its log for an unclean leader kept what that has, committed anew or not. */
        CREW_EXPECT(crew, crew->stored.unclean_epoch >= 0 ||
                              broker->published <= crew->committed_end ||
                              broker->published == log->start);
        int64_t end = broker->published < log->end ? broker->published : log->end;
        for (int64_t o = log->start; o < end && o < crew->committed_end; o++)
            CREW_EXPECT(crew, log->at[o].id == crew->committed[o]);
    }
}

static bool is_in_place(const struct crew *crew, int id)
{
    const struct crew_broker *broker = &crew->broker[id];
    const struct crew_broker *leader = &crew->broker[crew->stored.leader];
    const struct replica *replica = &broker->replica;

    return replica->end == leader->replica.end && broker->log.end == replica->end &&
           replica->high_watermark == replica->end && replica->doubt.count == 0 &&
           broker->waiting_count == 0 && broker->op_count == 0 &&
           replica->state.version == crew->stored.version;
}

bool judge_settled(const struct crew *crew)
{
    const struct partition_state *stored = &crew->stored;

    if (stored->leader == -1 || !is_newest_leader(crew, stored->leader) ||
        stored->isr.count != crew->brokers || stored->flush_on_ack != crew->flush)
        return false;
    for (int id = 0; id < crew->brokers; id++)
        if (!is_in_place(crew, id))
            return false;
    return true;
}
