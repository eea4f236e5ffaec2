/* The controller's step: elections, brokers, requests for topics.
 *
 *                 ELECTED                          STORED lost
 *        IDLE --------------> LEADING ------------------------------> LOST
 *          ^                    |  STORED fenced: DO_RESIGN             |
 *          +--------------------+---------------- DEPOSED --------------+
 *
 * Invariants. What a step touches is asserted on the way; controller_check() proves all of them.
 * Each can be broken on purpose (configure --enable-mutant=NAME), and tests/mutants/core.sh proves
 * that the tests notice.
 *
 *  C1  leader epochs of a partition only grow                          epoch-not-bumped
 *  C2  every ordered state carries our controller epoch                old-controller-epoch
 *  C3  nothing is announced that is not stored                         announce-before-store
 *  C4  after DO_RESIGN, DEPOSED or a lost write nothing is ordered or
 *      announced until the next ELECTED                                no-fence-resign
 *  C5  a leader is live and in the in-sync set when it is chosen       dead-leader
 *  C6  a new incarnation is a death and a birth: a new leader epoch, and before that
 *      it hears nothing                            incarnation-ignored, former-life-told
 *  C7  a partition has at most one store in flight; a topic that is
 *      being removed has none but the removal                          double-store
 *  C8  a ticket is answered once, and there is always room for it      forgotten-ticket
 *  C9  whoever misses a deletion that we no longer keep gets the full
 *      picture                                                         forgotten-deletion
 *  C10 no two topics have the same sequence, so that news can be told in parts
 *                                                                      (asserted where it is told)
 *  C11 of a topic or broker one alteration is stored at a time, on what is
 *      stored: nothing that it does not name changes                   config-replaced
 *  C12 a topic never loses a partition, and has a new one once that is
 *      stored                                                          grown-before-store
 *  C13 who is eligible is not in the in-sync set, and that is below its minimum
 *                                                                      eligible-kept
 *  C14 an in-sync set keeps its last member                            last-member-removed
 *  C15 who leads was in sync, else eligible while no sound member lived, else it is marked as
 *      unclean, where that is allowed  eligible-first, unclean-unasked, unclean-unmarked,
 *                                      unclean-sound-first
 *  C16 a proposal made for another state than the stored one, or under another controller, changes
 *      nothing                             proposal-outdated, proposal-outlives-reign
 *  C17 who joins a set is the very process that its leader saw, it is not lossy and does
 *      not stop                                                        join-unchecked
 *  C18 who is lossy leads only what it was made leader of after its loss; its mark goes when no
 *      stored set counts on what it lost, nor one that was ordered before the loss was known and
 *      may be stored yet                 lossy-leader, lossy-cleared, lossy-cleared-in-flight
 *
 *  C19 replicas go by reassignment in the write that finds all that stay in sync, or when they came
 *      by one that is cancelled; somebody in sync always stays            reassigned-early
 *  C20 whose broker can not use its copy is not chosen to lead, and leads or is in sync no longer
 *      where another can; that counts for the process that said so, until it says otherwise
 *                                              lost-copy-leads, report-replayed, report-outlived
 *  C21 where only lossy copies are left, the longest leads: of several, or of one whose disk may be
 *      gone, each has told where its log ends in the epoch without a leader, unless a person asks
 *      not to wait            lossy-first, lossy-unawaited, end-outlived, empty-disk-leads
 *  C22 a broker that asks from nothing hears of everything that was ordered before, if it is stored
 *                                                                      told-too-early
 *
 * Each alteration of a topic's record and of what goes with it is one write: see reassign.c. */
#include "server/core/controller.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"
#include "server/core/topic_plan.h"
#include "server/core/topic_policy.h"

struct controller *controller_new(int32_t broker_id, uint64_t seed)
{
    struct controller *controller = calloc(1, sizeof *controller);
    if (controller == NULL)
        return NULL;
    controller->broker_id = broker_id;
    controller->seed = seed;
    controller->next_token = 1;
    cluster_init(&controller->cluster, seed);
    stores_init(controller);
    if (effects_reserve(controller, 0) != 0) {
        controller_free(controller);
        return NULL;
    }
    return controller;
}

static void waiters_free(struct topic *topic)
{
    LIST_EACH_SAFE(&topic->waiters, node, after)
    {
        list_remove(node);
        free(LIST_OWNER(node, struct waiter, link));
    }
}

void controller_free(struct controller *controller)
{
    if (controller == NULL)
        return;
    stores_clear(controller);
    alterations_drop(controller);
    asks_drop(controller);
    LIST_EACH(&controller->cluster.topics, node)
    waiters_free(LIST_OWNER(node, struct topic, order));
    cluster_fini(&controller->cluster);
    free(controller->askers);
    free(controller->effects);
    free(controller);
}

/* Forget everything; whoever waits hears that it must ask the next controller. */
static void leave(struct controller *controller)
{
    LIST_EACH(&controller->cluster.topics, node)
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        LIST_EACH(&topic->waiters, link)
        {
            uint64_t ticket = LIST_OWNER(link, struct waiter, link)->ticket;
            answer_taken(controller, ticket, K_NOT_CONTROLLER, NULL,
                         "broker %d stopped being the controller before the outcome was known",
                         (int)controller->broker_id);
        }
        waiters_free(topic);
    }
    asks_clear(controller);
    alterations_clear(controller);
    askers_refuse(controller, K_NOT_CONTROLLER);
    stores_clear(controller);
    cluster_clear(&controller->cluster);
    announcements_clear(controller);
    controller->phase = PHASE_IDLE;
    controller->epoch = 0;
}

static void resign(struct controller *controller)
{
    leave(controller);
    effects_add(controller, CONTROLLER_DO_RESIGN);
}

/* --- election --------------------------------------------------------------------------------- */

/* The stored epoch is taken for one of the leader's present life; but who is lossy may have lost
 * what it had in that epoch. */
static uint64_t life_of_stored(const struct cluster *cluster, int32_t leader)
{
    const struct controller_broker *broker =
        broker_find(cluster->brokers, cluster->broker_count, leader);

    return broker == NULL || broker->lossy ? 0 : cluster_life(cluster, leader);
}

static void load_partition(const struct cluster *cluster, struct partition *partition,
                           const struct partition_state *loaded, struct replica_moves moves)
{
    struct partition_state *stored = &partition->stored;

    *stored = *loaded;
    state_mend(stored);
    partition->moves = reassign_mend(&stored->replicas, moves);
    if (stored->version < 0) {
        /* The topic was created, its first state was not: everybody is in sync with nothing. */
        stored->version = -1;
        stored->leader = -1;
        stored->leader_epoch = -1;
        stored->isr = stored->replicas;
    }
    if (replica_set_has(&stored->replicas, stored->leader) &&
        replica_set_has(&stored->isr, stored->leader))
        partition->leader_life = life_of_stored(cluster, stored->leader);
}

/* 0, or K_NOMEM. A topic whose name or id is another's can not be served and is left alone. */
static int load_topic(struct controller *controller, const struct controller_topic *loaded)
{
    struct topic *topic = topic_new(loaded->name, &loaded->id, loaded->partition_count, NULL);
    if (topic == NULL)
        return K_NOMEM;

    int error = configs_copy(&topic->settings.configs, loaded->configs, loaded->config_count);
    if (error == 0)
        error = cluster_add(&controller->cluster, topic);
    if (error != 0) {
        topic_free(topic);
        return error == K_EXISTS ? 0 : error;
    }

    uint64_t sequence = announce_next(controller); /* one each: C10 */
    topic->phase = TOPIC_ONLINE;
    topic->settings.sequence = sequence;
    topic->settings.version = loaded->config_version;
    topic_learn_rules(controller, topic);
    cluster_topic_changed(&controller->cluster, topic, sequence);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        load_partition(&controller->cluster, &topic->partitions[i], &loaded->partitions[i],
                       loaded->moves != NULL ? loaded->moves[i] : (struct replica_moves){0, 0});
        topic->partitions[i].sequence = sequence;
    }
    if (loaded->doomed && !controller->options.deletes_nothing) {
        topic_doom(controller, topic);
        topic->repairing = true;
        controller->repair_count++;
        return 0;
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct partition *partition = &topic->partitions[i];
        partition_review(controller, partition);
        partition->repairing = !list_empty(&partition->queue);
        controller->repair_count += partition->repairing;
    }
    return 0;
}

static void on_elected(struct controller *controller, const struct controller_event *event)
{
    bool changed;

    leave(controller);
    controller->phase = PHASE_LEADING;
    controller->epoch = event->elected.epoch;
    controller->options = event->elected.options;
    upkeep_begin(controller);
    int error = cluster_set_brokers(&controller->cluster, event->elected.brokers,
                                    event->elected.broker_count, &changed);

    uint64_t sequence = announce_next(controller);
    controller->cluster.brokers_sequence = sequence;
    controller->floor_sequence = sequence;
    for (size_t i = 0; i < event->elected.entity_count && error == 0; i++)
        error = settings_told(controller, ENTITY_BROKER, &event->elected.entities[i]);
    for (size_t i = 0; i < event->elected.topic_count && error == 0; i++)
        error = load_topic(controller, &event->elected.topics[i]);
#ifndef MUTANT_DELETIONS_FORGOTTEN
    for (size_t i = 0; i < event->elected.deleted_count && error == 0; i++)
        if (cluster_topic_by_id(&controller->cluster, &event->elected.deleted[i]) == NULL)
            announce_deletion(controller, &event->elected.deleted[i]);
#endif
    if (error != 0)
        resign(controller); /* nothing may be decided on half of the state */
}

/* --- brokers ---------------------------------------------------------------------------------- */

/* Looks at every partition: brokers come and go seldom, and an index of replicas per broker would
 * cost every other event more than this scan. */
static void on_brokers(struct controller *controller, const struct controller_event *event)
{
    bool changed;

    if (cluster_set_brokers(&controller->cluster, event->brokers.brokers,
                            event->brokers.broker_count, &changed) != 0) {
        resign(controller); /* another controller has memory to act on it */
        return;
    }
    for (size_t i = 0; i < controller->cluster.broker_count; i++)
        if (controller->cluster.lives[i].first_token == 0)
            controller->cluster.lives[i].first_token = controller->next_token;
    controller->lossy_review = true; /* also when a mark could not be taken away */
    if (!changed)
        return;
    if (controller->retry_at_ms != INT64_MAX)
        controller->retry_at_ms = controller->now_ms; /* perhaps they were the reason */
    controller->cluster.brokers_sequence = announce_next(controller);
    LIST_EACH_SAFE(&controller->cluster.topics, node, after) /* of which some move to the end */
    {
        struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            reports_expire(controller, &topic->partitions[i]);
            partition_review(controller, &topic->partitions[i]);
        }
    }
}

/* --- requests --------------------------------------------------------------------------------- */

/* The ticket waits for the topic. 0, K_NOMEM or K_BUSY. */
static int wait_for(struct controller *controller, struct topic *topic, uint64_t ticket,
                    enum waiter_kind kind)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL)
        return K_NOMEM;
    int error = tickets_take(controller);
    if (error != 0) {
        free(waiter);
        return error;
    }
    waiter->ticket = ticket;
    waiter->kind = kind;
    list_init(&waiter->link);
#ifdef MUTANT_FORGOTTEN_TICKET
    if (kind == WAITS_FOR_RIVAL) {
        free(waiter);
        return 0;
    }
#endif
    list_append(&topic->waiters, &waiter->link);
    return 0;
}

static int create_rival(struct controller *controller, struct topic *topic, uint64_t ticket,
                        struct k_reason *reason)
{
    if (topic->phase == TOPIC_CREATING) {
        int error = wait_for(controller, topic, ticket, WAITS_FOR_RIVAL);
        return error == 0 ? 0 : k_reason_set(reason, error, "%s", k_error_text(error));
    }
    return k_reason_set(reason, K_TOPIC_ALREADY_EXISTS,
                        topic->phase == TOPIC_DOOMED
                            ? "the topic is being deleted; create it again later"
                            : "a topic with this name exists already");
}

/* Make the topic that will be stored. 0, K_NOMEM or K_BUSY. */
static int create_plan(struct controller *controller, const struct controller_event *event)
{
    int32_t partitions = topic_plan_partitions(event);
    struct replica_set *sets = calloc((size_t)partitions, sizeof *sets);
    struct topic *topic = NULL;
    int error = K_NOMEM;

    if (sets == NULL)
        return error;
    error = topic_plan_place(&controller->cluster, event, sets);
    if (error != 0)
        goto free_sets;
    if (event->create.validate_only) {
        struct controller_effect *effect =
            answer_now(controller, event->create.ticket, 0, "%s", "");
        effect->answer.partitions = partitions;
        effect->answer.replication_factor = sets[0].count;
        goto free_sets;
    }

    error = K_NOMEM;
    topic = topic_new(event->create.name, &event->create.id, partitions, sets);
    if (topic == NULL)
        goto free_sets;
    error =
        configs_copy(&topic->settings.configs, event->create.configs, event->create.config_count);
    topic_learn_rules(controller, topic);
    if (error == 0)
        error = wait_for(controller, topic, event->create.ticket, WAITS_FOR_CREATION);
    if (error != 0)
        goto free_topic;
    error = cluster_add(&controller->cluster, topic);
    if (error != 0) {
        controller->ticket_count--;
        waiters_free(topic);
        goto free_topic;
    }
    list_append(&controller->topics_todo, &topic->queue);
    goto free_sets;

free_topic:
    topic_free(topic);
free_sets:
    free(sets);
    return error;
}

static int create_allowed(struct controller *controller, const struct controller_event *event,
                          struct k_reason *reason)
{
    int error = topic_policy_check(&controller->options.policy, event, reason);

    if (error != 0)
        return error;
    error = create_plan(controller, event);
    return error == 0 ? 0 : k_reason_set(reason, error, "%s", k_error_text(error));
}

static void on_create(struct controller *controller, const struct controller_event *event)
{
    struct k_reason reason;
    int error = topic_plan_check(&controller->cluster, event, &reason);
    struct topic *rival = cluster_topic(&controller->cluster, event->create.name);

    if (error == 0)
        error = rival != NULL
                    ? create_rival(controller, rival, event->create.ticket, &reason)
                    : create_allowed(controller, event, &reason);
    if (error != 0)
        answer_now(controller, event->create.ticket, error, "%s", reason.text);
}

static void on_delete(struct controller *controller, const struct controller_event *event)
{
    uint64_t ticket = event->remove.ticket;
    struct topic *topic = event->remove.name != NULL
                              ? cluster_topic(&controller->cluster, event->remove.name)
                              : cluster_topic_by_id(&controller->cluster, &event->remove.id);
    int error = topic == NULL                         ? K_UNKNOWN_TOPIC_OR_PARTITION
              : controller->options.deletes_nothing ? K_TOPIC_DELETION_DISABLED
                                                    : 0;

    /* A stored request has no ticket; while its topic is being created there is nothing to doom. */
    if (error == 0 && ticket != 0)
        error = wait_for(controller, topic, ticket, WAITS_FOR_REMOVAL);
    if (error != 0) {
        if (ticket != 0)
            answer_now(controller, ticket, error, "%s", k_error_text(error));
        return;
    }
    if (topic->phase == TOPIC_ONLINE)
        topic_doom(controller, topic);
}

static void on_config(struct controller *controller, const struct controller_event *event)
{
    if (settings_told(controller, event->config.kind, &event->config.entity) != 0)
        resign(controller); /* or brokers would run with the former one until told again */
}

static void on_stored(struct controller *controller, const struct controller_event *event)
{
    switch (stores_finish(controller, event)) {
    case STORE_RESIGN:
        resign(controller);
        break;
    case STORE_WAIT:
        controller->phase = PHASE_LOST;
        break;
    case STORE_TAKEN:
    case STORE_UNKNOWN_TOKEN:
        break;
    }
}

/* --- the step --------------------------------------------------------------------------------- */

static void refuse(struct controller *controller, uint64_t ticket)
{
    if (ticket != 0)
        answer_now(controller, ticket, K_NOT_CONTROLLER, "broker %d is not the controller",
                   (int)controller->broker_id);
}

/* What can be heard while we are not the controller, or no longer sure. */
static void step_outside(struct controller *controller, const struct controller_event *event)
{
    switch (event->type) {
    case CONTROLLER_CREATE_TOPIC:
        refuse(controller, event->create.ticket);
        break;
    case CONTROLLER_DELETE_TOPIC:
        refuse(controller, event->remove.ticket);
        break;
    case CONTROLLER_ADD_PARTITIONS:
        refuse(controller, event->add.ticket);
        break;
    case CONTROLLER_ALTER_CONFIG:
        refuse(controller, event->alter.ticket);
        break;
    case CONTROLLER_ISR_ASKED:
        refuse(controller, event->isr.ticket);
        break;
    case CONTROLLER_ELECT_ASKED:
        refuse(controller, event->elect.ticket);
        break;
    case CONTROLLER_REASSIGN_ASKED:
        refuse(controller, event->reassign.ticket);
        break;
    case CONTROLLER_DRAIN_ASKED:
        refuse(controller, event->drain.ticket);
        break;
    case CONTROLLER_REPORTED:
        refuse(controller, event->report.ticket);
        break;
    case CONTROLLER_CHANGES_ASKED:
        askers_add(controller, event);
        break;
    case CONTROLLER_CHANGES_DROPPED:
        askers_drop(controller, event->changes.ticket);
        break;
    default:
        break;
    }
}

static void step_leading(struct controller *controller, const struct controller_event *event)
{
    switch (event->type) {
    case CONTROLLER_BROKERS:
        on_brokers(controller, event);
        break;
    case CONTROLLER_CREATE_TOPIC:
        on_create(controller, event);
        break;
    case CONTROLLER_DELETE_TOPIC:
        on_delete(controller, event);
        break;
    case CONTROLLER_ADD_PARTITIONS:
        alter_partitions(controller, event);
        break;
    case CONTROLLER_ALTER_CONFIG:
        alter_config(controller, event);
        break;
    case CONTROLLER_CONFIG_CHANGED:
        on_config(controller, event);
        break;
    case CONTROLLER_ISR_ASKED:
        asks_isr(controller, event);
        break;
    case CONTROLLER_ELECT_ASKED:
        asks_elect(controller, event);
        break;
    case CONTROLLER_REASSIGN_ASKED:
        reassign_ask(controller, event);
        break;
    case CONTROLLER_DRAIN_ASKED:
        upkeep_drain(controller, event);
        break;
    case CONTROLLER_REPORTED:
        reports_take(controller, event);
        break;
    case CONTROLLER_CHANGES_ASKED:
        askers_add(controller, event);
        break;
    case CONTROLLER_CHANGES_DROPPED:
        askers_drop(controller, event->changes.ticket);
        break;
    case CONTROLLER_STORED:
        on_stored(controller, event);
        break;
    case CONTROLLER_ELECTED:
    case CONTROLLER_DEPOSED:
    case CONTROLLER_TICK:
        break;
    }
}

/* C4, on what this step says. */
static void check_effects(const struct controller *controller)
{
    for (size_t i = 0; i < controller->effect_count; i++) {
        const struct controller_effect *effect = &controller->effects[i];
        if (controller->phase == PHASE_LEADING)
            continue;
        assert(effect->type != CONTROLLER_DO_STORE);
        assert(effect->type != CONTROLLER_DO_ANSWER_CHANGES || effect->changes.error != 0);
    }
}

/* What many ask at once is ordered at once. */
static bool is_one_of_many(const struct controller_event *event)
{
    return (event->type == CONTROLLER_ISR_ASKED && event->isr.more) ||
           (event->type == CONTROLLER_ELECT_ASKED && event->elect.more) ||
           (event->type == CONTROLLER_REPORTED && event->report.more);
}

struct controller_effects controller_step(struct controller *controller,
                                          const struct controller_event *event)
{
    controller->effect_count = 0;
    controller->now_ms = event->now_ms;

    if (event->type == CONTROLLER_ELECTED)
        on_elected(controller, event);
    else if (event->type == CONTROLLER_DEPOSED)
        leave(controller);
    else if (controller->phase == PHASE_LEADING)
        step_leading(controller, event);
    else
        step_outside(controller, event);

    if (controller->phase == PHASE_LEADING) {
        stores_retry(controller);
        upkeep_run(controller);
        if (!is_one_of_many(event))
            stores_pump(controller);
        announcements_flush(controller);
    }
    check_effects(controller);
    return (struct controller_effects){.count = controller->effect_count,
                                       .items = controller->effects};
}

int64_t controller_deadline_ms(const struct controller *controller)
{
    if (controller->phase != PHASE_LEADING)
        return INT64_MAX;
    int64_t deadline_ms = controller->lossy_review ? controller->now_ms : controller->retry_at_ms;
    int64_t askers_ms = askers_deadline_ms(controller);

    if (askers_ms < deadline_ms)
        deadline_ms = askers_ms;
    return controller->rebalance_at_ms < deadline_ms ? controller->rebalance_at_ms : deadline_ms;
}
