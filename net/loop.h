/* loop.h - one thread, one event_base, and everything that belongs to them.
 *
 * Only loop_post(), loop_stop() and loop_is_current() may be called from other threads; all else
 * belongs to the loop's own thread (asserted in debug builds), or to whoever made it before start.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"

struct clock;
struct event_base;
struct loop;
struct metrics;
struct slab;

struct loop_options {
    const char *name;               /* of the thread, at most 15 characters; copied */
    const struct clock *clock;      /* borrowed; NULL: the machine's */
    struct metrics *metrics;        /* borrowed; NULL: none. LOOP_TURN_US is observed */
    int cpu;                        /* pin to this processor; -1: do not */
};

/* Make a loop. Returns 0 or K_NOMEM. */
int loop_new(const struct loop_options *options, struct loop **out);

/* Start its thread (all signals blocked in it). Returns 0 or K_NOMEM. */
int loop_start(struct loop *loop);

/* Run in the calling thread instead of loop_start(), until loop_stop(). SIGPIPE stays blocked in
 * that thread afterwards. */
void loop_run(struct loop *loop);

/* One turn in the calling thread, waiting at most `wait_ms` (-1: no limit) for something to do: for
 * tests, which run a loop until a condition holds. SIGPIPE stays blocked as with loop_run(). */
void loop_turn(struct loop *loop, int64_t wait_ms);

/* Ask it to end after the current turn; mail posted before is still delivered. Any thread. */
void loop_stop(struct loop *loop);

/* Wait for the thread's end. Not from the loop itself. No-op when never started. */
void loop_join(struct loop *loop);

/* Free a stopped loop. Whatever used it must be gone. NULL is allowed. */
void loop_free(struct loop *loop);

/* In a child after fork(), which does not have the loop's thread: close every descriptor of the
 * loop and of the connections, channels and listeners on it. Nothing else happens: no byte is sent,
 * what the parent shares (epoll, connections) goes on undisturbed, and all memory stays, because
 * the thread may have been changing it when it was copied. A pair of pipes stays open that libevent
 * keeps for signals and tells nobody about. Nothing on the loop may be used afterwards, not even to
 * free it. Any thread of the child. */
void loop_abandon(struct loop *loop);

/* Deliver mail on the loop's thread. Any thread, never blocks, never refused. */
void loop_post(struct loop *loop, struct mail *mail);
struct mail_target *loop_mail_target(struct loop *loop);

bool loop_is_current(const struct loop *loop);

/* The loop's monotonic clock, now. */
int64_t loop_now_ms(const struct loop *loop);
int64_t loop_now_us(const struct loop *loop);
const struct clock *loop_clock(const struct loop *loop);

struct event_base *loop_base(struct loop *loop);

/* --- work at the end of a turn ---------------------------------------------------------------
 * A turn is one pass over everything that was ready. What gathers work during a turn (appends to
 * one partition, frames to one socket) asks to be called once when the turn is over. */
struct turn_hook {
    struct list node;
    void (*run)(struct turn_hook *hook);
};

void turn_hook_init(struct turn_hook *hook, void (*run)(struct turn_hook *hook));
/* Queue for the end of this turn; no-op when queued already. Hooks may queue hooks. */
void loop_at_turn_end(struct loop *loop, struct turn_hook *hook);
void turn_hook_cancel(struct turn_hook *hook);

/* --- timers --------------------------------------------------------------------------------- */
struct timer;
int timer_new(struct loop *loop, void (*fire)(void *context), void *context, struct timer **out);
void timer_free(struct timer *timer);                         /* NULL is allowed */
/* Fire once at `deadline_ms` of the loop's monotonic clock; replaces an earlier deadline. */
void timer_at(struct timer *timer, int64_t deadline_ms);
void timer_after(struct timer *timer, int64_t delay_ms);
void timer_stop(struct timer *timer);
/* Will it fire? */
bool timer_pending(const struct timer *timer);

#endif
