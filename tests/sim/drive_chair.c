/* The controller's chair on one broker: load what is stored, feed core/controller, answer those who
 * ask. What server/runtime does in drive_controller.c, controller_load.c and controller_watch.c. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { RETRY_US = 20 * 1000, CHANGES_WAIT_MS = 300 };

static void load(struct broker *broker, uint64_t reign, uint64_t unused);

static const struct uuid topic_id = {.bytes = {7}};

static void timer_fires(struct broker *broker, uint64_t timer, uint64_t unused)
{
    (void)unused;
    if (timer == broker->chair.timer)
        chair_drive(broker, &(struct controller_event){.type = CONTROLLER_TICK});
}

/* --- who asks --------------------------------------------------------------------------------- */

static uint64_t ticket_new(struct chair *chair, const struct message *question)
{
    for (int i = 0; i < CHAIR_TICKETS_MAX; i++) {
        if (chair->tickets[i].ticket != 0)
            continue;
        chair->tickets[i] = (struct chair_ticket){++chair->next_ticket, *question};
        return chair->next_ticket;
    }
    return 0;
}

static bool ticket_take(struct chair *chair, uint64_t ticket, struct message *question)
{
    for (int i = 0; i < CHAIR_TICKETS_MAX; i++) {
        if (chair->tickets[i].ticket != ticket)
            continue;
        *question = chair->tickets[i].question;
        chair->tickets[i].ticket = 0;
        return true;
    }
    return false;
}

static void answer_verdict(struct broker *broker, const struct message *question, int code)
{
    struct message answer = message_answer(question, MESSAGE_VERDICT);

    answer.verdict.round = question->proposal.order.propose.round;
    answer.verdict.code = code;
    world_say(broker->world, "broker %d tells broker %d of its proposal %d for partition %d: %s",
              broker->id, question->from, (int)answer.verdict.round, question->partition,
              k_error_name(code));
    if (question->late)
        return; /* to a connection that is gone */
    broker->world->counters.proposals_refused += code != 0 && code != K_NOT_CONTROLLER;
    message_send(broker->world, &answer);
}

static void answer_drain(struct broker *broker, const struct message *question, int code,
                         int32_t remaining)
{
    struct message answer = message_answer(question, MESSAGE_DRAINED);

    answer.drained.code = code;
    answer.drained.remaining = remaining;
    message_send(broker->world, &answer);
}

static void answer_refusal(struct broker *broker, const struct message *question, int code)
{
    struct message answer = message_answer(question, MESSAGE_NEWS);

    if (question->kind == MESSAGE_PROPOSAL) {
        answer_verdict(broker, question, code);
        return;
    }
    if (question->kind == MESSAGE_DRAIN) {
        answer_drain(broker, question, code, 0);
        return;
    }
    if (question->kind == MESSAGE_END)
        return; /* it says so again */
    answer.news.turn = question->changes.turn;
    answer.news.code = code;
    message_send(broker->world, &answer);
}

/* --- news ------------------------------------------------------------------------------------- */

static void visit_brokers(void *context, const struct controller_broker *brokers, size_t count)
{
    struct message *answer = context;
    (void)brokers, (void)count;
    answer->news.brokers_told = true;
}

static void visit_topic(void *context, const char *name, const struct uuid *id, int32_t count,
                        const struct controller_config *configs, int32_t config_count,
                        bool configs_changed)
{
    (void)context, (void)name, (void)id, (void)count, (void)configs, (void)config_count;
    (void)configs_changed;
}

static void visit_settings(void *context, const char *broker,
                           const struct controller_config *configs, int32_t count)
{
    (void)context, (void)broker, (void)configs, (void)count;
}

static void visit_partition(void *context, int32_t partition, const struct partition_state *state)
{
    struct message *answer = context;
    answer->news.told[partition] = true;
    answer->news.states[partition] = *state;
}

static void visit_deleted(void *context, const struct uuid *id)
{
    (void)context, (void)id;
}

static void answer_news(struct broker *broker, const struct controller_effect *effect)
{
    struct chair *chair = &broker->chair;
    struct message question, answer;

    if (!ticket_take(chair, effect->changes.ticket, &question))
        return;
    if (effect->changes.error != 0) {
        answer_refusal(broker, &question, effect->changes.error);
        return;
    }
    answer = message_answer(&question, MESSAGE_NEWS);
    const struct controller_visitor visitor = {.context = &answer,
                                               .brokers = visit_brokers,
                                               .topic = visit_topic,
                                               .settings = visit_settings,
                                               .partition = visit_partition,
                                               .deleted = visit_deleted};
    answer.news.turn = question.changes.turn;
    answer.news.full = effect->changes.full;
    answer.news.epoch = controller_announced(chair->core).epoch;
    answer.news.sequence = controller_changes(chair->core, effect->changes.after_sequence,
                                              effect->changes.whole, &visitor);
    message_send(broker->world, &answer);
}

/* --- the core's orders ------------------------------------------------------------------------ */

static void cleared(void *owner, const struct zk_reply *reply, uint64_t reign, int64_t extra)
{
    struct broker *broker = owner;

    (void)reply, (void)extra;
    if (broker->chair.reign == reign)
        chair_list_changed(broker); /* BROKERS follows, whatever came of it */
}

static void clear_lossy(struct broker *broker, const struct controller_member *member)
{
    struct chair *chair = &broker->chair;
    const struct zk_node *record = &chair->records[member->id];
    const struct zk_op ops[] = {
        {.kind = ZK_CHECK, .node = ZN_EPOCH, .version = chair->epoch_version},
        {.kind = ZK_CHECK_ID, .node = ZN_RECORD + member->id, .value = {.id = member->incarnation}},
        {.kind = ZK_SET,
         .node = ZN_RECORD + member->id,
         .version = record->version,
         .value = {.id = record->value.id, .disk = record->value.disk}},
    };
    if (zk_multi(&broker->client, ops, 3, cleared, chair->reign, 0) != 0)
        broker_later(broker, RETRY_US, load, chair->reign, 1);
}

static void resign(struct broker *broker, uint64_t reign, uint64_t unused)
{
    (void)unused;
    if (broker->chair.reign == reign)
        member_drive(broker, &(struct member_event){.type = MEMBER_DEPOSED});
}

static void perform(struct broker *broker, const struct controller_effect *effect)
{
    struct message question;

    switch (effect->type) {
    case CONTROLLER_DO_STORE:
        store_begin(broker, effect);
        break;
    case CONTROLLER_DO_ANSWER:
        if (!ticket_take(&broker->chair, effect->answer.ticket, &question))
            break;
        if (question.kind == MESSAGE_DRAIN)
            answer_drain(broker, &question, effect->answer.error, effect->answer.remaining);
        else if (question.kind == MESSAGE_PROPOSAL)
            answer_verdict(broker, &question, effect->answer.error);
        break;
    case CONTROLLER_DO_ANSWER_CHANGES:
        answer_news(broker, effect);
        break;
    case CONTROLLER_DO_CLEAR_LOSSY:
        clear_lossy(broker, &effect->clear_lossy);
        break;
    case CONTROLLER_DO_RESIGN:
        broker->world->counters.fenced_stores++;
        broker_later(broker, 1, resign, broker->chair.reign, 0);
        break;
    }
}

void chair_drive(struct broker *broker, struct controller_event *event)
{
    struct chair *chair = &broker->chair;

    if (!chair->loaded)
        return;
    event->now_ms = broker_now_ms(broker);
    struct controller_effects todo = controller_step(chair->core, event);
    for (size_t i = 0; i < todo.count; i++)
        perform(broker, &todo.items[i]);
    controller_check(chair->core);
    int64_t deadline_ms = controller_deadline_ms(chair->core);
    chair->timer++;
    broker_check_awake(broker, event->type == CONTROLLER_TICK, deadline_ms, "controller");
    if (deadline_ms != INT64_MAX)
        broker_at_ms(broker, deadline_ms, timer_fires, chair->timer, 0);
}

/* --- loading ---------------------------------------------------------------------------------- */

static size_t list_live(struct chair *chair, struct controller_broker *live)
{
    size_t count = 0;

    memset(chair->sound, 0, sizeof chair->sound);
    for (int b = 0; b < SIM_BROKERS_MAX; b++) {
        const struct zk_node *incarnation = &chair->incarnations[b], *record = &chair->records[b];
        if (!incarnation->exists)
            continue;
        bool lossy = record->exists && record->value.flag &&
                     uuid_equal(&record->value.id, &incarnation->value.id);
        chair->sound[b] = !lossy;
        live[count++] =
            (struct controller_broker){.id = b,
                                       .incarnation = incarnation->value.id,
                                       .lossy = lossy,
                                       .incomplete = lossy && record->value.number != 0};
    }
    return count;
}

static void begin(struct broker *broker)
{
    struct chair *chair = &broker->chair;
    const struct world *world = broker->world;
    const struct sim_options *options = &world->plan.options;
    struct controller_event event = {.type = CONTROLLER_ELECTED};
    struct controller_broker live[SIM_BROKERS_MAX];
    struct partition_state states[SIM_PARTITIONS_MAX];
    struct controller_topic topic = {.name = "t", .id = topic_id, .config_version = 0};

    for (int p = 0; p < options->partitions; p++) {
        states[p] = world->assignment[p];
        if (chair->states[p].exists) {
            states[p] = chair->states[p].value.state;
            states[p].version = chair->states[p].version;
        }
    }
    topic.partition_count = (int32_t)options->partitions;
    topic.partitions = states;
    event.elected.epoch = chair->epoch;
    event.elected.topics = &topic;
    event.elected.topic_count = 1;
    event.elected.brokers = live;
    event.elected.broker_count = list_live(chair, live);
    event.elected.options.min_insync = (int32_t)options->min_insync;
    event.elected.options.unclean = options->unclean != 0;
    chair->core = controller_new(broker->id, world->plan.seed);
    chair->loaded = true;
    chair_drive(broker, &event);
}

static void live_known(struct broker *broker)
{
    struct controller_event event = {.type = CONTROLLER_BROKERS};
    struct controller_broker live[SIM_BROKERS_MAX];

    event.brokers.brokers = live;
    event.brokers.broker_count = list_live(&broker->chair, live);
    chair_drive(broker, &event);
}

/* --- reads: of everything at first, of the live brokers whenever their list changes ----------- */

static void read_done(void *owner, const struct zk_reply *reply, uint64_t reign, int64_t node)
{
    struct broker *broker = owner;
    struct chair *chair = &broker->chair;

    if (reign != chair->reign)
        return;
    chair->read_failed |= reply->code != 0 && reply->code != K_NOT_FOUND;
    if (node >= ZN_STATE && node < ZN_COUNT)
        chair->states[node - ZN_STATE] = reply->node;
    else if (node >= ZN_INC && node < ZN_RECORD)
        chair->incarnations[node - ZN_INC] = reply->node;
    else if (node >= ZN_RECORD && node < ZN_HEART)
        chair->records[node - ZN_RECORD] = reply->node;
    if (--chair->reads_left > 0)
        return;

    chair->reading_live = false;
    bool again = chair->live_again && chair->loaded;
    if (chair->read_failed) {
        broker->world->counters.load_restarted++;
        broker_later(broker, RETRY_US, load, reign, chair->loaded);
    } else if (chair->loaded) {
        live_known(broker);
        if (again)
            load(broker, reign, 1);
    } else if (chair->live_again) {
        load(broker, reign, 0); /* a broker came or went while we read */
    } else {
        begin(broker);
    }
}

static void read_node(struct broker *broker, int node)
{
    struct chair *chair = &broker->chair;

    /* The watch of the list is armed with the first read. */
    if (zk_get(&broker->client, node, node == ZN_INC_LIST, read_done, chair->reign, node) == 0)
        chair->reads_left++;
    else
        chair->read_failed = true;
}

static void load_synced(void *owner, const struct zk_reply *reply, uint64_t reign, int64_t extra)
{
    struct broker *broker = owner;
    struct chair *chair = &broker->chair;

    (void)extra;
    if (reign != chair->reign)
        return;
    chair->read_failed = reply->code != 0;
    chair->reads_left = 1;
    read_node(broker, ZN_INC_LIST);
    for (int b = 0; b < broker->world->plan.options.brokers; b++) {
        read_node(broker, ZN_INC + b);
        read_node(broker, ZN_RECORD + b);
    }
    for (int p = 0; p < broker->world->plan.options.partitions && !chair->loaded; p++)
        read_node(broker, ZN_STATE + p);
    read_done(broker, &(struct zk_reply){.code = 0}, reign, -1);
}

static void load(struct broker *broker, uint64_t reign, uint64_t live_only)
{
    struct chair *chair = &broker->chair;

    if (reign != chair->reign || (live_only != 0) != chair->loaded)
        return;
    if (chair->reading_live) {
        chair->live_again = true;
        return;
    }
    chair->reading_live = true;
    chair->live_again = false;
    int code = zk_sync(&broker->client, load_synced, reign, 0);
    if (code != 0) {
        chair->reading_live = false;
        broker_later(broker, RETRY_US, load, reign, live_only);
    }
}

void chair_list_changed(struct broker *broker)
{
    struct chair *chair = &broker->chair;

    if (!chair->taken)
        return;
    if (chair->reading_live)
        chair->live_again = true;
    else if (chair->loaded)
        load(broker, chair->reign, 1);
}

/* --- in and out ------------------------------------------------------------------------------- */

void chair_take(struct broker *broker, int32_t epoch, int32_t epoch_version)
{
    struct chair *chair = &broker->chair;

    chair_leave(broker);
    chair->taken = true;
    chair->epoch = epoch;
    chair->epoch_version = epoch_version;
    load(broker, chair->reign, 0);
}

void chair_leave(struct broker *broker)
{
    struct chair *chair = &broker->chair;

    if (!chair->taken)
        return;
    for (int i = 0; i < CHAIR_TICKETS_MAX && broker->up; i++)
        if (chair->tickets[i].ticket != 0)
            answer_refusal(broker, &chair->tickets[i].question, K_NOT_CONTROLLER);
    controller_free(chair->core);
    uint64_t reign = chair->reign + 1, timer = chair->timer + 1, ticket = chair->next_ticket;
    memset(chair, 0, sizeof *chair);
    chair->reign = reign;
    chair->timer = timer;
    chair->next_ticket = ticket;
}

/* --- questions -------------------------------------------------------------------------------- */

static void ask_changes(struct broker *broker, const struct message *message, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

    event.changes.ticket = ticket;
    event.changes.broker = message->from;
    event.changes.incarnation = message->changes.incarnation;
    event.changes.epoch = message->changes.epoch;
    event.changes.sequence = message->changes.sequence;
    event.changes.deadline_ms = broker_now_ms(broker) + CHANGES_WAIT_MS;
    chair_drive(broker, &event);
}

static void count_former_life(struct world *world, int partition,
                              const struct controller_member *member)
{
    const struct zk_node *registered = &world->zk.nodes[ZN_INC + member->id];

    world->counters.bounced_joins +=
        !replica_set_has(&world->truths[partition].stored.isr, member->id) && registered->exists &&
        !uuid_equal(&registered->value.id, &member->incarnation);
}

bool chair_may_choose(const struct broker *controller, int partition, int32_t broker)
{
    return controller->chair.sound[broker] &&
           !end_is_lost(&controller->world->brokers[broker].hosts[partition]);
}

/* Does its broker stop alone, while one lives that may lead once no member does? */
static void count_alone(struct broker *broker, int drained)
{
    struct world *world = broker->world;

    for (int p = 0; p < world->plan.options.partitions; p++) {
        const struct partition_state *stored = &world->truths[p].stored;
        bool alone = stored->leader == drained && stored->isr.count == 1, eligible = false;
        for (int32_t i = 0; i < stored->eligible.count; i++)
            eligible |= broker->chair.sound[stored->eligible.ids[i]];
        world->counters.drained_alone += alone && eligible;
    }
}

static void ask_drain(struct broker *broker, const struct message *message, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_DRAIN_ASKED};

    event.drain.ticket = ticket;
    event.drain.broker = message->from;
    event.drain.incarnation = message->drain.incarnation;
    count_alone(broker, message->from);
    chair_drive(broker, &event);
}

static void ask_proposal(struct broker *broker, const struct message *message, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_ISR_ASKED};
    struct controller_member members[REPLICAS_MAX];
    const struct replica_effect *order = &message->proposal.order;

    broker->world->counters.late_proposals += message->late;
    for (int32_t i = 0; i < order->propose.count; i++) {
        members[i] = (struct controller_member){order->propose.members[i].id,
                                                order->propose.members[i].incarnation};
        count_former_life(broker->world, message->partition, &members[i]);
    }
    event.isr.ticket = ticket;
    event.isr.broker = message->from;
    event.isr.incarnation = message->proposal.incarnation;
    event.isr.topic = topic_id;
    event.isr.partition = message->partition;
    event.isr.leader_epoch = order->propose.leader_epoch;
    event.isr.version = order->propose.version;
    event.isr.round = order->propose.round;
    event.isr.reign = message->proposal.reign;
    event.isr.flush_on_ack = order->propose.flush_on_ack;
    event.isr.members = members;
    event.isr.member_count = order->propose.count;
    chair_drive(broker, &event);
}

static void hear_end(struct broker *broker, const struct message *message, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_REPORTED};

    event.report.ticket = ticket;
    event.report.broker = message->from;
    event.report.incarnation = message->end.incarnation;
    event.report.topic = topic_id;
    event.report.partition = message->partition;
    event.report.round = message->end.round;
    event.report.lost = message->end.lost;
    event.report.told = message->end.told;
    event.report.leader_epoch = message->end.leader_epoch;
    event.report.end = message->end.end;
    chair_drive(broker, &event);
}

void chair_on_message(struct broker *broker, const struct message *message)
{
    struct chair *chair = &broker->chair;
    uint64_t ticket = chair->loaded ? ticket_new(chair, message) : 0;

    if (ticket == 0)
        answer_refusal(broker, message, K_NOT_CONTROLLER);
    else if (message->kind == MESSAGE_CHANGES)
        ask_changes(broker, message, ticket);
    else if (message->kind == MESSAGE_DRAIN)
        ask_drain(broker, message, ticket);
    else if (message->kind == MESSAGE_END)
        hear_end(broker, message, ticket);
    else
        ask_proposal(broker, message, ticket);
}
