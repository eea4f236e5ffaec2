/* What followers and leaders say to each other, and leaders to the controller. */
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { WAIT_US = 60 * 1000, PATIENCE_US = 400 * 1000 };

/* --- a leader --------------------------------------------------------------------------------- */

static void feed_question(struct host *host, const struct message *message)
{
    struct replica_event event = {.type = REPLICA_FETCH};
    const struct replica_effect *order = &message->fetch.order;

    event.fetch.follower = message->from;
    event.fetch.incarnation = message->fetch.incarnation;
    event.fetch.leader_epoch = order->fetch.leader_epoch;
    event.fetch.offset = order->fetch.offset;
    event.fetch.flushed = order->fetch.flushed;
    event.fetch.last_epoch = order->fetch.last_epoch;
    event.fetch.version = order->fetch.version;
    event.fetch.our_epoch =
        log_epoch_end(host_log(host), order->fetch.last_epoch, &event.fetch.our_end);
    host_step(host, &event, message);
}

void fetch_on_question(struct host *host, const struct message *message)
{
    if (host->made) {
        host->broker->world->counters.late_fetches +=
            message->late && host->core.role == REPLICA_LEADING &&
            message->fetch.order.fetch.leader_epoch < host->core.state.leader_epoch;
        feed_question(host, message);
        return;
    }
    struct message answer = message_answer(message, MESSAGE_FETCHED);
    answer.fetched.round = message->fetch.order.fetch.round;
    answer.fetched.code = K_NOT_LEADER_OR_FOLLOWER;
    message_send(host->broker->world, &answer);
}

static void wait_ends(struct broker *broker, uint64_t partition_and_follower, uint64_t number)
{
    struct host *host = &broker->hosts[partition_and_follower >> 8];
    struct parked *parked = &host->parked[partition_and_follower & 0xff];

    if (!host->made || !parked->used || parked->number != number)
        return;
    parked->used = false;
    struct message question = parked->question;
    question.fetch.patience_ms = 0;
    feed_question(host, &question);
}

/* There is nothing to say yet: the question waits for news, a while. */
static bool park(struct host *host, const struct replica_effect *effect,
                 const struct message *question)
{
    struct parked *parked = &host->parked[question->from];

    if (question->fetch.patience_ms == 0 || effect->answer_fetch.code != 0 ||
        effect->answer_fetch.diverged ||
        effect->answer_fetch.end > question->fetch.order.fetch.offset ||
        effect->answer_fetch.high_watermark != host->told_watermark[question->from])
        return false;
    parked->used = true;
    parked->number = ++host->parked_number;
    parked->question = *question;
    broker_later(host->broker, WAIT_US, wait_ends,
                 (uint64_t)host->partition << 8 | (uint64_t)question->from, parked->number);
    return true;
}

static void wake(struct broker *broker, uint64_t partition, uint64_t unused)
{
    struct host *host = &broker->hosts[partition];

    (void)unused;
    host->waking = false;
    for (int i = 0; i < PARKED_MAX && host->made; i++) {
        struct message question = host->parked[i].question;
        if (!host->parked[i].used)
            continue;
        host->parked[i].used = false;
        feed_question(host, &question);
    }
}

void fetch_wake(struct host *host)
{
    if (host->waking)
        return;
    host->waking = true;
    broker_later(host->broker, 1, wake, (uint64_t)host->partition, 0);
}

void fetch_answer(struct host *host, const struct replica_effect *effect,
                  const struct message *question)
{
    struct message answer = message_answer(question, MESSAGE_FETCHED);
    const struct sim_log *log = host_log(host);
    int64_t at = question->fetch.order.fetch.offset;

    if (park(host, effect, question))
        return;
    int code = effect->answer_fetch.code;
    host->broker->world->counters.fenced_fetches +=
        code == K_FENCED_LEADER_EPOCH || code == K_UNKNOWN_LEADER_EPOCH;
    answer.fetched.round = question->fetch.order.fetch.round;
    answer.fetched.code = code;
    answer.fetched.diverged = effect->answer_fetch.diverged;
    answer.fetched.diverged_epoch = effect->answer_fetch.diverged_epoch;
    answer.fetched.diverged_end = effect->answer_fetch.diverged_end;
    answer.fetched.start = effect->answer_fetch.start;
    answer.fetched.high_watermark = effect->answer_fetch.high_watermark;
    answer.fetched.first = at;
    int most = 1 + (int)rand_below(&host->broker->rand, FETCH_BATCH_MAX);
    for (; code == 0 && at < effect->answer_fetch.end && answer.fetched.count < most; at++)
        answer.fetched.records[answer.fetched.count++] = log->records[at];
    host->told_watermark[question->from] = effect->answer_fetch.high_watermark;
    message_send(host->broker->world, &answer);
}

/* --- a follower ------------------------------------------------------------------------------- */

static void patience_ends(struct broker *broker, uint64_t partition, uint64_t round)
{
    struct host *host = &broker->hosts[partition];
    struct replica_event event = {.type = REPLICA_FETCHED};

    if (!host->made || host->core.round != round)
        return;
    event.fetched.round = round;
    event.fetched.code = K_REQUEST_TIMED_OUT;
    host_step(host, &event, NULL);
}

void fetch_send(struct host *host, const struct replica_effect *order)
{
    struct broker *broker = host->broker;
    struct message message;

    memset(&message, 0, sizeof message);
    message.kind = MESSAGE_FETCH;
    message.from = broker->id;
    message.to = order->fetch.leader;
    message.life = broker->life;
    message.partition = host->partition;
    message.fetch.order = *order;
    message.fetch.incarnation = broker->incarnation;
    message.fetch.patience_ms = 1;
    message_send(broker->world, &message);
    broker_later(broker, PATIENCE_US, patience_ends, (uint64_t)host->partition,
                 order->fetch.round);
}

void fetch_on_answer(struct host *host, const struct message *message)
{
    struct replica_event event = {.type = REPLICA_FETCHED};
    bool counts = host->made && host->core.round == message->fetched.round;

    if (!host->made)
        return;
    event.fetched.round = message->fetched.round;
    event.fetched.code = message->fetched.code;
    event.fetched.leader_start = message->fetched.start;
    event.fetched.high_watermark = message->fetched.high_watermark;
    event.fetched.diverged = message->fetched.diverged;
    event.fetched.diverged_epoch = message->fetched.diverged_epoch;
    event.fetched.diverged_end = message->fetched.diverged_end;
    event.fetched.our_epoch = log_epoch_end(host_log(host), message->fetched.diverged_epoch,
                                            &event.fetched.our_end);
    event.fetched.first = message->fetched.first;
    event.fetched.end = message->fetched.first + message->fetched.count;
    if (counts && message->fetched.code == 0) {
        host->diverged_round = message->fetched.diverged ? host->diverged_round + 1 : 0;
        host->broker->world->counters.two_rounds += host->diverged_round == 2;
    }
    host_step(host, &event, message);
}

/* --- proposals -------------------------------------------------------------------------------- */

void propose_send(struct host *host, const struct replica_effect *order)
{
    struct broker *broker = host->broker;
    struct message message;

    if (broker->followed < 0)
        return; /* the core asks again */
    memset(&message, 0, sizeof message);
    plot_on_proposal(host, order);
    message.kind = MESSAGE_PROPOSAL;
    message.from = broker->id;
    message.to = broker->followed;
    message.life = broker->life;
    message.partition = host->partition;
    message.proposal.order = *order;
    message.proposal.incarnation = broker->incarnation;
    message.proposal.reign = broker->known_epoch;
    message_send(broker->world, &message);
}

void propose_on_verdict(struct host *host, const struct message *message)
{
    struct replica_event event = {.type = REPLICA_ISR_ANSWERED};

    if (!host->made)
        return;
    event.isr_answered.round = message->verdict.round;
    event.isr_answered.code = message->verdict.code;
    host_step(host, &event, NULL);
}
