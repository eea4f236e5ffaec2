/* dynamic.h - the broker's configuration while it runs: its own, and what the cluster says.
 *
 * What counts, the first of: set for this broker, set for all brokers, the file or flags, the
 * built-in default. On the control loop. */
#ifndef SERVER_DYNAMIC_H
#define SERVER_DYNAMIC_H

#include <stdint.h>

#include "server/config.h"

struct metadata;

/* A configuration of its own in *out: `base` with the settings that the picture has for all brokers
 * and for broker `id`. What can not be changed at run time stays as it is, whatever the picture
 * says. Returns 0 or NOMEM. */
int dynamic_config(const struct config *base, const struct metadata *picture, int32_t id,
                   struct config *out);

#endif
