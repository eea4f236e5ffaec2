/* gate.h - a place to wait until something another thread changes.
 *
 *   for (;;) {
 *       unsigned ticket = gate_ticket(&gate);
 *       if (what I wait for is there) break;
 *       if (!gate_wait(&gate, ticket, deadline_ms)) break;      // out of time
 *   }
 *
 * The other side changes its state, then signals. Signalling without waiters is one atomic
 * addition; it is async-signal-safe. Any number of waiters and signallers. */
#ifndef CLIENT_GATE_H
#define CLIENT_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate {
    atomic_uint changes;
    atomic_uint waiting;
};

void gate_init(struct gate *gate);
static inline unsigned gate_ticket(struct gate *gate) { return atomic_load(&gate->changes); }
void gate_signal(struct gate *gate);

/* Wait for a signal later than the ticket. False when `deadline_ms` (of mono time) has passed. May
 * return true without cause. */
bool gate_wait(struct gate *gate, unsigned ticket, int64_t deadline_ms);

/* Monotonic milliseconds, and now + timeout without overflow. */
int64_t mono_ms(void);
int64_t deadline_after(int64_t timeout_ms);

#endif
