/* options.h - what the life of a cluster is made of, and what is done to it. */
#ifndef TESTS_SIM_OPTIONS_H
#define TESTS_SIM_OPTIONS_H

#include <stdint.h>

/* name in scripts, field; all are whole numbers */
#define SIM_OPTIONS(X)                                                                             \
    X("brokers", brokers)                                                                          \
    X("partitions", partitions)                                                                    \
    X("replicas", replicas)                                                                        \
    X("min-insync", min_insync)                                                                    \
    X("flush-on-ack", flush_on_ack)                                                                \
    X("unclean-election", unclean)                                                                 \
    X("power-everywhere", losses) /* power cuts may take the last copy, too */                     \
    X("producers", producers)                                                                      \
    X("consumers", consumers)                                                                      \
    X("produce-every-ms", produce_every_ms)                                                        \
    X("session-timeout-ms", session_timeout_ms)                                                    \
    X("lag-max-ms", lag_max_ms)                                                                    \
    X("flush-every-ms", flush_every_ms)                                                            \
    X("flush-takes-ms", flush_takes_ms)                                                            \
    X("write-takes-ms", write_takes_ms)                                                            \
    X("loss-permille", loss_permille)                                                              \
    X("duplicate-permille", duplicate_permille)                                                    \
    X("clog-permille", clog_permille)                                                              \
    X("delay-min-us", delay_min_us)                                                                \
    X("delay-mean-us", delay_mean_us)                                                              \
    X("store-lag-us", store_lag_us)                                                                \
    X("drift-permille", drift_permille)                                                            \
    X("guardian", guardian)                                                                        \
    X("late-permille", late_permille)   /* what is asked comes a second time, long after */        \
    X("serve", serve)                   /* leader.fencing=serve */                                 \
    X("drain-max-ms", drain_max_ms)     /* 0: who is to stop does so at once */                    \
    X("length-ms", length_ms)

struct sim_options {
#define SIM_OPTION(name, field) int64_t field;
    SIM_OPTIONS(SIM_OPTION)
#undef SIM_OPTION
};

/* What is done to a cluster. `length` milliseconds later it is over, where that makes sense. */
#define SIM_DECISIONS(X)                                                                           \
    X(CRASH, "crash")               /* broker a; the process dies, and is started again */         \
    X(POWER, "power")               /* broker a; the machine loses its power */                    \
    X(WIPE, "wipe")                 /* broker a; it comes back with an empty disk */               \
    X(STOP, "stop")                 /* broker a; SIGTERM */                                        \
    X(PAUSE, "pause")               /* broker a */                                                 \
    X(CUT, "cut")                   /* shape c around a and b */                                   \
    X(CLOG, "clog")                 /* what a says to b waits */                                   \
    X(STORE_BREAK, "store-break")   /* the connection of a to ZooKeeper */                         \
    X(STORE_EXPIRE, "store-expire") /* the session of a */                                         \
    X(STORE_CHAIR, "store-chair")   /* somebody deletes the controller's node */                   \
    X(STORE_AWAY, "store-away")                                                                    \
    X(STORE_FREEZE, "store-freeze") /* server a of ZooKeeper */                                    \
    X(JUMP, "jump")                 /* the clock of a, by `length` */                              \
    X(DISK_FULL, "disk-full")       /* of a */                                                     \
    X(DISK_FAIL, "disk-fail")       /* of a, until it is started again */                          \
    X(TRIM, "trim")                 /* partition a: old records go */                              \
    X(FLUSH_ON_ACK, "flush-on-ack") /* becomes a */                                                \
    X(POWER_ALL, "power-all")       /* all machines at once */                                     \
    X(BOUNCE, "bounce")             /* of a, when it is to join; the proposal waits `length` */    \
    X(USURP, "usurp")               /* partition a: the preferred replica leads for a while */     \
    X(TURNS, "turns")               /* partition a: two lead in turns and never meet */

enum decision_kind {
#define SIM_DECISION(kind, name) DECISION_##kind,
    SIM_DECISIONS(SIM_DECISION)
#undef SIM_DECISION
    DECISION_KINDS
};

#endif
