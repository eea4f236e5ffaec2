#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/metric.h"
#include "tests/net/rig.h"
#include "tests/net/suites.h"

/* --- mail ------------------------------------------------------------------------------------- */

struct letter {
    struct mail mail;
    struct inbox *inbox;
    int sender, number;
};

enum { SENDERS = 4, LETTERS = 5000 };

struct inbox {
    struct loop *loop;
    int next[SENDERS];          /* number of the letter expected from each sender */
    int count;
    struct letter *letters;
};

static void deliver(struct mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    struct inbox *inbox = letter->inbox;

    ck_assert(loop_is_current(inbox->loop));
    ck_assert_int_eq(letter->number, inbox->next[letter->sender]);
    inbox->next[letter->sender]++;
    if (++inbox->count == SENDERS * LETTERS)
        loop_stop(inbox->loop);
}

struct sender {
    pthread_t thread;
    struct inbox *inbox;
    int number;
};

static void *send_letters(void *context)
{
    struct sender *sender = context;

    for (int i = 0; i < LETTERS; i++)
        loop_post(sender->inbox->loop, &sender->inbox->letters[sender->number * LETTERS + i].mail);
    return NULL;
}

START_TEST(mail_of_several_threads_arrives_complete_and_in_order)
{
    struct inbox inbox = { .loop = rig_loop() };
    struct sender senders[SENDERS];
    inbox.letters = calloc(SENDERS * LETTERS, sizeof *inbox.letters);
    for (int i = 0; i < SENDERS * LETTERS; i++)
        inbox.letters[i] = (struct letter){ { NULL, deliver }, &inbox, i / LETTERS, i % LETTERS };

    ck_assert_int_eq(loop_start(inbox.loop), 0);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){ .inbox = &inbox, .number = i };
        pthread_create(&senders[i].thread, NULL, send_letters, &senders[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    loop_join(inbox.loop);

    ck_assert_int_eq(inbox.count, SENDERS * LETTERS);
    ck_assert(!loop_is_current(inbox.loop));
    loop_free(inbox.loop);
    free(inbox.letters);
}
END_TEST

struct counter {
    struct mail mail;
    int count;
};

static void count_mail(struct mail *mail)
{
    ((struct counter *)mail)->count++;
}

START_TEST(mail_posted_before_a_stop_is_delivered)
{
    struct loop *loop = rig_loop();
    struct counter letters[10] = { 0 };

    for (int i = 0; i < 10; i++) {
        letters[i].mail.deliver = count_mail;
        mail_post(loop_mail_target(loop), &letters[i].mail);
    }
    loop_stop(loop);
    loop_stop(loop);
    loop_run(loop);

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(letters[i].count, 1);
    loop_free(loop);
}
END_TEST

START_TEST(a_loop_can_run_again)
{
    struct loop *loop = rig_loop();

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(loop_start(loop), 0);
        loop_stop(loop);
        loop_join(loop);
    }

    loop_free(loop);
}
END_TEST

/* --- hooks ------------------------------------------------------------------------------------ */

struct hook {
    struct turn_hook hook;
    struct loop *loop;
    int runs, again;
    struct hook *other;         /* cancelled by this one */
};

static void run_hook(struct turn_hook *turn_hook)
{
    struct hook *hook = (struct hook *)turn_hook;

    hook->runs++;
    if (hook->again > 0) {
        hook->again--;
        loop_at_turn_end(hook->loop, &hook->hook);
    }
    if (hook->other != NULL)
        turn_hook_cancel(&hook->other->hook);
}

static void hook_init(struct hook *hook, struct loop *loop)
{
    *hook = (struct hook){ .loop = loop };
    turn_hook_init(&hook->hook, run_hook);
}

START_TEST(a_hook_runs_once_however_often_it_is_queued)
{
    struct loop *loop = rig_loop();
    struct hook hook;
    hook_init(&hook, loop);

    loop_at_turn_end(loop, &hook.hook);
    loop_at_turn_end(loop, &hook.hook);
    loop_turn(loop, 0);
    loop_turn(loop, 0);

    ck_assert_int_eq(hook.runs, 1);
    loop_free(loop);
}
END_TEST

START_TEST(a_hook_that_queues_itself_runs_in_the_same_turn_but_not_for_ever)
{
    struct loop *loop = rig_loop();
    struct hook hook;
    hook_init(&hook, loop);

    hook.again = 3;
    loop_at_turn_end(loop, &hook.hook);
    loop_turn(loop, 0);
    ck_assert_int_eq(hook.runs, 4);
    hook.again = 1000000;
    loop_at_turn_end(loop, &hook.hook);
    loop_turn(loop, PATIENCE_MS);
    int after_one_turn = hook.runs;
    loop_turn(loop, PATIENCE_MS);       /* does not wait: work is left */

    ck_assert_int_lt(after_one_turn, 1000);
    ck_assert_int_gt(hook.runs, after_one_turn);
    loop_free(loop);
}
END_TEST

START_TEST(a_cancelled_hook_does_not_run)
{
    struct loop *loop = rig_loop();
    struct hook first, second;
    hook_init(&first, loop);
    hook_init(&second, loop);

    first.other = &second;
    loop_at_turn_end(loop, &first.hook);
    loop_at_turn_end(loop, &second.hook);
    loop_turn(loop, 0);

    ck_assert_int_eq(first.runs, 1);
    ck_assert_int_eq(second.runs, 0);
    loop_free(loop);
}
END_TEST

START_TEST(turns_are_measured)
{
    struct metrics *metrics = metrics_new();
    struct loop *loop;
    struct hook hook;
    ck_assert_int_eq(
        loop_new(&(struct loop_options){ .name = "test", .metrics = metrics, .cpu = -1 }, &loop),
        0);
    hook_init(&hook, loop);

    loop_at_turn_end(loop, &hook.hook);
    loop_turn(loop, 0);

    ck_assert_int_ge(metric_quantile(metrics, METRIC_LOOP_TURN_US, 1.0), 0);
    loop_free(loop);
    metrics_free(metrics);
}
END_TEST

/* --- timers ----------------------------------------------------------------------------------- */

struct alarm_log {
    int count, order[8];
};

struct alarm {
    struct timer *timer;
    struct alarm_log *log;
    int name;
    bool again, free_itself;
};

static void ring(void *context)
{
    struct alarm *alarm = context;

    alarm->log->order[alarm->log->count++ % 8] = alarm->name;
    if (alarm->again)
        timer_after(alarm->timer, 0);
    if (alarm->free_itself) {
        timer_free(alarm->timer);
        alarm->timer = NULL;
    }
}

struct clockwork {
    struct clock_fake clock;
    struct loop *loop;
    struct alarm_log log;
    struct alarm alarms[4];
};

static void clockwork_init(struct clockwork *work)
{
    *work = (struct clockwork){ 0 };
    clock_fake_init(&work->clock, 1000000, 0);
    ck_assert_int_eq(
        loop_new(&(struct loop_options){ .clock = &work->clock.clock, .cpu = -1 }, &work->loop), 0);
    for (int i = 0; i < 4; i++) {
        work->alarms[i] = (struct alarm){ .log = &work->log, .name = i };
        ck_assert_int_eq(timer_new(work->loop, ring, &work->alarms[i], &work->alarms[i].timer), 0);
    }
}

static void clockwork_fini(struct clockwork *work)
{
    for (int i = 0; i < 4; i++)
        timer_free(work->alarms[i].timer);
    loop_free(work->loop);
}

START_TEST(timers_fire_in_order_of_their_deadlines_on_the_loops_clock)
{
    struct clockwork work;
    clockwork_init(&work);

    timer_at(work.alarms[0].timer, 1030);
    timer_after(work.alarms[1].timer, 10);
    timer_after(work.alarms[2].timer, 20);
    timer_after(work.alarms[3].timer, 5);
    timer_stop(work.alarms[3].timer);
    loop_turn(work.loop, 0);
    ck_assert_int_eq(work.log.count, 0);
    work.clock.us += 30000;
    loop_turn(work.loop, 0);

    ck_assert_int_eq(work.log.count, 3);
    ck_assert_int_eq(work.log.order[0], 1);
    ck_assert_int_eq(work.log.order[1], 2);
    ck_assert_int_eq(work.log.order[2], 0);
    ck_assert_int_eq(loop_now_ms(work.loop), 1030);
    clockwork_fini(&work);
}
END_TEST

START_TEST(a_timer_set_again_has_one_deadline)
{
    struct clockwork work;
    clockwork_init(&work);

    timer_after(work.alarms[0].timer, 10);
    timer_after(work.alarms[0].timer, 50);
    work.clock.us += 20000;
    loop_turn(work.loop, 0);
    ck_assert_int_eq(work.log.count, 0);
    work.clock.us += 30000;
    loop_turn(work.loop, 0);
    work.clock.us += 100000;
    loop_turn(work.loop, 0);

    ck_assert_int_eq(work.log.count, 1);
    clockwork_fini(&work);
}
END_TEST

START_TEST(a_timer_may_start_or_free_itself_when_it_fires)
{
    struct clockwork work;
    clockwork_init(&work);

    work.alarms[0].again = true;
    work.alarms[1].free_itself = true;
    timer_after(work.alarms[0].timer, 0);
    timer_after(work.alarms[1].timer, 0);
    loop_turn(work.loop, PATIENCE_MS);
    loop_turn(work.loop, PATIENCE_MS);      /* the one that starts itself is due again */

    ck_assert_int_ge(work.log.count, 3);
    ck_assert_ptr_null(work.alarms[1].timer);
    clockwork_fini(&work);
}
END_TEST

static void set_flag(void *context)
{
    *(bool *)context = true;
}

START_TEST(a_timer_ends_the_wait_of_its_loop_in_time)
{
    struct loop *loop = rig_loop();
    struct timer *later, *sooner;
    bool later_fired = false, sooner_fired = false;
    timer_new(loop, set_flag, &later_fired, &later);
    timer_new(loop, set_flag, &sooner_fired, &sooner);

    int64_t start_ms = rig_now_ms();
    timer_after(later, 60);
    loop_turn(loop, 0);
    timer_after(sooner, 5);
    while (!sooner_fired)
        loop_turn(loop, PATIENCE_MS);
    ck_assert_int_ge(rig_now_ms(), start_ms + 5);
    ck_assert(!later_fired || rig_now_ms() >= start_ms + 60);
    while (!later_fired)
        loop_turn(loop, PATIENCE_MS);
    ck_assert_int_ge(rig_now_ms(), start_ms + 60);

    timer_free(later);
    timer_free(sooner);
    loop_free(loop);
}
END_TEST

Suite *loop_suite(void)
{
    Suite *suite = suite_create("loop");
    TCase *tcase = tcase_create("loop");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, mail_of_several_threads_arrives_complete_and_in_order);
    tcase_add_test(tcase, mail_posted_before_a_stop_is_delivered);
    tcase_add_test(tcase, a_loop_can_run_again);
    tcase_add_test(tcase, a_hook_runs_once_however_often_it_is_queued);
    tcase_add_test(tcase, a_hook_that_queues_itself_runs_in_the_same_turn_but_not_for_ever);
    tcase_add_test(tcase, a_cancelled_hook_does_not_run);
    tcase_add_test(tcase, turns_are_measured);
    tcase_add_test(tcase, timers_fire_in_order_of_their_deadlines_on_the_loops_clock);
    tcase_add_test(tcase, a_timer_set_again_has_one_deadline);
    tcase_add_test(tcase, a_timer_may_start_or_free_itself_when_it_fires);
    tcase_add_test(tcase, a_timer_ends_the_wait_of_its_loop_in_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
