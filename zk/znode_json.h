/* zk/znode_json.h - what the znode decoders share: checked access to JSON of unknown honesty.
 *
 * Only for znode_*.c. Every function returns 0, CORRUPT (with a reason that names the field) or
 * NOMEM; texts are copied into the arena, so that nothing outlives the parsed tree. */
#ifndef ZK_ZNODE_JSON_H
#define ZK_ZNODE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "common/arena.h"
#include "zk/znode.h"

/* Larger than ZooKeeper stores by default: whatever is larger was not written for us. */
enum { ZNODE_JSON_MAX = 1024 * 1024 };

/* Parse one JSON object. Duplicate keys are refused: which of two values is meant is not known. */
int znode_json_parse(const char *data, size_t size, json_t **out, struct k_reason *reason);

/* The same for a record of ours or Kafka's, which says its "version": 1 or a later one. */
int znode_json_record(const char *data, size_t size, json_t **out, int64_t *version,
                      struct k_reason *reason);

/* Encode with compact separators into the arena and drop `root`; NULL (also for `root`) when out
 * of memory. */
char *znode_json_print(struct arena *arena, json_t *root);

int znode_json_int(const json_t *object, const char *field, int64_t min, int64_t max, int64_t *out,
                   struct k_reason *reason);

/* Kafka writes times as decimal text; a number is taken too. */
int znode_json_time(const json_t *object, const char *field, int64_t *out, struct k_reason *reason);

/* `*out` is NULL when an optional field is absent or null. */
int znode_json_text(struct arena *arena, const json_t *object, const char *field, bool optional,
                    const char **out, struct k_reason *reason);

/* A list of different broker ids, at most ZNODE_REPLICAS_MAX of them. */
enum { ZNODE_REPLICAS_MAX = 256 };
int znode_json_ids(struct arena *arena, const json_t *value, const char *field,
                   struct znode_replicas *out, struct k_reason *reason);
json_t *znode_json_from_ids(const struct znode_replicas *replicas);

/* Strict decimal digits that fit; no sign, no leading zero. */
bool znode_decimal(const char *text, size_t size, int64_t max, int64_t *out);

#endif
