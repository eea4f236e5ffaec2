/* The controller and the store in one: it decides late, but what it writes is written at once. */
#include "common/error.h"
#include "tests/server/core/crew_private.h"

void control_init(struct crew *crew)
{
    struct partition_state *stored = &crew->stored;

    stored->leader = stored->unclean_epoch = -1;
    stored->leader_epoch = stored->version = 0;
    stored->min_insync = 1 + crew_pick(crew, 2);
    for (int id = 0; id < crew->brokers; id++) {
        replica_set_add(&stored->replicas, id);
        replica_set_add(&stored->isr, id);
    }
}

void control_tell(struct crew *crew, int id)
{
    if (crew->known[id] == 0 || crew->known[id] != crew->broker[id].life)
        return; /* a life is told of nothing before the controller knows of it */
    struct message *message = network_send(crew, SAYS_NEWS, CONTROLLER, id);
    if (message != NULL)
        message->state = crew->stored;
}

static void tell_all(struct crew *crew)
{
    for (int id = 0; id < crew->brokers; id++)
        control_tell(crew, id);
}

static bool counts_on(const struct crew *crew, int id)
{
    return replica_set_has(&crew->stored.isr, id) || replica_set_has(&crew->stored.eligible, id);
}

/* Members that leave while the set is too small keep all that is committed. */
static void store(struct crew *crew, const struct replica_set *isr, bool elected)
{
    struct partition_state *stored = &crew->stored;
    struct replica_set before = stored->isr;

    stored->isr = *isr;
    stored->version++;
    for (int32_t i = 0; i < before.count; i++)
        replica_set_add(&stored->eligible, before.ids[i]);
    for (int32_t i = 0; i < isr->count; i++)
        replica_set_remove(&stored->eligible, isr->ids[i]);
    if (isr->count >= stored->min_insync)
        stored->eligible.count = 0;
    /* Who is in no set, or joins with all that it needs, has nothing to lose any more. */
    for (int id = 0; id < crew->brokers; id++) {
        bool joins = replica_set_has(isr, id) && !replica_set_has(&before, id);
        if (counts_on(crew, id) && !joins)
            continue;
        crew->marked[id] = false;
        crew->broker[id].lost &= !crew->broker[id].up;
    }
    judge_stored(crew, elected);
    tell_all(crew);
}

static bool is_fit(const struct crew *crew, int id)
{
    return crew->known[id] != 0 && !crew->marked[id];
}

/* --- elections -------------------------------------------------------------------------------- */

static int any_fit(struct crew *crew, const struct replica_set *set)
{
    int first = set->count > 0 ? crew_pick(crew, set->count) : 0;

    for (int32_t i = 0; i < set->count; i++) {
        int id = set->ids[(first + i) % set->count];
        if (is_fit(crew, id))
            return id;
    }
    return -1;
}

static bool is_longer(const struct crew_log *a, const struct crew_log *b)
{
    int32_t x = log_last_epoch(a), y = log_last_epoch(b);
    return x > y || (x == y && a->end > b->end);
}

/* All copies that count may have lost records: the longest, once all of them are here. */
static int longest_lossy(const struct crew *crew)
{
    int found = -1;

    for (int id = 0; id < crew->brokers; id++) {
        if (!counts_on(crew, id))
            continue;
        if (crew->known[id] == 0)
            return -1;
        if (found == -1 || is_longer(&crew->broker[id].log, &crew->broker[found].log))
            found = id;
    }
    return found;
}

static int choose(struct crew *crew, bool *unclean)
{
    int winner = any_fit(crew, &crew->stored.isr);

    *unclean = false;
    if (winner != -1) {
        crew_see(crew, CREW_ELECTION);
        return winner;
    }
    winner = any_fit(crew, &crew->stored.eligible);
    if (winner != -1) {
        crew_see(crew, CREW_ELIGIBLE);
        return winner;
    }
    *unclean = true;
    winner = longest_lossy(crew);
    if (winner != -1) {
        crew_see(crew, CREW_LOSSY);
        return winner;
    }
    if (!crew->unclean_allowed || !crew_chance(crew, 20))
        return -1;
    winner = any_fit(crew, &crew->stored.replicas);
    if (winner != -1)
        crew_see(crew, CREW_UNCLEAN);
    return winner;
}

static void elect(struct crew *crew, int winner, bool unclean)
{
    struct partition_state *stored = &crew->stored;
    struct replica_set isr = stored->isr;

    stored->leader = winner;
    stored->leader_epoch++;
    crew->leader_life = winner == -1 ? 0 : crew->known[winner];
    if (unclean) {
        stored->unclean_epoch = stored->leader_epoch;
        stored->flush_on_ack = false;
        stored->isr.count = stored->eligible.count = 0;
        isr = (struct replica_set){1, {winner}};
        crew->marked[winner] = crew->broker[winner].lost = false;
        judge_unclean(crew);
    } else if (winner != -1 && !replica_set_has(&isr, winner)) {
        isr = (struct replica_set){1, {winner}};
        stored->flush_on_ack = false; /* that was said of the members only */
    } else if (winner != -1) {
        for (int id = 0; id < crew->brokers; id++)
            if (!is_fit(crew, id))
                replica_set_remove(&isr, id);
    }
    store(crew, &isr, winner != -1);
}

static void repair(struct crew *crew)
{
    struct partition_state *stored = &crew->stored;
    bool unclean;
    int leader = stored->leader;

    if (stored->leader_epoch >= EPOCHS - 2)
        return;
    if (leader == -1 || crew->known[leader] != crew->leader_life || crew->marked[leader]) {
        int winner = choose(crew, &unclean);
        if (winner != -1)
            elect(crew, winner, unclean);
        else if (leader != -1)
            elect(crew, -1, false);
        return;
    }
    struct replica_set isr = stored->isr;
    for (int id = 0; id < crew->brokers; id++)
        if (!is_fit(crew, id))
            replica_set_remove(&isr, id);
    if (isr.count < stored->isr.count)
        store(crew, &isr, false);
}

void control_look(struct crew *crew)
{
    bool is_new[CREW_BROKERS] = {false};

    for (int id = 0; id < crew->brokers; id++) {
        struct crew_broker *broker = &crew->broker[id];
        int before = crew->known[id];
        if (before == broker->registered)
            continue;
        crew->known[id] = broker->registered;
        if (broker->registered == 0)
            continue;
        bool is_safe = crew->stored.flush_on_ack && replica_set_has(&crew->stored.isr, id);
        if (broker->lossy && counts_on(crew, id) && !is_safe)
            crew->marked[id] = true;
        else if (broker->up)
            broker->lost = false; /* nobody counts on what it has lost */
        /* A controller that was just elected does not know that its leader is another life. That
         * does no harm as long as the log is the same. */
        if (id == crew->stored.leader && !crew->marked[id] && !broker->cut &&
            before == crew->leader_life && crew_chance(crew, 30)) {
            crew_see(crew, CREW_SAME_EPOCH);
            crew->leader_life = broker->registered;
        }
        broker->cut = false;
        is_new[id] = true;
    }
    repair(crew); /* before anybody is told of what can not stay */
    for (int id = 0; id < crew->brokers; id++)
        if (is_new[id])
            control_tell(crew, id);
}

void control_move(struct crew *crew)
{
    if (crew->stored.leader == -1 || crew->stored.leader_epoch >= EPOCHS - 8)
        return;
    int winner = any_fit(crew, &crew->stored.isr);
    if (winner != -1)
        elect(crew, winner, false);
}

/* --- proposals -------------------------------------------------------------------------------- */

static bool are_equal(const struct replica_set *a, const struct replica_set *b)
{
    for (int32_t i = 0; i < a->count; i++)
        if (!replica_set_has(b, a->ids[i]))
            return false;
    return a->count == b->count;
}

static int refusal(struct crew *crew, const struct message *message, struct replica_set *isr)
{
    const struct replica_effect *said = &message->said;
    const struct partition_state *stored = &crew->stored;

    for (int32_t i = 0; i < said->propose.count; i++)
        replica_set_add(isr, said->propose.members[i].id);
    if (crew->known[message->from] != message->from_life)
        return K_STALE_BROKER_EPOCH;
    if (said->propose.leader_epoch != stored->leader_epoch || stored->leader != message->from)
        return K_FENCED_LEADER_EPOCH;
    if (said->propose.version != stored->version)
        return are_equal(isr, &stored->isr) && said->propose.flush_on_ack == stored->flush_on_ack
                   ? K_EXISTS
                   : K_INVALID_UPDATE_VERSION;
    for (int32_t i = 0; i < said->propose.count; i++) {
        const struct replica_member *member = &said->propose.members[i];
        if (replica_set_has(&stored->isr, member->id))
            continue;
        int life = life_of(&member->incarnation);
        if (crew->broker[member->id].registered != life || crew->known[member->id] != life)
            return K_INELIGIBLE_REPLICA;
    }
    return !crew->settling && crew_chance(crew, 5) ? K_INELIGIBLE_REPLICA : 0;
}

void control_on_proposal(struct crew *crew, const struct message *message)
{
    struct replica_set isr = {0};

    if (message->order <= crew->proposals_seen[message->from])
        return;
    crew->proposals_seen[message->from] = message->order;
    int code = !crew->settling && crew_chance(crew, 5) ? K_NOT_CONTROLLER
                                                       : refusal(crew, message, &isr);
    if (code == K_EXISTS) {
        code = 0;
    } else if (code == 0) {
        CREW_EXPECT(crew, replica_set_has(&isr, message->from));
        if (isr.count > crew->stored.isr.count)
            crew_see(crew, CREW_GROWN);
        if (isr.count < crew->stored.isr.count)
            crew_see(crew, CREW_SHRUNK);
        if (message->said.propose.flush_on_ack)
            crew_see(crew, CREW_FLUSH_KEPT);
        crew->stored.flush_on_ack = message->said.propose.flush_on_ack;
        store(crew, &isr, false);
        if (!crew->settling && crew_chance(crew, 20))
            code = K_REQUEST_TIMED_OUT;
    } else if (code == K_INELIGIBLE_REPLICA) {
        crew_see(crew, CREW_REFUSED);
    }
    struct message *verdict = network_send(crew, SAYS_VERDICT, CONTROLLER, message->from);
    if (verdict == NULL)
        return;
    verdict->to_life = message->from_life;
    verdict->round = message->said.propose.round;
    verdict->code = code;
}
