/* membership_driver.h - one member on a clock of the test's own. Every event returns what it
 * orders, as text, until the next one. */
#ifndef TESTS_CLIENT_MEMBERSHIP_DRIVER_H
#define TESTS_CLIENT_MEMBERSHIP_DRIVER_H

#include "client/membership.h"
#include "tests/client/helpers.h"

enum { SESSION_MS = 10000, BEAT_MS = 1000, POLL_MS = 60000, BACKOFF_MS = 100 };

struct membership_driver {
    struct membership member;
    int64_t now_ms, away_ms;
};

extern struct membership_driver driver;

void new_member(bool cooperative, bool is_static);

/* In the group, holding something, a heartbeat in flight. */
void settle(bool cooperative, bool is_static);

/* An answer is to what was asked last, unless it has a round. */
const char *step(struct membership_event event);

const char *simply(enum membership_event_type type);
const char *found(int code);
const char *joined(int32_t generation, bool leads);
const char *failed(enum membership_event_type type, int code);
const char *synced(bool gives_up);
const char *reached(void);              /* the latest offer */
const char *after(int64_t ms);

#define ORDERS(event, wanted) ck_assert_str_eq((event), (wanted))

#endif
