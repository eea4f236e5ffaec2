/* A process that consumes: when it asks what. It looks every now and then at what is due, as a
 * client's thread would: an answer that does not come, a heartbeat, a commit, positions that it
 * does not know, topics that have grown. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/groups/club.h"

enum { LOOK_LEAST_US = 10 * 1000, LOOK_MOST_US = 40 * 1000, PATIENCE_MS = 500,
       FIND_AGAIN_MOST_US = 100 * 1000, WIDTH_AGAIN_US = 200 * 1000, START_MOST_US = 400 * 1000,
       JOIN_MOST_US = 60 * 1000, COMMITS_MAX = 5 };

static const struct share nothing;

static int64_t now_us(const struct consumer *consumer)
{
    return consumer->club->sched.now_us;
}

/* --- questions -------------------------------------------------------------------------------- */

void consumer_ask(struct consumer *consumer, enum ask ask, struct message *message)
{
    message->answer = false;
    message->ask = ask;
    message->from = consumer->node;
    message->to = consumer->desk;
    message->group = consumer->group;
    message->life = consumer->life;
    message->number = ++consumer->number;
    memcpy(message->member, consumer->member, NAME_SIZE);
    memcpy(message->instance, consumer->instance, NAME_SIZE);
    message->generation = consumer->generation;
    consumer->open[ask] = message->number;
    consumer->asked_us[ask] = now_us(consumer);
    message_post(consumer->club, message);
}

/* What is told, whoever tells it fills. */
static void clear(struct message *message)
{
    memset(message, 0, offsetof(struct message, told));
}

/* The connection is given up: answers over it are not heard any more. */
void consumer_break(struct consumer *consumer)
{
    memset(consumer->open, 0, sizeof consumer->open);
    consumer->commits = 0;
    consumer->desk = -1;
    consumer->look_at_us = now_us(consumer) + club_draw(consumer->club, 0, FIND_AGAIN_MOST_US);
    if (consumer->phase == CONSUMER_JOINING || consumer->phase == CONSUMER_SYNCING)
        consumer_go_out(consumer, false, false);
}

void consumer_lose(struct consumer *consumer)
{
    consumer->owns = consumer->known = nothing;
}

void consumer_go_out(struct consumer *consumer, bool lost, bool forget)
{
    consumer->phase = CONSUMER_OUT;
    consumer->open[ASK_JOIN] = consumer->open[ASK_SYNC] = 0;
    /* What it asked for while it was a member is of no use any more. */
    consumer->open[ASK_HEARTBEAT] = consumer->open[ASK_FETCH] = 0;
    consumer->join_at_us = now_us(consumer) + club_draw(consumer->club, 0, JOIN_MOST_US);
    if (lost || forget) {
        consumer_lose(consumer);
        consumer->generation = -1;
        consumer->had = nothing;
        consumer->had_generation = -1;
    }
    if (forget)
        consumer->member[0] = '\0';
}

void consumer_commit(struct consumer *consumer, struct share share, bool careless)
{
    struct message message;

    clear(&message);
    message.share = careless ? share : share_both(share, consumer->known);
    message.careless = careless;
    if (share_size(message.share) == 0 || consumer->commits == COMMITS_MAX)
        return;
    consumer->commits++;
    memcpy(message.offsets, consumer->positions, sizeof message.offsets);
    consumer_ask(consumer, ASK_COMMIT, &message);
}

/* Who does not cooperate gives everything up before it joins, and commits it last. */
static void join(struct consumer *consumer)
{
    struct message message;

    clear(&message);
    if (!consumer_cooperates(consumer)) {
        if (consumer->generation >= 0)
            consumer_commit(consumer, consumer->owns, false);
        consumer_lose(consumer);
    }
    message.told_count = assign_tell(consumer, message.told);
    consumer->joined_topics = consumer->topics;
    consumer->phase = CONSUMER_JOINING;
    consumer_ask(consumer, ASK_JOIN, &message);
}

void consumer_sync(struct consumer *consumer, const struct message *answer)
{
    struct club *club = consumer->club;
    struct message message;
    int withheld = 0;

    clear(&message);
    memcpy(message.protocol, answer->protocol, NAME_SIZE);
    consumer->leads = answer->told_count > 0;
    if (consumer->leads && !answer->skip) {
        for (int t = 0; t < TOPICS; t++) {
            club->counters.grown += consumer->used_width[t] > 0 &&
                                    consumer->used_width[t] < club->width[t];
            consumer->used_width[t] = club->width[t];
        }
        message.told_count = assign_all(consumer, answer, message.told, &withheld);
        club->counters.second_rounds += (uint64_t)withheld;
    }
    consumer->phase = CONSUMER_SYNCING;
    consumer_ask(consumer, ASK_SYNC, &message);
}

/* --- what is due ------------------------------------------------------------------------------ */

/* Joins and their like wait for others, and take as long as a rebalance may. */
static int64_t patience_us(const struct consumer *consumer, enum ask ask)
{
    const struct club_options *options = &consumer->club->plan.club;
    int64_t ms = PATIENCE_MS;

    if (ask == ASK_JOIN || ask == ASK_SYNC)
        ms += options->rebalance_timeout_ms + options->store_timeout_ms;
    if (ask == ASK_HEARTBEAT)
        ms += options->heartbeat_ms;
    if (ask == ASK_COMMIT)
        ms += options->store_timeout_ms;
    return ms * 1000;
}

static bool has_waited_enough(struct consumer *consumer)
{
    for (int ask = 0; ask < ASKS; ask++)
        if (consumer->open[ask] != 0 &&
            now_us(consumer) - consumer->asked_us[ask] > patience_us(consumer, (enum ask)ask))
            return true;
    return false;
}

/* Which broker is it? Some have old news. */
static void find(struct consumer *consumer)
{
    struct club *club = consumer->club;
    int known = club->topic.leader;

    if (club_fault(club, 10))
        known = (int)club_draw(club, 0, club->plan.club.brokers - 1);
    consumer->desk = known;
    consumer->look_at_us = now_us(consumer) + club_draw(club, 0, FIND_AGAIN_MOST_US);
}

static void beat(struct consumer *consumer)
{
    struct message message;

    clear(&message);
    consumer->beat_at_us =
        now_us(consumer) + consumer->club->plan.club.heartbeat_ms * 1000;
    consumer_ask(consumer, ASK_HEARTBEAT, &message);
}

static void fetch(struct consumer *consumer)
{
    struct message message;

    clear(&message);
    message.share = share_without(consumer->owns, consumer->known);
    if (share_size(message.share) > 0)
        consumer_ask(consumer, ASK_FETCH, &message);
}

/* It has read on, and says how far. Several commits may be under way. */
static void work(struct consumer *consumer)
{
    struct club *club = consumer->club;

    consumer->commit_at_us =
        now_us(consumer) + club_draw(club, 1, 2 * club->plan.club.commit_every_ms) * 1000;
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < WIDTH_MAX; p++)
            if (share_has(consumer->known, t, p))
                consumer->positions[t][p] += club_draw(club, 0, 5);
    consumer_commit(consumer, consumer->owns, false);
}

/* The application says late what it had done before: by now that may be somebody else's. */
static void be_careless(struct consumer *consumer)
{
    struct club *club = consumer->club;
    struct share all = {{(1u << club->width[0]) - 1, (1u << club->width[1]) - 1}};

    if (!club->healed && club_draw(club, 0, 9999) < club->plan.club.careless_permille)
        consumer_commit(consumer, all, true);
}

static void be_member(struct consumer *consumer)
{
    struct club *club = consumer->club;

    if (consumer->open[ASK_HEARTBEAT] == 0 && now_us(consumer) >= consumer->beat_at_us)
        beat(consumer);
    if (consumer->open[ASK_FETCH] == 0)
        fetch(consumer);
    if (now_us(consumer) < consumer->look_at_us)
        return;
    consumer->look_at_us = now_us(consumer) + WIDTH_AGAIN_US;
    for (int t = 0; t < TOPICS; t++)
        if (consumer->leads && consumer->used_width[t] != club->width[t]) {
            consumer_go_out(consumer, false, false);
            return;
        }
}

static void act(struct consumer *consumer)
{
    bool owns = consumer->generation >= 0 && consumer->phase != CONSUMER_SYNCING;

    if (has_waited_enough(consumer))
        consumer_break(consumer);
    if (consumer->desk < 0) {
        if (now_us(consumer) >= consumer->look_at_us)
            find(consumer);
        return;
    }
    if (consumer->phase == CONSUMER_OUT && now_us(consumer) >= consumer->join_at_us)
        join(consumer);
    if (consumer->phase == CONSUMER_IN)
        be_member(consumer);
    if (owns && now_us(consumer) >= consumer->commit_at_us)
        work(consumer);
    if (consumer->generation >= 0)
        be_careless(consumer);
}

struct look { int consumer; uint64_t life; };

static void look(void *context, void *payload)
{
    struct club *club = context;
    struct look *due = payload;
    struct consumer *consumer = &club->consumers[due->consumer];

    if (!consumer->up || consumer->life != due->life) {
        free(payload);
        return;
    }
    int64_t at_us = club->sched.now_us + club_draw(club, LOOK_LEAST_US, LOOK_MOST_US);
    if (consumer->paused_until_us > club->sched.now_us)
        at_us = consumer->paused_until_us;
    else
        act(consumer);
    sched_at(&club->sched, at_us, look, club, payload);
}

/* --- life and death --------------------------------------------------------------------------- */

void consumer_start(struct consumer *consumer, const char *instance, uint32_t topics)
{
    struct club *club = consumer->club;
    struct look *first = sched_payload(sizeof *first);

    consumer->up = true;
    consumer->life++;
    consumer->paused_until_us = 0;
    memcpy(consumer->instance, instance, NAME_SIZE);
    consumer->topics = topics;
    consumer->epoch = -1;
    consumer->desk = -1;
    consumer->look_at_us = consumer->beat_at_us = consumer->commit_at_us = 0;
    consumer->leads = false;
    memset(consumer->open, 0, sizeof consumer->open);
    consumer->commits = 0;
    memset(consumer->used_width, 0, sizeof consumer->used_width);
    consumer_go_out(consumer, true, true);
    club_say(club, "consumer %d starts, life %d, instance %s", consumer->id, (int)consumer->life,
             instance);
    *first = (struct look){consumer->id, consumer->life};
    sched_after(&club->sched, club_draw(club, 0, START_MOST_US), look, club, first);
}

void consumer_die(struct consumer *consumer)
{
    consumer->up = false;
    consumer->owns = nothing;
}

void consumer_leave(struct consumer *consumer)
{
    struct message message;

    clear(&message);
    if (consumer->up && consumer->desk >= 0 && consumer->member[0] != '\0' &&
        consumer->paused_until_us <= now_us(consumer)) {
        consumer->club->counters.leaves++;
        consumer_commit(consumer, consumer->owns, false);
        consumer_ask(consumer, ASK_LEAVE, &message);
    }
    consumer_die(consumer);
}

void consumer_pause(struct consumer *consumer, int64_t until_us)
{
    if (consumer->up && until_us > consumer->paused_until_us)
        consumer->paused_until_us = until_us;
}

/* Not a static one: the group does not notice what a process with another list of topics wants that
 * comes back under the instance id of a former. */
void consumer_resubscribe(struct consumer *consumer, uint32_t topics)
{
    if (!consumer->up || consumer->topics == topics || consumer->own_instance[0] != '\0' ||
        consumer->instance[0] != '\0')
        return;
    consumer->own_topics = consumer->topics = topics;
    if (consumer->phase == CONSUMER_IN)
        consumer_go_out(consumer, false, false);
}
