/* store_private.h - a DO_STORE on its way into ZooKeeper; for store.c and store_build.c only. */
#ifndef RUNTIME_STORE_PRIVATE_H
#define RUNTIME_STORE_PRIVATE_H

#include "server/runtime/control_internal.h"
#include "zk/fence.h"

struct unit;

struct store {
    struct list node;             /* in control->stores until the core is told */
    struct control *control;
    uint64_t token, life;
    struct arena arena;
    enum store_verdict *verdicts;
    struct partition_state *states;
    size_t count, units_left;
    struct stored_config found;   /* where a STORE_CONFIG was to go */
    struct unit **units;
    size_t unit_count;
    struct mail hold;             /* the core must not be told from inside its own step */
};

struct unit_op {
    struct zk_op op;
    size_t change;                /* index in the store */
    bool skipped;                 /* has its verdict, or is known to be done */
};

struct unit {
    struct store *store;
    enum store_kind kind;
    struct unit_op *ops;          /* in the store's arena, as the rest */
    size_t count;
    size_t next, sent;            /* [next, sent) is in flight */
    struct zk_op *multi;          /* what is in flight, and of which ops */
    size_t *multi_of;
    size_t reads_left;
    bool reads_failed;
    struct timer *retry;          /* while ZooKeeper can not be reached; owned */
    bool resolving;               /* an answer was lost: repeats are expected */
    bool listed;                  /* known which partitions exist: see list_partitions() */
    const char *directory;        /* of the partitions' nodes */
    size_t first_op;              /* of the first partition; every partition has two */
    size_t first_partition, partition_count;
};

/* Where a topic's nodes stand among the ops of its unit; every partition has two, one after the
 * other: in the order of making its node and its state, in that of removing the reverse. */
enum { CREATE_TOPIC = 0, CREATE_CONFIG = 1, CREATE_PARTITIONS = 2, CREATE_OWN = 3, REMOVE_OWN = 5 };
enum { GROW_TOPIC = 0, GROW_OWN = 1 };
enum { CONFIG_NODE = 0, CONFIG_NOTE = 1, CONFIG_OPS = 2 };

/* store_alter.c: how a unit of STORE_CONFIG goes on when an answer is lost or the node is not what
 * was expected: look what stands there, then unit_send(), unit_retry_later() or unit_done(). */
void config_look(struct unit *unit);

/* store.c */
void unit_send(struct unit *unit);
void unit_retry_later(struct unit *unit);
void unit_done(struct unit *unit);

/* Units of all changes, in the store's arena. False when out of memory. */
bool store_build(struct store *store, const struct store_change *changes);

#endif
