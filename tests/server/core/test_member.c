#include "server/core/member.h"

#include "tests/server/core/suites.h"

START_TEST(transcripts_are_answered_as_written)
{
    transcript_check_folder(TRANSCRIPTS "/member", &member_script);
}
END_TEST

START_TEST(the_lease_is_held_up_to_its_end_and_not_at_it)
{
    struct member member;
    struct member_event event = {.type = MEMBER_SESSION_UP, .now_ms = 100};
    member_init(&member, 1);
    event.session_up.session = 1;
    event.session_up.timeout_ms = 9000;
    member_step(&member, &event);
    event = (struct member_event){.type = MEMBER_REGISTERED, .now_ms = 200};
    event.registered.round = 1;
    member_step(&member, &event);
    event = (struct member_event){.type = MEMBER_CONTROLLER_SEEN, .now_ms = 200};
    event.controller.round = 2;
    event.controller.broker = 2;
    member_step(&member, &event);
    event = (struct member_event){.type = MEMBER_TOLD, .now_ms = 200, .told.round = 3};
    member_step(&member, &event);
    ck_assert(!member_lease_holds(&member, 200));

    event = (struct member_event){.type = MEMBER_HEARTBEAT_STORED, .now_ms = 300};
    event.heartbeat.round = 4;
    member_step(&member, &event);

    ck_assert(member_lease_holds(&member, 300));
    ck_assert(member_lease_holds(&member, 6199));
    ck_assert(!member_lease_holds(&member, 6200));
}
END_TEST

Suite *member_suite(void)
{
    Suite *suite = suite_create("server/core/member");
    TCase *tcase = tcase_create("member");

    tcase_add_test(tcase, transcripts_are_answered_as_written);
    tcase_add_test(tcase, the_lease_is_held_up_to_its_end_and_not_at_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
