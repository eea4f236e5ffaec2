/* What the state of a partition should be: decided on what is stored and who lives, stored nowhere.
 *
 * Who is lossy counts as sound where nothing can be missing: in a partition that was never stored,
 * where the flag says that the members have on disk all that is committed (whoever is eligible was
 * one, and nothing was committed since), and where it was made the leader in this very life, which
 * is after the loss. Who says that it can not use its copy counts as dead in that partition. */
#include <assert.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

/* --- who is good for what --------------------------------------------------------------------- */

static bool is_sound(const struct controller_broker *broker, const struct broker_life *life,
                     const struct partition *partition)
{
    const struct partition_state *stored = &partition->stored;

    return !broker->lossy || stored->leader_epoch < 0 ||
           (stored->flush_on_ack && !broker->incomplete &&
            (replica_set_has(&stored->isr, broker->id) ||
             replica_set_has(&stored->eligible, broker->id))) ||
           (stored->leader == broker->id && partition->leader_life == life->number);
}

/* Where its log ends, or that it is still to say so. */
static void hear_end(const struct partition *partition, const struct controller_broker *broker,
                     struct standing *standing)
{
    struct log_end end;

    if (reports_end(partition, broker->id, &end)) {
        standing->ends[standing->told.count] = end;
        replica_set_add(&standing->told, broker->id);
    } else if (!broker->mute) {
        replica_set_add(&standing->awaited, broker->id);
    }
}

static struct standing standing_of(const struct cluster *cluster,
                                   const struct partition *partition)
{
    struct standing standing = {.live = {.count = 0}};
    const struct replica_set *replicas = &partition->stored.replicas;

    for (int32_t i = 0; i < replicas->count; i++) {
        const struct controller_broker *broker =
            broker_find(cluster->brokers, cluster->broker_count, replicas->ids[i]);
        if (broker == NULL)
            continue;
        const struct broker_life *life = &cluster->lives[broker - cluster->brokers];
        bool sound = is_sound(broker, life, partition);

        if (!sound)
            replica_set_add(&standing.lossy, broker->id);
        if (!sound && broker->incomplete)
            replica_set_add(&standing.incomplete, broker->id);
        if (reports_lost(partition, broker->id))
            continue;
        replica_set_add(&standing.live, broker->id);
        hear_end(partition, broker, &standing);
        if (sound)
            replica_set_add(&standing.sound, broker->id);
        if (sound && !life->draining)
            replica_set_add(&standing.staying, broker->id);
    }
    return standing;
}

/* --- what is configured ----------------------------------------------------------------------- */

/* Values were checked where they came in; what makes no sense counts as not set. */
static bool read_number(const char *text, int32_t *value)
{
    int64_t number = 0;

    for (const char *at = text; *at >= '0' && *at <= '9' && number <= INT32_MAX; at++)
        number = number * 10 + (*at - '0');
    if (strspn(text, "0123456789") != strlen(text) || number < 1 || number > INT32_MAX)
        return false;
    *value = (int32_t)number;
    return true;
}

static const char *find_rule(const struct controller *controller, const struct topic *topic,
                             const char *name)
{
    const struct settings *all = cluster_settings(&controller->cluster, "<default>");
    const char *value = configs_find(&topic->settings.configs, name);

#ifdef MUTANT_RULES_UNREAD
    return NULL;
#endif
    return value != NULL || all == NULL ? value : configs_find(&all->configs, name);
}

bool topic_learn_rules(const struct controller *controller, struct topic *topic)
{
    const char *min_text = find_rule(controller, topic, "min.insync.replicas");
    const char *unclean_text = find_rule(controller, topic, "unclean.leader.election.enable");
    int32_t min_insync = controller->options.min_insync > 0 ? controller->options.min_insync : 1;
    bool unclean = controller->options.unclean;

    if (min_text != NULL)
        read_number(min_text, &min_insync);
    if (unclean_text != NULL)
        unclean = strcmp(unclean_text, "true") == 0;
    bool differs = min_insync != topic->min_insync || unclean != topic->unclean;
    topic->min_insync = min_insync;
    topic->unclean = unclean;
    return differs;
}

/* --- decide ----------------------------------------------------------------------------------- */

static bool sets_equal(const struct replica_set *a, const struct replica_set *b)
{
    return a->count == b->count &&
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) == 0;
}

/* What is taken from the stored state as it is; the leader is the stored one. */
static struct partition_state begin(const struct controller *controller,
                                    const struct partition *partition)
{
    struct partition_state state = partition->stored;
    int32_t min_insync = partition->topic->min_insync;
    int32_t most = state.replicas.count - __builtin_popcount(partition->moves.adding);

    state.min_insync = min_insync > 1 && min_insync > most ? most : min_insync;
    if (state.min_insync < 1)
        state.min_insync = 1;
    state.controller_epoch = controller->epoch;
    return state;
}

static void new_epoch(const struct partition_state *stored, struct partition_state *wanted,
                      bool unclean)
{
    wanted->leader_epoch = stored->leader_epoch + 1;
#ifdef MUTANT_EPOCH_NOT_BUMPED
    if (stored->leader_epoch >= 0)
        wanted->leader_epoch = stored->leader_epoch;
#endif
#ifndef MUTANT_UNCLEAN_UNMARKED
    if (unclean)
        wanted->unclean_epoch = wanted->leader_epoch;
#endif
#ifdef MUTANT_OLD_CONTROLLER_EPOCH
    if (stored->leader_epoch >= 0)
        wanted->controller_epoch = stored->controller_epoch;
#endif
}

enum unclean { UNCLEAN_NOT, UNCLEAN_ALLOWED, UNCLEAN_ASKED };

static bool decide(const struct controller *controller, const struct partition *partition,
                   enum unclean allow, struct partition_state *wanted, uint64_t *leader_life)
{
    const struct cluster *cluster = &controller->cluster;
    const struct partition_state *stored = &partition->stored;
    struct standing standing = standing_of(cluster, partition);
    uint64_t life = cluster_life(cluster, stored->leader);
    struct partition_state state = begin(controller, partition);
    bool unclean = false;

    if (allow == UNCLEAN_ASKED)
        standing.awaited.count = 0; /* who asks is the one who knows that it will not come */
    state.isr = election_pruned(&stored->isr, &standing);
    bool stays = stored->leader >= 0 && life != 0 && life == partition->leader_life &&
                 replica_set_has(&standing.live, stored->leader) &&
                 replica_set_has(&state.isr, stored->leader) && !partition->rewrite;
    if (!stays)
        unclean = election_run(&state, &standing, allow != UNCLEAN_NOT);
    if (!unclean)
        election_settle_eligible(&state, stored, &standing);

    bool elected = !stays && (state.leader != -1 || stored->leader != -1 || partition->rewrite ||
                              stored->leader_epoch < 0);
    if (elected && stored->leader_epoch == INT32_MAX)
        return false; /* only a hand-made record gets here: C1 leaves nothing to do */
    if (elected)
        new_epoch(stored, &state, unclean);
    if (!elected && sets_equal(&state.isr, &stored->isr) &&
        sets_equal(&state.eligible, &stored->eligible) && state.min_insync == stored->min_insync)
        return false;
    *wanted = state;
    *leader_life = cluster_life(cluster, state.leader);
    return true;
}

bool partition_decide(const struct controller *controller, const struct partition *partition,
                      struct partition_state *wanted, uint64_t *leader_life)
{
    bool unclean = partition->topic->unclean;
#ifdef MUTANT_UNCLEAN_UNASKED
    unclean = true;
#endif
    return decide(controller, partition, unclean ? UNCLEAN_ALLOWED : UNCLEAN_NOT, wanted,
                  leader_life);
}

int partition_decide_leader(const struct controller *controller, const struct partition *partition,
                            enum elect_kind kind, struct partition_state *wanted,
                            uint64_t *leader_life)
{
    const struct partition_state *stored = &partition->stored;

    if (kind == ELECT_UNCLEAN) {
        if (stored->leader != -1)
            return K_ELECTION_NOT_NEEDED;
        return decide(controller, partition, UNCLEAN_ASKED, wanted, leader_life)
                   ? 0
                   : K_ELIGIBLE_LEADERS_NOT_AVAILABLE;
    }

    struct standing standing = standing_of(&controller->cluster, partition);
    int32_t preferred = stored->replicas.count > 0 ? stored->replicas.ids[0] : -1;
    if (preferred != -1 && preferred == stored->leader)
        return K_ELECTION_NOT_NEEDED;
    if (!replica_set_has(&stored->isr, preferred) ||
        !replica_set_has(&standing.staying, preferred) || stored->leader_epoch == INT32_MAX)
        return K_PREFERRED_LEADER_NOT_AVAILABLE;
    *wanted = begin(controller, partition);
    wanted->leader = preferred;
    new_epoch(stored, wanted, false);
    *leader_life = cluster_life(&controller->cluster, preferred);
    return 0;
}

bool partition_decide_isr(const struct controller *controller, const struct partition *partition,
                          const struct replica_set *isr, bool flush_on_ack,
                          struct partition_state *wanted, uint64_t *leader_life)
{
    /* Who is excused by the flag alone would be taken out as soon as it goes, and with it a copy of
     * all that is committed: the flag stays until the marks are gone. */
    struct partition as = *partition;
#ifndef MUTANT_EXCUSE_ENDS_EARLY
    as.stored.flush_on_ack &= flush_on_ack;
#endif
    struct standing standing = standing_of(&controller->cluster, &as);

    *wanted = begin(controller, partition);
    wanted->isr = *isr;
    wanted->flush_on_ack = flush_on_ack;
    *leader_life = partition->leader_life;
    election_settle_eligible(wanted, &partition->stored, &standing);
#ifdef MUTANT_JOIN_UNCHECKED
    standing.sound = *isr;
#endif
    for (int32_t i = 0; i < isr->count; i++)
        if (!replica_set_has(&standing.sound, isr->ids[i]))
            return false; /* it would be taken out again at once */
    /* Of the disks of who left before, the leader knows nothing; and they rely on the flag as it
     * was when they left. Below the minimum nothing is committed, so it can wait. */
    return flush_on_ack == partition->stored.flush_on_ack || wanted->eligible.count == 0;
}

void partition_decide_replicas(const struct controller *controller,
                               const struct partition *partition,
                               const struct replica_set *replicas, struct replica_moves moves,
                               struct partition_state *wanted, uint64_t *leader_life)
{
    struct partition as = *partition;

    as.stored.replicas = *replicas;
    as.stored.isr = election_common(&partition->stored.isr, replicas);
    as.stored.eligible = election_common(&partition->stored.eligible, replicas);
    as.moves = moves;
    if (decide(controller, &as, as.topic->unclean ? UNCLEAN_ALLOWED : UNCLEAN_NOT, wanted,
               leader_life))
        return;
    *wanted = begin(controller, &as);
    *leader_life = partition->leader_life;
}

bool partition_movable(const struct controller *controller, const struct partition *partition,
                       int32_t broker)
{
    struct standing standing = standing_of(&controller->cluster, partition);

    replica_set_remove(&standing.staying, broker);
    return election_first(&partition->stored.isr, &standing.staying, &standing.staying) != -1;
}

bool partition_relies_on(const struct controller *controller, const struct partition *partition,
                         int32_t broker)
{
    const struct partition_state *stored = &partition->stored;
    struct standing standing = standing_of(&controller->cluster, partition);

    return replica_set_has(&stored->replicas, broker) &&
           (replica_set_has(&stored->isr, broker) || replica_set_has(&stored->eligible, broker)) &&
           replica_set_has(&standing.lossy, broker);
}

bool partition_is_longest(const struct controller *controller, const struct partition *partition,
                          int32_t broker)
{
    struct log_end end, other;
    bool known = reports_end(partition, broker, &end);

    if (!partition_relies_on(controller, partition, broker))
        return true; /* it is sound, or was never waited for */
    for (const struct report *report = partition->reports; report != NULL; report = report->next)
        if (partition_relies_on(controller, partition, report->from.id) &&
            reports_end(partition, report->from.id, &other) &&
            (!known || log_end_is_longer(other, end)))
            return false;
    return true;
}

/* --- proved ----------------------------------------------------------------------------------- */

static void check_chosen(const struct controller *controller, const struct partition *partition,
                         int32_t leader)
{
    assert(cluster_life(&controller->cluster, leader) != 0); /* C5 */
    assert(!reports_lost(partition, leader));                /* C20 */
}

void partition_check_wanted(const struct controller *controller,
                            const struct partition *partition,
                            const struct partition_state *wanted)
{
    const struct partition_state *stored = &partition->stored;
    bool same_leader =
        wanted->leader_epoch == stored->leader_epoch && wanted->leader == stored->leader;
    bool from_outside = wanted->isr.count == 1 && !replica_set_has(&stored->isr, wanted->leader);

    assert(wanted->leader_epoch > stored->leader_epoch || same_leader); /* C1 */
    assert(wanted->controller_epoch == controller->epoch);              /* C2 */
    if (wanted->leader != -1 && !same_leader)
        check_chosen(controller, partition, wanted->leader);
    if (wanted->leader != -1 && !same_leader && wanted->unclean_epoch == wanted->leader_epoch)
        assert(partition_is_longest(controller, partition, wanted->leader)); /* C21 */
    assert(wanted->leader == -1 || replica_set_has(&wanted->isr, wanted->leader)); /* C5 */
    for (int32_t i = 0; i < wanted->eligible.count; i++)
        assert(!replica_set_has(&wanted->isr, wanted->eligible.ids[i]));             /* C13 */
    assert(wanted->eligible.count == 0 || wanted->isr.count < wanted->min_insync);   /* C13 */
    assert(wanted->isr.count > 0 || stored->isr.count == 0);                         /* C14 */
    if (wanted->leader != -1 && from_outside && !replica_set_has(&stored->eligible, wanted->leader))
        assert(wanted->unclean_epoch == wanted->leader_epoch); /* C15 */
}
