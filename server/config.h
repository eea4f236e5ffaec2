/* config.h - the broker's configuration as a struct of values.
 *
 * Read at the start, constant afterwards. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "common/options.h"
#include "server/config_table.h"

enum leader_fencing { FENCING_LEASE, FENCING_SERVE };

struct config {
#define CONFIG_FIELD_BOOL bool
#define CONFIG_FIELD_INT int32_t
#define CONFIG_FIELD_LONG int64_t
#define CONFIG_FIELD_DOUBLE double
#define CONFIG_FIELD_STRING char *
#define CONFIG_FIELD_ENUM int32_t
#define X(kind, field, name, fallback, low, high, choices, flags, alias, text)                     \
    CONFIG_FIELD_##kind field;
    CONFIG_TABLE(X)
#undef X
#undef CONFIG_FIELD_ENUM
#undef CONFIG_FIELD_STRING
#undef CONFIG_FIELD_LONG
#undef CONFIG_FIELD_DOUBLE
#undef CONFIG_FIELD_INT
#undef CONFIG_FIELD_BOOL
    uint8_t *sources;               /* enum option_source per row; owned */
};

extern const struct option_table config_table;

/* Defaults. Returns 0 or NOMEM. */
int config_init(struct config *config);
void config_fini(struct config *config);

/* Errors and reasons as options_read_file() and options_set_pair(). */
int config_read_file(struct config *config, const char *path, struct k_reason *reason);
int config_set_pair(struct config *config, const char *pair, struct k_reason *reason);

/* A copy that shares nothing. Returns 0 or NOMEM. */
int config_copy(const struct config *config, struct config *out);

/* Make a copy that can run beside others in one process: broker id, ports and log directories
 * are moved by `index`. Returns 0, NOMEM or INVALID_CONFIG (listeners that can not be read). */
int config_for_local(const struct config *config, int index, struct config *out,
                     struct k_reason *reason);

/* Where an option may be set in several units, the coarser one counts as long as the finer is not
 * set: log.retention.ms, log.roll.ms and log.roll.jitter.ms are what holds afterwards. */
void config_settle(struct config *config);

/* What options alone can not say: everything required is there. 0 or INVALID_CONFIG. */
int config_check(const struct config *config, struct k_reason *reason);

/* docs/configuration.md, and docs/man/kairnd.conf.5. */
void config_print_docs(FILE *out);
void config_print_man(FILE *out);

#endif
