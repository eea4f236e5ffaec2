/* The judge is judged: a doctored history for every way in which a log can lie, and honest ones,
 * odd as they may look. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/chaos/judge.h"
#include "tests/chaos/test_judge.h"
#include "tests/lib/runner.h"

enum { PRODUCERS = 2, PARTITIONS = 2, EACH = 8, ROOM = 64 };

/* Two producers, a consumer and the final client; record n of a producer goes to partition n % 2.
 * Of each partition the producers' records alternate. */
enum client { FIRST, SECOND, CONSUMER, FINAL, CLIENTS };

struct world {
    struct history histories[CLIENTS];
    struct history_event events[CLIENTS][ROOM];
};

static void add(struct world *world, enum client client, enum history_kind kind, uint64_t number,
                int partition, int64_t offset)
{
    struct history *history = &world->histories[client];
    ck_assert_uint_lt(history->count, ROOM);
    history->events[history->count++] = (struct history_event){
        .time_us = 1000 * (offset + 1), .number = number, .offset = offset,
        .checksum = (uint32_t)number * 31, .partition = (uint16_t)partition, .kind = (uint8_t)kind,
        .client = (uint8_t)client };
}

static void make(struct world *world)
{
    memset(world, 0, sizeof *world);
    for (int i = 0; i < CLIENTS; i++)
        world->histories[i].events = world->events[i];
    for (int n = 0; n < EACH; n++) {
        for (int producer = 0; producer < PRODUCERS; producer++) {
            uint64_t number = history_number((unsigned)producer, (uint64_t)n);
            int partition = n % PARTITIONS;
            int64_t offset = (int64_t)(n / PARTITIONS) * PRODUCERS + producer;
            add(world, (enum client)producer, HISTORY_SENT, number, partition, offset);
            world->events[producer][world->histories[producer].count - 1].time_us -= 500;
            add(world, (enum client)producer, HISTORY_ACKED, number, partition, offset);
            add(world, CONSUMER, HISTORY_READ, number, partition, offset);
            add(world, FINAL, HISTORY_FINAL, number, partition, offset);
        }
    }
    for (int p = 0; p < PARTITIONS; p++) {
        add(world, CONSUMER, HISTORY_END, 0, p, (int64_t)EACH * PRODUCERS / PARTITIONS);
        add(world, FINAL, HISTORY_FINAL_END, 0, p, (int64_t)EACH * PRODUCERS / PARTITIONS);
    }
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

static void swap_numbers(struct history_event *a, struct history_event *b)
{
    struct history_event kept = *a;
    a->number = b->number;
    a->checksum = b->checksum;
    b->number = kept.number;
    b->checksum = kept.checksum;
}

/* The last record of partition 1 is in no final read; nobody had read it. */
static void cut_last(struct world *world)
{
    cut(world, FINAL, pick(world, FINAL, HISTORY_FINAL, EACH * PRODUCERS - 1));
    cut(world, CONSUMER, pick(world, CONSUMER, HISTORY_READ, EACH * PRODUCERS - 1));
    pick(world, CONSUMER, HISTORY_END, 1)->offset--;
    pick(world, FINAL, HISTORY_FINAL_END, 1)->offset--;
}

/* --- lies ------------------------------------------------------------------------------------- */

static void lose_the_tail(struct world *world)
{
    cut_last(world);
}

static void lose_one_in_the_middle(struct world *world)
{
    struct history_event *event = pick(world, FINAL, HISTORY_FINAL, 5);
    event->number = pick(world, SECOND, HISTORY_SENT, EACH - 1)->number;
    cut_last(world);
}

static void exchange_two(struct world *world)
{
    swap_numbers(pick(world, FINAL, HISTORY_FINAL, 0), pick(world, FINAL, HISTORY_FINAL, 1));
    swap_numbers(pick(world, CONSUMER, HISTORY_READ, 0), pick(world, CONSUMER, HISTORY_READ, 1));
}

static void store_twice(struct world *world)
{
    const struct history_event *event = pick(world, FINAL, HISTORY_FINAL, 0);
    add(world, FINAL, HISTORY_FINAL, event->number, 0, EACH);
}

static void store_in_another_order(struct world *world)
{
    swap_numbers(pick(world, FINAL, HISTORY_FINAL, 0), pick(world, FINAL, HISTORY_FINAL, 4));
}

static void store_before_what_was_acked(struct world *world)
{
    pick(world, FIRST, HISTORY_SENT, 0)->time_us = 1000 * 1000;
    pick(world, FIRST, HISTORY_ACKED, 0)->time_us = 1001 * 1000;
}

static void store_what_nobody_sent(struct world *world)
{
    add(world, FINAL, HISTORY_FINAL, history_number(0, EACH), 0, EACH);
}

static void read_what_nobody_sent(struct world *world)
{
    pick(world, CONSUMER, HISTORY_READ, 3)->number = history_number(7, 3);
}

static void change_stored_bytes(struct world *world)
{
    pick(world, FINAL, HISTORY_FINAL, 3)->checksum ^= 1;
}

static void make_a_stored_record_unreadable(struct world *world)
{
    pick(world, FINAL, HISTORY_FINAL, 3)->number = HISTORY_UNREADABLE;
}

static void store_in_another_partition(struct world *world)
{
    cut_last(world);
    add(world, FINAL, HISTORY_FINAL, history_number(1, EACH - 1), 0, EACH);
}

static void store_what_was_refused(struct world *world)
{
    pick(world, FIRST, HISTORY_ACKED, 2)->kind = HISTORY_REFUSED;
}

static void read_what_was_refused(struct world *world)
{
    pick(world, SECOND, HISTORY_ACKED, EACH - 1)->kind = HISTORY_REFUSED;
    cut(world, FINAL, pick(world, FINAL, HISTORY_FINAL, EACH * PRODUCERS - 1));
}

static void leave_a_hole(struct world *world)
{
    cut(world, FINAL, pick(world, FINAL, HISTORY_FINAL, 4));
}

static void end_before_what_was_seen(struct world *world)
{
    pick(world, CONSUMER, HISTORY_END, 0)->offset++;
}

static void end_before_what_was_told(struct world *world)
{
    pick(world, FINAL, HISTORY_FINAL_END, 0)->offset++;
}

static void let_the_end_go_back(struct world *world)
{
    add(world, CONSUMER, HISTORY_END, 0, 1, EACH - 2);
}

static void let_the_end_be_below_what_was_read(struct world *world)
{
    pick(world, CONSUMER, HISTORY_END, 1)->offset = EACH - 3;
}

static void read_what_is_cut_off_later(struct world *world)
{
    pick(world, SECOND, HISTORY_ACKED, EACH - 1)->kind = HISTORY_UNKNOWN;
    cut(world, FINAL, pick(world, FINAL, HISTORY_FINAL, EACH * PRODUCERS - 1));
}

static void replace_what_was_read(struct world *world)
{
    pick(world, SECOND, HISTORY_ACKED, 0)->kind = HISTORY_UNKNOWN;
    pick(world, FIRST, HISTORY_ACKED, 0)->kind = HISTORY_UNKNOWN;
    swap_numbers(pick(world, FINAL, HISTORY_FINAL, 0), pick(world, FINAL, HISTORY_FINAL, 1));
}

static void deliver_other_bytes(struct world *world)
{
    pick(world, CONSUMER, HISTORY_READ, 3)->checksum ^= 1;
}

static void deliver_rubbish(struct world *world)
{
    pick(world, CONSUMER, HISTORY_READ, 3)->number = HISTORY_UNREADABLE;
}

static void skip_a_record(struct world *world)
{
    cut(world, CONSUMER, pick(world, CONSUMER, HISTORY_READ, 4));
}

static void deliver_twice(struct world *world)
{
    const struct history_event *event = pick(world, CONSUMER, HISTORY_READ, 4);
    add(world, CONSUMER, HISTORY_READ, event->number, event->partition, event->offset);
}

static void call_an_offset_out_of_range(struct world *world)
{
    add(world, CONSUMER, HISTORY_RANGE, 0, 0, 3);
}

static void acknowledge_twice(struct world *world)
{
    const struct history_event *event = pick(world, FIRST, HISTORY_ACKED, 0);
    add(world, FIRST, HISTORY_ACKED, event->number, 0, event->offset);
}

static void acknowledge_what_was_not_sent(struct world *world)
{
    add(world, FIRST, HISTORY_ACKED, history_number(0, EACH), 0, EACH);
}

static void never_answer(struct world *world)
{
    cut(world, FIRST, pick(world, FIRST, HISTORY_ACKED, 3));
}

static const struct { void (*doctor)(struct world *world); enum judge_fault fault; } lies[] = {
    { lose_the_tail, JUDGE_LOST },
    { lose_one_in_the_middle, JUDGE_LOST },
    { exchange_two, JUDGE_MOVED },
    { store_twice, JUDGE_DUPLICATE },
    { store_in_another_order, JUDGE_REORDERED },
    { store_before_what_was_acked, JUDGE_TIMELESS },
    { store_what_nobody_sent, JUDGE_PHANTOM },
    { read_what_nobody_sent, JUDGE_PHANTOM },
    { change_stored_bytes, JUDGE_CHANGED },
    { make_a_stored_record_unreadable, JUDGE_CHANGED },
    { store_in_another_partition, JUDGE_MISPLACED },
    { store_what_was_refused, JUDGE_DENIED },
    { read_what_was_refused, JUDGE_DENIED },
    { leave_a_hole, JUDGE_HOLE },
    { end_before_what_was_seen, JUDGE_SHORT },
    { end_before_what_was_told, JUDGE_SHORT },
    { let_the_end_go_back, JUDGE_BACKWARD },
    { let_the_end_be_below_what_was_read, JUDGE_BACKWARD },
    { read_what_is_cut_off_later, JUDGE_VANISHED },
    { replace_what_was_read, JUDGE_REPLACED },
    { deliver_other_bytes, JUDGE_DAMAGED },
    { deliver_rubbish, JUDGE_DAMAGED },
    { skip_a_record, JUDGE_SKIPPED },
    { deliver_twice, JUDGE_SKIPPED },
    { call_an_offset_out_of_range, JUDGE_RANGE },
    { acknowledge_twice, JUDGE_FORGED },
    { acknowledge_what_was_not_sent, JUDGE_FORGED },
    { never_answer, JUDGE_UNANSWERED },
};

START_TEST(every_lie_is_seen)
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

START_TEST(every_fault_has_a_lie)
{
    for (int fault = 0; fault < JUDGE_FAULTS; fault++) {
        int told = group_lies_about((enum judge_fault)fault);
        for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
            told += lies[i].fault == (enum judge_fault)fault;
        ck_assert_msg(told > 0, "no lie for '%s'", judge_word((enum judge_fault)fault));
    }
}
END_TEST

/* --- the truth -------------------------------------------------------------------------------- */

static void change_nothing(struct world *world)
{
    (void)world;
}

static void fail_and_store_nothing(struct world *world)
{
    cut_last(world);
    pick(world, SECOND, HISTORY_ACKED, EACH - 1)->kind = HISTORY_REFUSED;
}

static void not_know_and_store_nothing(struct world *world)
{
    cut_last(world);
    pick(world, SECOND, HISTORY_ACKED, EACH - 1)->kind = HISTORY_UNKNOWN;
}

static void not_know_and_store(struct world *world)
{
    pick(world, SECOND, HISTORY_ACKED, EACH - 1)->kind = HISTORY_UNKNOWN;
    pick(world, FIRST, HISTORY_ACKED, 3)->kind = HISTORY_UNKNOWN;
}

static void read_nothing(struct world *world)
{
    world->histories[CONSUMER].count = 0;
}

static void begin_to_read_in_the_middle(struct world *world)
{
    for (int i = 0; i < 4; i++)
        cut(world, CONSUMER, pick(world, CONSUMER, HISTORY_READ, 0));
}

static void hear_of_an_older_end_at_first(struct world *world)
{
    struct history_event *event = &world->events[CONSUMER][0];
    memmove(event + 1, event, world->histories[CONSUMER].count++ * sizeof *event);
    *event = (struct history_event){ .kind = HISTORY_END, .partition = 0, .offset = 1 };
}

/* Nothing that overlaps in time is out of order. */
static void acknowledge_late(struct world *world)
{
    for (int n = 0; n < EACH; n++)
        pick(world, FIRST, HISTORY_ACKED, n)->time_us += 3600 * INT64_C(1000000);
}

/* The first record's acknowledgement comes after that of the third, which went to the same place:
 * its connection broke, and the retry found it stored. */
static void acknowledge_a_retry_after_later_ones(struct world *world)
{
    struct history_event *first = pick(world, FIRST, HISTORY_ACKED, 0),
                         *third = pick(world, FIRST, HISTORY_ACKED, 2), kept = *first;
    memmove(first, first + 1, (size_t)(third - first) * sizeof kept);
    *third = kept;
}

static void do_nothing_at_all(struct world *world)
{
    for (int i = 0; i < CLIENTS; i++)
        world->histories[i].count = 0;
}

static void (*const truths[])(struct world *world) = {
    change_nothing, fail_and_store_nothing, not_know_and_store_nothing, not_know_and_store,
    read_nothing, begin_to_read_in_the_middle, hear_of_an_older_end_at_first, acknowledge_late,
    acknowledge_a_retry_after_later_ones, do_nothing_at_all,
};

START_TEST(an_honest_history_passes)
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

START_TEST(a_lie_is_blamed_for_what_it_is)
{
    struct world world;

    make(&world);
    store_in_another_order(&world);
    struct judge_verdict verdict = judged(&world);

    ck_assert_uint_eq(verdict.faults[JUDGE_LOST], 0);
    ck_assert_uint_eq(verdict.faults[JUDGE_DUPLICATE], 0);
    ck_assert_uint_eq(verdict.faults[JUDGE_MOVED], 2);
}
END_TEST

START_TEST(what_no_client_writes_is_no_history)
{
    struct world world;
    struct judge_verdict verdict;

    make(&world);
    world.events[CONSUMER][0].partition = HISTORY_PARTITIONS_MAX;
    ck_assert_int_eq(judge(world.histories, CLIENTS, NULL, &verdict), -1);
    make(&world);
    world.events[CONSUMER][0].kind = HISTORY_KINDS;
    ck_assert_int_eq(judge(world.histories, CLIENTS, NULL, &verdict), -1);
    make(&world);
    pick(&world, FIRST, HISTORY_SENT, 1)->number++;
    ck_assert_int_eq(judge(world.histories, CLIENTS, NULL, &verdict), -1);
}
END_TEST

START_TEST(the_longest_pause_is_told)
{
    struct world world;

    make(&world);
    pick(&world, FIRST, HISTORY_ACKED, EACH - 1)->time_us += 250000;
    struct judge_verdict verdict = judged(&world);

    ck_assert_int_ge(verdict.pause_us, 250000);
    ck_assert_int_lt(verdict.pause_us, 260000);
}
END_TEST

START_TEST(a_file_gives_back_what_was_written)
{
    char path[] = "/tmp/kairn-history-XXXXXX";
    int fd = mkstemp(path);
    struct world world;
    struct history read;

    ck_assert_int_ge(fd, 0);
    make(&world);
    FILE *file = history_create(path);
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < world.histories[FIRST].count; i++)
        history_write(file, &world.events[FIRST][i]);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(history_load(path, false, &read), 0);

    ck_assert_uint_eq(read.count, world.histories[FIRST].count);
    ck_assert_mem_eq(read.events, world.events[FIRST], read.count * sizeof *read.events);
    history_fini(&read);
    ck_assert_int_eq(truncate(path, 8 + 33), 0);
    ck_assert_int_eq(history_load(path, false, &read), -1);
    ck_assert_int_eq(history_load(path, true, &read), 0);
    ck_assert_uint_eq(read.count, 1);
    history_fini(&read);
    ck_assert_int_eq(truncate(path, 3), 0);
    ck_assert_int_eq(history_load(path, false, &read), -1);
    ck_assert_int_eq(history_load(path, true, &read), 0);
    ck_assert_uint_eq(read.count, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

static Suite *judge_suite(void)
{
    Suite *suite = suite_create("judge");
    TCase *tcase = tcase_create("judge");
    tcase_add_loop_test(tcase, every_lie_is_seen, 0, (int)(sizeof lies / sizeof lies[0]));
    tcase_add_loop_test(tcase, an_honest_history_passes, 0,
                        (int)(sizeof truths / sizeof truths[0]));
    tcase_add_test(tcase, every_fault_has_a_lie);
    tcase_add_test(tcase, a_lie_is_blamed_for_what_it_is);
    tcase_add_test(tcase, what_no_client_writes_is_no_history);
    tcase_add_test(tcase, the_longest_pause_is_told);
    tcase_add_test(tcase, a_file_gives_back_what_was_written);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { judge_suite, judge_groups_suite };
    return run_suites(argc, argv, makers, sizeof makers / sizeof makers[0]);
}
