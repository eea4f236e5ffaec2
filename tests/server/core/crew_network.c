/* Messages: a bag from which any one may be delivered next. */
#include <string.h>

#include "common/error.h"
#include "tests/server/core/crew_private.h"

void network_drop(struct crew *crew, int place)
{
    crew->messages[place] = crew->messages[--crew->message_count];
}

struct message *network_send(struct crew *crew, enum message_kind kind, int from, int to)
{
    if (to >= 0 && !crew->broker[to].up)
        return NULL; /* nobody listens */
    if (!crew->settling && crew_chance(crew, crew->loss))
        return NULL;
    if (crew->message_count == MESSAGES)
        network_drop(crew, crew_pick(crew, MESSAGES));
    struct message *message = &crew->messages[crew->message_count++];
    memset(message, 0, sizeof *message);
    message->kind = kind;
    message->from = from;
    message->from_life = from >= 0 ? crew->broker[from].life : 0;
    message->to = to;
    message->to_life = to >= 0 ? crew->broker[to].life : 0;
    return message;
}

bool network_has_question(const struct crew *crew, int id)
{
    for (int i = 0; i < crew->message_count; i++) {
        const struct message *message = &crew->messages[i];
        if (message->kind == SAYS_FETCH && message->from == id &&
            message->said.fetch.round == crew->broker[id].replica.round)
            return true;
        if (message->kind == SAYS_RECORDS && message->to == id &&
            message->round == crew->broker[id].replica.round)
            return true;
    }
    return false;
}

static void deliver_fetch(struct crew *crew, const struct message *message)
{
    struct crew_broker *leader = &crew->broker[message->to];
    struct replica_event event = {.type = REPLICA_FETCH};
    int64_t offset = message->said.fetch.offset;

    event.fetch.follower = message->from;
    event.fetch.incarnation = life_id(message->from_life);
    event.fetch.leader_epoch = message->said.fetch.leader_epoch;
    event.fetch.offset = offset;
    event.fetch.flushed = message->said.fetch.flushed;
    event.fetch.last_epoch = message->said.fetch.last_epoch;
    event.fetch.version = message->said.fetch.version;
    log_epoch(&leader->log, event.fetch.last_epoch, &event.fetch.our_epoch, &event.fetch.our_end);
    if (leader->replica.doubt.count > 0)
        crew_see(crew, CREW_DOUBT);
    crew->answers = 0;
    broker_step(crew, message->to, &event);
    CREW_EXPECT(crew, crew->answers == 1);

    struct message *reply = network_send(crew, SAYS_RECORDS, message->to, message->from);
    if (reply == NULL)
        return;
    reply->to_life = message->from_life;
    reply->round = message->said.fetch.round;
    reply->code = crew->answer.answer_fetch.code;
    reply->said = crew->answer;
    reply->first = reply->end = offset;
    while (reply->end < crew->answer.answer_fetch.end && reply->end < offset + BATCH) {
        reply->records[reply->end - offset] = leader->log.at[reply->end];
        reply->end++;
    }
}

static void deliver_records(struct crew *crew, const struct message *message)
{
    const struct replica_effect *said = &message->said;
    struct replica_event event = {.type = REPLICA_FETCHED};

    event.fetched.round = message->round;
    event.fetched.code = message->code;
    event.fetched.leader_start = said->answer_fetch.start;
    event.fetched.high_watermark = said->answer_fetch.high_watermark;
    event.fetched.diverged = said->answer_fetch.diverged;
    event.fetched.diverged_epoch = said->answer_fetch.diverged_epoch;
    event.fetched.diverged_end = said->answer_fetch.diverged_end;
    event.fetched.first = message->first;
    event.fetched.end = message->end;
    log_epoch(&crew->broker[message->to].log, event.fetched.diverged_epoch,
              &event.fetched.our_epoch, &event.fetched.our_end);
    broker_step(crew, message->to, &event);
}

static void deliver_news(struct crew *crew, const struct message *message)
{
    struct crew_broker *broker = &crew->broker[message->to];
    struct replica_event event = {.type = REPLICA_ASSIGNED, .assigned = &message->state};

    broker_tell_written(crew, message->to);
    /* The lease is good again once news are heard from after the registration. */
    if (broker->registered == broker->life && message->state.version == crew->stored.version)
        broker->lease = true;
    broker_step(crew, message->to, &event);
}

static void deliver_verdict(struct crew *crew, const struct message *message)
{
    struct replica_event event = {.type = REPLICA_ISR_ANSWERED};

    event.isr_answered.round = message->round;
    event.isr_answered.code = message->code;
    broker_step(crew, message->to, &event);
}

void network_deliver(struct crew *crew, int place, bool keep)
{
    struct message message = crew->messages[place];

    if (!keep)
        network_drop(crew, place);
    if (message.to == CONTROLLER) {
        control_on_proposal(crew, &message);
        return;
    }
    if (!crew->broker[message.to].up || crew->broker[message.to].life != message.to_life)
        return;
    crew->heard = &message;
    if (message.kind == SAYS_FETCH)
        deliver_fetch(crew, &message);
    else if (message.kind == SAYS_RECORDS)
        deliver_records(crew, &message);
    else if (message.kind == SAYS_NEWS)
        deliver_news(crew, &message);
    else
        deliver_verdict(crew, &message);
    crew->heard = NULL;
}
