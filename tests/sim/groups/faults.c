/* What is done to the groups, and how it is undone. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/groups/club.h"

enum { FENCED_DOWN_MS = 300 };

static void at_end(struct club *club, const struct decision *decision, sched_handler handler)
{
    struct decision *copy = sched_payload(sizeof *copy);

    *copy = *decision;
    sched_after(&club->sched, decision->length_ms * 1000, handler, club, copy);
}

/* --- brokers ---------------------------------------------------------------------------------- */

static void start_broker(void *context, void *payload)
{
    struct club *club = context;
    struct desk *desk = &club->desks[((struct decision *)payload)->a];

    free(payload);
    if (--desk->down_count <= 0)
        desk_start(desk);
}

static void crash_broker(struct club *club, const struct decision *decision)
{
    struct desk *desk = &club->desks[decision->a];

    club->counters.crashes_broker++;
    desk_die(desk);
    desk->down_count++;
    at_end(club, decision, start_broker);
    if (club->topic.leader == desk->id)
        topic_move(club, desk->id + 1, 0);
}

/* Whoever stands still longer than its session has a successor. */
static void pause_broker(struct club *club, const struct decision *decision)
{
    struct desk *desk = &club->desks[decision->a];
    int64_t length_ms = decision->length_ms;

    club->counters.pauses_broker++;
    desk_pause(desk, club->sched.now_us + length_ms * 1000);
    if (club->topic.leader == desk->id && length_ms >= club->plan.club.session_timeout_ms)
        topic_move(club, desk->id + 1, 0);
}

/* --- consumers -------------------------------------------------------------------------------- */

static void start_consumer(void *context, void *payload)
{
    struct club *club = context;
    struct consumer *consumer = &club->consumers[((struct decision *)payload)->a];

    free(payload);
    if (--consumer->down_count <= 0 && !consumer->up)
        consumer_start(consumer, consumer->own_instance, consumer->own_topics);
}

static void take_down(struct club *club, const struct decision *decision)
{
    struct consumer *consumer = &club->consumers[decision->a];

    consumer_die(consumer);
    consumer->down_count++;
    at_end(club, decision, start_consumer);
}

void faults_restart(struct consumer *consumer)
{
    struct decision decision = {.a = consumer->id, .length_ms = FENCED_DOWN_MS};

    take_down(consumer->club, &decision);
}

static void leave(struct club *club, const struct decision *decision)
{
    consumer_leave(&club->consumers[decision->a]);
    take_down(club, decision);
}

static void dissolve(struct club *club, const struct decision *decision)
{
    struct decision one = *decision;

    one.length_ms *= 2;
    for (one.a = 0; one.a < club->plan.club.consumers; one.a++)
        if (club->consumers[one.a].group == decision->a)
            leave(club, &one);
}

/* While the other one lives: both believe that the instance is theirs. */
static void twin(struct club *club, const struct decision *decision)
{
    struct consumer *one = &club->consumers[decision->a], *other = &club->consumers[decision->b];

    if (one == other || !one->up || one->instance[0] == '\0' || !other->up ||
        other->group != one->group)
        return;
    club->counters.twins++;
    consumer_die(other);
    consumer_start(other, one->instance, one->topics);
}

/* --- whoever looks after groups --------------------------------------------------------------- */

static void begin_message(const struct club *club, enum ask ask, int group,
                          struct message *message)
{
    memset(message, 0, sizeof *message);
    message->ask = ask;
    message->from = club_admin(club);
    message->to = club->topic.leader;
    message->group = group;
    message->generation = -1;
}

static void administer(struct club *club, const struct decision *decision)
{
    const struct consumer *consumer = &club->consumers[decision->a];
    struct message message;

    if (club->topic.leader < 0)
        return;
    if (decision->kind == CLUB_EXPEL && consumer->own_instance[0] == '\0')
        return;
    if (decision->kind == CLUB_EXPEL) {
        begin_message(club, ASK_LEAVE, consumer->group, &message);
        memcpy(message.instance, consumer->own_instance, NAME_SIZE);
    } else if (decision->kind == CLUB_DELETE) {
        begin_message(club, ASK_DELETE, decision->a, &message);
    } else {
        begin_message(club, ASK_COMMIT, decision->a, &message);
        for (int t = 0; t < TOPICS; t++)
            message.share.of[t] = (1u << club->width[t]) - 1;
        for (int p = 0; p < WIDTH_MAX; p++)
            message.offsets[0][p] = message.offsets[1][p] = 100 * decision->c + p;
    }
    message_post(club, &message);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void mend(void *context, void *payload)
{
    struct club *club = context;
    struct decision decision = *(struct decision *)payload;

    free(payload);
    if (!club->healed)
        net_cut(&club->net, (enum net_shape)decision.c, decision.a, decision.b, -1);
}

static void act_on_topic(struct club *club, const struct decision *decision)
{
    struct desk *desk = &club->desks[decision->a % DESKS_MAX];

    switch (decision->kind) {
    case CLUB_MOVE:
        topic_move(club, decision->a, decision->length_ms);
        break;
    case CLUB_STALL:
        topic_stall(club, decision->length_ms);
        break;
    case CLUB_REFUSE:
        club->topic.refused_until_us = club->sched.now_us + decision->length_ms * 1000;
        break;
    case CLUB_COMPACT:
        topic_compact(club, decision->b != 0);
        break;
    case CLUB_WALL_JUMP:
        club->counters.wall_jumps++;
        desk->wall_ms += decision->c * decision->length_ms;
        break;
    case CLUB_JUMP:
        club->counters.jumps++;
        desk_jump(desk, decision->length_ms);
        break;
    case CLUB_GROW:
        if (club->width[decision->a] > 0 && club->width[decision->a] < WIDTH_MAX)
            club->width[decision->a]++;
        break;
    case CLUB_REPLACE:
        club->counters.replaced++;
        club->former[decision->a]++;
        for (int d = 0; d < club->plan.club.brokers; d++)
            desk_hear_of_topic(&club->desks[d], decision->a);
        break;
    default:
        administer(club, decision);
        break;
    }
}

static void act(struct club *club, const struct decision *decision)
{
    struct consumer *consumer = &club->consumers[decision->a % CONSUMERS_MAX];

    club_say(club, "now: %s %d %d %d %d", club_form.decisions[decision->kind], decision->a,
             decision->b, decision->c, (int)decision->length_ms);
    switch (decision->kind) {
    case CLUB_CRASH_BROKER:
        crash_broker(club, decision);
        break;
    case CLUB_PAUSE_BROKER:
        pause_broker(club, decision);
        break;
    case CLUB_CUT:
        club->counters.partitions++;
        net_cut(&club->net, (enum net_shape)decision->c, decision->a, decision->b, 1);
        at_end(club, decision, mend);
        break;
    case CLUB_CRASH:
        club->counters.crashes++;
        take_down(club, decision);
        break;
    case CLUB_PAUSE:
        club->counters.pauses++;
        consumer_pause(consumer, club->sched.now_us + decision->length_ms * 1000);
        break;
    case CLUB_LEAVE:
        leave(club, decision);
        break;
    case CLUB_RESUBSCRIBE:
        consumer_resubscribe(consumer, (uint32_t)decision->c);
        break;
    case CLUB_TWIN:
        twin(club, decision);
        break;
    case CLUB_DISSOLVE:
        dissolve(club, decision);
        break;
    default:
        act_on_topic(club, decision);
        break;
    }
}

/* A script may name what there is not. */
static bool makes_sense(const struct club *club, const struct decision *decision)
{
    const struct club_options *options = &club->plan.club;

    switch (decision->kind) {
    case CLUB_MOVE:
    case CLUB_CRASH_BROKER:
    case CLUB_PAUSE_BROKER:
    case CLUB_WALL_JUMP:
    case CLUB_JUMP:
        return decision->a < options->brokers;
    case CLUB_DISSOLVE:
    case CLUB_DELETE:
    case CLUB_RESET:
        return decision->a < options->groups;
    case CLUB_GROW:
    case CLUB_REPLACE:
        return decision->a < TOPICS;
    case CLUB_CUT:
        return decision->a <= club_admin(club) && decision->b <= club_admin(club);
    default:
        return decision->a < options->consumers && decision->b < options->consumers;
    }
}

static void do_it(void *context, void *payload)
{
    struct club *club = context;
    struct decision decision = *(struct decision *)payload;

    free(payload);
    if (!club->healed && makes_sense(club, &decision))
        act(club, &decision);
}

void faults_begin(struct club *club)
{
    for (int i = 0; i < club->plan.decision_count; i++) {
        struct decision *decision = sched_payload(sizeof *decision);
        *decision = club->plan.decisions[i];
        sched_at(&club->sched, decision->at_ms * 1000, do_it, club, decision);
    }
}

/* Everything works from here on, and each instance has one process. Who stands still does so to
 * the end, or what waits for it would come out of order. Returns when that is. */
int64_t faults_end(struct club *club)
{
    int64_t end_us = club->sched.now_us;

    club_say(club, "everything is healed");
    club->healed = true;
    net_heal(&club->net);
    club->topic.stalled_until_us = club->topic.refused_until_us = 0;
    for (int d = 0; d < club->plan.club.brokers; d++) {
        desk_start(&club->desks[d]);
        if (club->desks[d].paused_until_us > end_us)
            end_us = club->desks[d].paused_until_us;
    }
    for (int c = 0; c < club->plan.club.consumers; c++) {
        struct consumer *consumer = &club->consumers[c];
        if (consumer->paused_until_us > end_us)
            end_us = consumer->paused_until_us;
        if (consumer->up && strcmp(consumer->instance, consumer->own_instance) != 0)
            consumer_die(consumer);
        if (!consumer->up)
            consumer_start(consumer, consumer->own_instance, consumer->own_topics);
    }
    return end_us;
}
