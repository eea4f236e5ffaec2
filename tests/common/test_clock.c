#include "common/clock.h"
#include "tests/common/suites.h"

START_TEST(fake_clock_moves_only_when_told_to)
{
    struct clock_fake fake;
    clock_fake_init(&fake, 5000000, 1700000000000);

    ck_assert_int_eq(clock_mono_us(&fake.clock), 5000000);
    ck_assert_int_eq(clock_mono_ms(&fake.clock), 5000);
    ck_assert_int_eq(clock_boot_ms(&fake.clock), 5000);
    ck_assert_int_eq(clock_wall_ms(&fake.clock), 1700000000000);

    fake.us += 1500;
    ck_assert_int_eq(clock_mono_us(&fake.clock), 5001500);
    ck_assert_int_eq(clock_wall_ms(&fake.clock), 1700000000001);
}
END_TEST

START_TEST(system_clock_does_not_go_back)
{
    int64_t before = clock_mono_us(&clock_system);

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us(&clock_system);
        ck_assert_int_ge(now, before);
        before = now;
    }

    ck_assert_int_gt(clock_wall_ms(&clock_system), 1600000000000);
    ck_assert_int_ge(clock_boot_ms(&clock_system) + 1, clock_mono_ms(&clock_system) - 1);
}
END_TEST

Suite *clock_suite(void)
{
    Suite *suite = suite_create("common/clock");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, fake_clock_moves_only_when_told_to);
    tcase_add_test(basics, system_clock_does_not_go_back);
    suite_add_tcase(suite, basics);
    return suite;
}
