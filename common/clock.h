/* clock.h - the only source of time.
 *
 * mono_* never goes back and does not count suspend; boot_ms counts it (leases); wall_ms is for
 * timestamps only. Everything that needs a controllable clock takes a `const struct clock *`. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*mono_us)(const struct clock *clock);
    int64_t (*boot_ms)(const struct clock *clock);
    int64_t (*wall_ms)(const struct clock *clock);
};

/* The machine's clock. */
extern const struct clock clock_system;

static inline int64_t clock_mono_us(const struct clock *clock) { return clock->mono_us(clock); }
static inline int64_t clock_mono_ms(const struct clock *clock)
{
    return clock->mono_us(clock) / 1000;
}
static inline int64_t clock_boot_ms(const struct clock *clock) { return clock->boot_ms(clock); }
static inline int64_t clock_wall_ms(const struct clock *clock) { return clock->wall_ms(clock); }

/* A clock that moves only when told to, for tests. */
struct clock_fake {
    struct clock clock;             /* first: pass &fake.clock */
    int64_t us;                     /* monotonic and boot time */
    int64_t wall_offset_ms;         /* wall = us / 1000 + this */
};
void clock_fake_init(struct clock_fake *fake, int64_t us, int64_t wall_ms);

#endif
