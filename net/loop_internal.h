/* loop_internal.h - what the files of net/ share about a loop. Not for other folders. */
#ifndef NET_LOOP_INTERNAL_H
#define NET_LOOP_INTERNAL_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/heap.h"
#include "net/descriptors.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/slab_pool.h"

/* A timer that is part of another struct: timer_init() instead of timer_new(). */
struct timer {
    struct loop *loop;
    struct heap_node node;
    void (*fire)(void *context);
    void *context;
};

struct loop {
    char name[16];
    const struct clock *clock;
    struct metrics *metrics;            /* NULL: none */
    int cpu;

    struct event_base *base;
    struct mailbox mailbox;
    struct event *mail_event;
    struct mail_target target;

    struct heap timers;                 /* of struct timer, by deadline in ms */
    size_t timer_count;                 /* how many exist: room in the heap is reserved for all */
    int timer_fd;                       /* one for all of them */
    struct event *timer_event;
    int64_t armed_us;                   /* when timer_fd fires; INT64_MAX: it does not */

    struct descriptors owned;           /* all of them, for loop_abandon() */

    struct list turn_end, next_turn;    /* of struct turn_hook */
    struct list finishing;              /* struct conn.finishing: nobody owns them any more */
    int64_t turn_us;                    /* start of the turn under way; 0 between turns */
    size_t budget;                      /* bytes that connections may still move in this turn */

    struct slab_pool pool;
    struct timer trim;                  /* gives back slabs that have become idle */
    bool trim_due;                      /* `trim` is running */
    struct slab *receive;               /* the slab that all connections receive into */
    size_t receive_used;                /* bytes at its start that somebody may still hold */

    _Atomic(pthread_t) runner;          /* the thread that runs it; 0: none */
    pthread_t thread;
    bool started;
    atomic_bool stop_asked;
    struct mail stop_mail;
    bool stopping;
};

/* Every callback of the loop's event_base calls this first: the turn's time is taken after the
 * wait, not before it. */
void loop_turn_begin(struct loop *loop);

/* Close the connections that were left to the loop by conn_close_after_sending(). */
void conn_close_finishing(struct loop *loop);

/* Time as of the start of this turn: where a hundred connections ask, and precision is nothing. */
static inline int64_t loop_turn_ms(const struct loop *loop)
{
    return loop->turn_us != 0 ? loop->turn_us / 1000 : loop_now_ms(loop);
}

/* Queue a hook for the start of the next turn, which then does not wait: for work that is ready
 * but has used up its share of this turn. */
void loop_at_next_turn(struct loop *loop, struct turn_hook *hook);

/* A descriptor belongs to the loop from now on; no longer, before it is closed or handed on. */
void loop_own(struct loop *loop, int fd);
void loop_disown(struct loop *loop, int fd);
/* Both: disown and close. */
void loop_close(struct loop *loop, int fd);

/* True for the loop's thread, and for whoever prepares or takes apart a loop that does not run. */
bool loop_is_mine(const struct loop *loop);

/* --- slabs to receive into -------------------------------------------------------------------- */
enum {
    RECEIVE_SLAB_SIZE = 256 << 10,
    RECEIVE_ROOM_MIN = 64 << 10         /* with less left than this a fresh slab is begun */
};

/* The shared slab and its free part, at least RECEIVE_ROOM_MIN bytes; NULL when out of memory. The
 * slab is the loop's; the room is the caller's until its callback returns. */
struct slab *loop_receive_room(struct loop *loop, uint8_t **room, size_t *size);
/* The first `size` bytes of the room were filled, and may be kept by somebody. */
void loop_receive_fill(struct loop *loop, size_t size);
/* A slab for one frame, the caller's; NULL when out of memory. Given back, others may still hold
 * it. */
struct slab *loop_take_slab(struct loop *loop, size_t size);
void loop_give_slab(struct loop *loop, struct slab *slab);

/* --- timers that are part of another struct --------------------------------------------------- */
int timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *context), void *context);
void timer_fini(struct timer *timer);
/* Fire what is due; called once a turn. */
void timers_fire(struct loop *loop);
/* Make timer_fd fire at the first deadline, or after `wait_ms` (-1: no limit). Returns false if
 * that moment has come already. */
bool timers_arm(struct loop *loop, int64_t wait_ms);

#endif
