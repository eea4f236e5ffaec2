/* facts.h - what kairn cluster doctor looks at: all that it has asked brokers, ZooKeeper and this
 * machine, before anything is judged. */
#ifndef TOOLS_KAIRN_FACTS_H
#define TOOLS_KAIRN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The settings of brokers that count. `same`: has to be the same on all of them. */
#define FACTS_SETTINGS(X)                                                                          \
    X(LOG_DIRS, "log.dirs", false)                                                                 \
    X(LOG_LEVEL, "log.level", false)                                                               \
    X(FEATURE_LEVEL_MAX, "feature.level.max", false)                                               \
    X(ZOOKEEPER_CONNECT, "zookeeper.connect", false)                                               \
    X(SESSION_TIMEOUT, "zookeeper.session.timeout.ms", true)                                       \
    X(MIN_INSYNC, "min.insync.replicas", true)                                                     \
    X(DEFAULT_REPLICAS, "default.replication.factor", true)                                        \
    X(OFFSETS_REPLICAS, "offsets.topic.replication.factor", true)                                  \
    X(OFFSETS_PARTITIONS, "offsets.topic.num.partitions", true)                                    \
    X(UNCLEAN_ELECTION, "unclean.leader.election.enable", true)                                    \
    X(MESSAGE_MAX, "message.max.bytes", true)                                                      \
    X(LAG_MAX, "replica.lag.time.max.ms", true)

enum facts_setting {
#define X(id, name, same) FACTS_##id,
    FACTS_SETTINGS(X)
#undef X
    FACTS_SETTING_COUNT
};

struct facts_broker {
    int32_t id;
    const char *host, *rack;                            /* rack "" without */
    bool answers;                                       /* told its configuration */
    const char *settings[FACTS_SETTING_COUNT];          /* NULL: not told */
    size_t copies_lost;                                 /* logs out of use */
    int64_t descriptors;                                /* that its process may have; -1: unknown */
};

/* Of partitions counts the worst that is true of each, as in health.h. */
struct facts_topic {
    const char *name;
    bool internal, unclean;                             /* unclean election is set for it */
    size_t partitions, replicas_min;                    /* the fewest that a partition has */
    int32_t min_insync;                                 /* 0: not told */
    size_t offline, under_min_isr, under_replicated;
};

enum facts_answer {
    FACTS_SILENT,                       /* nobody there, or no answer in time */
    FACTS_CLOSED,                       /* the question is not allowed there */
    FACTS_IDLE,                         /* runs and serves nobody: it has no quorum */
    FACTS_SERVES
};

struct facts_zookeeper {
    char address[280];                  /* host:port */
    enum facts_answer answer;
    double latency_ms;                  /* of an answer, on average since its start */
    int64_t requests;                   /* since then */
};

/* A log directory. Sizes 0: not known. */
struct facts_directory {
    int32_t broker;
    char path[512];
    bool local, read_only;              /* on this machine */
    uint64_t bytes, bytes_free, inodes, inodes_free, device;
};

/* The kernel's settings; -1: not known. */
struct facts_machine {
    bool has_broker;                    /* a log directory of the cluster is here */
    int64_t dirty_ratio, dirty_bytes, dirty_background_ratio, swappiness, swap_bytes;
};

struct facts {
    int32_t controller;                 /* -1: nobody */
    struct facts_broker *brokers;
    struct facts_topic *topics;
    struct facts_zookeeper *zookeepers;
    struct facts_directory *directories;
    size_t broker_count, topic_count, zookeeper_count, directory_count;
    struct facts_machine machine;
};

const char *facts_setting_name(enum facts_setting setting);
bool facts_setting_same(enum facts_setting setting);

#endif
