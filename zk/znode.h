/* zk/znode.h - the catalogue of znodes: path, encode, decode; Kafka's own layout and JSON.
 *
 * Every znode that Kairn reads or writes has one row in ZNODE_TABLE and, where it holds data, one
 * encode and one decode function. Decoders take what a person or another program may have written:
 * unknown fields are ignored, anything else that is wrong gives CORRUPT with a reason that names
 * the field. Paths are relative to the session's chroot. Thread-safe: no state. */
#ifndef ZK_ZNODE_H
#define ZK_ZNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/feature.h"
#include "common/uuid.h"

struct arena;

/* clang-format off */
/* X(NAME, path pattern, made at first start, data, text) */
#define ZNODE_TABLE(X)                                                                                          \
    X(BROKERS,            "/brokers",                               1, "none",  "root of brokers and topics")       \
    X(BROKER_IDS,         "/brokers/ids",                           1, "none",  "one ephemeral child per live broker") \
    X(BROKER,             "/brokers/ids/%d",                        0, "JSON v5", "address, listeners and features of a live broker") \
    X(BROKER_INCS,        "/brokers/inc",                           1, "none",  "Kairn: incarnations of live brokers") \
    X(BROKER_INC,         "/brokers/inc/%d-%s",                     0, "none",  "Kairn: ephemeral, id and incarnation of a live broker") \
    X(BROKER_SEQID,       "/brokers/seqid",                         1, "none",  "its version counts generated broker ids") \
    X(TOPICS,             "/brokers/topics",                        1, "none",  "one child per topic") \
    X(TOPIC,              "/brokers/topics/%s",                     0, "JSON v3", "topic id and replica assignment") \
    X(PARTITIONS,         "/brokers/topics/%s/partitions",          0, "none",  "one child per partition") \
    X(PARTITION,          "/brokers/topics/%s/partitions/%d",       0, "none",  "parent of the state") \
    X(PARTITION_STATE,    "/brokers/topics/%s/partitions/%d/state", 0, "JSON v1", "leader, epochs and in-sync set; compare-and-set by the controller only") \
    X(CONTROLLER,         "/controller",                            0, "JSON v2", "ephemeral: which broker is the controller") \
    X(CONTROLLER_EPOCH,   "/controller_epoch",                      1, "decimal", "grows with every election; every write of a controller checks it") \
    X(CLUSTER,            "/cluster",                               1, "none",  "parent of the id") \
    X(CLUSTER_ID,         "/cluster/id",                            0, "JSON",  "identity of the cluster, created once") \
    X(CONFIG,             "/config",                                1, "none",  "dynamic configuration") \
    X(CONFIG_TOPICS,      "/config/topics",                         1, "none",  "one child per topic with overrides") \
    X(CONFIG_TOPIC,       "/config/topics/%s",                      0, "JSON v1", "configuration overrides of a topic") \
    X(CONFIG_BROKERS,     "/config/brokers",                        1, "none",  "one child per broker with overrides, and `<default>`") \
    X(CONFIG_BROKER,      "/config/brokers/%s",                     0, "JSON v1", "configuration overrides of a broker, or of all (`<default>`)") \
    X(CONFIG_CLIENTS,     "/config/clients",                        1, "none",  "client quotas") \
    X(CONFIG_USERS,       "/config/users",                          1, "none",  "user quotas and credentials") \
    X(CONFIG_IPS,         "/config/ips",                            1, "none",  "address quotas") \
    X(CONFIG_CHANGES,     "/config/changes",                        1, "none",  "sequential notes of changed configuration") \
    X(CONFIG_CHANGE,      "/config/changes/%s",                     0, "JSON v2", "`config_change_` and ten digits: whose configuration changed; removed after 15 minutes") \
    X(ADMIN,              "/admin",                                 1, "none",  "requests of administrators") \
    X(DELETE_TOPICS,      "/admin/delete_topics",                   1, "none",  "one child per topic that is to be deleted") \
    X(DELETE_TOPIC,       "/admin/delete_topics/%s",                0, "none",  "request to delete a topic; removed last") \
    X(REASSIGN,           "/admin/reassign_partitions",             0, "JSON v1", "replicas that somebody wants for partitions; removed once that has begun") \
    X(PREFERRED,          "/admin/preferred_replica_election",      0, "JSON v1", "partitions that their first replica shall lead; removed once that is done or refused") \
    X(ISR_CHANGES,        "/isr_change_notification",               1, "none",  "kept for Kafka's tools; not used") \
    X(LOG_DIR_EVENTS,     "/log_dir_event_notification",            1, "none",  "kept for Kafka's tools; not used") \
    X(PRODUCER_IDS,       "/latest_producer_id_block",              1, "JSON v1",  "last block of producer ids given out") \
    X(CONSUMERS,          "/consumers",                             1, "none",  "one child per group whose offsets stand here, too") \
    X(CONSUMER,           "/consumers/%s",                          0, "none",  "a group") \
    X(CONSUMER_OFFSETS,   "/consumers/%s/offsets",                  0, "none",  "one child per topic") \
    X(CONSUMER_TOPIC,     "/consumers/%s/offsets/%s",               0, "none",  "one child per partition") \
    X(CONSUMER_OFFSET,    "/consumers/%s/offsets/%s/%d",            0, "decimal", "what the group reads next, as Kafka 0.8 had it: a copy of what `__consumer_offsets` holds, or to be imported") \
    X(FEATURE,            "/feature",                               1, "JSON v2", "feature levels that all brokers have agreed on; by the controller only") \
    X(KAIRN,              "/kairn",                                 1, "none",  "root of Kairn's own additions") \
    X(KAIRN_BROKERS,      "/kairn/brokers",                         1, "none",  "one child per broker that ever registered; its version counts registrations") \
    X(KAIRN_BROKER,       "/kairn/brokers/%d",                      0, "JSON v1", "directory ids, incarnation and lossy mark of a broker") \
    X(KAIRN_HEARTBEATS,   "/kairn/heartbeats",                      1, "none",  "one child per broker") \
    X(KAIRN_HEARTBEAT,    "/kairn/heartbeats/%d",                   0, "decimal", "written to prove that the broker's session can still commit") \
    X(KAIRN_DELETED,      "/kairn/deleted",                         1, "none",  "one child per topic that was deleted, of the newest 1,024 at least") \
    X(KAIRN_DELETED_ID,   "/kairn/deleted/%s",                      0, "none",  "topic id and ten digits: who was away at the deletion deletes its logs by this")
/* clang-format on */

enum znode {
#define X(name, path, made, data, text) ZNODE_##name,
    ZNODE_TABLE(X)
#undef X
    ZNODE_COUNT
};

struct znode_row {
    const char *pattern;
    bool made_at_start;
    const char *data, *text;
};
const struct znode_row *znode_row(enum znode node);

/* May it stand in a path as the name of a node? Groups may have any name. */
bool znode_name_fits(const char *name);

/* The path of a node with its arguments (%s, %d in order), in the arena. NULL when out of memory.
 * Topic names are valid by the time they get here; they hold no slash. */
char *znode_path(struct arena *arena, enum znode node, ...);

/* --- data ------------------------------------------------------------------------------------ */

struct znode_endpoint {
    const char *listener, *protocol, *host;     /* "PLAINTEXT", "PLAINTEXT", "10.0.0.7" */
    uint16_t port;
};

struct znode_broker {                            /* /brokers/ids/N, Kafka's version 5 */
    const struct znode_endpoint *endpoints;
    size_t endpoint_count;
    const char *rack;                            /* NULL: none */
    int64_t timestamp_ms;
    struct feature_ranges features;              /* of those that we know */
};

struct znode_feature { const char *name; int16_t level; };

/* /feature, Kafka's version 2; version 1 has the lowest level in use beside it. With status 0 (a
 * Kafka without features) nothing counts. */
struct znode_features { const struct znode_feature *items; size_t count; };

struct znode_kairn_broker {                      /* /kairn/brokers/N */
    struct uuid incarnation;
    bool lossy;
    const struct uuid *directories;
    size_t directory_count;
    int32_t loops;
    const struct uuid *missing;                  /* directories that are not there any more, and
                                                    whose data the cluster may still rely on */
    size_t missing_count;
};

struct znode_replicas { int32_t count; const int32_t *ids; };

struct znode_topic {                             /* /brokers/topics/T, Kafka's version 3 */
    struct uuid id;                              /* zero: absent (a topic made by old Kafka) */
    const struct znode_replicas *partitions;     /* index is the partition */
    /* Of partitions that are being reassigned: new replicas, and those that are to go. NULL: none;
     * else one per partition. */
    const struct znode_replicas *adding, *removing;
    size_t partition_count;
};

struct znode_partition_state {                   /* .../state, Kafka's version 1 */
    int32_t controller_epoch, leader, leader_epoch;
    struct znode_replicas isr;
    bool recovering;                             /* leader_recovery_state 1 */
    /* Kairn's own, left out where they say what is usual */
    struct znode_replicas eligible;              /* none */
    int32_t min_insync;                          /* 1 */
    int32_t unclean_epoch;                       /* -1 */
    bool flush_on_ack;                           /* false */
};

struct znode_config {                            /* /config/topics/T, /config/brokers/N */
    size_t count;
    const char *const *names;
    const char *const *values;
};

/* /config/changes/config_change_N: Kafka's version 2; version 1 has type and name apart. */
struct znode_config_change { const char *type, *entity; };   /* "topics", "orders" */

struct znode_controller { int32_t broker; int64_t timestamp_ms; };

struct znode_wish { const char *topic; int32_t partition; struct znode_replicas replicas; };

struct znode_reassign {                          /* /admin/reassign_partitions, Kafka's version 1 */
    const struct znode_wish *wishes;
    size_t count;
};

struct znode_producer_ids {                      /* /latest_producer_id_block, Kafka's version 1 */
    int32_t broker;                              /* who took the block */
    int64_t first, last;                         /* inclusive */
};

/* Encode: compact JSON with Kafka's field order, zero-terminated, in the arena; NULL when out of
 * memory. Decode: 0, CORRUPT (reason says why) or NOMEM; results live in the arena. */
char *znode_encode_broker(struct arena *arena, const struct znode_broker *broker);
int znode_decode_broker(struct arena *arena, const char *data, size_t size,
                        struct znode_broker *out, struct k_reason *reason);
char *znode_encode_kairn_broker(struct arena *arena, const struct znode_kairn_broker *broker);
int znode_decode_kairn_broker(struct arena *arena, const char *data, size_t size,
                        struct znode_kairn_broker *out, struct k_reason *reason);
char *znode_encode_topic(struct arena *arena, const struct znode_topic *topic);
int znode_decode_topic(struct arena *arena, const char *data, size_t size,
                        struct znode_topic *out, struct k_reason *reason);
char *znode_encode_partition_state(struct arena *arena, const struct znode_partition_state *state);
int znode_decode_partition_state(struct arena *arena, const char *data, size_t size,
                        struct znode_partition_state *out, struct k_reason *reason);
char *znode_encode_config(struct arena *arena, const struct znode_config *config);
int znode_decode_config(struct arena *arena, const char *data, size_t size,
                        struct znode_config *out, struct k_reason *reason);
char *znode_encode_config_change(struct arena *arena, const struct znode_config_change *change);
int znode_decode_config_change(struct arena *arena, const char *data, size_t size,
                        struct znode_config_change *out, struct k_reason *reason);
char *znode_encode_controller(struct arena *arena, const struct znode_controller *controller);
int znode_decode_controller(struct arena *arena, const char *data, size_t size,
                        struct znode_controller *out, struct k_reason *reason);
char *znode_encode_cluster_id(struct arena *arena, const char *id);
int znode_decode_cluster_id(struct arena *arena, const char *data, size_t size,
                        char **out, struct k_reason *reason);
char *znode_encode_producer_ids(struct arena *arena, const struct znode_producer_ids *ids);
int znode_decode_producer_ids(struct arena *arena, const char *data, size_t size,
                        struct znode_producer_ids *out, struct k_reason *reason);
char *znode_encode_reassign(struct arena *arena, const struct znode_reassign *reassign);
int znode_decode_reassign(struct arena *arena, const char *data, size_t size,
                        struct znode_reassign *out, struct k_reason *reason);
/* /admin/preferred_replica_election: the same without replicas. */
char *znode_encode_preferred(struct arena *arena, const struct znode_reassign *wishes);
int znode_decode_preferred(struct arena *arena, const char *data, size_t size,
                        struct znode_reassign *out, struct k_reason *reason);
/* What nobody has agreed on yet is left out of the levels: 0. */
char *znode_encode_features(struct arena *arena, const struct feature_levels *levels);
int znode_decode_features(struct arena *arena, const char *data, size_t size,
                        struct znode_features *out, struct k_reason *reason);
/* Its levels, 0 where nothing is agreed on, and whether a broker with these ranges may be there:
 * see feature_check(). */
int znode_features_check(const struct znode_features *features,
                         const struct feature_ranges *ranges, struct feature_levels *levels,
                         struct k_reason *reason);
int znode_decode_epoch(const char *data, size_t size, int32_t *out, struct k_reason *reason);
/* Of a group: decimal text, from 0 on. */
int znode_decode_offset(const char *data, size_t size, int64_t *out, struct k_reason *reason);
/* The name of a partition's node, likewise. */
int znode_decode_partition(const char *name, int32_t *out, struct k_reason *reason);

#endif
