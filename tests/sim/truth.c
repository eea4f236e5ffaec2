/* What must hold, looked at where it could break: when a state is stored, a record is written, cut,
 * committed, acknowledged or read.
 *
 *   T1  what is committed stands unchanged in the log of every leader of the newest epoch
 *   T2  and in the log of every member of the stored in-sync set (and on its disk, where the stored
 *       flag says so), but of who lost it by a fault and did not leave the set yet
 *   T3  nobody's watermark is above what is committed, and below it all logs say the same
 *   T4  one leader per epoch; an offset is written once in an epoch; epochs in a log never fall
 *   T5  what is acknowledged with acks=all is committed, where the answer says
 *   T6  what was refused for good is in no committed record; an idempotent producer's records are
 *       committed in their order, each once
 *   T7  what is read is committed, and what a client can see never shrinks
 *   T8  stored states: epochs grow, the leader is in sync, the set is a part of the replicas, and
 *       the newest controller wrote it
 *   T9  who answers on the strength of its lease has its session yet, and no other was elected
 *       while it had none: nobody can lead behind its back; with leader.fencing=serve it answers
 *       all the same, and T1 to T8 hold none the less
 *  T10 nobody leads who is no member, while the controller knows of a member that could
 *  T11 of several lossy copies the longest leads (ends.c). An unclean one takes back commits. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

void truth_init(struct world *world)
{
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++) {
        struct truth *truth = &world->truths[p];
        truth->stored = world->assignment[p];
        memset(truth->leader_of, -1, sizeof truth->leader_of);
        memset(truth->sequences, 0xff, sizeof truth->sequences);
    }
}

static const struct sim_log *log_of(const struct world *world, int broker, int partition)
{
    return &world->brokers[broker].disk.logs[partition];
}

/* The first committed offset from `at` on that the log lacks, or has another record at;
 * `committed`: none. */
static int64_t first_other(const struct world *world, int partition, int broker, int64_t at)
{
    const struct truth *truth = &world->truths[partition];
    const struct sim_log *log = log_of(world, broker, partition);

    if (!log->exists)
        return 0;
    at = log->start > at ? log->start : at;
    if (log->end < at)
        return log->end;
    for (; at < truth->committed; at++)
        if (at >= log->end || log->records[at].id != truth->records[at].id ||
            log->records[at].epoch != truth->records[at].epoch)
            return at;
    return truth->committed;
}

/* Of those that are not trimmed. */
static int64_t first_missing(const struct world *world, int partition, int broker)
{
    return first_other(world, partition, broker, world->truths[partition].trimmed);
}

static void check_has_all(struct world *world, int partition, int broker, const char *as)
{
    const struct truth *truth = &world->truths[partition];
    int64_t missing = first_missing(world, partition, broker);
    if (missing < truth->committed)
        world_violated(world, "partition %d: broker %d, %s, lacks committed record %d of %d",
                       partition, broker, as, (int)missing, (int)truth->committed);
}

/* --- stored states ---------------------------------------------------------------------------- */

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static void take_back(struct world *world, int partition, int64_t end)
{
    struct truth *truth = &world->truths[partition];

    for (int i = 0; i < world->operation_count; i++) {
        struct operation *operation = &world->operations[i];
        if (operation->partition == partition && operation->state == OPERATION_SENT)
            operation->excused |= operation->promised; /* the answer is under way */
        if (operation->partition != partition || operation->state != OPERATION_DONE ||
            operation->acks >= 0 || operation->offset < end)
            continue;
        operation->state = OPERATION_UNKNOWN;
        world->counters.unclean_lost++;
    }
    truth->committed = end;
    if (truth->trimmed > end)
        truth->trimmed = end;
    memset(truth->sequences, 0xff, sizeof truth->sequences);
    for (int i = 0; i < world->client_count; i++) /* it may see less from now on */
        world->clients[i].visible[partition] = 0;
    for (int b = 0; b < world->plan.options.brokers; b++)
        world->brokers[b].hosts[partition].checked = 0;
}

static void unclean_election(struct world *world, int partition,
                             const struct partition_state *state)
{
    struct truth *truth = &world->truths[partition];
    int64_t kept = first_other(world, partition, state->leader, 0);

    world->counters.unclean++;
    truth->unclean++;
    memset(truth->impaired, 0, sizeof truth->impaired);
    memset(truth->lost, 0, sizeof truth->lost);
    if (kept < truth->committed && !world->plan.options.unclean && !world->plan.options.losses)
        world_violated(world, "partition %d: an unclean election that nobody allowed loses %d..%d",
                       partition, (int)kept, (int)truth->committed);
    int64_t start = log_of(world, state->leader, partition)->start;
    take_back(world, partition, larger(kept, start));
    truth->trimmed = larger(truth->trimmed, start); /* before it nothing can be read */
}

static void check_state(struct world *world, int partition, const struct partition_state *before,
                        const struct partition_state *after)
{
    if (after->leader_epoch < before->leader_epoch ||
        (after->leader_epoch == before->leader_epoch && after->leader != before->leader))
        world_violated(world, "partition %d: epoch %d of leader %d follows epoch %d of %d",
                       partition, after->leader_epoch, after->leader, before->leader_epoch,
                       before->leader);
    if (after->isr.count == 0 ||
        (after->leader >= 0 && !replica_set_has(&after->isr, after->leader)))
        world_violated(world, "partition %d: leader %d is not in sync", partition, after->leader);
    for (int32_t i = 0; i < after->isr.count; i++)
        if (!replica_set_has(&after->replicas, after->isr.ids[i]))
            world_violated(world, "partition %d: %d is in sync and no replica", partition,
                           after->isr.ids[i]);
    if (after->controller_epoch != world->zk.nodes[ZN_EPOCH].value.number)
        world_violated(world, "partition %d: written by controller epoch %d, the newest is %d",
                       partition, after->controller_epoch, world->zk.nodes[ZN_EPOCH].value.number);
}

static void say_state(struct world *world, int partition, const struct partition_state *state)
{
    char set[64] = "", eligible[64] = "";

    for (int32_t i = 0; i < state->isr.count; i++)
        snprintf(set + strlen(set), sizeof set - strlen(set), " %d", state->isr.ids[i]);
    for (int32_t i = 0; i < state->eligible.count; i++)
        snprintf(eligible + strlen(eligible), sizeof eligible - strlen(eligible), " %d",
                 state->eligible.ids[i]);
    world_say(world, "stored: partition %d leader %d epoch %d in sync%s eligible%s%s%s", partition,
              state->leader, state->leader_epoch, set, eligible,
              state->flush_on_ack ? " flush" : "",
              state->unclean_epoch == state->leader_epoch ? " unclean" : "");
}

static void count_state(struct world *world, const struct partition_state *before,
                        const struct partition_state *after)
{
    struct counters *counters = &world->counters;

    counters->leader_changes += after->leader >= 0 && after->leader != before->leader;
    counters->shrinks += after->isr.count < before->isr.count;
    counters->shrinks_to_one += after->isr.count < before->isr.count && after->isr.count == 1;
    counters->joins += after->isr.count > before->isr.count;
    counters->eligible_used += after->eligible.count > 0;
}

/* Does ZooKeeper still have a process that is gone? */
static bool is_believed(const struct world *world, int b)
{
    const struct zk_node *incarnation = &world->zk.nodes[ZN_INC + b];

    return incarnation->exists &&
           !(world->brokers[b].up &&
             uuid_equal(&incarnation->value.id, &world->brokers[b].incarnation));
}

/* Of who is new in the set. A process whose end nobody knows of yet may join with what it had
 * before its power went; from then on it is one that lost something. */
static void check_joined(struct world *world, int partition, int b)
{
    struct truth *truth = &world->truths[partition];

    if (is_believed(world, b) && first_missing(world, partition, b) < truth->committed)
        truth->impaired[b] = truth->lost[b] = true;
    else
        check_has_all(world, partition, b, "new in the set");
}

/* Who lost records and is in no set any more has to catch up like everybody. But while ZooKeeper
 * still has the process of before, what it had may yet be believed. */
static void forgive(struct world *world, int partition)
{
    struct truth *truth = &world->truths[partition];
    bool whole = truth->stored.isr.count == truth->stored.replicas.count;

    for (int b = 0; b < world->plan.options.brokers; b++) {
        if (!replica_set_has(&truth->stored.isr, b) &&
            !replica_set_has(&truth->stored.eligible, b) && !is_believed(world, b))
            truth->impaired[b] = false;
        bool marked = world->zk.nodes[ZN_RECORD + b].value.flag;
        whole &= !truth->impaired[b] && !(truth->lost[b] && marked);
    }
    if (whole)
        memset(truth->lost, 0, sizeof truth->lost);
}

static void state_stored(struct world *world, int partition, const struct partition_state *after)
{
    struct truth *truth = &world->truths[partition];
    struct partition_state before = truth->stored;

    check_state(world, partition, &before, after);
    count_state(world, &before, after);
    say_state(world, partition, after);
    truth->stored = *after;
    end_check_longest(world, partition, &before, after); /* T11 */
    if (after->unclean_epoch > before.unclean_epoch)
        unclean_election(world, partition, after);
    else if (after->leader >= 0 && after->leader_epoch > before.leader_epoch &&
             !truth->impaired[after->leader]) /* else it has to lead before it does harm */
        check_has_all(world, partition, after->leader, "elected leader");
    forgive(world, partition);
    lease_stored(world, partition, &before, after);                       /* T9 */
    for (int b = 0; b < world->plan.options.brokers; b++) {
        bool member = replica_set_has(&after->isr, b);
        if (member && !replica_set_has(&before.isr, b) && !truth->impaired[b])
            check_joined(world, partition, b);
    }
}

void truth_ordered(const struct broker *controller, const struct store_change *change)
{
    const struct partition_state *stored = &controller->world->truths[change->partition].stored;
    const struct partition_state *wanted = &change->state;

    if (stored->version != wanted->version || wanted->leader < 0 ||
        replica_set_has(&stored->isr, wanted->leader))
        return;
    for (int32_t i = 0; i < stored->isr.count; i++)
        if (chair_may_choose(controller, change->partition, stored->isr.ids[i]))
            world_violated(controller->world, "partition %d: %d is to lead, while member %d lives",
                           change->partition, wanted->leader, stored->isr.ids[i]);
}

void truth_observe(void *observer, int node, const struct zk_node *before,
                   const struct zk_node *after)
{
    struct world *world = observer;

    world_note(world, (uint64_t)node, (uint64_t)after->version);
    if (node == ZN_EPOCH && after->value.number <= before->value.number)
        world_violated(world, "controller epoch %d follows %d", after->value.number,
                       before->value.number);
    for (int p = 0; p < world->plan.options.partitions && node >= ZN_INC && node < ZN_HEART; p++)
        forgive(world, p);
    if (node < ZN_STATE || node >= ZN_COUNT)
        return;
    struct partition_state state = after->value.state;
    state.version = after->version;
    state_stored(world, node - ZN_STATE, &state);
}

/* --- logs ------------------------------------------------------------------------------------- */

void truth_appended(struct host *host, int64_t first)
{
    struct world *world = host->broker->world;
    struct truth *truth = &world->truths[host->partition];
    const struct sim_log *log = host_log(host);

    for (int64_t at = first; at < log->end; at++) {
        const struct record *record = &log->records[at];
        bool known = false;
        for (int i = 0; i < WRITTEN_KEPT; i++) {
            const struct written *written = &truth->written[at][i];
            if (written->id == 0 || written->epoch != record->epoch)
                continue;
            known = true;
            if (written->id != record->id)
                world_violated(world,
                               "partition %d: offset %d of epoch %d has records %u and %u",
                               host->partition, (int)at, record->epoch, written->id, record->id);
        }
        if (!known) {
            uint8_t next = truth->written_next[at]++ % WRITTEN_KEPT;
            truth->written[at][next] = (struct written){record->epoch, record->id};
        }
    }
}

void truth_truncated(struct host *host)
{
    struct world *world = host->broker->world;
    const struct truth *truth = &world->truths[host->partition];
    const struct sim_log *log = host_log(host);
    int id = host->broker->id;

    if (host->checked > log->end)
        host->checked = log->end;
    if (log->end < truth->committed && replica_set_has(&truth->stored.isr, id) &&
        !truth->impaired[id])
        world_violated(world, "partition %d: member %d cuts its log to %d, %d are committed",
                       host->partition, id, (int)log->end, (int)truth->committed);
}

void truth_leads(struct host *host)
{
    struct world *world = host->broker->world;
    struct truth *truth = &world->truths[host->partition];
    int32_t epoch = host->core.state.leader_epoch;

    host->checked = 0;
    if (epoch > truth->stored.leader_epoch || epoch >= EPOCHS_MAX) {
        world_violated(world, "partition %d: broker %d leads epoch %d, %d is stored",
                       host->partition, host->broker->id, epoch, truth->stored.leader_epoch);
        return;
    }
    if (truth->leader_of[epoch] != -1 && truth->leader_of[epoch] != host->broker->id)
        world_violated(world, "partition %d: brokers %d and %d lead epoch %d", host->partition,
                       truth->leader_of[epoch], host->broker->id, epoch);
    truth->leader_of[epoch] = (int8_t)host->broker->id;
    if (epoch != truth->stored.leader_epoch)
        return;
    check_has_all(world, host->partition, host->broker->id, "leading");
    if (truth->unclean > 0)
        truth_published(host); /* what it knew to be committed is so again */
}

/* --- what is committed ------------------------------------------------------------------------ */

static void check_order(struct world *world, int partition, const struct record *record)
{
    struct truth *truth = &world->truths[partition];
    struct operation *operation = &world->operations[record->id - 1];

    if (operation->state == OPERATION_REFUSED)
        world_violated(world, "partition %d: record %u was refused, and is committed", partition,
                       record->id);
    operation->committed = true;
    if (record->producer < 0 || record->producer >= PRODUCERS_MAX)
        return;
    int32_t last = truth->sequences[record->producer];
    if (last >= 0 ? record->sequence != last + 1 : truth->unclean == 0 && record->sequence != 0)
        world_violated(world, "partition %d: producer %d's sequence %d is committed after %d",
                       partition, record->producer, record->sequence, last);
    truth->sequences[record->producer] = record->sequence;
}

static void check_members(struct world *world, int partition, int64_t at,
                          const struct record *record)
{
    const struct truth *truth = &world->truths[partition];
    const struct replica_set *isr = &truth->stored.isr;

    for (int32_t i = 0; i < isr->count; i++) {
        int id = isr->ids[i];
        const struct sim_log *log = log_of(world, id, partition);
        if (truth->impaired[id] || log->start > at)
            continue;
        if (at >= log->end || log->records[at].id != record->id)
            world_violated(world, "partition %d: record %d is committed, member %d lacks it",
                           partition, (int)at, id);
        else if (truth->stored.flush_on_ack && at >= log->flushed)
            world_violated(world, "partition %d: record %d is committed, not on the disk of %d",
                           partition, (int)at, id);
    }
}

static void commit(struct world *world, int partition, const struct record *record)
{
    struct truth *truth = &world->truths[partition];
    int64_t at = truth->committed;

    check_members(world, partition, at, record);
    check_order(world, partition, record);
    truth->records[at] = *record;
    truth->committed++;
    world->counters.committed++;
    world->counters.flushed_commits += truth->stored.flush_on_ack;
}

/* By a leader that an unclean election has replaced behind its back: nothing is promised. */
bool truth_is_void(const struct host *host)
{
    return host->core.state.leader_epoch <
           host->broker->world->truths[host->partition].stored.unclean_epoch;
}

void truth_published(struct host *host)
{
    struct world *world = host->broker->world;
    struct truth *truth = &world->truths[host->partition];
    const struct sim_log *log = host_log(host);
    int64_t watermark = host->core.high_watermark;
    int64_t readable = larger(larger(log->start, host->core.start), truth->trimmed);
    int64_t at = larger(host->checked, readable);
    if (truth_is_void(host))
        return; /* it does not know yet that its records do not count any more */
    for (; at < watermark && world->violation[0] == '\0'; at++) {
        if (at < truth->committed) {
            if (log->records[at].id != truth->records[at].id)
                world_violated(world, "partition %d: broker %d has %u at %d, committed is %u",
                               host->partition, host->broker->id, log->records[at].id, (int)at,
                               truth->records[at].id);
        } else if (host->core.role == REPLICA_LEADING) {
            if (truth->unclean > 0) /* its log may begin later than what was left */
                truth->committed = at;
            commit(world, host->partition, &log->records[at]);
        } else {
            world_violated(world, "partition %d: broker %d's watermark %d, %d are committed",
                           host->partition, host->broker->id, (int)watermark,
                           (int)truth->committed);
        }
    }
    host->checked = watermark;
}

/* --- what clients see ------------------------------------------------------------------------- */

void truth_acknowledged(struct world *world, const struct operation *operation)
{
    const struct truth *truth = &world->truths[operation->partition];

    if (operation->offset >= truth->committed ||
        truth->records[operation->offset].id != operation->record.id)
        world_violated(world, "partition %d: record %u is acknowledged at %d, and not committed",
                       operation->partition, operation->record.id, (int)operation->offset);
}

void truth_refused(struct world *world, const struct operation *operation)
{
    if (operation->committed)
        world_violated(world, "partition %d: record %u is committed, and refused",
                       operation->partition, operation->record.id);
}

void truth_read(struct client *client, const struct message *message)
{
    struct world *world = client->world;
    int partition = message->partition;
    const struct truth *truth = &world->truths[partition];
    int64_t *visible = &client->visible[partition];

    if (truth->unclean > 0)
        return; /* what was read before may be gone, and an answer may be older than that */
    if (message->was_read.code != 0) {
        if (client->position[partition] > message->was_read.offset &&
            message->was_read.offset >= truth->trimmed)
            world_violated(world, "partition %d: client %d read up to %d, which is out of range",
                           partition, client->id, (int)client->position[partition]);
        return;
    }
    if (message->was_read.high_watermark < *visible)
        world_violated(world, "partition %d: client %d saw %d records, and now only %d", partition,
                       client->id, (int)*visible, (int)message->was_read.high_watermark);
    *visible = message->was_read.high_watermark;
    for (int i = 0; i < message->was_read.count; i++) {
        int64_t at = message->was_read.offset + i;
        if (at >= truth->committed || truth->records[at].id != message->was_read.records[i].id)
            world_violated(world, "partition %d: client %d reads record %u at %d, not committed",
                           partition, client->id, message->was_read.records[i].id, (int)at);
    }
}

/* --- what may be lost ------------------------------------------------------------------------- */

/* All that nobody may ask for again: older than the last committed record of every idempotent
 * producer, and than all that are on their way. */
int64_t truth_trimmable(const struct world *world, int partition)
{
    const struct truth *truth = &world->truths[partition];
    int64_t start = truth->committed;
    bool seen[PRODUCERS_MAX] = {false};

    for (int64_t at = truth->committed; at > truth->trimmed; at--) {
        const struct record *record = &truth->records[at - 1];
        const struct operation *operation = &world->operations[record->id - 1];
        bool last = record->producer >= 0 && record->producer < PRODUCERS_MAX &&
                    !seen[record->producer];
        if (last)
            seen[record->producer] = true;
        if (last || operation->state == OPERATION_SENT)
            start = at - 1;
    }
    for (int i = 0; i < PRODUCERS_MAX; i++)
        if (truth->sequences[i] >= 0 && !seen[i])
            return truth->trimmed;
    return start;
}

/* Does the stored flag promise that all of it is on this broker's disk? */
static bool is_on_disk(const struct truth *truth, int broker)
{
    return truth->stored.flush_on_ack && replica_set_has(&truth->stored.isr, broker);
}

bool truth_may_lose(const struct world *world, int broker, bool wipe)
{
    for (int p = 0; p < world->plan.options.partitions; p++) {
        const struct truth *truth = &world->truths[p];
        int lost = 1;

        if (wipe && truth->stored.version < 0)
            return false; /* nobody could tell that it is empty from that nothing was written yet */
        if (!replica_set_has(&truth->stored.replicas, broker) ||
            (!wipe && is_on_disk(truth, broker) && !truth->impaired[broker]))
            continue;
        for (int b = 0; b < world->plan.options.brokers; b++)
            lost += b != broker && truth->lost[b];
        if (lost >= world->plan.options.min_insync)
            return false;
    }
    return true;
}

void truth_lost(struct world *world, int broker, bool wipe)
{
    for (int p = 0; p < world->plan.options.partitions; p++) {
        struct truth *truth = &world->truths[p];

        truth->lost[broker] = true; /* at least until its mark is taken away */
        if (wipe || !is_on_disk(truth, broker))
            truth->impaired[broker] = true;
        else if (!truth->impaired[broker])
            check_has_all(world, p, broker, "a member with all on its disk");
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static const char *differs(const struct world *world, int p, int b)
{
    const struct truth *truth = &world->truths[p];
    const struct broker *broker = &world->brokers[b];
    const struct host *host = &broker->hosts[p];
    const struct sim_log *log = log_of(world, b, p);

    if (!broker->up || !broker->knows[p] ||
        broker->states[p].leader_epoch != truth->stored.leader_epoch ||
        broker->states[p].version != truth->stored.version)
        return "does not know what is stored";
    if (!replica_set_has(&truth->stored.replicas, b))
        return NULL;
    if (!replica_set_has(&truth->stored.isr, b))
        return "is not in sync";
    if (log->end != truth->committed || host->core.high_watermark != truth->committed)
        return "has another end or watermark";
    if (world->zk.nodes[ZN_RECORD + b].value.flag)
        return "is still marked lossy";
    return NULL;
}

bool truth_converged(const struct world *world, char *why, size_t size)
{
    for (int p = 0; p < world->plan.options.partitions; p++) {
        for (int b = 0; b < world->plan.options.brokers; b++) {
            const char *what = differs(world, p, b);
            if (what == NULL)
                continue;
            snprintf(why, size, "partition %d: broker %d %s", p, b, what);
            return false;
        }
        if (world->truths[p].stored.leader < 0) {
            snprintf(why, size, "partition %d has no leader", p);
            return false;
        }
    }
    return true;
}

void truth_final(struct world *world)
{
    for (int p = 0; p < world->plan.options.partitions; p++) {
        const struct replica_set *replicas = &world->truths[p].stored.replicas;
        for (int32_t i = 0; i < replicas->count; i++) {
            const struct sim_log *log = log_of(world, replicas->ids[i], p);
            const struct truth *truth = &world->truths[p];
            for (int64_t at = log->start; at < truth->committed; at++)
                if (log->records[at].id != truth->records[at].id)
                    world_violated(world, "partition %d: in the end broker %d differs at %d", p,
                                   replicas->ids[i], (int)at);
        }
    }
    for (int i = 0; i < world->operation_count; i++)
        if (world->operations[i].state == OPERATION_DONE && world->operations[i].acks < 0 &&
            !world->operations[i].excused)
            truth_acknowledged(world, &world->operations[i]);
}
