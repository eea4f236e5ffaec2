/* What consumers and coordinators say to each other. A connection keeps the order of what it
 * carries and repeats nothing; but it may be given up, and what was sent over it come late. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/groups/club.h"

int club_admin(const struct club *club)
{
    return net_client(&club->net, (int)club->plan.club.consumers);
}

const char *ask_name(enum ask ask)
{
    static const char *const names[ASKS] = {"join",   "sync",  "heartbeat", "leave",
                                            "commit", "fetch", "delete"};
    return names[ask];
}

static size_t size_of(const struct message *message)
{
    return offsetof(struct message, told) + (size_t)message->told_count * sizeof message->told[0];
}

static struct message *copy_of(const struct message *message)
{
    struct message *copy = sched_payload(size_of(message));

    memcpy(copy, message, size_of(message));
    return copy;
}

/* Who looks after groups hears whether one was deleted. */
static void admin_hears(struct club *club, const struct message *answer)
{
    if (answer->ask == ASK_DELETE)
        club->counters.delete_refused += answer->error == K_NON_EMPTY_GROUP;
    if (answer->ask == ASK_LEAVE)
        club->counters.expelled += answer->error == 0;
}

static void arrives(void *context, void *payload)
{
    struct club *club = context;
    struct message *message = payload;
    int consumer = message->to - club->net.brokers;
    bool at_desk = consumer < 0;
    struct desk *desk = &club->desks[at_desk ? message->to : 0];
    struct consumer *to = &club->consumers[at_desk ? 0 : consumer % CONSUMERS_MAX];
    bool at_admin = message->to == club_admin(club);
    bool dead = at_desk ? !desk->up
                        : !at_admin && (!to->up || to->life != message->life);
    int64_t paused_until_us =
        at_desk ? desk->paused_until_us : at_admin ? 0 : to->paused_until_us;

    if (!dead && paused_until_us > club->sched.now_us) {
        sched_in_order(&club->sched, paused_until_us, arrives, club, message);
        return;
    }
    if (!dead)
        club_note(club, (uint64_t)message->ask * 64 + (uint64_t)message->to,
                  message->number * 1000 + (uint64_t)message->error);
    if (!dead && at_desk)
        desk_hear(desk, message);
    else if (!dead && at_admin)
        admin_hears(club, message);
    else if (!dead)
        consumer_hear(to, message);
    free(message);
}

static void post_late(struct club *club, const struct message *message)
{
    const struct club_options *options = &club->plan.club;
    int64_t most_us = 3 * options->session_timeout_ms * 1000;

    if (message->answer || club->healed ||
        club_draw(club, 0, 999) >= options->late_permille)
        return;
    club->counters.late++;
    net_send_late(&club->net, message->from, message->to, club_draw(club, 1, most_us), arrives,
                  club, copy_of(message));
}

void message_post(struct club *club, const struct message *message)
{
    struct message *copy = copy_of(message);

    post_late(club, message);
    if (club->plan.club.duplicate_permille == 0 || club->healed)
        net_send_in_order(&club->net, message->from, message->to, arrives, club, copy);
    else
        net_send(&club->net, message->from, message->to, arrives, club, copy, size_of(copy));
}
