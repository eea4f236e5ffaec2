/* recovery.h - how far brokers have come that check their logs after a crash.
 *
 * They are registered and lead meanwhile, and serve a log once it is checked: whoever wonders why a
 * partition does not answer finds the reason here. */
#ifndef TOOLS_KAIRN_RECOVERY_H
#define TOOLS_KAIRN_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/klient.h"
#include "tools/kairn/json.h"

struct recovery {
    int32_t broker;
    int64_t logs_left;                  /* 0: none, all are served */
    int64_t found, checked;             /* bytes, of the logs that were begun with */
};

/* What a broker's metrics say; an older one says nothing, and no log is left. */
struct recovery recovery_of(int32_t broker, const klient_metrics_t *metrics);

/* Ask all live brokers. Those that have logs left, to be freed; NULL: none has. Who does not answer
 * soon is left out: others tell what is wrong with him. */
struct recovery *recovery_ask(klient_admin_t *admin, const klient_metadata_t *metadata,
                              size_t *count);

/* Of one with logs left, for people. */
void recovery_explain(const struct recovery *recovery, char *text, size_t size);

json_t *recovery_json(const struct recovery *recoveries, size_t count);

#endif
