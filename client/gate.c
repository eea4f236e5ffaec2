#include "client/gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/later.h"

void gate_init(struct gate *gate)
{
    atomic_init(&gate->changes, 0);
    atomic_init(&gate->waiting, 0);
}

/* Either the signaller sees the waiter, or the waiter's futex call sees the new number: both
 * sides write their own word before they read the other's, in sequentially consistent order. */
void gate_signal(struct gate *gate)
{
    atomic_fetch_add(&gate->changes, 1);
    if (atomic_load(&gate->waiting) > 0)
        syscall(SYS_futex, &gate->changes, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

bool gate_wait(struct gate *gate, unsigned ticket, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - mono_ms();

    if (atomic_load(&gate->changes) != ticket)
        return true;
    if (left_ms <= 0)
        return false;
    if (left_ms > 3600 * 1000)
        left_ms = 3600 * 1000;

    struct timespec left = { .tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000 };
    atomic_fetch_add(&gate->waiting, 1);
    syscall(SYS_futex, &gate->changes, FUTEX_WAIT_PRIVATE, ticket, &left, NULL, 0);
    atomic_fetch_sub(&gate->waiting, 1);
    return true;
}

int64_t mono_ms(void)
{
    return clock_mono_ms(&clock_system);
}

int64_t deadline_after(int64_t timeout_ms)
{
    return later_ms(mono_ms(), timeout_ms < 0 ? 0 : timeout_ms);
}
