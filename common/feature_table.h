/* feature_table.h - what brokers have to agree on before one of them may use it.
 *
 *   FEATURE_TABLE(X)         X(ID, "name", lowest, highest, "text"): the levels that this build can
 *   FEATURE_LEVEL_TABLE(X)   X(ID, level, "text"): what brokers do from this level on
 *
 * A level is used once it is finalised, which it is when every registered broker can it
 * (server/core/features.h). So whoever changes what brokers say to each other, in a way that an
 * older one can not ignore, adds a level here and makes the new way wait for it; proto/api_table.h
 * names the versions of bodies that do. A level is never taken back: `lowest` grows in a release
 * that can not be upgraded to from clusters below it. */
#ifndef COMMON_FEATURE_TABLE_H
#define COMMON_FEATURE_TABLE_H

/* clang-format off */
#define FEATURE_TABLE(X)                                                                             \
    X(REPLICATION, "replication.version", 1, 3, "how brokers copy records from each other")          \
    X(COORDINATION, "coordination.version", 1, 2, "how brokers coordinate groups of consumers")

#define FEATURE_LEVEL_TABLE(X)                                                                       \
    X(REPLICATION, 1, "as it was before there were levels")                                          \
    X(REPLICATION, 2, "followers ask with ReplicaFetch 1, and so know how far behind they are")   \
    X(REPLICATION, 3, "brokers tell the controller where logs without a leader end")                 \
    X(COORDINATION, 1, "nobody coordinates groups")                                                  \
    X(COORDINATION, 2, "each group has a coordinator, and what they commit has its topic")
/* clang-format on */

#endif
