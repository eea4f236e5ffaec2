/* The judge of groups is judged: a doctored history for every way in which a group of consumers can
 * lie, and honest ones.
 *
 * The honest story: two partitions of eight records. In generation 1 the first member has both and
 * commits what it did of each, up to 4. In generation 2 the second one has taken partition 1 over,
 * and both read and commit to the end. */
#include <check.h>
#include <string.h>

#include "tests/chaos/judge.h"
#include "tests/chaos/test_judge.h"

enum { PARTITIONS = 2, EACH = 8, HALF = EACH / 2, ROOM = 64, GROUP = 1, FIRST_CALL = 1 };
enum client { PRODUCER, FINAL, FIRST, SECOND, THIRD, LOOKER, CLIENTS };

struct world {
    struct history histories[CLIENTS];
    struct history_event events[CLIENTS][ROOM];
    int64_t now_us;
};

static struct history_event *add(struct world *world, enum client client, enum history_kind kind,
                                 uint64_t number, int partition, int64_t offset)
{
    struct history *history = &world->histories[client];
    ck_assert_uint_lt(history->count, ROOM);
    struct history_event *event = &history->events[history->count++];
    world->now_us += 10;
    *event = (struct history_event){
        .time_us = world->now_us, .number = number, .offset = offset,
        .checksum = (uint32_t)number * 31, .partition = (uint16_t)partition, .kind = (uint8_t)kind,
        .client = kind >= HISTORY_JOINED ? GROUP : (uint8_t)client };
    return event;
}

static uint64_t record_at(int partition, int64_t offset)
{
    return history_number(PRODUCER, (uint64_t)(offset * PARTITIONS + partition));
}

static void join(struct world *world, enum client client, uint64_t generation)
{
    add(world, client, HISTORY_JOINED, generation, 0, client)->checksum = (uint32_t)client;
}

static void own(struct world *world, enum client client, int partition)
{
    add(world, client, HISTORY_ASSIGNED, 0, partition, 0);
}

static struct history_event *process(struct world *world, enum client client, int partition,
                                     int64_t from, int64_t end)
{
    struct history_event *event = add(world, client, HISTORY_PROCESSED, (uint64_t)(end - from),
                                      partition, from);
    event->checksum = 0;
    for (int64_t offset = from; offset < end; offset++) {
        uint64_t number = record_at(partition, offset);
        event->checksum = history_fold(event->checksum, number, (uint32_t)number * 31);
    }
    return event;
}

static void commit(struct world *world, enum client client, uint64_t call, int partition,
                   int64_t offset)
{
    add(world, client, HISTORY_ASKED, call, partition, offset);
    add(world, client, HISTORY_COMMITTED, call, partition, offset);
}

static void look(struct world *world, int partition, int64_t offset)
{
    int64_t asked_us = world->now_us += 10;
    add(world, LOOKER, HISTORY_LOOKED, (uint64_t)asked_us, partition, offset);
}

static void store(struct world *world)
{
    for (int64_t offset = 0; offset < EACH; offset++)
        for (int p = 0; p < PARTITIONS; p++) {
            uint64_t number = record_at(p, offset);
            add(world, PRODUCER, HISTORY_SENT, number, p, offset);
            add(world, PRODUCER, HISTORY_ACKED, number, p, offset);
        }
    for (int p = 0; p < PARTITIONS; p++)
        for (int64_t offset = 0; offset < EACH; offset++)
            add(world, FINAL, HISTORY_FINAL, record_at(p, offset), p, offset);
}

static void live_first_generation(struct world *world)
{
    join(world, FIRST, 1);
    for (int p = 0; p < PARTITIONS; p++)
        own(world, FIRST, p);
    for (int p = 0; p < PARTITIONS; p++) {
        process(world, FIRST, p, 0, HALF);
        commit(world, FIRST, FIRST_CALL, p, HALF);
    }
    add(world, FIRST, HISTORY_REVOKED, 0, 1, 0);
}

static void live_second_generation(struct world *world)
{
    join(world, FIRST, 2);
    own(world, FIRST, 0);
    join(world, SECOND, 2);
    own(world, SECOND, 1);
    process(world, FIRST, 0, HALF, EACH);
    commit(world, FIRST, FIRST_CALL + 1, 0, EACH);
    process(world, SECOND, 1, HALF, EACH);
    commit(world, SECOND, FIRST_CALL, 1, EACH);
}

static void make(struct world *world)
{
    memset(world, 0, sizeof *world);
    for (int i = 0; i < CLIENTS; i++)
        world->histories[i].events = world->events[i];
    store(world);
    live_first_generation(world);
    live_second_generation(world);
    for (int p = 0; p < PARTITIONS; p++)
        look(world, p, EACH);
}

static struct judge_verdict judged(const struct world *world)
{
    struct judge_verdict verdict;
    ck_assert_int_eq(judge(world->histories, CLIENTS, NULL, &verdict), 0);
    return verdict;
}

/* The n-th event of a kind that a client wrote. */
static struct history_event *pick(struct world *world, enum client client, enum history_kind kind,
                                  int n)
{
    struct history *history = &world->histories[client];
    for (size_t i = 0; i < history->count; i++)
        if (history->events[i].kind == kind && n-- == 0)
            return &history->events[i];
    ck_abort_msg("no such event");
    return NULL;
}

static void cut(struct world *world, enum client client, struct history_event *event)
{
    struct history *history = &world->histories[client];
    size_t at = (size_t)(event - history->events);
    memmove(event, event + 1, (history->count - at - 1) * sizeof *event);
    history->count--;
}

/* --- lies ------------------------------------------------------------------------------------- */

static void give_one_to_two(struct world *world)
{
    join(world, THIRD, 2);
    own(world, THIRD, 1);
}

static void give_one_to_two_that_read_nothing(struct world *world)
{
    join(world, SECOND, 3);
    own(world, SECOND, 0);
    join(world, THIRD, 3);
    own(world, THIRD, 0);
}

static void deliver_what_was_given_up(struct world *world)
{
    process(world, FIRST, 1, HALF, EACH);
}

static void deliver_before_anything_is_assigned(struct world *world)
{
    join(world, THIRD, 3);
    process(world, THIRD, 1, 0, EACH);
}

static void keep_what_the_next_generation_took(struct world *world)
{
    cut(world, FIRST, pick(world, FIRST, HISTORY_REVOKED, 0));
    process(world, FIRST, 1, HALF, EACH);
}

static void deliver_other_bytes(struct world *world)
{
    pick(world, SECOND, HISTORY_PROCESSED, 0)->checksum ^= 1;
}

static void deliver_what_is_not_there(struct world *world)
{
    process(world, SECOND, 1, EACH, EACH + 1);
}

static void skip_a_record(struct world *world)
{
    cut(world, FIRST, pick(world, FIRST, HISTORY_PROCESSED, 2));
    process(world, FIRST, 0, HALF + 1, EACH);
}

static void deliver_twice(struct world *world)
{
    process(world, FIRST, 0, HALF, EACH);
}

static void begin_before_the_commit(struct world *world)
{
    cut(world, SECOND, pick(world, SECOND, HISTORY_PROCESSED, 0));
    process(world, SECOND, 1, HALF - 1, EACH);
}

static void begin_before_a_commit_of_long_ago(struct world *world)
{
    join(world, THIRD, 9);
    own(world, THIRD, 1);
    process(world, THIRD, 1, HALF, EACH);
}

/* Its own commit of an earlier generation counts, too. */
static void return_and_begin_before_its_own_commit(struct world *world)
{
    add(world, FIRST, HISTORY_REVOKED, 0, 0, 0);
    join(world, FIRST, 3);
    own(world, FIRST, 0);
    process(world, FIRST, 0, HALF, EACH);
}

static void begin_a_static_member_again_before_its_commit(struct world *world)
{
    join(world, THIRD, 2);
    pick(world, THIRD, HISTORY_JOINED, 0)->checksum = SECOND;
    own(world, THIRD, 1);
    process(world, THIRD, 1, HALF, EACH);
}

static void commit_after_the_successor_came(struct world *world)
{
    commit(world, FIRST, FIRST_CALL + 2, 1, HALF);
    /* It was asked in generation 1, as far as it knew. */
    cut(world, FIRST, pick(world, FIRST, HISTORY_JOINED, 1));
}

static void commit_after_the_double_has(struct world *world)
{
    join(world, THIRD, 2);
    pick(world, THIRD, HISTORY_JOINED, 0)->checksum = SECOND;
    own(world, THIRD, 1);
    commit(world, THIRD, FIRST_CALL, 1, EACH);
    commit(world, SECOND, FIRST_CALL + 1, 1, EACH);
}

static void forget_a_commit(struct world *world)
{
    pick(world, LOOKER, HISTORY_LOOKED, 1)->offset = HALF;
}

static void forget_that_anything_was_committed(struct world *world)
{
    pick(world, LOOKER, HISTORY_LOOKED, 0)->offset = -1;
}

static void leave_one_out(struct world *world)
{
    cut(world, SECOND, pick(world, SECOND, HISTORY_PROCESSED, 0));
    process(world, SECOND, 1, HALF + 1, EACH);
}

static void leave_a_partition_out(struct world *world)
{
    cut(world, FIRST, pick(world, FIRST, HISTORY_PROCESSED, 1));
    cut(world, SECOND, pick(world, SECOND, HISTORY_PROCESSED, 0));
}

static void confirm_what_nobody_asked_for(struct world *world)
{
    add(world, SECOND, HISTORY_COMMITTED, FIRST_CALL + 9, 1, EACH);
}

static void confirm_another_offset(struct world *world)
{
    pick(world, SECOND, HISTORY_COMMITTED, 0)->offset--;
}

static const struct { void (*doctor)(struct world *world); enum judge_fault fault; } lies[] = {
    { give_one_to_two, JUDGE_SHARED },
    { give_one_to_two_that_read_nothing, JUDGE_SHARED },
    { deliver_what_was_given_up, JUDGE_UNINVITED },
    { deliver_before_anything_is_assigned, JUDGE_UNINVITED },
    { keep_what_the_next_generation_took, JUDGE_UNINVITED },
    { deliver_other_bytes, JUDGE_MISREAD },
    { deliver_what_is_not_there, JUDGE_MISREAD },
    { skip_a_record, JUDGE_SKIPPED },
    { deliver_twice, JUDGE_SKIPPED },
    { begin_before_the_commit, JUDGE_REWOUND },
    { begin_before_a_commit_of_long_ago, JUDGE_REWOUND },
    { return_and_begin_before_its_own_commit, JUDGE_REWOUND },
    { begin_a_static_member_again_before_its_commit, JUDGE_REWOUND },
    { commit_after_the_successor_came, JUDGE_ZOMBIE },
    { commit_after_the_double_has, JUDGE_ZOMBIE },
    { forget_a_commit, JUDGE_FORGOTTEN },
    { forget_that_anything_was_committed, JUDGE_FORGOTTEN },
    { leave_one_out, JUDGE_UNPROCESSED },
    { leave_a_partition_out, JUDGE_UNPROCESSED },
    { confirm_what_nobody_asked_for, JUDGE_FORGED },
    { confirm_another_offset, JUDGE_FORGED },
};

int group_lies_about(enum judge_fault fault)
{
    int count = 0;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        count += lies[i].fault == fault;
    return count;
}

START_TEST(every_lie_of_a_group_is_seen)
{
    struct world world;

    make(&world);
    lies[_i].doctor(&world);
    struct judge_verdict verdict = judged(&world);

    ck_assert_msg(verdict.faults[lies[_i].fault] > 0, "lie %d: no '%s'", _i,
                  judge_word(lies[_i].fault));
    ck_assert_int_eq(judge_is_clean(&verdict), 0);
}
END_TEST

/* --- the truth -------------------------------------------------------------------------------- */

static void change_nothing(struct world *world)
{
    (void)world;
}

static void have_no_group(struct world *world)
{
    for (int i = FIRST; i < CLIENTS; i++)
        world->histories[i].count = 0;
}

/* Killed before it had written down what was confirmed. */
static void not_know_that_it_was_committed(struct world *world)
{
    cut(world, SECOND, pick(world, SECOND, HISTORY_COMMITTED, 0));
}

/* The same records again, from the last commit on. */
static void do_what_was_not_committed_again(struct world *world)
{
    cut(world, FIRST, pick(world, FIRST, HISTORY_COMMITTED, 1));
    cut(world, SECOND, pick(world, SECOND, HISTORY_PROCESSED, 0));
    process(world, SECOND, 1, 0, EACH);
}

/* A member that was stopped: it asks, and nobody answers. */
static void ask_in_vain_after_the_successor_came(struct world *world)
{
    add(world, FIRST, HISTORY_ASKED, FIRST_CALL + 2, 1, HALF + 1);
}

/* It was asked before anybody was told, and confirmed later. */
static void confirm_late(struct world *world)
{
    struct history_event *event = pick(world, FIRST, HISTORY_COMMITTED, 1);
    event->time_us = pick(world, SECOND, HISTORY_PROCESSED, 0)->time_us + 1;
}

/* Who looked before it was confirmed may have seen it or not. */
static void look_too_early(struct world *world)
{
    pick(world, LOOKER, HISTORY_LOOKED, 1)->offset = HALF;
    pick(world, LOOKER, HISTORY_LOOKED, 1)->number =
        (uint64_t)pick(world, SECOND, HISTORY_COMMITTED, 0)->time_us;
}

static void replace_a_static_member(struct world *world)
{
    join(world, THIRD, 2);
    pick(world, THIRD, HISTORY_JOINED, 0)->checksum = SECOND;
    own(world, THIRD, 1);
    commit(world, THIRD, FIRST_CALL, 1, EACH);
}

/* By joining once more. */
static void take_a_static_name_back(struct world *world)
{
    replace_a_static_member(world);
    join(world, SECOND, 2);
    own(world, SECOND, 1);
    commit(world, SECOND, FIRST_CALL + 1, 1, EACH);
}

/* It was stopped before it heard that it is a member, and is none any more when it does. */
static void hear_late_of_a_name_that_is_lost(struct world *world)
{
    join(world, THIRD, 2);
    pick(world, THIRD, HISTORY_JOINED, 0)->checksum = SECOND;
    own(world, THIRD, 1);
    commit(world, SECOND, FIRST_CALL + 1, 1, EACH);
}

static void keep_all_in_another_generation(struct world *world)
{
    join(world, FIRST, 3);
    own(world, FIRST, 0);
    join(world, SECOND, 4);
    own(world, SECOND, 1);
    commit(world, SECOND, FIRST_CALL + 1, 1, EACH);
}

static void (*const truths[])(struct world *world) = {
    change_nothing, have_no_group, not_know_that_it_was_committed, do_what_was_not_committed_again,
    ask_in_vain_after_the_successor_came, confirm_late, look_too_early, replace_a_static_member,
    take_a_static_name_back, hear_late_of_a_name_that_is_lost, keep_all_in_another_generation,
};

START_TEST(an_honest_group_passes)
{
    struct world world;

    make(&world);
    truths[_i](&world);
    struct judge_verdict verdict = judged(&world);

    for (int fault = 0; fault < JUDGE_FAULTS; fault++)
        ck_assert_msg(verdict.faults[fault] == 0, "truth %d: '%s'", _i,
                      judge_word((enum judge_fault)fault));
}
END_TEST

START_TEST(what_groups_did_is_counted)
{
    struct world world;

    make(&world);
    struct judge_verdict verdict = judged(&world);

    ck_assert_uint_eq(verdict.generations, 2);
    ck_assert_uint_eq(verdict.processed, PARTITIONS * EACH);
    ck_assert_uint_eq(verdict.commits, 4);
}
END_TEST

START_TEST(what_no_member_writes_is_no_history)
{
    struct world world;
    struct judge_verdict verdict;

    make(&world);
    cut(&world, SECOND, pick(&world, SECOND, HISTORY_JOINED, 0));
    ck_assert_int_eq(judge(world.histories, CLIENTS, NULL, &verdict), -1);
    make(&world);
    pick(&world, LOOKER, HISTORY_LOOKED, 0)->client = HISTORY_GROUPS_MAX;
    ck_assert_int_eq(judge(world.histories, CLIENTS, NULL, &verdict), -1);
}
END_TEST

Suite *judge_groups_suite(void)
{
    Suite *suite = suite_create("judge-groups");
    TCase *tcase = tcase_create("judge-groups");
    tcase_add_loop_test(tcase, every_lie_of_a_group_is_seen, 0,
                        (int)(sizeof lies / sizeof lies[0]));
    tcase_add_loop_test(tcase, an_honest_group_passes, 0,
                        (int)(sizeof truths / sizeof truths[0]));
    tcase_add_test(tcase, what_groups_did_is_counted);
    tcase_add_test(tcase, what_no_member_writes_is_no_history);
    suite_add_tcase(suite, tcase);
    return suite;
}
