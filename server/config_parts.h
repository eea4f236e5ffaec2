/* config_parts.h - what the broker's configuration means to the parts that a broker is made of.
 *
 * Each function makes options of its arguments and fills in what the configuration decides; the
 * rest is zero, for broker*.c to add. Texts are borrowed from the configuration. No state; any
 * thread. */
#ifndef SERVER_CONFIG_PARTS_H
#define SERVER_CONFIG_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "server/admission.h"
#include "server/api/api.h"
#include "server/config.h"
#include "server/gate.h"
#include "server/runtime/control.h"
#include "server/runtime/shard.h"

/* Without the id: the log directories may know one. */
struct control_options config_for_control(const struct config *config);

/* Returns 0 or INVALID_CONFIG. */
int config_for_shards(const struct config *config, struct shards_options *out,
                      struct k_reason *reason);
/* The rates that they go by from now on. */
void config_throttle(const struct config *config, struct shards *shards);
/* Comparable by memcmp(). */
struct cleaner_options config_for_cleaner(const struct config *config);

struct api config_for_api(const struct config *config);
struct admission_limits config_for_admission(const struct config *config);
void config_for_gates(const struct config *config, struct gates *out);

/* num.loops, or what a machine of so many processors has use for. */
int config_loops(const struct config *config, long processors);
/* Of the pool for disks. What needs most of them is opening logs after a crash, when they are
 * checked. */
int config_pool_threads(const struct config *config, long processors, size_t directories);

#endif
