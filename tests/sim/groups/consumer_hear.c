/* What a consumer makes of the answers that it waits for. */
#include <string.h>

#include "common/error.h"
#include "tests/sim/groups/club.h"

static void joined(struct consumer *consumer, const struct message *answer)
{
    memcpy(consumer->member, answer->member, NAME_SIZE);
    if (answer->error == K_MEMBER_ID_REQUIRED) {
        consumer->club->counters.ids_told++;
        consumer->phase = CONSUMER_OUT;
        consumer->join_at_us = consumer->club->sched.now_us;
        return;
    }
    /* While it was away (a static member keeps its place) a generation may have come in which
     * others got what it had: that is lost to it, and not to be committed any more. The leader has
     * heard that it owns it, and keeps it back. */
    bool missed = answer->generation != consumer->generation &&
                  answer->generation != consumer->generation + 1;
    consumer->gave_up = missed && share_size(consumer->owns) > 0;
    if (missed)
        consumer_lose(consumer);
    consumer->generation = answer->generation;
    consumer->epoch = answer->epoch;
    consumer->forgotten = answer->forgotten;
    consumer_sync(consumer, answer);
}

/* What it has no more it commits and gives up; who cooperates joins again for it. */
static void synced(struct consumer *consumer, const struct message *answer)
{
    struct share assigned = assign_share(answer->told[0].bytes, answer->told[0].size);
    struct share revoked = share_without(consumer->owns, assigned);
    struct share gained = share_without(assigned, consumer->owns);
    bool wanted = consumer->joined_topics == consumer->topics;

    consumer->phase = CONSUMER_IN;
    consumer->beat_at_us = 0;
    if (share_size(revoked) > 0)
        consumer_commit(consumer, revoked, false);
    consumer->known = share_both(consumer->known, share_both(assigned, consumer->owns));
    consumer->owns = consumer->had = assigned;
    consumer->had_generation = consumer->generation;
    consumer->had_forgotten = consumer->forgotten;
    club_say(consumer->club, "consumer %d owns %x %x in generation %d", consumer->id,
             assigned.of[0], assigned.of[1], (int)consumer->generation);
    facts_assigned(consumer, gained);
    if (share_size(revoked) > 0 || consumer->gave_up || !wanted)
        consumer_go_out(consumer, false, false);
}

static void fetched(struct consumer *consumer, const struct message *answer)
{
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < WIDTH_MAX; p++) {
            if (!share_has(answer->share, t, p) || !share_has(consumer->owns, t, p) ||
                share_has(consumer->known, t, p))
                continue;
            consumer->known.of[t] |= 1u << p;
            consumer->positions[t][p] = answer->offsets[t][p] < 0 ? 0 : answer->offsets[t][p];
        }
}

/* A coordinator that is none, or can not store: what was asked is asked again, of whoever it is. */
static void try_again(struct consumer *consumer, const struct message *answer)
{
    bool moved = answer->error == K_NOT_COORDINATOR;

    if (moved)
        consumer_break(consumer);
    if (answer->ask == ASK_JOIN || answer->ask == ASK_SYNC)
        consumer_go_out(consumer, false, false);
    consumer->beat_at_us = consumer->club->sched.now_us;
}

/* What it hears of a generation that is over for it, is no news. */
static bool is_outdated(const struct consumer *consumer, const struct message *answer)
{
    return answer->ask != ASK_JOIN && answer->ask != ASK_SYNC &&
           (answer->generation != consumer->generation || consumer->phase != CONSUMER_IN);
}

static void failed(struct consumer *consumer, const struct message *answer)
{
    struct club *club = consumer->club;

    switch (answer->error) {
    case K_FENCED_INSTANCE_ID:
        club->counters.fenced++;
        consumer_die(consumer);
        faults_restart(consumer);
        break;
    case K_UNKNOWN_MEMBER_ID:
        if (!is_outdated(consumer, answer))
            consumer_go_out(consumer, true, true);
        break;
    case K_ILLEGAL_GENERATION:
        if (!is_outdated(consumer, answer))
            consumer_go_out(consumer, true, false);
        break;
    case K_REBALANCE_IN_PROGRESS:
        if (!is_outdated(consumer, answer))
            consumer_go_out(consumer, false, false);
        break;
    case K_INCONSISTENT_GROUP_PROTOCOL:
    case K_GROUP_MAX_SIZE_REACHED:
        club->counters.full += answer->error == K_GROUP_MAX_SIZE_REACHED;
        consumer_go_out(consumer, true, true);
        break;
    case K_NOT_COORDINATOR:
    case K_COORDINATOR_LOAD_IN_PROGRESS:
    case K_COORDINATOR_NOT_AVAILABLE:
    case K_REQUEST_TIMED_OUT:
    case K_NOT_ENOUGH_REPLICAS:
        try_again(consumer, answer);
        break;
    default:
        club_violated(club, "consumer %d hears %s to its %s", consumer->id,
                      k_error_name(answer->error), ask_name(answer->ask));
    }
}

void consumer_hear(struct consumer *consumer, const struct message *answer)
{
    consumer->commits -= answer->ask == ASK_COMMIT && consumer->commits > 0;
    if (answer->number == 0 || consumer->open[answer->ask] != answer->number) {
        /* Of several commits under way each may bring news. */
        if (answer->ask == ASK_COMMIT && answer->error != 0 && consumer->desk == answer->from &&
            answer->error != K_NOT_COORDINATOR)
            failed(consumer, answer);
        return;
    }
    consumer->open[answer->ask] = 0;
    if (answer->error != 0 && answer->error != K_MEMBER_ID_REQUIRED)
        failed(consumer, answer);
    else if (answer->ask == ASK_JOIN)
        joined(consumer, answer);
    else if (answer->ask == ASK_SYNC)
        synced(consumer, answer);
    else if (answer->ask == ASK_FETCH)
        fetched(consumer, answer);
}
