/* runtime/config_values.h - what may be configured while brokers run, and what of a stored
 * configuration can be served.
 *
 * Any thread; no state. */
#ifndef RUNTIME_CONFIG_VALUES_H
#define RUNTIME_CONFIG_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "server/core/controller.h"

struct arena;
struct metadata_config;
struct option_table;
struct znode_config;

/* The configuration that counts for every broker, among those of brokers. */
#define CONFIG_DEFAULT_BROKER "<default>"

/* May this be set at run time? `brokers` are the options of a broker (NULL: anything goes). Returns
 * 0, UNKNOWN_NAME (the reason names the nearest), NOT_SUPPORTED_YET, or INVALID_CONFIG: not a value
 * of this option, or one that takes a restart. */
int config_value_check(const struct option_table *brokers, enum entity_kind kind, const char *name,
                       const char *value, struct k_reason *reason);

/* The same of what is to be stored, which everybody reads, Kafka's tools, too: *stored is the plain
 * number, in the arena, where `value` is one with a unit (common/quantity.h), and else `value`.
 * Also NOMEM. */
int config_value_take(struct arena *arena, const struct option_table *brokers,
                      enum entity_kind kind, const char *name, const char *value,
                      const char **stored, struct k_reason *reason);

/* Is there an option of this name at all? */
bool config_name_known(const struct option_table *brokers, enum entity_kind kind, const char *name);

/* The overrides that stand in `node`, in the arena, as config_value_take() makes them: a person may
 * have written a unit there. Those that can not be served are ignored; what is `known` of the same
 * name counts in their place. With `tell` each is logged, under the path of
 * the entity's znode. Returns 0 or K_NOMEM. */
int config_values(struct arena *arena, const struct option_table *brokers, enum entity_kind kind,
                  const char *entity, const struct znode_config *node,
                  const struct controller_config *known, int32_t known_count, bool tell,
                  struct controller_config **out);

/* What a picture tells, as if it were stored; in the arena, NULL when out of memory. */
struct controller_config *config_from_picture(struct arena *arena,
                                              const struct metadata_config *configs, int32_t count);

#endif
