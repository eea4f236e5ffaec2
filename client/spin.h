/* spin.h - the lock of the hot path: held for the copy of one record, so waiting is rare and short.
 *
 * A waiter spins for about a microsecond and then yields, because the holder may have lost its
 * processor. Never held across a call that may wait: an eventfd that is to keep step with what
 * the lock guards is written under it. */
#ifndef CLIENT_SPIN_H
#define CLIENT_SPIN_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct spin { atomic_bool held; };

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline void spin_init(struct spin *spin) { atomic_init(&spin->held, false); }

static inline void spin_lock(struct spin *spin)
{
    enum { PATIENCE = 64 };

    while (atomic_exchange_explicit(&spin->held, true, memory_order_acquire)) {
        for (int tries = 0; atomic_load_explicit(&spin->held, memory_order_relaxed); tries++) {
            if (tries >= PATIENCE)
                sched_yield();
            else
                spin_pause();
        }
    }
}

static inline void spin_unlock(struct spin *spin)
{
    atomic_store_explicit(&spin->held, false, memory_order_release);
}

#endif
