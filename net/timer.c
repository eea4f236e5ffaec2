/* timer.c - one deadline, of the loop's clock, over libevent's timers. */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/error.h"
#include "net/loop.h"
#include "net/loop_private.h"

struct timer {
    struct loop *loop;
    struct event *event;
    void (*fire)(void *context);
    void *context;
};

static void fired(evutil_socket_t fd, short what, void *context)
{
    struct timer *timer = context;
    (void)fd, (void)what;
    loop_in_turn(timer->loop);
    timer->fire(timer->context);
}

int timer_new(struct loop *loop, void (*fire)(void *context), void *context, struct timer **out)
{
    struct timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return K_NOMEM;
    *timer = (struct timer){ .loop = loop, .fire = fire, .context = context };
    timer->event = evtimer_new(loop_base(loop), fired, timer);
    if (timer->event == NULL) {
        free(timer);
        return K_NOMEM;
    }
    *out = timer;
    return 0;
}

void timer_free(struct timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->event);
    free(timer);
}

void timer_after(struct timer *timer, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };
    evtimer_add(timer->event, &delay);
}

void timer_at(struct timer *timer, int64_t deadline_ms)
{
    timer_after(timer, deadline_ms - clock_mono_ms(loop_clock(timer->loop)));
}

void timer_stop(struct timer *timer)
{
    evtimer_del(timer->event);
}

bool timer_pending(const struct timer *timer)
{
    return evtimer_pending(timer->event, NULL) != 0;
}
