#include "server/core/controller.h"

#include <stdlib.h>

#include "common/error.h"
#include "tests/server/core/suites.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/controller", &controller_script);
}
END_TEST

static void elect(struct controller *controller, const struct controller_broker *brokers,
                  size_t count)
{
    struct controller_event event = {.type = CONTROLLER_ELECTED};

    event.elected.epoch = 1;
    event.elected.brokers = brokers;
    event.elected.broker_count = count;
    controller_step(controller, &event);
}

static struct controller_effects create(struct controller *controller, const char *name, int id,
                                        int32_t partitions)
{
    struct controller_event event = {.type = CONTROLLER_CREATE_TOPIC};

    event.create.ticket = (uint64_t)id;
    event.create.name = name;
    event.create.id.bytes[0] = (uint8_t)id;
    event.create.id.bytes[1] = (uint8_t)(id >> 8);
    event.create.partitions = partitions;
    event.create.replication_factor = 1;
    return controller_step(controller, &event);
}

static struct controller_effects stored_ok(struct controller *controller,
                                           const struct controller_effect *order)
{
    struct controller_event event = {.type = CONTROLLER_STORED};
    enum store_verdict *verdicts = calloc(order->store.count, sizeof *verdicts);

    event.stored.token = order->store.token;
    event.stored.verdicts = verdicts;
    event.stored.count = order->store.count;
    struct controller_effects effects = controller_step(controller, &event);
    free(verdicts);
    return effects;
}

START_TEST(a_dead_broker_s_partitions_are_written_in_batches)
{
    const struct controller_broker brokers[] = {{.id = 1}, {.id = 2}};
    struct controller *controller = controller_new(1, 7);
    elect(controller, brokers, 2);
    struct controller_effects effects = create(controller, "big", 1, 2400);
    stored_ok(controller, &effects.items[0]);

    struct controller_event event = {.type = CONTROLLER_BROKERS};
    event.brokers.brokers = brokers;
    event.brokers.broker_count = 1;
    effects = controller_step(controller, &event);

    ck_assert_uint_eq(effects.count, 3);
    ck_assert_uint_eq(effects.items[0].store.count, 500);
    ck_assert_uint_eq(effects.items[1].store.count, 500);
    ck_assert_uint_eq(effects.items[2].store.count, 200);
    for (size_t i = 0; i < effects.items[2].store.count; i++)
        ck_assert_int_eq(effects.items[2].store.changes[i].state.leader, -1);
    controller_check(controller);
    controller_free(controller);
}
END_TEST

START_TEST(only_so_many_stores_are_in_flight)
{
    const struct controller_broker broker = {.id = 1};
    struct controller *controller = controller_new(1, 7);
    struct controller_effect orders[20];
    size_t order_count = 0;
    char name[8];
    elect(controller, &broker, 1);

    for (int i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "t%d", i);
        struct controller_effects effects = create(controller, name, i, 1);
        for (size_t j = 0; j < effects.count; j++)
            orders[order_count++] = effects.items[j];
    }
    ck_assert_uint_eq(order_count, 16);

    struct controller_effects effects = stored_ok(controller, &orders[0]);
    ck_assert_uint_eq(effects.count, 2);
    ck_assert_int_eq(effects.items[0].type, CONTROLLER_DO_ANSWER);
    ck_assert_int_eq(effects.items[1].type, CONTROLLER_DO_STORE);
    controller_check(controller);
    controller_free(controller);
}
END_TEST

static void count_deleted(void *context, const struct uuid *id)
{
    (void)id;
    ++*(int *)context;
}

static void ignore_brokers(void *context, const struct controller_broker *brokers, size_t count)
{
    (void)context, (void)brokers, (void)count;
}

static void ignore_settings(void *context, const char *broker,
                            const struct controller_config *configs, int32_t config_count)
{
    (void)context, (void)broker, (void)configs, (void)config_count;
}

static struct controller_effects ask_after(struct controller *controller, uint64_t sequence)
{
    struct controller_event event = {.type = CONTROLLER_CHANGES_ASKED};

    event.changes.broker = -1;
    event.changes.ticket = 1;
    event.changes.epoch = 1;
    event.changes.sequence = sequence;
    event.changes.deadline_ms = 1000;
    return controller_step(controller, &event);
}

START_TEST(who_missed_more_deletions_than_are_kept_gets_the_full_picture)
{
    const struct controller_broker broker = {.id = 1};
    struct controller *controller = controller_new(1, 7);
    int deleted = 0;
    const struct controller_visitor visitor = {
        .context = &deleted, .brokers = ignore_brokers, .settings = ignore_settings,
        .deleted = count_deleted};
    elect(controller, &broker, 1);
    uint64_t before = controller_announced(controller).sequence;

    for (int i = 1; i <= 1025; i++) {
        struct controller_effects effects = create(controller, "t", i, 1);
        stored_ok(controller, &effects.items[0]);
        struct controller_event event = {.type = CONTROLLER_DELETE_TOPIC};
        event.remove.name = "t";
        event.remove.ticket = 1;
        effects = controller_step(controller, &event);
        stored_ok(controller, &effects.items[0]);
        if (i == 1024)
            ck_assert(!ask_after(controller, before).items[0].changes.full);
    }
    controller_check(controller);

    ck_assert(ask_after(controller, before).items[0].changes.full);
    ck_assert(!ask_after(controller, before + 2).items[0].changes.full);
    controller_changes(controller, before + 2, false, &visitor);
    ck_assert_int_eq(deleted, 1024);
    controller_free(controller);
}
END_TEST

Suite *controller_suite(void)
{
    Suite *suite = suite_create("server/core/controller");
    TCase *tcase = tcase_create("controller");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    tcase_add_test(tcase, a_dead_broker_s_partitions_are_written_in_batches);
    tcase_add_test(tcase, only_so_many_stores_are_in_flight);
    tcase_add_test(tcase, who_missed_more_deletions_than_are_kept_gets_the_full_picture);
    suite_add_tcase(suite, tcase);
    return suite;
}
