#include "common/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_mono_us(const struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_boot_ms(const struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_BOOTTIME) / 1000;
}

static int64_t system_wall_ms(const struct clock *clock)
{
    (void)clock;
    return read_us(CLOCK_REALTIME) / 1000;
}

const struct clock clock_system = { system_mono_us, system_boot_ms, system_wall_ms };

static int64_t fake_mono_us(const struct clock *clock)
{
    return ((const struct clock_fake *)clock)->us;
}

static int64_t fake_boot_ms(const struct clock *clock)
{
    return ((const struct clock_fake *)clock)->us / 1000;
}

static int64_t fake_wall_ms(const struct clock *clock)
{
    const struct clock_fake *fake = (const struct clock_fake *)clock;
    return fake->us / 1000 + fake->wall_offset_ms;
}

void clock_fake_init(struct clock_fake *fake, int64_t us, int64_t wall_ms)
{
    fake->clock = (struct clock){ fake_mono_us, fake_boot_ms, fake_wall_ms };
    fake->us = us;
    fake->wall_offset_ms = wall_ms - us / 1000;
}
