#include "tests/client/membership_driver.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"

struct membership_driver driver;
static char orders[512];

static struct membership_options options(bool cooperative, bool is_static)
{
    return (struct membership_options){ .session_ms = SESSION_MS, .heartbeat_ms = BEAT_MS,
                                        .poll_interval_ms = POLL_MS, .backoff_ms = BACKOFF_MS,
                                        .backoff_max_ms = 1000, .cooperative = cooperative,
                                        .is_static = is_static, .seed = 1 };
}

void new_member(bool cooperative, bool is_static)
{
    struct membership_options wanted = options(cooperative, is_static);

    driver.now_ms = 1000;
    driver.away_ms = MEMBERSHIP_INSIDE;
    membership_init(&driver.member, &wanted);
}

static void write_effect(const struct membership_effect *effect)
{
    static const char *const offers[] = { "assignment", "nothing", "lost" };
    size_t used = strlen(orders), room = sizeof orders - used;
    char *at = orders + used;
    const char *comma = used > 0 ? ", " : "";

    switch (effect->type) {
    case MEMBERSHIP_DO_FIND: snprintf(at, room, "%sfind", comma); break;
    case MEMBERSHIP_DO_JOIN: snprintf(at, room, "%sjoin", comma); break;
    case MEMBERSHIP_DO_DECIDE: snprintf(at, room, "%sdecide", comma); break;
    case MEMBERSHIP_DO_SYNC:
        snprintf(at, room, "%ssync%s", comma, effect->sync.assigns ? " all" : "");
        break;
    case MEMBERSHIP_DO_BEAT: snprintf(at, room, "%sbeat", comma); break;
    case MEMBERSHIP_DO_LEAVE: snprintf(at, room, "%sleave", comma); break;
    case MEMBERSHIP_DO_FORGET_ID: snprintf(at, room, "%sforget", comma); break;
    case MEMBERSHIP_DO_CANCEL: snprintf(at, room, "%scancel", comma); break;
    case MEMBERSHIP_DO_OFFER:
        snprintf(at, room, "%soffer %s", comma, offers[effect->offer.what]);
        break;
    case MEMBERSHIP_DO_TELL:
        snprintf(at, room, "%stell %s", comma, k_error_name(effect->tell.code));
        break;
    }
}

const char *step(struct membership_event event)
{
    event.now_ms = driver.now_ms;
    event.away_since_ms = driver.away_ms;
    if (event.round == 0)
        event.round = driver.member.round;
    struct membership_effects effects = membership_step(&driver.member, &event);
    orders[0] = '\0';
    for (size_t i = 0; i < effects.count; i++)
        write_effect(&effects.items[i]);
    /* M4: and never with something else in flight. */
    const struct membership *member = &driver.member;
    ck_assert(!member->beating || member->phase == MEMBER_STABLE ||
              member->phase == MEMBER_REVOKING);
    ck_assert(!member->beating || !member->asked);
    return orders;
}

const char *simply(enum membership_event_type type)
{
    return step((struct membership_event){ .type = type });
}

const char *found(int code)
{
    return step((struct membership_event){ .type = MEMBERSHIP_FOUND, .code = code });
}

const char *joined(int32_t generation, bool leads)
{
    return step((struct membership_event){
        .type = MEMBERSHIP_JOINED, .joined = { .generation = generation, .leads = leads } });
}

const char *failed(enum membership_event_type type, int code)
{
    return step((struct membership_event){ .type = type, .code = code });
}

const char *synced(bool gives_up)
{
    return step((struct membership_event){
        .type = MEMBERSHIP_SYNCED, .synced = { .holds_any = true, .gives_up = gives_up } });
}

const char *reached(void)
{
    return step((struct membership_event){ .type = MEMBERSHIP_REACHED,
                                           .reached = { .offer = driver.member.offer } });
}

const char *after(int64_t ms)
{
    driver.now_ms += ms;
    return simply(MEMBERSHIP_TICK);
}

void settle(bool cooperative, bool is_static)
{
    new_member(cooperative, is_static);
    simply(MEMBERSHIP_SUBSCRIBED);
    found(0);
    failed(MEMBERSHIP_JOINED, K_MEMBER_ID_REQUIRED);
    joined(1, false);
    synced(false);
    reached();
    ck_assert_int_eq(driver.member.phase, MEMBER_STABLE);
    ck_assert(driver.member.beating);
}
