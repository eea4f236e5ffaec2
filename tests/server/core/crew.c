/* Its life: how it begins, what a turn is, how it settles. */
#include "tests/server/core/crew_private.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/error.h"

void crew_fail(const struct crew *crew, const char *what, const char *file, int line)
{
    ck_abort_msg("seed %" PRIu64 " turn %d: %s (%s:%d)", crew->seed, crew->turn, what, file, line);
    abort();
}

bool crew_chance(struct crew *crew, int percent)
{
    return (int)rand_below(&crew->rand, 100) < percent;
}

int crew_pick(struct crew *crew, int bound)
{
    return (int)rand_below(&crew->rand, (uint64_t)bound);
}

void crew_see(struct crew *crew, enum crew_sight sight)
{
    crew->sights[sight]++;
}

void crew_count(const struct crew *crew, uint64_t counts[CREW_SIGHT_COUNT])
{
    for (int i = 0; i < CREW_SIGHT_COUNT; i++)
        counts[i] += crew->sights[i];
}

struct crew *crew_new(uint64_t seed)
{
    struct crew *crew = calloc(1, sizeof *crew);

    ck_assert_ptr_nonnull(crew);
    crew->seed = seed;
    rand_seed(&crew->rand, seed);
    crew->brokers = 3 + crew_pick(crew, CREW_BROKERS - 2);
    crew->loss = crew_pick(crew, 3) * 10;
    crew->crashes = 1 + crew_pick(crew, 4);
    crew->flush = crew_chance(crew, 40);
    crew->unclean_allowed = crew_chance(crew, 30);
    crew->latest_epoch = -1;
    control_init(crew);
    for (int id = 0; id < crew->brokers; id++)
        broker_start(crew, id);
    control_look(crew);
    return crew;
}

void crew_free(struct crew *crew)
{
    for (int id = 0; id < crew->brokers; id++)
        if (crew->broker[id].up)
            replica_fini(&crew->broker[id].replica);
    free(crew);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void tick(struct crew *crew, int id)
{
    struct replica_event event = {.type = REPLICA_TICK};

    if (crew->broker[id].up)
        broker_step(crew, id, &event);
}

/* The connection to the leader broke: nobody answers the open question. */
static void lose_question(struct crew *crew, int id)
{
    struct replica_event event = {.type = REPLICA_FETCHED};

    if (!crew->broker[id].up || crew->broker[id].replica.round == 0)
        return;
    event.fetched.round = crew->broker[id].replica.round;
    event.fetched.code = K_NETWORK_EXCEPTION;
    broker_step(crew, id, &event);
}

static void hear(struct crew *crew)
{
    if (crew->message_count == 0)
        return;
    int place = crew_pick(crew, crew->message_count);
    if (crew_chance(crew, crew->loss / 4))
        network_drop(crew, place);
    else
        network_deliver(crew, place, crew_chance(crew, 5));
}

/* A broker's session: the lease ends before anybody else may act on that. */
static void lose_session(struct crew *crew, int id)
{
    struct crew_broker *broker = &crew->broker[id];

    if (!broker->up)
        broker->registered = 0;
    else if (broker->lease)
        broker->lease = false;
    else if (broker->registered != 0)
        broker->registered = 0;
    else
        broker->registered = broker->life;
}

static void trouble(struct crew *crew, int id)
{
    struct crew_broker *broker = &crew->broker[id];
    int what = crew_pick(crew, 100);

    if (what < 12 * crew->crashes) {
        if (broker->up)
            broker_crash(crew, id, crew_chance(crew, 40));
    } else if (what < 75) {
        if (!broker->up)
            broker_start(crew, id);
    } else if (what < 90) {
        lose_session(crew, id);
    } else if (crew->flush || crew_chance(crew, 5)) {
        struct replica_event event = {.type = REPLICA_CONFIGURED};
        event.configured.flush_on_ack = crew->flush != crew_chance(crew, 10);
        event.configured.lag_max_ms = 300;
        if (broker->up)
            broker_step(crew, id, &event);
    }
}

static void remove_old(struct crew *crew, int id)
{
    const struct crew_broker *broker = &crew->broker[id];

    if (broker->up && broker->replica.role == REPLICA_LEADING && broker->op_count < OPS / 2)
        broker_order(crew, id, OP_TRIM,
                     broker->published - crew_pick(crew, 6));
}

void crew_turn(struct crew *crew)
{
    int id = crew_pick(crew, crew->brokers), what = crew_pick(crew, 1000);
    struct crew_broker *broker = &crew->broker[id];

    crew->turn++;
    crew->now_ms += crew_pick(crew, 15);
    if (what < 480)
        hear(crew);
    else if (what < 680)
        broker_disk(crew, id);
    else if (what < 800)
        broker_produce(crew, crew_chance(crew, 70) && crew->stored.leader >= 0 ? crew->stored.leader
                                                                               : id,
                       crew_chance(crew, 70));
    else if (what < 830)
        tick(crew, id);
    else if (what < 860)
        lose_question(crew, id);
    else if (what < 885)
        trouble(crew, id);
    else if (what < 905)
        control_look(crew);
    else if (what < 910)
        control_move(crew);
    else if (what < 940)
        control_tell(crew, id);
    else if (what < 970 && broker->up && broker->op_count < OPS / 2)
        broker_order(crew, id, OP_FLUSH, 0);
    else if (what < 980)
        remove_old(crew, id);
    else if (what < 990 && broker->up)
        judge_clients(crew, id);
    else if (broker->up)
        broker->checkpoint = broker->published;
    if (crew->turn % 16 == 0)
        judge_pairs(crew);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void heal(struct crew *crew)
{
    struct replica_event event = {.type = REPLICA_CONFIGURED};

    crew->settling = true;
    for (int id = 0; id < crew->brokers; id++) {
        struct crew_broker *broker = &crew->broker[id];
        if (!broker->up)
            broker_start(crew, id);
        broker->registered = broker->life;
        event.configured.flush_on_ack = crew->flush;
        event.configured.lag_max_ms = 300;
        broker_step(crew, id, &event);
    }
}

/* Time passes, and all that is under way arrives. */
static void settle_round(struct crew *crew, int round)
{
    crew->now_ms += 10;
    control_look(crew);
    for (int id = 0; id < crew->brokers; id++) {
        struct crew_broker *broker = &crew->broker[id];
        control_tell(crew, id);
        if (broker->replica.open && broker->log.flushed < broker->log.end && broker->op_count == 0)
            broker_order(crew, id, OP_FLUSH, 0);
        while (broker->op_count > 0)
            broker_disk(crew, id);
        if (replica_deadline_ms(&broker->replica) <= crew->now_ms)
            tick(crew, id);
        if (round % 8 == 0 && broker->replica.round != 0 && !network_has_question(crew, id))
            lose_question(crew, id);
    }
    for (int count = crew->message_count; count > 0 && crew->message_count > 0; count--)
        network_deliver(crew, crew_pick(crew, crew->message_count), false);
}

void crew_settle(struct crew *crew)
{
    enum { ROUNDS = 2000 };
    int round = 0;

    heal(crew);
    while (!judge_settled(crew) && round < ROUNDS) {
        crew->turn++;
        settle_round(crew, round++);
    }
    CREW_EXPECT(crew, round < ROUNDS);
    judge_pairs(crew);

    int64_t before = crew->committed_end;
    if (before + 4 < OFFSETS) {
        crew->broker[crew->stored.leader].lease = true;
        broker_produce(crew, crew->stored.leader, true);
        for (round = 0; round < ROUNDS && crew->broker[crew->stored.leader].waiting_count > 0;)
            settle_round(crew, round++);
        CREW_EXPECT(crew, crew->committed_end > before);
    }
}
