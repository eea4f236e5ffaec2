#include "tools/kairn/follower.h"

#include <stdio.h>

static const struct {
    const char *name, *text;
} states[] = {
    [KLIENT_FOLLOWER_UNKNOWN] = { "unknown", "in a state that this kairn does not know" },
    [KLIENT_FOLLOWER_IN_SYNC] = { "in-sync", "in sync" },
    [KLIENT_FOLLOWER_LEAVING] = { "leaving", "about to leave: it has lacked records for too long" },
    [KLIENT_FOLLOWER_GONE] = { "gone", "its broker is not there" },
    [KLIENT_FOLLOWER_LOST] = { "lost", "its broker can not use its copy, and logs why" },
    [KLIENT_FOLLOWER_THROTTLED] = { "throttled", "waits for the throttle" },
    [KLIENT_FOLLOWER_SILENT] = { "silent", "has not asked since the leader leads" },
    [KLIENT_FOLLOWER_BEHIND] = { "behind", "catches up" },
    [KLIENT_FOLLOWER_FLUSHING] = { "flushing", "has the records, but not yet on its disk" },
    [KLIENT_FOLLOWER_REFUSED] = { "refused", "refused by the controller, to be proposed again" },
    [KLIENT_FOLLOWER_JOINING] = { "joining", "about to join" },
};

static klient_follower_state_t known(klient_follower_state_t state)
{
    return (size_t)state < sizeof states / sizeof *states ? state : KLIENT_FOLLOWER_UNKNOWN;
}

const char *follower_name(klient_follower_state_t state)
{
    return states[known(state)].name;
}

const char *follower_explain(const klient_follower_info_t *follower, char *text, size_t size)
{
    if (follower->state == KLIENT_FOLLOWER_SILENT && follower->end >= 0)
        snprintf(text, size, "has not asked for %.1fs", (double)follower->silent_ms / 1000);
    else
        snprintf(text, size, "%s", states[known(follower->state)].text);
    return text;
}

const char *follower_behind(const klient_follower_info_t *follower, char *text, size_t size)
{
    if (follower->behind_ms > 0)
        snprintf(text, size, "%.1fs", (double)follower->behind_ms / 1000);
    else
        snprintf(text, size, "-");
    return text;
}
