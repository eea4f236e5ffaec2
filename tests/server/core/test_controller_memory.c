/* The n-th allocation of a controller fails, for every n: no crash, no broken invariant, no leak,
 * no ticket without an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/controller.h"
#include "tests/server/core/allocations.h"
#include "tests/server/core/suites.h"

enum { ORDERS_MAX = 64, TICKETS = 10 };

struct life {
    struct controller *controller;
    int64_t now_ms;
    struct {
        uint64_t token;
        size_t count;
    } orders[ORDERS_MAX];
    size_t order_count;
    bool asked[TICKETS + 1], answered[TICKETS + 1], resigned;
};

static void step(struct life *life, struct controller_event *event)
{
    event->now_ms = life->now_ms;
    allocations()->inside = true;
    struct controller_effects effects = controller_step(life->controller, event);
    allocations()->inside = false;
    for (size_t i = 0; i < effects.count; i++) {
        const struct controller_effect *effect = &effects.items[i];
        if (effect->type == CONTROLLER_DO_STORE) {
            life->orders[life->order_count].token = effect->store.token;
            life->orders[life->order_count++].count = effect->store.count;
        } else if (effect->type == CONTROLLER_DO_RESIGN) {
            life->resigned = true;
        } else if (effect->type == CONTROLLER_DO_ANSWER) {
            ck_assert(!life->answered[effect->answer.ticket]);
            life->answered[effect->answer.ticket] = true;
        }
    }
    controller_check(life->controller);
}

/* Everything in flight succeeds, and what was put off is tried again. */
static void settle(struct life *life)
{
    enum store_verdict verdicts[ORDERS_MAX] = {STORE_OK};

    for (int round = 0; round < 8; round++) {
        while (life->order_count > 0) {
            struct controller_event event = {.type = CONTROLLER_STORED};
            life->order_count--;
            event.stored.token = life->orders[life->order_count].token;
            event.stored.count = life->orders[life->order_count].count;
            event.stored.verdicts = verdicts;
            step(life, &event);
        }
        life->now_ms += 1000;
        step(life, &(struct controller_event){.type = CONTROLLER_TICK});
    }
}

static void elect(struct life *life, const struct controller_broker *brokers)
{
    static const struct partition_state state = {
        .leader = 3, .replicas = {.count = 1, .ids = {3}}, .isr = {.count = 1, .ids = {3}}};
    static const struct controller_config config = {.name = "retention.ms", .value = "1"};
    const struct controller_topic topic = {.name = "old",
                                           .id = {{1}},
                                           .partition_count = 1,
                                           .partitions = &state,
                                           .configs = &config,
                                           .config_count = 1};
    struct controller_event event = {.type = CONTROLLER_ELECTED};

    event.elected.epoch = 1;
    /* Complete: its end is due at once. */
    static const struct partition_state both = {.leader = 1,
                                                .leader_epoch = 1,
                                                .replicas = {.count = 2, .ids = {1, 2}},
                                                .isr = {.count = 2, .ids = {1, 2}}};
    static const struct replica_moves moves = {.removing = 2};
    const struct controller_topic topics[] = {topic,
                                              {.name = "moving",
                                               .id = {{2}},
                                               .partition_count = 1,
                                               .partitions = &both,
                                               .moves = &moves,
                                               .config_version = -1}};
    event.elected.topics = topics;
    event.elected.topic_count = 2;
    event.elected.brokers = brokers;
    event.elected.broker_count = 2;
    step(life, &event);
}

static void create(struct life *life, const char *name, uint64_t ticket)
{
    static const struct controller_config config = {.name = "cleanup.policy", .value = "compact"};
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};

    event.create.name = name;
    event.create.id.bytes[0] = (uint8_t)(10 + ticket);
    event.create.ticket = ticket;
    event.create.partitions = 2;
    event.create.replication_factor = 1;
    event.create.configs = &config;
    event.create.config_count = 1;
    life->asked[ticket] = true;
    step(life, &event);
}

static void delete (struct life *life, const char *name, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_DELETE_TOPIC};
    event.remove.name = name;
    event.remove.ticket = ticket;
    life->asked[ticket] = true;
    step(life, &event);
}

static void add(struct life *life, const char *name, uint64_t ticket)
{
    static const struct replica_set set = {.count = 1, .ids = {1}};
    struct controller_event event = {.type = CONTROLLER_ADD_PARTITIONS};
    event.add.name = name;
    event.add.ticket = ticket;
    event.add.partitions = 2;
    event.add.assignment = &set;
    event.add.assignment_count = 1;
    life->asked[ticket] = true;
    step(life, &event);
}

static void alter(struct life *life, enum entity_kind kind, const char *name, uint64_t ticket)
{
    static const struct controller_alteration items[] = {{.name = "segment.ms", .value = "2"},
                                                         {.name = "retention.ms"}};
    struct controller_event event = {.type = CONTROLLER_ALTER_CONFIG};
    event.alter.ticket = ticket;
    event.alter.kind = kind;
    event.alter.name = name;
    event.alter.items = items;
    event.alter.count = 2;
    life->asked[ticket] = true;
    step(life, &event);
}

/* Of the topic that was there before. */
static void propose(struct life *life, uint64_t ticket)
{
    static const struct controller_member members[] = {{.id = 1}};
    struct controller_event event = {.type = CONTROLLER_ISR_ASKED};
    event.isr.ticket = ticket;
    event.isr.broker = 1;
    event.isr.topic.bytes[0] = 1;
    event.isr.flush_on_ack = true;
    event.isr.members = members;
    event.isr.member_count = 1;
    life->asked[ticket] = true;
    step(life, &event);
}

static void elect_leader(struct life *life, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_ELECT_ASKED};
    event.elect.ticket = ticket;
    event.elect.name = "old";
    life->asked[ticket] = true;
    step(life, &event);
}

static void reassign(struct life *life, uint64_t ticket)
{
    struct controller_event event = {.type = CONTROLLER_REASSIGN_ASKED};
    event.reassign.ticket = ticket;
    event.reassign.name = "old";
    event.reassign.replicas = (struct replica_set){.count = 1, .ids = {1}};
    life->asked[ticket] = true;
    step(life, &event);
}

static void live(struct life *life)
{
    static const struct controller_broker brokers[] = {{.id = 1}, {.id = 2}};
    static const struct controller_config config = {.name = "retention.ms", .value = "2"};
    struct controller_event asked = {.type = CONTROLLER_CHANGES_ASKED};
    struct controller_event gone = {.type = CONTROLLER_BROKERS};
    struct controller_event configured = {.type = CONTROLLER_CONFIG_CHANGED};

    elect(life, brokers);
    asked.changes.ticket = 50;
    asked.changes.broker = -1;
    asked.changes.deadline_ms = INT64_MAX;
    step(life, &asked);
    create(life, "new", 1);
    create(life, "new", 2);
    settle(life);
    gone.brokers.brokers = brokers;
    gone.brokers.broker_count = 1;
    step(life, &gone);
    configured.config.kind = ENTITY_TOPIC;
    configured.config.entity =
        (struct controller_entity){.name = "old", .configs = &config, .config_count = 1};
    step(life, &configured);
    settle(life);
    add(life, "old", 5);
    alter(life, ENTITY_TOPIC, "old", 6);
    alter(life, ENTITY_BROKER, "<default>", 7);
    settle(life);
    propose(life, 8);
    elect_leader(life, 9);
    settle(life);
    reassign(life, 10);
    settle(life);
    delete (life, "new", 3);
    delete (life, "nobody", 4);
    settle(life);
}

START_TEST(any_allocation_may_fail)
{
    int n = 0;

    for (bool failed = true; failed; n++) {
        struct life life = {0};
        allocations()->until_failure = n;
        allocations()->inside = true;
        life.controller = controller_new(1, 1);
        allocations()->inside = false;
        if (life.controller != NULL)
            live(&life);
        for (int ticket = 1; ticket <= TICKETS && life.controller != NULL; ticket++)
            ck_assert_int_eq(life.asked[ticket], life.answered[ticket]);
        failed = allocations()->until_failure < 0;
        allocations()->until_failure = ALLOCATIONS_NEVER;
        controller_free(life.controller);
    }
    ck_assert_int_gt(n, 30);
}
END_TEST

START_TEST(a_copy_is_whole_or_not_at_all)
{
    static const struct controller_broker brokers[] = {{.id = 1}, {.id = 2}};
    struct life life = {.controller = controller_new(1, 1)};
    struct controller *copy = NULL;

    elect(&life, brokers);
    create(&life, "new", 1);
    add(&life, "old", 2);
    alter(&life, ENTITY_TOPIC, "old", 3);
    alter(&life, ENTITY_BROKER, "<default>", 4);
    propose(&life, 5);
    reassign(&life, 6);
    for (int n = 0; copy == NULL; n++) {
        allocations()->until_failure = n;
        allocations()->inside = true;
        copy = controller_copy(life.controller);
        allocations()->inside = false;
        allocations()->until_failure = ALLOCATIONS_NEVER;
    }
    controller_check(copy);
    controller_free(copy);
    controller_free(life.controller);
}
END_TEST

Suite *controller_memory_suite(void)
{
    Suite *suite = suite_create("server/core/controller_memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_test(tcase, any_allocation_may_fail);
    tcase_add_test(tcase, a_copy_is_whole_or_not_at_all);
    suite_add_tcase(suite, tcase);
    return suite;
}
