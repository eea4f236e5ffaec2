/* options.h - what the life of groups of consumers is made of, and what is done to them. */
#ifndef TESTS_SIM_GROUPS_OPTIONS_H
#define TESTS_SIM_GROUPS_OPTIONS_H

#include <stdint.h>

/* name in scripts, field; all are whole numbers */
#define CLUB_OPTIONS(X)                                                                            \
    X("brokers", brokers)                                                                          \
    X("consumers", consumers)                                                                      \
    X("statics", statics)               /* so many of them have a group.instance.id */             \
    X("groups", groups)                                                                            \
    X("partitions-a", partitions_a)     /* of topic a */                                           \
    X("partitions-b", partitions_b)                                                                \
    X("assignors", assignors)           /* which list: consumer_assign.c */                        \
    X("known-only", known_only)         /* who has no id is told one, and comes again */           \
    X("session-timeout-ms", session_timeout_ms)                                                    \
    X("rebalance-timeout-ms", rebalance_timeout_ms)                                                \
    X("heartbeat-ms", heartbeat_ms)                                                                \
    X("commit-every-ms", commit_every_ms)                                                          \
    X("initial-delay-ms", initial_delay_ms)                                                        \
    X("size-max", size_max)             /* members of a group; 0: no bound */                      \
    X("store-timeout-ms", store_timeout_ms)                                                        \
    X("store-takes-ms", store_takes_ms)                                                            \
    X("load-takes-ms", load_takes_ms)   /* for 16 batches */                                       \
    X("retention-ms", retention_ms)     /* of committed offsets; 0: for ever */                    \
    X("retention-check-ms", retention_check_ms)                                                    \
    X("loss-permille", loss_permille)                                                              \
    X("duplicate-permille", duplicate_permille) /* above 0, the order is lost as well */           \
    X("clog-permille", clog_permille)                                                              \
    X("delay-min-us", delay_min_us)                                                                \
    X("delay-mean-us", delay_mean_us)                                                              \
    X("late-permille", late_permille)   /* what is asked comes a second time, long after */        \
    X("careless-permille", careless_permille)   /* commits of what was given away */               \
    X("length-ms", length_ms)

struct club_options {
#define CLUB_OPTION(name, field) int64_t field;
    CLUB_OPTIONS(CLUB_OPTION)
#undef CLUB_OPTION
};

/* What is done. `length` milliseconds later it is over, where that makes sense. */
#define CLUB_DECISIONS(X)                                                                          \
    X(MOVE, "move")                     /* broker a leads next; who led hears it after `length` */ \
    X(CRASH_BROKER, "crash-broker")     /* a */                                                    \
    X(PAUSE_BROKER, "pause-broker")     /* a */                                                    \
    X(CUT, "cut")                       /* shape c around the nodes a and b */                     \
    X(STALL, "stall")                   /* nothing is committed for `length` */                    \
    X(REFUSE, "refuse")                 /* the topic refuses what is to be written */              \
    X(WALL_JUMP, "wall-jump")           /* of broker a: c times `length`, also back */             \
    X(JUMP, "jump")                     /* the other clock of broker a, ahead by `length` */       \
    X(COMPACT, "compact")               /* b: tombstones go as well */                             \
    X(CRASH, "crash")                   /* consumer a, and started again */                        \
    X(PAUSE, "pause")                   /* consumer a */                                           \
    X(LEAVE, "leave")                   /* consumer a says farewell, and is started again */       \
    X(RESUBSCRIBE, "resubscribe")       /* consumer a wants the topics c */                        \
    X(TWIN, "twin")                     /* consumer b starts with the instance id of a */          \
    X(EXPEL, "expel")                   /* somebody sends the instance of a away */                \
    X(DISSOLVE, "dissolve")             /* all consumers of group a are away for `length` */       \
    X(DELETE, "delete")                 /* somebody wants group a to be forgotten */               \
    X(RESET, "reset")                   /* somebody sets the offsets of group a */                 \
    X(GROW, "grow")                     /* topic a has a partition more */                         \
    X(REPLACE, "replace")               /* topic a is deleted, and made anew under its name */

enum club_decision {
#define CLUB_DECISION(kind, name) CLUB_##kind,
    CLUB_DECISIONS(CLUB_DECISION)
#undef CLUB_DECISION
    CLUB_DECISION_KINDS
};

#endif
