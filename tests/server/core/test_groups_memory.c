/* The n-th allocation of the groups fails, for every n: no crash, no broken invariant, no leak, no
 * ticket without an answer. */

#include "common/error.h"
#include "server/core/groups.h"
#include "tests/server/core/allocations.h"
#include "tests/server/core/groups_log.h"
#include "tests/server/core/suites.h"

enum { TICKETS_MAX = 64 };

struct life {
    struct groups *groups;
    struct groups_log log;
    int64_t now_ms;
    uint64_t next_ticket;
    bool answered[TICKETS_MAX];
    int32_t generation;           /* of the last join that was answered */
};

static void step(struct life *life, struct groups_event *event)
{
    event->now_ms = life->now_ms;
    event->wall_ms = life->now_ms;
    allocations()->inside = true;
    struct groups_effects effects = groups_step(life->groups, event);
    allocations()->inside = false;
    for (size_t i = 0; i < effects.count; i++) {
        const struct groups_effect *effect = &effects.items[i];
        if (effect->type == GROUPS_DO_STORE) {
            groups_log_append(&life->log, effect);
            continue;
        }
        ck_assert(!life->answered[effect->answer.ticket]);
        life->answered[effect->answer.ticket] = true;
        if (effect->answer.error == 0 && effect->answer.member != NULL)
            life->generation = effect->answer.generation;
    }
    groups_check(life->groups);
}

static void settle(struct life *life)
{
    while (life->log.committed < life->log.count) {
        struct groups_event event = {.type = GROUPS_STORED};
        event.stored.token = life->log.orders[life->log.committed++].token;
        step(life, &event);
    }
}

static struct groups_event request(struct life *life, enum groups_event_type type,
                                   const char *member)
{
    ck_assert_uint_lt(life->next_ticket, TICKETS_MAX);
    return (struct groups_event){.type = type,
                                 .asker = {.ticket = life->next_ticket++,
                                           .group = "g",
                                           .member = member,
                                           .generation = life->generation}};
}

static void join(struct life *life, const char *member, const char *new_id, const char *instance,
                 const char *protocol)
{
    const struct groups_protocol protocols[] = {{protocol, {"M", 1}}, {"range", {"R", 1}}};
    struct groups_event event = request(life, GROUPS_JOIN, member);

    event.asker.instance = instance;
    event.join.new_id = new_id;
    event.join.known_only = new_id != NULL && new_id[0] == 'k';
    event.join.client_id = event.join.client_host = "c";
    event.join.protocol_type = "consumer";
    event.join.session_timeout_ms = event.join.rebalance_timeout_ms = 10000;
    event.join.protocols = protocols;
    event.join.protocol_count = 2;
    step(life, &event);
}

static void sync_group(struct life *life)
{
    const struct groups_member members[] = {{.id = "a", .assignment = {"x", 1}},
                                            {.id = "b", .assignment = {"y", 1}}};
    struct groups_event event = request(life, GROUPS_SYNC, "a");
    event.sync.assignments = members;
    event.sync.assignment_count = 2;
    step(life, &event);
    settle(life);
}

static void commit(struct life *life, const char *member, int32_t generation)
{
    const struct groups_offset offsets[] = {
        {.topic = "t", .partition = 1, .offset = 5, .metadata = "note"},
        {.topic = "t", .partition = 0, .offset = 6},
        {.topic = "u", .partition = 0, .offset = 7, .metadata = "note"}};
    struct groups_event event = request(life, GROUPS_COMMIT, member);
    event.asker.generation = generation;
    event.commit.offsets = offsets;
    event.commit.count = 3;
    step(life, &event);
}

static void forget(struct life *life)
{
    const struct groups_offset offsets[] = {{.topic = "t", .partition = 1}, {.topic = "v"}};
    struct groups_event event = request(life, GROUPS_FORGET, "");
    event.forget.offsets = offsets;
    event.forget.count = 2;
    step(life, &event);
}

static void tick(struct life *life)
{
    life->now_ms += 1000;
    step(life, &(struct groups_event){.type = GROUPS_TICK});
    settle(life);
}

/* Without memory for a tombstone, the next look tries again. */
static void lose_topic(struct life *life)
{
    struct groups_event event = {.type = GROUPS_TOPIC_GONE};
    event.topic_gone.topic = "u";
    step(life, &event);
    tick(life);
    tick(life);
}

static void live(struct life *life)
{
    static const struct groups_options options = {.store_timeout_ms = 5000,
                                                  .retention_ms = 50000,
                                                  .retention_check_ms = 1000};

    step(life, &(struct groups_event){.type = GROUPS_CONFIGURED, .configured = &options});
    step(life, &(struct groups_event){.type = GROUPS_GAINED});
    step(life, &(struct groups_event){.type = GROUPS_LOADED});
    commit(life, "", -1);
    settle(life);
    join(life, "", "k", NULL, "sticky");
    life->now_ms += 600; /* nobody waits for it any more */
    join(life, "", "a", "i", "sticky");
    sync_group(life);
    join(life, "", "b", NULL, "a-longer-name");
    join(life, "a", NULL, "i", "another-name");
    sync_group(life);
    commit(life, "a", life->generation);
    settle(life);
    struct groups_event beat = request(life, GROUPS_HEARTBEAT, "a");
    beat.heartbeat.wait_ms = 3000;
    step(life, &beat);
    join(life, "", "a2", "i", "sticky");
    settle(life);
    life->now_ms += 100000;
    for (int i = 0; i < 4; i++)
        tick(life);
    commit(life, "", -1);
    settle(life);
    forget(life);
    settle(life);
    lose_topic(life);
    struct groups_event removal = request(life, GROUPS_DELETE, "");
    step(life, &removal);
    settle(life);
}

START_TEST(any_allocation_may_fail)
{
    int n = 0;

    for (bool failed = true; failed; n++) {
        struct life life = {.generation = -1};
        allocations()->until_failure = n;
        allocations()->inside = true;
        life.groups = groups_new(1);
        allocations()->inside = false;
        if (life.groups != NULL) {
            live(&life);
            step(&life, &(struct groups_event){.type = GROUPS_LOST});
        }
        for (uint64_t ticket = 0; ticket < life.next_ticket; ticket++)
            ck_assert(life.answered[ticket]);
        failed = allocations()->until_failure < 0;
        allocations()->until_failure = ALLOCATIONS_NEVER;
        groups_free(life.groups);
        groups_log_fini(&life.log);
    }
    ck_assert_int_gt(n, 40);
}
END_TEST

/* The load is given up when memory is short, and can be begun anew. */
START_TEST(a_load_fails_or_is_whole)
{
    static const struct groups_member members[] = {
        {.id = "a", .client_id = "c", .client_host = "h", .instance = "i",
         .session_timeout_ms = 1000, .rebalance_timeout_ms = 1000, .metadata = {"M", 1},
         .assignment = {"x", 1}}};
    const struct groups_record records[] = {
        {.type = GROUPS_RECORD_GROUP, .group = "g",
         .state = {.protocol_type = "consumer", .protocol = "range", .leader = "a",
                   .generation = 3, .members = members, .member_count = 1}},
        {.type = GROUPS_RECORD_OFFSET, .group = "g",
         .offset = {.topic = "t", .partition = 2, .offset = 5, .metadata = "note"}}};
    struct groups_offset shown;
    int error = K_NOMEM;

    for (int n = 0; error != 0; n++) {
        struct groups *groups = groups_new(1);
        groups_step(groups, &(struct groups_event){.type = GROUPS_GAINED});
        allocations()->until_failure = n;
        allocations()->inside = true;
        error = groups_replay(groups, &records[0]);
        if (error == 0)
            error = groups_replay(groups, &records[1]);
        allocations()->inside = false;
        allocations()->until_failure = ALLOCATIONS_NEVER;
        ck_assert(error == 0 || error == K_NOMEM);
        groups_check(groups);
        groups_step(groups, &(struct groups_event){.type = GROUPS_LOADED});
        groups_check(groups);
        ck_assert_int_eq(groups_committed(groups, "g", "t", 2, &shown), 0);
        ck_assert(error != 0 || shown.offset == 5);
        groups_free(groups);
    }
}
END_TEST

Suite *groups_memory_suite(void)
{
    Suite *suite = suite_create("server/core/groups_memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_test(tcase, any_allocation_may_fail);
    tcase_add_test(tcase, a_load_fails_or_is_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
