/* recovery.h - how far brokers have come that check their logs after a crash.
 *
 * They are registered and lead meanwhile, and serve a log once it is checked: whoever wonders why a
 * partition does not answer finds the reason here. */
#ifndef TOOLS_KAIRN_RECOVERY_H
#define TOOLS_KAIRN_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/kairn/json.h"

struct recovery {
    int32_t broker;
    int64_t logs_left;                  /* 0: none, all are served */
    int64_t found, checked;             /* bytes, of the logs that were begun with */
};

/* Of one with logs left, for people. */
void recovery_explain(const struct recovery *recovery, char *text, size_t size);

json_t *recovery_json(const struct recovery *recoveries, size_t count);

#endif
