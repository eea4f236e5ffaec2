/* A control plane one of whose first allocations fails: it says so, or a little later it is what it
 * would have been. Later ones are tests/torture/start's. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "server/runtime/control_internal.h"
#include "server/runtime/metadata.h"
#include "tests/server/lib/crew.h"
#include "tests/server/runtime/suites.h"
#include "tests/torture/memory.h"

enum {
    TO_THE_CHROOT = 12,             /* so many take the session, and the cluster's root in it */
    TO_ANOTHER_REIGN = 20           /* and at least so many a chair that is given up and taken */
};

static struct crew crew;

static bool is_control_plane(const char *thread)
{
    return strcmp(thread, "control") == 0;
}

START_TEST(a_session_that_lacks_memory_for_a_moment_comes_to_be_a_little_later)
{
    memory_set_threads(is_control_plane);
    for (long n = 1; n <= TO_THE_CHROOT; n++) {
        char chroot[32];

        snprintf(chroot, sizeof chroot, "/memory-%ld", n);
        crew_init(&crew, chroot);
        memory_fail_at(n, false);
        struct crew_broker *broker = crew_start(&crew, 1, NULL);
        CREW_UNTIL(&crew, broker->refused != 0 || crew_agrees(&crew, 1));

        ck_assert_int_gt(memory_heal(), 0);
        if (broker->refused != 0)
            ck_assert_int_eq(broker->refused, K_NOMEM);
        crew_fini(&crew);
    }
}
END_TEST

static void depose(void *context)
{
    struct control *control = ((struct crew_broker *)context)->control;
    const struct member_event event = { .type = MEMBER_DEPOSED,
                                        .now_ms = control_boot_ms(control) };

    drive_member(control, &event);
}

static int32_t reign(const struct crew_broker *broker)
{
    const struct metadata *picture = metadata_get(broker->cell);
    int32_t epoch = picture->controller_epoch;

    metadata_put(picture);
    return epoch;
}

START_TEST(a_chair_that_lacks_memory_to_be_given_up_is_given_up_a_little_later)
{
    memory_set_threads(is_control_plane);
    crew_init(&crew, "/given-up");
    struct crew_broker *broker = crew_start(&crew, 1, NULL);
    CREW_UNTIL(&crew, crew_agrees(&crew, 1));

    for (long n = 1; n <= TO_ANOTHER_REIGN; n++) {
        int32_t before = reign(broker);

        memory_fail_at(n, false);
        crew_on(broker, depose, broker);
        CREW_UNTIL(&crew, reign(broker) > before);
        ck_assert_int_gt(memory_heal(), 0);
    }
    crew_fini(&crew);
}
END_TEST

Suite *control_memory_suite(void)
{
    Suite *suite = suite_create("server/runtime/control_memory");
    TCase *tests = tcase_create("memory");

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_session_that_lacks_memory_for_a_moment_comes_to_be_a_little_later);
    tcase_add_test(tests, a_chair_that_lacks_memory_to_be_given_up_is_given_up_a_little_later);
    suite_add_tcase(suite, tests);
    return suite;
}
