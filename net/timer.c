/* Timers of a loop: a heap of deadlines on the loop's own clock, and one timerfd for the first.
 *
 * libevent's timers are not used: they read a coarse clock of 4 ms steps, or else re-arm a timerfd
 * before every wait. Here the timerfd is set only when a deadline is earlier than what it is set
 * to; one that fires too early, because a timer was stopped or moved, costs one empty turn. */
#include <assert.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/later.h"
#include "net/loop_internal.h"

static struct timer *timer_of(struct heap_node *node)
{
    return (struct timer *)((char *)node - offsetof(struct timer, node));
}

int timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *context), void *context)
{
    assert(loop_is_mine(loop));
    if (heap_reserve(&loop->timers, loop->timer_count + 1) != 0)
        return K_NOMEM;
    loop->timer_count++;
    timer->loop = loop;
    timer->fire = fire;
    timer->context = context;
    heap_node_init(&timer->node);
    return 0;
}

void timer_fini(struct timer *timer)
{
    timer_stop(timer);
    timer->loop->timer_count--;
}

int timer_new(struct loop *loop, void (*fire)(void *context), void *context, struct timer **out)
{
    struct timer *timer = malloc(sizeof *timer);
    if (timer == NULL)
        return K_NOMEM;
    int error = timer_init(timer, loop, fire, context);
    if (error != 0) {
        free(timer);
        return error;
    }
    *out = timer;
    return 0;
}

void timer_free(struct timer *timer)
{
    if (timer == NULL)
        return;
    timer_fini(timer);
    free(timer);
}

void timer_at(struct timer *timer, int64_t deadline_ms)
{
    assert(loop_is_mine(timer->loop));
    if (timer_pending(timer)) {
        heap_move(&timer->loop->timers, &timer->node, deadline_ms);
        return;
    }
    int error = heap_push(&timer->loop->timers, &timer->node, deadline_ms);
    assert(error == 0);      /* timer_init() reserved the room */
    (void)error;
}

void timer_after(struct timer *timer, int64_t delay_ms)
{
    timer_at(timer, later_ms(loop_now_ms(timer->loop), delay_ms));
}

void timer_stop(struct timer *timer)
{
    assert(loop_is_mine(timer->loop));
    heap_remove(&timer->loop->timers, &timer->node);
}

bool timer_pending(const struct timer *timer)
{
    return timer->node.index != HEAP_OUT;
}

void timers_fire(struct loop *loop)
{
    int64_t now_ms = loop_turn_ms(loop);

    /* Bounded, because a timer may start itself again for this very moment. */
    for (size_t left = loop->timers.count; left > 0; left--) {
        struct heap_node *top = heap_top(&loop->timers);
        if (top == NULL || top->key > now_ms)
            break;
        struct timer *timer = timer_of(top);
        heap_remove(&loop->timers, top);
        timer->fire(timer->context);
    }
}

bool timers_arm(struct loop *loop, int64_t wait_ms)
{
    struct heap_node *top = heap_top(&loop->timers);
    if (top == NULL && wait_ms < 0)
        return true;

    int64_t now_us = clock_mono_us(loop->clock);
    int64_t due_us = INT64_MAX;
    if (top != NULL && top->key < INT64_MAX / 1000)
        due_us = top->key * 1000;
    if (wait_ms >= 0 && now_us + wait_ms * 1000 < due_us)
        due_us = now_us + wait_ms * 1000;
    if (due_us <= now_us)
        return false;
    if (due_us >= loop->armed_us)
        return true;

    int64_t delay_us = due_us - now_us;
    struct itimerspec spec = {
        .it_value = { .tv_sec = delay_us / 1000000, .tv_nsec = delay_us % 1000000 * 1000 },
    };
    int failed = timerfd_settime(loop->timer_fd, 0, &spec, NULL);
    assert(failed == 0);
    (void)failed;
    loop->armed_us = due_us;
    return true;
}
