/* metric_table.h - every metric, one row: X(ID, kind, "name", "what it counts, with units"). */
#ifndef COMMON_METRIC_TABLE_H
#define COMMON_METRIC_TABLE_H

/* clang-format off */
#define METRIC_TABLE(X)                                                                              \
    X(CONNECTIONS,        GAUGE,     "connections",              "open client and broker connections")   \
    X(CONNECTIONS_TOTAL,  COUNTER,   "connections_total",        "connections accepted since start")     \
    X(REQUESTS_TOTAL,     COUNTER,   "requests_total",           "requests decoded")                     \
    X(REQUEST_ERRORS,     COUNTER,   "request_errors_total",     "requests answered with an error")      \
    X(BYTES_IN,           COUNTER,   "bytes_in_total",           "record bytes appended for producers") \
    X(BYTES_OUT,          COUNTER,   "bytes_out_total",          "record bytes sent to consumers")       \
    X(RECORDS_IN,         COUNTER,   "records_in_total",         "records appended")                     \
    X(DUPLICATES,         COUNTER,   "duplicates_total",         "requests of producers that were stored before") \
    X(BYTES_RECOMPRESSED, COUNTER,   "bytes_recompressed_total", "record bytes stored in another codec than the producer's") \
    X(SEGMENTS_DELETED,   COUNTER,   "segments_deleted_total",   "segments deleted by retention or on request") \
    X(BYTES_DELETED,      COUNTER,   "bytes_deleted_total",      "log bytes in segments deleted by retention or on request") \
    X(PARTITIONS,         GAUGE,     "partitions",               "partitions this broker leads")         \
    X(LOGS_OPENING,       GAUGE,     "logs_opening",             "logs being opened, and checked after a crash") \
    X(LOOP_TURN_US,       HISTOGRAM, "loop_turn_us",             "duration of a loop turn, microseconds") \
    X(PRODUCE_US,         HISTOGRAM, "produce_us",               "produce request, decode to answer, microseconds") \
    X(FETCH_US,           HISTOGRAM, "fetch_us",                 "fetch request, decode to answer, microseconds") \
    X(ZK_SESSION_LOSSES,  COUNTER,   "zookeeper_session_losses_total", "ZooKeeper sessions lost")         \
    X(CLEANER_RUNS,       COUNTER,   "log_cleaner_runs_total",   "partitions compacted")                 \
    X(CLEANER_BYTES,      COUNTER,   "log_cleaner_bytes_total",  "bytes read by compaction")             \
    X(CLEANER_UNCLEANABLE, GAUGE,    "log_cleaner_uncleanable_partitions", "partitions set aside because they can not be compacted") \
    X(CONTROLLER,         GAUGE,     "controller",               "1 while this broker is the controller")
/* clang-format on */

#endif
