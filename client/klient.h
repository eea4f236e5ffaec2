/* klient.h - libklient: produce to, consume from and administer a Kairn cluster.
 *
 *   klient_config_t *config = klient_config_new();
 *   klient_config_set(config, "bootstrap.servers", "127.0.0.1:9092", NULL);
 *   klient_producer_t *producer = klient_producer_new(config, &error);
 *
 * What holds for every function, unless its text says otherwise:
 *
 *  - It returns a klient_code_t: KLIENT_OK (0) or what went wrong. The last argument, `error`, may
 *    be NULL; otherwise *error receives an object with the code, a text for people and flags on
 *    failure, and is left alone on success. The caller frees it with klient_error_free().
 *  - Outputs are written on success only. Strings are zero-terminated UTF-8 and copied when kept.
 *  - `timeout_ms` is the longest wait in milliseconds: 0 does not wait, KLIENT_FOREVER waits
 *    without limit. A call that ran out of time returns KLIENT_REQUEST_TIMED_OUT (retriable).
 *  - Who does not want to wait takes the ..._async() form of a call, whose answer comes to a queue:
 *    one that the application polls, whose descriptor it watches, or that a thread of the library
 *    serves.
 *  - Threads: a klient_t, a producer, an admin and a queue may be used by any number of threads; a
 *    consumer by one at a time (another one gets KLIENT_CONCURRENT at once); other objects by one
 *    at a time.
 *  - Callbacks run on the application's threads, inside the calls that say so; those of producers
 *    on a thread of the producer's own, if klient_config_set_background() asked for it. Those of a
 *    consumer always belong to the thread that uses it: what is revoked is given up by the one that
 *    processes it. Log functions and assignors may run on the handle's. From inside one, calls that
 *    wait or free a handle return KLIENT_IN_CALLBACK, but for those that say otherwise.
 *  - Handles are opaque. Structs that the caller fills begin with their size; set it (and the
 *    defaults) with their ..._init() function, so that they can grow in later releases.
 *  - The library starts one thread per klient_t, and one per queue that is served and per producer
 *    that reports in the background, blocks all signals in them, never exits the process and keeps
 *    no state outside its handles. After fork() every call in the child returns KLIENT_FORKED.
 *    Closing and freeing there closes the child's descriptors, and leaves the connections and the
 *    parent alone; the memory stays.
 *  - Retriable: the same call may succeed later. Fatal: the handle can not go on; close it.
 *
 * All of it is there since 0.1. The interface may still change until producers and consumer groups
 * are complete. Configuration: docs/client-configuration.md. Overview: klient(3). */
#ifndef KLIENT_H
#define KLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#define KLIENT_VERSION "0.1.0"
#define KLIENT_FOREVER INT64_MAX

typedef struct klient klient_t;                        /* thread, connections, metadata */
typedef struct klient_config klient_config_t;
typedef struct klient_error klient_error_t;
typedef struct klient_producer klient_producer_t;
typedef struct klient_consumer klient_consumer_t;
typedef struct klient_admin klient_admin_t;
typedef struct klient_records klient_records_t;        /* what one poll returned */
typedef struct klient_offsets klient_offsets_t;        /* what a group has committed */
typedef struct klient_groups klient_groups_t;          /* consumer groups and their members */
typedef struct klient_metadata klient_metadata_t;      /* what the cluster looks like */
typedef struct klient_results klient_results_t;        /* one outcome per item of an admin call */
typedef struct klient_metrics klient_metrics_t;        /* what a broker counts */
typedef struct klient_logs klient_logs_t;              /* what partitions' logs are like */
typedef struct klient_reassignments klient_reassignments_t;    /* which are under way */
typedef struct klient_settings klient_settings_t;      /* configuration of a topic or broker */
typedef struct klient_scratch klient_scratch_t;        /* memory for the time of one send */
typedef struct klient_assigning klient_assigning_t;    /* a group, for the assignor of its leader */
typedef struct klient_retry_policy klient_retry_policy_t;      /* what becomes of failed records */
typedef struct klient_queue klient_queue_t;            /* what happens, for who does not wait */
typedef struct klient_event klient_event_t;            /* one thing of it */

/* The version of the library in use, "0.1.0"; KLIENT_VERSION is that of the header. */
const char *klient_version(void);

/* ============================================================================================ */
/* Errors                                                                                       */
/* ============================================================================================ */

/* Kafka's numbers where Kafka has one; our own are below -99. Numbers are never reused. */
typedef enum klient_code {
    KLIENT_OK = 0,
    KLIENT_UNKNOWN_SERVER_ERROR = -1,
    KLIENT_OFFSET_OUT_OF_RANGE = 1,
    KLIENT_CORRUPT_MESSAGE = 2,
    KLIENT_UNKNOWN_TOPIC_OR_PARTITION = 3,
    KLIENT_LEADER_NOT_AVAILABLE = 5,
    KLIENT_NOT_LEADER_OR_FOLLOWER = 6,
    KLIENT_REQUEST_TIMED_OUT = 7,
    KLIENT_BROKER_NOT_AVAILABLE = 8,
    KLIENT_REPLICA_NOT_AVAILABLE = 9,
    KLIENT_MESSAGE_TOO_LARGE = 10,
    KLIENT_STALE_CONTROLLER_EPOCH = 11,
    KLIENT_OFFSET_METADATA_TOO_LARGE = 12,
    KLIENT_NETWORK_EXCEPTION = 13,
    KLIENT_COORDINATOR_LOAD_IN_PROGRESS = 14,
    KLIENT_COORDINATOR_NOT_AVAILABLE = 15,
    KLIENT_NOT_COORDINATOR = 16,
    KLIENT_INVALID_TOPIC_EXCEPTION = 17,
    KLIENT_RECORD_LIST_TOO_LARGE = 18,
    KLIENT_NOT_ENOUGH_REPLICAS = 19,
    KLIENT_NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
    KLIENT_INVALID_REQUIRED_ACKS = 21,
    KLIENT_ILLEGAL_GENERATION = 22,
    KLIENT_INCONSISTENT_GROUP_PROTOCOL = 23,
    KLIENT_INVALID_GROUP_ID = 24,
    KLIENT_UNKNOWN_MEMBER_ID = 25,
    KLIENT_INVALID_SESSION_TIMEOUT = 26,
    KLIENT_REBALANCE_IN_PROGRESS = 27,
    KLIENT_INVALID_COMMIT_OFFSET_SIZE = 28,
    KLIENT_TOPIC_AUTHORIZATION_FAILED = 29,
    KLIENT_GROUP_AUTHORIZATION_FAILED = 30,
    KLIENT_CLUSTER_AUTHORIZATION_FAILED = 31,
    KLIENT_INVALID_TIMESTAMP = 32,
    KLIENT_UNSUPPORTED_VERSION = 35,
    KLIENT_TOPIC_ALREADY_EXISTS = 36,
    KLIENT_INVALID_PARTITIONS = 37,
    KLIENT_INVALID_REPLICATION_FACTOR = 38,
    KLIENT_INVALID_REPLICA_ASSIGNMENT = 39,
    KLIENT_INVALID_CONFIG = 40,
    KLIENT_NOT_CONTROLLER = 41,
    KLIENT_INVALID_REQUEST = 42,
    KLIENT_UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    KLIENT_POLICY_VIOLATION = 44,
    KLIENT_OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    KLIENT_DUPLICATE_SEQUENCE_NUMBER = 46,
    KLIENT_INVALID_PRODUCER_EPOCH = 47,
    KLIENT_KAFKA_STORAGE_ERROR = 56,
    KLIENT_LOG_DIR_NOT_FOUND = 57,
    KLIENT_UNKNOWN_PRODUCER_ID = 59,
    KLIENT_NON_EMPTY_GROUP = 68,
    KLIENT_GROUP_ID_NOT_FOUND = 69,
    KLIENT_FETCH_SESSION_ID_NOT_FOUND = 70,
    KLIENT_INVALID_FETCH_SESSION_EPOCH = 71,
    KLIENT_TOPIC_DELETION_DISABLED = 73,
    KLIENT_FENCED_LEADER_EPOCH = 74,
    KLIENT_UNKNOWN_LEADER_EPOCH = 75,
    KLIENT_UNSUPPORTED_COMPRESSION_TYPE = 76,
    KLIENT_STALE_BROKER_EPOCH = 77,
    KLIENT_OFFSET_NOT_AVAILABLE = 78,
    KLIENT_MEMBER_ID_REQUIRED = 79,
    KLIENT_PREFERRED_LEADER_NOT_AVAILABLE = 80,
    KLIENT_GROUP_MAX_SIZE_REACHED = 81,
    KLIENT_FENCED_INSTANCE_ID = 82,
    KLIENT_ELIGIBLE_LEADERS_NOT_AVAILABLE = 83,
    KLIENT_ELECTION_NOT_NEEDED = 84,
    KLIENT_NO_REASSIGNMENT_IN_PROGRESS = 85,
    KLIENT_GROUP_SUBSCRIBED_TO_TOPIC = 86,
    KLIENT_INVALID_RECORD = 87,
    KLIENT_UNSTABLE_OFFSET_COMMIT = 88,
    KLIENT_THROTTLING_QUOTA_EXCEEDED = 89,
    KLIENT_INVALID_UPDATE_VERSION = 95,
    KLIENT_UNKNOWN_TOPIC_ID = 100,
    KLIENT_INCONSISTENT_TOPIC_ID = 103,
    KLIENT_INELIGIBLE_REPLICA = 107,
    KLIENT_INVALID_REGULAR_EXPRESSION = 128,
    KLIENT_NOMEM = -100,
    KLIENT_IO = -101,
    KLIENT_CORRUPT = -102,
    KLIENT_MALFORMED = -103,
    KLIENT_FRAME_TOO_LARGE = -104,
    KLIENT_DISK_FULL = -105,
    KLIENT_EXISTS = -106,
    KLIENT_NOT_FOUND = -107,
    KLIENT_BAD_VERSION = -108,
    KLIENT_CONNECTION_FAILED = -109,
    KLIENT_RESOLVE_FAILED = -110,
    KLIENT_CLOSED = -111,
    KLIENT_QUEUE_FULL = -112,
    KLIENT_INVALID_ARGUMENT = -113,
    KLIENT_CONCURRENT = -114,
    KLIENT_IN_CALLBACK = -115,
    KLIENT_FORKED = -116,
    KLIENT_NOT_ASSIGNED = -117,
    KLIENT_BUSY = -118,
    KLIENT_WRONG_CLUSTER = -119,
    KLIENT_WRONG_BROKER = -120,
    KLIENT_ID_IN_USE = -121,
    KLIENT_SESSION_LOST = -122,
    KLIENT_NOT_SUPPORTED_YET = -123,
    KLIENT_UNKNOWN_NAME = -124,
    KLIENT_LEASE_EXPIRED = -125,
    KLIENT_WOKEN_UP = -126,
    KLIENT_PARTITIONER_FAILED = -127,
    KLIENT_SERIALIZER_FAILED = -128,
    KLIENT_END_OF_PARTITION = -129,
    KLIENT_NO_COMMON_VERSION = -130,
    KLIENT_PRODUCER_IDS_EXHAUSTED = -131,
    KLIENT_LOG_TRUNCATION = -132,
    KLIENT_DESERIALIZER_FAILED = -133,
    KLIENT_WRONG_STATE = -134,
    KLIENT_ASSIGNOR_FAILED = -135,
    KLIENT_PURGED = -136
} klient_code_t;

/* About a code: its name ("NOT_LEADER_OR_FOLLOWER"), a sentence without a full stop, and whether
 * the same call may succeed later. Constant strings; any thread; never fail. */
const char *klient_code_name(klient_code_t code);
const char *klient_code_text(klient_code_t code);
int klient_code_retriable(klient_code_t code);

/* About an error object. Strings live as long as the object. None of these fails. NULL is allowed
 * and is KLIENT_OK. */
klient_code_t klient_error_code(const klient_error_t *error);
const char *klient_error_text(const klient_error_t *error);
int klient_error_retriable(const klient_error_t *error);          /* may succeed later */
int klient_error_fatal(const klient_error_t *error);              /* close the handle */
int klient_error_abort_transaction(const klient_error_t *error);  /* later; always 0 now */

/* Which partition it is about: topic NULL, partition -1 when about none. */
const char *klient_error_topic(const klient_error_t *error);
int32_t klient_error_partition(const klient_error_t *error);

/* From klient_consumer_poll(): the offset to seek to in order to leave what can not be read
 * behind; -1 when that does not apply. */
int64_t klient_error_skip_to(const klient_error_t *error);

/* The number that a serializer, deserializer, interceptor or assignor of the application failed
 * with; 0: none was involved. What it had to say is in the text. */
int klient_error_detail(const klient_error_t *error);

/* NULL is allowed. */
void klient_error_free(klient_error_t *error);

/* ============================================================================================ */
/* Configuration: Kafka's names as strings. Not thread-safe.                                    */
/* ============================================================================================ */

/* All defaults. NULL when out of memory. Free with klient_config_free(). */
klient_config_t *klient_config_new(void);
klient_config_t *klient_config_copy(const klient_config_t *config);
void klient_config_free(klient_config_t *config);                 /* NULL is allowed */

/* Set one property from text, e.g. "linger.ms", "20". librdkafka's names are accepted as aliases.
 *
 * KLIENT_UNKNOWN_NAME (the text names the nearest known one), KLIENT_NOT_SUPPORTED_YET (Kafka
 * knows it, we do not serve it yet), KLIENT_INVALID_CONFIG (the text says what is allowed),
 * KLIENT_NOMEM.
 *
 * A config that is given to a producer, a consumer or an admin must not have properties set that
 * are only of another kind (KLIENT_INVALID_CONFIG then, naming the first); one that is given to
 * klient_new() may have all of them, for whatever is opened on the handle without a config. */
klient_code_t klient_config_set(klient_config_t *config, const char *name, const char *value,
                                klient_error_t **error);

/* The same for "name=value". */
klient_code_t klient_config_set_pair(klient_config_t *config, const char *pair,
                                     klient_error_t **error);

/* Read a file in Java's properties form; the text of an error names file and line. Blocks on the
 * disk. Properties in it that are only of another kind of handle are warned of and ignored. Errors
 * of klient_config_set(), and KLIENT_IO. */
klient_code_t klient_config_load(klient_config_t *config, const char *path,
                                 klient_error_t **error);

/* The effective value as text into `text` of `size` bytes (cut if longer; "" for unset).
 * KLIENT_UNKNOWN_NAME. */
klient_code_t klient_config_get(const klient_config_t *config, const char *name, char *text,
                                size_t size, klient_error_t **error);

/* A topic's own value of a property, in place of the one that holds for all topics: for records
 * that are sent to it, or read from it. What may be set so: compression.type and the levels,
 * batch.size, linger.ms, delivery.timeout.ms, partitioner and its switches (a topic with a
 * `partitioner` of its own does not ask the application's function); auto.offset.reset and
 * max.partition.fetch.bytes. docs/client-configuration.md marks them with "per topic".
 *
 * The same can be set by a name, with klient_config_set() and in files:
 *
 *   topic/NAME/PROPERTY            topic/orders.v1/linger.ms=20
 *
 * Names of topics have no slash, and no other property begins with "topic/". Handles, producers and
 * consumers copy all that with the rest of the configuration; the topic need not exist.
 *
 * Errors of klient_config_set(); KLIENT_INVALID_CONFIG also for a property that can not be set for
 * a topic (the text names those that can), KLIENT_INVALID_TOPIC_EXCEPTION (no topic can be named
 * that). */
klient_code_t klient_config_set_topic(klient_config_t *config, const char *topic, const char *name,
                                      const char *value, klient_error_t **error);

/* As klient_config_get(), which tells what holds for all topics: the value that counts for this
 * one. klient_config_get() of topic/NAME/PROPERTY is the same. */
klient_code_t klient_config_get_topic(const klient_config_t *config, const char *topic,
                                      const char *name, char *text, size_t size,
                                      klient_error_t **error);

/* Write every effective value and where it came from, one "name=value  # source" a line; what was
 * set for topics as "topic/NAME/PROPERTY=value  # source". */
void klient_config_print(const klient_config_t *config, FILE *out);

/* Write the documentation of all properties as a markdown table. */
void klient_config_print_docs(FILE *out);

/* What became of a record. Valid during the callback. */
typedef struct klient_report {
    size_t size;                 /* of this struct, as the library knows it */
    const char *topic;
    int32_t partition;
    klient_code_t code;          /* KLIENT_OK: acknowledged as `acks` asks */
    int64_t offset;              /* -1: unknown (failed, or acks=0) */
    int64_t timestamp;           /* ms since 1970 as stored; -1 when the record failed */
    int may_have_been_written;   /* with a failure: it may be in the log all the same */
    void *opaque;                /* klient_record_t.opaque */
    int64_t limit;               /* of the broker, that a failed record exceeds: with
                                    KLIENT_MESSAGE_TOO_LARGE the topic's max.message.bytes, which
                                    the whole batch must keep to; 0: none, or not known */
} klient_report_t;

/* Called once per record of which klient_producer_send() returned KLIENT_OK, inside
 * klient_producer_poll(), _flush() and _close() of whichever thread called, or as
 * klient_config_set_background() says. Reports of one
 * partition come in the order of its offsets if one thread polls, but for a record whose answer a
 * broken connection took along: its report comes when it is known that it was stored. */
typedef void (*klient_report_fn)(void *context, const klient_report_t *report);

/* Ask for reports from producers made with this config. NULL: none. `context` is borrowed. */
void klient_config_set_report(klient_config_t *config, klient_report_fn report, void *context);

/* A partitioner's view of a record. Valid during the call. */
typedef struct klient_partitioning {
    size_t size;                 /* of this struct, as the library knows it */
    const char *topic;
    const void *key;             /* NULL: no key */
    size_t key_size;
    const void *value;           /* NULL: tombstone */
    size_t value_size;
    int32_t partition_count;
    const int32_t *available;    /* partitions with a leader, ascending */
    size_t available_count;
} klient_partitioning_t;

/* Returns 0 to partition_count - 1; anything else fails that send with
 * KLIENT_PARTITIONER_FAILED. Runs inside klient_producer_send() of any number of threads. */
typedef int32_t (*klient_partitioner_fn)(void *context, const klient_partitioning_t *record);

/* Non-zero: producers made with this config have a thread of their own, in which all signals are
 * blocked, that calls `report` and on_acknowledgement of interceptors, one at a time, as soon as
 * there is something to tell: the application need not poll. klient_producer_poll() returns
 * KLIENT_WRONG_STATE then, and the descriptor is never readable; klient_producer_flush() and
 * _close() wait for these functions, which may call what they may call otherwise. Nothing changes
 * for consumers. */
void klient_config_set_background(klient_config_t *config, int background);

/* Use a partitioner of your own for records that name no partition. NULL: the one that the
 * property `partitioner` names; so do topics for which that was set. `context` is borrowed. */
void klient_config_set_partitioner(klient_config_t *config, klient_partitioner_fn partitioner,
                                   void *context);

/* What the library has to say that belongs to no call: one line without a newline,
 * "2026-11-23T13:05:00.123Z warn event=property-ignored name=..." */
typedef enum klient_log_level {
    KLIENT_LOG_DEBUG = 0,
    KLIENT_LOG_INFO = 1,
    KLIENT_LOG_WARN = 2,
    KLIENT_LOG_ERROR = 3
} klient_log_level_t;

/* Called on the handle's own thread, which it must not hold up, and inside calls that open
 * something or in which an interceptor fails. Must not call this library. `line` is valid during
 * the call. */
typedef void (*klient_log_fn)(void *context, klient_log_level_t level, const char *line);

/* Have the lines of handles made with this config. NULL, the default: they go to standard error.
 * `context` is borrowed until the handle is freed. */
void klient_config_set_log(klient_config_t *config, klient_log_fn log, void *context);

/* Java's hash of keys (murmur2, sign bit cleared) modulo `partition_count` > 0, for partitioners
 * and for finding where a key lives. Thread-safe. */
int32_t klient_partition_for_key(const void *key, size_t key_size, int32_t partition_count);

/* ============================================================================================ */
/* The handle                                                                                   */
/* ============================================================================================ */

/* Start the thread of a handle on which producers, consumers and admins are opened: they share
 * its connections. Connects when first needed, so an unreachable cluster is no error here.
 * `config` is copied. NULL on failure: KLIENT_INVALID_CONFIG (no bootstrap.servers, or settings
 * that contradict each other), KLIENT_NOMEM. */
klient_t *klient_new(const klient_config_t *config, klient_error_t **error);

/* Give up the handle. What was opened on it stays usable; the thread ends with the last of them.
 * Waits only for the thread's current turn. NULL is allowed. In a forked child: frees nothing that
 * is shared with the parent. */
void klient_free(klient_t *klient);

/* ============================================================================================ */
/* Queues: what happens, for who does not want to wait                                           */
/* ============================================================================================ */

/* Independent of handles: any number of handles and threads may use one. NULL: KLIENT_NOMEM. */
klient_queue_t *klient_queue_new(klient_error_t **error);

typedef enum klient_event_kind {
    KLIENT_EVENT_TROUBLE = 0,        /* something is wrong that belongs to no call, or is over */
    KLIENT_EVENT_ANSWER = 1,         /* what became of a call that was made with ..._async() */
    KLIENT_EVENT_STATISTICS = 2      /* it is time for them: statistics.interval.ms */
} klient_event_kind_t;

/* Nearly every call that waits for an answer of the cluster has a form that does not: its name ends
 * in _async, and instead of its outputs it has a queue and an `opaque` of the caller's. It checks
 * its arguments, copies what it needs and returns at once. An error means that no event follows;
 * else exactly one KLIENT_EVENT_ANSWER does, at `timeout_ms` at the latest: with the code that the
 * call itself would have returned, its error, and what it was made for. What the call itself puts
 * into several arrays comes as one object, of as many rows in the same order: offsets, and codes,
 * as klient_offsets_t; codes of groups, and of members of one, as klient_results_t.
 *
 * Each may be called where the call itself may, and by any thread that may call it. What is open
 * when the handle goes, with the last of what was opened on it, is answered with KLIENT_CLOSED;
 * a flush, and what is asked of a consumer's group or of partitions that it has, when that producer
 * or consumer is closed.
 *
 * Calls that are work of the thread that makes them have none: poll, close, settle, commit_sync
 * (there is klient_consumer_commit_async()) and seek_to_time (ask for the offset, then seek). */

/* Wait up to `timeout_ms` for the next event: *out, to be freed with klient_event_free(), or NULL
 * when the time passed without one (that is KLIENT_OK too). Any number of threads; each event goes
 * to one. KLIENT_WRONG_STATE (a function gets them), KLIENT_INVALID_ARGUMENT, KLIENT_FORKED. */
klient_code_t klient_queue_poll(klient_queue_t *queue, int64_t timeout_ms, klient_event_t **out,
                                klient_error_t **error);

/* Readable exactly while klient_queue_poll(queue, 0, ...) would return an event; always the same.
 * Poll it for reading, do nothing else with it; it belongs to the queue. -1 when descriptors have
 * run out, and in a forked child. */
int klient_queue_descriptor(klient_queue_t *queue);

/* Gets an event, which it frees with klient_event_free(), then or later. It may do anything but
 * free the queue: calls that wait, too, though events behind it wait with it. */
typedef void (*klient_event_fn)(void *context, klient_event_t *event);

/* Background delivery: from now on a thread of the queue's own, in which all signals are blocked,
 * hands each event to `function`, one after the other. `context` is borrowed until the queue is
 * freed. KLIENT_WRONG_STATE (a function gets them already), KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM,
 * KLIENT_FORKED. */
klient_code_t klient_queue_serve(klient_queue_t *queue, klient_event_fn function, void *context,
                                 klient_error_t **error);

/* Free it and the events in it; waits for a function that is running. No other thread may use it
 * any more. Calls that are open go on, and what becomes of them is not told. Inside of the function
 * of klient_queue_serve() it does nothing. NULL is allowed. */
void klient_queue_free(klient_queue_t *queue);

/* About an event, by one thread at a time; none of these fails. The error of a KLIENT_EVENT_ANSWER
 * lives as long as the event; NULL on success, when there was no memory for it, and of others:
 * klient_event_trouble() has the text of a trouble. `opaque` is what was given to the call, NULL
 * unless it is a KLIENT_EVENT_ANSWER. */
klient_event_kind_t klient_event_kind(const klient_event_t *event);
klient_code_t klient_event_code(const klient_event_t *event);
const klient_error_t *klient_event_error(const klient_event_t *event);
void *klient_event_opaque(const klient_event_t *event);

/* What the call was made for, once: it is the caller's from then on, who frees it as usual. NULL:
 * the event has none of that kind, or not any more. */
klient_groups_t *klient_event_take_groups(klient_event_t *event);
klient_logs_t *klient_event_take_logs(klient_event_t *event);
klient_metadata_t *klient_event_take_metadata(klient_event_t *event);
klient_metrics_t *klient_event_take_metrics(klient_event_t *event);
klient_offsets_t *klient_event_take_offsets(klient_event_t *event);
klient_reassignments_t *klient_event_take_reassignments(klient_event_t *event);
klient_results_t *klient_event_take_results(klient_event_t *event);
klient_settings_t *klient_event_take_settings(klient_event_t *event);

/* And what is still in it. NULL is allowed. */
void klient_event_free(klient_event_t *event);

/* ============================================================================================ */
/* Troubles: errors that belong to no call                                                       */
/* ============================================================================================ */

/* What a handle, producer or consumer meets with and deals with by itself, until it can not:
 * brokers that are away, partitions without a leader, commits that fail, an application that holds
 * all the memory there is. A call that fails because of one still says so.
 *
 * Each is told when it begins and when it is over, and in between once when it has become
 * persistent and once when it has become fatal: never more often, whatever the number of attempts.
 * It is over when it has stayed away for a fifth of trouble.persistent.ms, but for 2 seconds at
 * most. What is open when its handle, producer or consumer is closed ends without an event.
 * docs/troubles.md has all kinds. */
typedef enum klient_severity {
    KLIENT_TRANSIENT = 0,            /* just begun; libklient deals with it */
    KLIENT_IDLE = 1,                 /* nobody is waiting for it, as with an idle connection that
                                        broke */
    KLIENT_PERSISTENT = 2,           /* has lasted longer than trouble.persistent.ms */
    KLIENT_FATAL = 3                 /* the handle can not go on: close it */
} klient_severity_t;

/* Texts live as long as the event; what it is not about is NULL or -1. */
typedef struct klient_trouble {
    size_t size;                     /* of this struct, as the caller knows it */
    klient_severity_t severity;
    int over;                        /* it has ended; severity is what it had become */
    klient_code_t code;              /* of the last attempt; KLIENT_OK where there is none */
    const char *text;                /* for people; never NULL */
    const char *action;              /* what to do next, a sentence; never NULL */
    const char *about;               /* its kind, "broker-unreachable"; does not change */
    int32_t broker;
    const char *topic;
    int32_t partition;
    const char *group;
    int64_t since_ms;                /* when it began, in ms since 1970 */
    int64_t lasted_ms;               /* until the event was made; if it is over, until it ended */
} klient_trouble_t;

/* What an event of KLIENT_EVENT_TROUBLE says; out->size is sizeof *out before.
 * KLIENT_INVALID_ARGUMENT: it is another event, or the size is not set. */
klient_code_t klient_event_trouble(const klient_event_t *event, klient_trouble_t *out);

/* Handles, producers and consumers made with this config send their troubles there: a handle those
 * of brokers, the others what concerns their records, topics and group. The queue is referenced by
 * the config and by each of them, so it may be freed at any time. NULL, the default: nobody is
 * told. */
void klient_config_set_queue(klient_config_t *config, klient_queue_t *queue);

/* ============================================================================================ */
/* Statistics                                                                                    */
/* ============================================================================================ */

/* What a handle, and the producers and consumers that are open on it, have counted: a JSON text on
 * one line, whose members klient_statistics(3) lists; later versions may add some. *json is to be
 * freed with klient_statistics_free(). Does not wait for brokers.
 *
 * With statistics.interval.ms in the configuration of a handle such a text also comes to the queue
 * of klient_config_set_queue() as often, as KLIENT_EVENT_STATISTICS; quantiles and rates are then
 * those since the last event, otherwise since all was opened.
 *
 * KLIENT_INVALID_ARGUMENT, KLIENT_IN_CALLBACK (of the log), KLIENT_NOMEM, KLIENT_FORKED. */
klient_code_t klient_statistics(klient_t *klient, char **json, klient_error_t **error);

/* The same of the handle that a producer or consumer is open on. Any thread. */
klient_code_t klient_producer_statistics(klient_producer_t *producer, char **json,
                                         klient_error_t **error);
klient_code_t klient_consumer_statistics(klient_consumer_t *consumer, char **json,
                                         klient_error_t **error);

/* NULL is allowed. */
void klient_statistics_free(char *json);

/* The text of a KLIENT_EVENT_STATISTICS, which lives as long as the event; NULL: it is another. */
const char *klient_event_statistics(const klient_event_t *event);

/* ============================================================================================ */
/* Records                                                                                      */
/* ============================================================================================ */

#define KLIENT_PARTITION_ANY (-1)
#define KLIENT_TIMESTAMP_NOW (-1)

typedef struct klient_header {
    const char *key;             /* UTF-8, `key_size` bytes, not terminated when received */
    size_t key_size;
    const void *value;           /* NULL: null */
    size_t value_size;
} klient_header_t;

typedef enum klient_timestamp_type {
    KLIENT_TIMESTAMP_CREATED = 0,        /* set by the producer */
    KLIENT_TIMESTAMP_APPENDED = 1        /* set by the broker */
} klient_timestamp_type_t;

/* A record to send (borrowed and copied by the call), or one received (views into a
 * klient_records_t). data NULL means null, data non-NULL with size 0 means empty. Key and value of
 * a record to send are what key.serializer and value.serializer take, which is bytes unless they
 * are set; of one received they are always the bytes, see klient_record_value(). */
typedef struct klient_record {
    size_t size;                 /* klient_record_init() */
    const char *topic;
    const void *key;
    const void *value;
    size_t key_size, value_size;
    const klient_header_t *headers;
    size_t header_count;
    int32_t partition;           /* sending: KLIENT_PARTITION_ANY leaves it to the partitioner */
    int32_t leader_epoch;        /* receiving; -1: unknown */
    int64_t offset;              /* receiving */
    int64_t timestamp;           /* ms since 1970; sending: KLIENT_TIMESTAMP_NOW */
    klient_timestamp_type_t timestamp_type;    /* receiving */
    void *opaque;                /* sending: comes back in the report */
    const klient_records_t *origin;    /* receiving: what it is part of; the library's */
} klient_record_t;

/* Size and defaults: no key, no value, any partition, now. */
void klient_record_init(klient_record_t *record);

/* ============================================================================================ */
/* Serializers and deserializers: values of C as keys and values                                 */
/* ============================================================================================ */

/* key.serializer and value.serializer (producers), key.deserializer and value.deserializer
 * (consumers) name one of these, or one of the application's own. The class names of Java's
 * (org.apache.kafka.common.serialization.LongSerializer, ...) are accepted, too, and what stands in
 * the log is what they write.
 *
 *   name     key or value of a record to send     in the log                       received
 *   bytes    bytes; the default                   as they are                      bytes
 *   string   UTF-8, without a zero at its end     as it is, checked                text
 *   int32    an int32_t                           4 bytes, the highest first       int32
 *   int64    an int64_t                           8 bytes, the highest first       int64
 *   double   a double                             8 bytes of IEEE 754, likewise    real
 *   uuid     16 bytes                             36 characters, 8-4-4-4-12        uuid
 *   json     a JSON text (RFC 8259), in UTF-8     as it is, checked                text
 *
 *   int64_t cents = 1250;                         (value.serializer=int64)
 *   record.value = &cents, record.value_size = sizeof cents;
 *
 * NULL stays null and is given to none of them. A size that is not the type's and text that is none
 * are refused: KLIENT_SERIALIZER_FAILED, KLIENT_DESERIALIZER_FAILED. A custom partitioner, and the
 * hash of keys, see what is in the log. */

typedef enum klient_type {
    KLIENT_TYPE_NULL = 0,        /* there is none */
    KLIENT_TYPE_BYTES = 1,
    KLIENT_TYPE_STRING = 2,
    KLIENT_TYPE_INT32 = 3,
    KLIENT_TYPE_INT64 = 4,
    KLIENT_TYPE_DOUBLE = 5,
    KLIENT_TYPE_UUID = 6,
    KLIENT_TYPE_JSON = 7,
    KLIENT_TYPE_OWN = 8          /* what an own deserializer made */
} klient_type_t;

/* What a deserializer made: `type` says which member of `as` it is. */
typedef struct klient_value {
    size_t size;                 /* of this struct, set by the caller */
    klient_type_t type;
    const void *maker;           /* the library's */
    union {
        struct {
            const void *data;
            size_t size;
        } bytes;                 /* BYTES: a view, valid as long as those of the record */
        struct {
            const char *data;    /* not terminated */
            size_t size;
        } text;                  /* STRING, JSON: likewise */
        int32_t int32;
        int64_t int64;
        double real;
        uint8_t uuid[16];
        void *own;
    } as;
} klient_value_t;

/* What key.deserializer and value.deserializer of its consumer make of a record that
 * klient_records_next() filled in, while its views are valid, also after the consumer was closed.
 * Each call does the work anew. Nothing is allocated but by own deserializers. Any thread; does not
 * wait.
 *
 * KLIENT_DESERIALIZER_FAILED (the text says why; the error names the partition, and
 * klient_error_skip_to() the offset behind the record): the bytes are in the record, which counts
 * as read like any other; klient_records_next() and poll go on behind it. KLIENT_INVALID_ARGUMENT
 * (the record was not received, *value is too small). */
klient_code_t klient_record_key(const klient_record_t *record, klient_value_t *key,
                                klient_error_t **error);
klient_code_t klient_record_value(const klient_record_t *record, klient_value_t *value,
                                  klient_error_t **error);

/* To be called for values of type KLIENT_TYPE_OWN, by any thread, also after klient_records_free().
 * No-op for others and for NULL. */
void klient_value_free(klient_value_t *value);

/* --- own ones --------------------------------------------------------------------------------- */

/* A property that an own serializer, deserializer, interceptor or assignor adds to those of its
 * configuration: klient_config_set(), _load(), _get() and _print() know it from then on. Several
 * may declare the same one; the first declaration counts. Never grows: arrays of it are passed. */
typedef struct klient_property {
    const char *name;
    const char *fallback;        /* its default; NULL: unset, which reads as "" */
    int secret;                  /* klient_config_print() leaves its value out */
} klient_property_t;

/* A key or value on its way into a record. Valid during the call. */
typedef struct klient_serialization {
    size_t size;                 /* of this struct, as the library knows it */
    const char *topic;
    int is_key;
    const void *data;            /* klient_record_t.key or .value as it was sent; never NULL */
    size_t data_size;
    klient_scratch_t *scratch;
    char *reason;                /* room of `reason_size` bytes for the text of a failure */
    size_t reason_size;
    /* May be replaced, by others in scratch memory. */
    const klient_header_t *headers;
    size_t header_count;
    /* To be set: the result, in scratch memory, in `data` or constant. NULL makes it null. */
    const void *bytes;
    size_t bytes_size;
} klient_serialization_t;

/* Memory for what a serializer or an interceptor makes of a record, aligned for any type; it lasts
 * until the send has returned. The first kilobyte or so costs no allocation. NULL when out of
 * memory, or beyond four times max.request.size in one send. */
void *klient_scratch_alloc(klient_scratch_t *scratch, size_t size);

typedef struct klient_serializer {
    size_t size;                 /* klient_serializer_init() */
    void *context;               /* borrowed until the handles made with the config are closed */
    const klient_property_t *properties;
    size_t property_count;
    /* Called when a producer is opened, once for keys and once for values, if it is to serialize
     * them; in the thread that opens it. `config`, valid during the call, is the producer's: read
     * it with klient_config_get(). *state is what the other calls get. Not 0: opening fails with
     * KLIENT_INVALID_CONFIG, this klient_error_detail() and the reason. NULL: the state is the
     * context. */
    int (*open)(void *context, const klient_config_t *config, int is_key, void **state,
                char *reason, size_t reason_size);
    /* Inside klient_producer_send() of any number of threads at once; must not use the producer.
     * Not 0: the send fails with KLIENT_SERIALIZER_FAILED, this klient_error_detail() and the
     * reason. */
    int (*serialize)(void *state, klient_serialization_t *call);
    /* When the producer is closed. NULL: nothing to do. */
    void (*close)(void *state);
} klient_serializer_t;

/* A key or value of a record that was received. Valid during the call. */
typedef struct klient_deserialization {
    size_t size;                 /* of this struct, as the library knows it */
    const char *topic;
    int32_t partition;
    int64_t offset;
    int is_key;
    const void *bytes;           /* never NULL */
    size_t bytes_size;
    const klient_header_t *headers;
    size_t header_count;
    char *reason;                /* as in klient_serialization_t */
    size_t reason_size;
} klient_deserialization_t;

typedef struct klient_deserializer {
    size_t size;                 /* klient_deserializer_init() */
    void *context;               /* borrowed until `close` was called */
    const klient_property_t *properties;
    size_t property_count;
    /* As of a serializer, when a consumer is opened. */
    int (*open)(void *context, const klient_config_t *config, int is_key, void **state,
                char *reason, size_t reason_size);
    /* Make *own, inside klient_record_key() and _value() of any number of threads at once. It may
     * point into the record's views. Not 0: they fail with KLIENT_DESERIALIZER_FAILED, this
     * klient_error_detail() and the reason. */
    int (*deserialize)(void *state, klient_deserialization_t *call, void **own);
    /* Free what it made, inside klient_value_free(). NULL: nothing to do. */
    void (*free_own)(void *state, void *own);
    /* When the consumer is closed and the last of its records and values freed, by the thread that
     * did that. NULL: nothing to do. */
    void (*close)(void *state);
} klient_deserializer_t;

/* Size and NULL. */
void klient_serializer_init(klient_serializer_t *serializer);
void klient_deserializer_init(klient_deserializer_t *deserializer);

/* Let the four properties name a serializer or deserializer of the application's own; a Java class
 * name will do, so that the properties files of Java programs can stay as they are. To be called
 * before properties that it declares are set. Everything but the context is copied.
 *
 * KLIENT_EXISTS (the name is taken), KLIENT_INVALID_ARGUMENT (no name, blanks or commas in it; no
 * function; a property with a name that libklient has itself), KLIENT_NOMEM. */
klient_code_t klient_config_add_serializer(klient_config_t *config, const char *name,
                                           const klient_serializer_t *serializer,
                                           klient_error_t **error);
klient_code_t klient_config_add_deserializer(klient_config_t *config, const char *name,
                                             const klient_deserializer_t *deserializer,
                                             klient_error_t **error);

/* ============================================================================================ */
/* Interceptors: who looks at records on their way                                               */
/* ============================================================================================ */

/* Called one after the other, as they were added or as interceptor.classes orders them. A call that
 * returns anything but 0 is logged (event=interceptor-failed; of many failures the 1st, 2nd, 4th,
 * 8th, ...) and stops nothing: neither the record nor the next interceptor. They must not use the
 * producer or consumer that calls them: its calls return KLIENT_IN_CALLBACK, but those of the
 * producer from on_acknowledgement that a report callback may make, and klient_consumer_wakeup().
 * Calls that are NULL are left out. */
struct klient_offset;
typedef struct klient_interceptor {
    size_t size;                 /* klient_interceptor_init() */
    void *context;               /* borrowed until the handles made with the config are closed */
    const klient_property_t *properties;
    size_t property_count;
    /* As of a serializer: when a producer is opened (for on_send, on_acknowledgement) or a consumer
     * (for on_consume, on_commit). */
    int (*open)(void *context, const klient_config_t *config, void **state, char *reason,
                size_t reason_size);
    /* Inside klient_producer_send() of any number of threads at once, before serializers and
     * partitioner. *record is a copy: all but `size` and `opaque` may be changed, into what lasts
     * until the send has returned (scratch memory does); the next one sees it like that. A call
     * that fails, or leaves no topic, has changed nothing. */
    int (*on_send)(void *state, klient_record_t *record, klient_scratch_t *scratch);
    /* Once for each record that passed on_send. When the send itself failed: inside it, with its
     * code, and partition KLIENT_PARTITION_ANY where none was asked for. Otherwise like and before
     * the report of the record: inside klient_producer_poll(), _flush() and _close(), one thread at
     * a time, or as klient_config_set_background() says. It counts as asking for reports: poll, or
     * they fill buffer.memory. */
    int (*on_acknowledgement)(void *state, const klient_report_t *report);
    /* Inside klient_consumer_poll(), once for what it is about to return: walk it with
     * klient_records_next(), from the beginning each. Records can be left out with
     * klient_records_drop(), but not changed. Keep none of it: it is the application's. */
    int (*on_consume)(void *state, klient_records_t *records);
    /* Once for each commit that was carried out or failed, asked for or automatic, and where
     * auto.offset.reset let the group start: with its code, and its offsets, each with its own.
     * Inside klient_consumer_poll(), _commit_sync(), _unsubscribe() and _close() of the consumer,
     * before the callback of klient_consumer_commit_async(). */
    int (*on_commit)(void *state, klient_code_t code,
                     const struct klient_offset *const *offsets, size_t count);
    /* When the producer or consumer is closed. */
    void (*close)(void *state);
} klient_interceptor_t;

/* Size and NULL. */
void klient_interceptor_init(klient_interceptor_t *interceptor);

/* Add one; errors and the rest as klient_config_add_serializer(). */
klient_code_t klient_config_add_interceptor(klient_config_t *config, const char *name,
                                            const klient_interceptor_t *interceptor,
                                            klient_error_t **error);

/* Inside on_consume: neither the next interceptor nor the application gets the record that
 * klient_records_next() returned last. It counts as read. KLIENT_INVALID_ARGUMENT (outside of
 * on_consume, nothing was returned yet, it was dropped already), KLIENT_NOMEM. */
klient_code_t klient_records_drop(klient_records_t *records);

/* ============================================================================================ */
/* Producer                                                                                     */
/* ============================================================================================ */

/* Open a producer on a handle. `config` (may be NULL: the handle's) holds the producer's own
 * properties and callbacks; it is copied. KLIENT_INVALID_CONFIG (also: a consumer's property),
 * KLIENT_NOMEM, KLIENT_FORKED. */
klient_producer_t *klient_producer_open(klient_t *klient, const klient_config_t *config,
                                        klient_error_t **error);

/* A producer with a handle of its own. Errors of klient_new() and klient_producer_open(). */
klient_producer_t *klient_producer_new(const klient_config_t *config, klient_error_t **error);

/* Copy a record into the send buffer. The order within a partition is the order in which sends
 * returned, across threads, through retries too. The outcome comes by report, and by flush.
 *
 * Waits up to max.block.ms when the topic is not known yet, or no more after metadata.max.idle.ms,
 * or the buffer (buffer.memory, which reports that were not read yet count against) is full;
 * otherwise takes neither lock nor system call.
 *
 * KLIENT_QUEUE_FULL (retriable; call klient_producer_poll() if reports were asked for, also by an
 * interceptor),
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION (no such topic, or a partition beyond its last),
 * KLIENT_INVALID_TOPIC_EXCEPTION, KLIENT_MESSAGE_TOO_LARGE (over max.request.size),
 * KLIENT_SERIALIZER_FAILED (key.serializer or value.serializer refused it),
 * KLIENT_PARTITIONER_FAILED, KLIENT_REQUEST_TIMED_OUT (no broker answered within max.block.ms;
 * retriable), KLIENT_CLOSED, KLIENT_IN_CALLBACK (it would have to wait; or inside of an interceptor
 * or serializer of this producer), KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM, KLIENT_FORKED. */
klient_code_t klient_producer_send(klient_producer_t *producer, const klient_record_t *record,
                                   klient_error_t **error);

/* The same but never waits: KLIENT_QUEUE_FULL at once, or KLIENT_LEADER_NOT_AVAILABLE while the
 * topic is being looked up. Allowed in report callbacks. */
klient_code_t klient_producer_try_send(klient_producer_t *producer, const klient_record_t *record,
                                       klient_error_t **error);

/* Serve report callbacks; wait up to `timeout_ms` for the first. `served` (may be NULL) receives
 * how many ran. KLIENT_OK (also when there was nothing), KLIENT_WRONG_STATE (a thread of the
 * producer's does it), KLIENT_IN_CALLBACK, KLIENT_FORKED. */
klient_code_t klient_producer_poll(klient_producer_t *producer, int64_t timeout_ms, size_t *served,
                                   klient_error_t **error);

/* Send what is buffered now and wait until everything sent before this call has been
 * acknowledged or has failed; serves report callbacks meanwhile.
 *
 * KLIENT_OK: no record failed since the last flush. The code of the first that did, otherwise.
 * KLIENT_REQUEST_TIMED_OUT (retriable: sending goes on), KLIENT_IN_CALLBACK, KLIENT_FORKED. */
klient_code_t klient_producer_flush(klient_producer_t *producer, int64_t timeout_ms,
                                    klient_error_t **error);

/* The same without waiting. It serves no report callbacks, and is allowed in them. A failure is
 * told by one flush only. */
klient_code_t klient_producer_flush_async(klient_producer_t *producer, int64_t timeout_ms,
                                          klient_queue_t *queue, void *opaque,
                                          klient_error_t **error);

/* What to give up: records that wait to be sent, or to be sent again; records of requests that are
 * on their way or wait for their answer. */
enum {
    KLIENT_PURGE_QUEUED = 1 << 0,
    KLIENT_PURGE_IN_FLIGHT = 1 << 1
};

/* Give up the records whose sends have returned and that `flags` names: they fail with
 * KLIENT_PURGED, in the order of their partition, through reports as usual. Who waits for them in
 * flush, or for room in buffer.memory, goes on. Requests are not called back: what was in flight or
 * waits to be sent again may have been written, and its report says so. Under KLIENT_PURGE_QUEUED
 * alone what is in flight is reported once its answer comes, after what was purged behind it.
 *
 * Does not wait for brokers. Allowed in report callbacks. KLIENT_INVALID_ARGUMENT, KLIENT_CLOSED,
 * KLIENT_IN_CALLBACK (inside of an interceptor or serializer of this producer), KLIENT_FORKED. */
klient_code_t klient_producer_purge(klient_producer_t *producer, int flags,
                                    klient_error_t **error);

/* Flush, then free the producer, whatever happened: what is not acknowledged after `timeout_ms`
 * fails (is reported) with KLIENT_CLOSED. No other thread may use the producer any more. Waits a
 * little over `timeout_ms` at most. NULL is allowed.
 *
 * As klient_producer_flush(); only after KLIENT_IN_CALLBACK does the producer still exist. */
klient_code_t klient_producer_close(klient_producer_t *producer, int64_t timeout_ms,
                                    klient_error_t **error);

/* A descriptor for the application's own event loop, readable exactly while
 * klient_producer_poll(producer, 0, ...) has reports to serve. Poll it for reading, do nothing
 * else with it; it belongs to the producer. -1 when descriptors have run out, and in a forked
 * child. */
int klient_producer_descriptor(klient_producer_t *producer);

/* The partitions of a topic as the cluster describes them. Free with klient_metadata_free().
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT, KLIENT_IN_CALLBACK. */
klient_code_t klient_producer_partitions_for(klient_producer_t *producer, const char *topic,
                                             int64_t timeout_ms, klient_metadata_t **out,
                                             klient_error_t **error);
klient_code_t klient_producer_partitions_for_async(klient_producer_t *producer, const char *topic,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error);

/* ============================================================================================ */
/* Consumer: one thread at a time, except klient_consumer_wakeup()                               */
/* ============================================================================================ */

/* Never grows: arrays of it are passed. */
typedef struct klient_topic_partition {
    const char *topic;
    int32_t partition;
} klient_topic_partition_t;

/* Open a consumer on a handle. `config` as in klient_producer_open(). */
klient_consumer_t *klient_consumer_open(klient_t *klient, const klient_config_t *config,
                                        klient_error_t **error);

/* A consumer with a handle of its own. */
klient_consumer_t *klient_consumer_new(const klient_config_t *config, klient_error_t **error);

/* Stop fetching, leave the group, and free the consumer. Records that were handed out stay valid.
 *
 * In a group: what enable.auto.commit may commit is committed, the listener is told that all
 * partitions are revoked, and the coordinator that the member is gone, unless it is static (see
 * group.leave.on.close). Commits under way are waited for; outcomes that have not been told are
 * told. Never waits longer than `timeout_ms`: the consumer is freed all the same, and the first
 * thing that was not done is returned. NULL is allowed.
 *
 * KLIENT_REQUEST_TIMED_OUT or the code of a failed auto commit (the consumer is gone);
 * KLIENT_CONCURRENT, KLIENT_IN_CALLBACK (nothing was done). */
klient_code_t klient_consumer_close(klient_consumer_t *consumer, int64_t timeout_ms,
                                    klient_error_t **error);

/* Read exactly these partitions from now on. Those assigned before keep their position; new ones
 * start where the group has committed, if there is a group.id, else where auto.offset.reset says,
 * unless a seek follows. Does not wait: whether they exist is found out later and told by poll.
 *
 * With a group.id the consumer commits without being a member, which the coordinator refuses while
 * the group has members. KLIENT_INVALID_ARGUMENT (a partition twice, a bad name),
 * KLIENT_WRONG_STATE (it is subscribed: unsubscribe first), KLIENT_NOMEM, KLIENT_CONCURRENT,
 * KLIENT_IN_CALLBACK. */
klient_code_t klient_consumer_assign(klient_consumer_t *consumer,
                                     const klient_topic_partition_t *partitions, size_t count,
                                     klient_error_t **error);

/* Assign nothing. Does not wait. */
klient_code_t klient_consumer_unassign(klient_consumer_t *consumer, klient_error_t **error);

/* How many are assigned, and the i-th (valid until the next assign). Allowed in callbacks.
 * KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT, KLIENT_IN_CALLBACK (of an interceptor),
 * KLIENT_FORKED; the count is 0 then. */
size_t klient_consumer_assignment_count(klient_consumer_t *consumer);
klient_code_t klient_consumer_assignment(klient_consumer_t *consumer, size_t index,
                                         klient_topic_partition_t *out, klient_error_t **error);

/* Wait up to `timeout_ms` for records. *out receives up to max.poll.records of them, to be freed
 * with klient_records_free(), or NULL when the time passed without any (that is KLIENT_OK too).
 *
 * An error concerns one partition (klient_error_topic(), klient_error_partition()) and others go
 * on. Retriable trouble is dealt with inside and not returned. KLIENT_WOKEN_UP,
 * KLIENT_OFFSET_OUT_OF_RANGE (auto.offset.reset=none: seek), KLIENT_UNKNOWN_LEADER_EPOCH (what was
 * committed comes from a later epoch than any leader's that is known; told once, and asked for
 * again until there is one: seek if it was made up), KLIENT_LOG_TRUNCATION (told once; goes
 * on where what was read and what is there part, or waits for a seek with auto.offset.reset=none;
 * only where unclean elections are allowed), KLIENT_CORRUPT_MESSAGE (comes again
 * until the application seeks to klient_error_skip_to()), KLIENT_END_OF_PARTITION (only with
 * enable.partition.eof=true: everything up to its end was returned; told once each time),
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION (looked up again in the background),
 * KLIENT_TOPIC_AUTHORIZATION_FAILED, KLIENT_NOMEM, KLIENT_CONCURRENT, KLIENT_IN_CALLBACK,
 * KLIENT_FORKED.
 *
 * In a group it also takes over what was assigned, calls the listener, and tells outcomes of
 * klient_consumer_commit_async(). Call it at least every max.poll.interval.ms, or the member leaves
 * the group until the next poll. Why the member is not in the group comes as an error without a
 * partition; joining is tried again, unless it is fatal: KLIENT_FENCED_INSTANCE_ID (another process
 * has our group.instance.id; fatal), KLIENT_INCONSISTENT_GROUP_PROTOCOL (no common assignor),
 * KLIENT_GROUP_MAX_SIZE_REACHED, KLIENT_INVALID_SESSION_TIMEOUT, KLIENT_INVALID_GROUP_ID,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_UNSUPPORTED_VERSION (a broker without groups),
 * KLIENT_ASSIGNOR_FAILED (one of the application's own). */
klient_code_t klient_consumer_poll(klient_consumer_t *consumer, int64_t timeout_ms,
                                   klient_records_t **out, klient_error_t **error);

/* Make the poll (or other wait) under way, or else the next one, return KLIENT_WOKEN_UP. Any
 * thread, signal handlers too; never waits. */
void klient_consumer_wakeup(klient_consumer_t *consumer);

/* Readable exactly while klient_consumer_poll(consumer, 0, ...) has something to return.
 * Otherwise as klient_producer_descriptor(). */
int klient_consumer_descriptor(klient_consumer_t *consumer);

/* Go on reading at `offset` >= 0 (of the next record wanted), at the first record, or after the
 * last one. Do not wait; an offset outside of the log is found out by the next fetch and treated
 * as auto.offset.reset says. KLIENT_NOT_ASSIGNED, KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_seek(klient_consumer_t *consumer, const char *topic,
                                   int32_t partition, int64_t offset, klient_error_t **error);
klient_code_t klient_consumer_seek_to_beginning(klient_consumer_t *consumer, const char *topic,
                                                int32_t partition, klient_error_t **error);
klient_code_t klient_consumer_seek_to_end(klient_consumer_t *consumer, const char *topic,
                                          int32_t partition, klient_error_t **error);

/* Go on reading at the first record that is not older than `timestamp` (ms since 1970), or after
 * the last one when all are. Waits for the partition's leader. KLIENT_NOT_ASSIGNED,
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT: then nothing was sought. */
klient_code_t klient_consumer_seek_to_time(klient_consumer_t *consumer, const char *topic,
                                           int32_t partition, int64_t timestamp,
                                           int64_t timeout_ms, klient_error_t **error);

/* The offset of the next record that poll will return. Waits while a start position is being
 * looked up. KLIENT_NOT_ASSIGNED, KLIENT_REQUEST_TIMED_OUT, KLIENT_OFFSET_OUT_OF_RANGE
 * (auto.offset.reset=none and no position), KLIENT_WOKEN_UP, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_position(klient_consumer_t *consumer, const char *topic,
                                       int32_t partition, int64_t timeout_ms, int64_t *offset,
                                       klient_error_t **error);

/* One offset. */
klient_code_t klient_consumer_position_async(klient_consumer_t *consumer, const char *topic,
                                             int32_t partition, int64_t timeout_ms,
                                             klient_queue_t *queue, void *opaque,
                                             klient_error_t **error);

/* Stop and go on returning records of a partition; its position stays. Do not wait. Pausing
 * lasts through seeks. KLIENT_NOT_ASSIGNED, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_pause(klient_consumer_t *consumer, const char *topic,
                                    int32_t partition, klient_error_t **error);
klient_code_t klient_consumer_resume(klient_consumer_t *consumer, const char *topic,
                                     int32_t partition, klient_error_t **error);

/* For each of `count` partitions (assigned or not) its first offset, the offset after its last
 * record, or the offset of the first record not older than timestamps[i] (ms since 1970; -1 when
 * there is none). offsets[] has room for `count`. The first failure is returned.
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_CONCURRENT. */
klient_code_t klient_consumer_beginning_offsets(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms, int64_t *offsets,
                                                klient_error_t **error);
klient_code_t klient_consumer_beginning_offsets_async(klient_consumer_t *consumer,
                                                      const klient_topic_partition_t *partitions,
                                                      size_t count, int64_t timeout_ms,
                                                      klient_queue_t *queue, void *opaque,
                                                      klient_error_t **error);
klient_code_t klient_consumer_end_offsets(klient_consumer_t *consumer,
                                          const klient_topic_partition_t *partitions, size_t count,
                                          int64_t timeout_ms, int64_t *offsets,
                                          klient_error_t **error);
klient_code_t klient_consumer_end_offsets_async(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms,
                                                klient_queue_t *queue, void *opaque,
                                                klient_error_t **error);
klient_code_t klient_consumer_offsets_for_times(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                const int64_t *timestamps, size_t count,
                                                int64_t timeout_ms, int64_t *offsets,
                                                klient_error_t **error);
klient_code_t klient_consumer_offsets_for_times_async(klient_consumer_t *consumer,
                                                      const klient_topic_partition_t *partitions,
                                                      const int64_t *timestamps, size_t count,
                                                      int64_t timeout_ms, klient_queue_t *queue,
                                                      void *opaque, klient_error_t **error);

/* As klient_producer_partitions_for(). */
klient_code_t klient_consumer_partitions_for(klient_consumer_t *consumer, const char *topic,
                                             int64_t timeout_ms, klient_metadata_t **out,
                                             klient_error_t **error);
klient_code_t klient_consumer_partitions_for_async(klient_consumer_t *consumer, const char *topic,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error);

/* --- groups: the consumer has a group.id ------------------------------------------------------ */

/* Called inside klient_consumer_poll(), _unsubscribe() and _close(), with partitions that are valid
 * during the call. From inside, all calls of the consumer are allowed but poll, subscribe,
 * unsubscribe, assign and close; commits work, and wait. */
typedef void (*klient_rebalance_fn)(void *context, klient_consumer_t *consumer,
                                    const klient_topic_partition_t *partitions, size_t count);

/* What is told of rebalances. Any of them may be NULL. With cooperative assignors only what changes
 * is told, else everything each time. */
typedef struct klient_listener {
    size_t size;                 /* klient_listener_init() */
    klient_rebalance_fn revoked;     /* about to be given up: still ours, the last time to commit */
    klient_rebalance_fn assigned;    /* new, maybe none: after every rebalance */
    klient_rebalance_fn lost;        /* gone already, maybe somebody else's; commits are refused.
                                        NULL: `revoked` is called instead */
    void *context;               /* borrowed until the consumer is unsubscribed or closed */
} klient_listener_t;

void klient_listener_init(klient_listener_t *listener);

/* Join the group and share the partitions of these topics with its other members; topics that do
 * not exist are looked for and join later. Replaces an earlier subscription: what is left of that
 * is kept without a pause. `listener` (NULL: none) is copied. Does not wait.
 *
 * KLIENT_INVALID_GROUP_ID (no group.id), KLIENT_WRONG_STATE (partitions were assigned by hand:
 * unassign first), KLIENT_INVALID_ARGUMENT (no topic, or a bad name), KLIENT_NOMEM,
 * KLIENT_CONCURRENT, KLIENT_IN_CALLBACK. */
klient_code_t klient_consumer_subscribe(klient_consumer_t *consumer, const char *const *topics,
                                        size_t count, const klient_listener_t *listener,
                                        klient_error_t **error);

/* The same for all topics, also later ones, whose whole name matches a regular expression (PCRE2,
 * the whole name as Java's Pattern.matches()); never internal ones. As above, and
 * KLIENT_INVALID_REGULAR_EXPRESSION: it does not compile (the text says where); later by poll: to
 * match a name takes too long. */
klient_code_t klient_consumer_subscribe_pattern(klient_consumer_t *consumer, const char *pattern,
                                                const klient_listener_t *listener,
                                                klient_error_t **error);

/* Leave the group, or unassign. The listener is told that all partitions are revoked, and what
 * enable.auto.commit may commit is committed; leaving goes on in the background. KLIENT_CONCURRENT,
 * KLIENT_IN_CALLBACK. */
klient_code_t klient_consumer_unsubscribe(klient_consumer_t *consumer, klient_error_t **error);

/* How many topics the subscription names, and the i-th, until the next subscribe; NULL beyond the
 * last. The expression of klient_consumer_subscribe_pattern(), or NULL. Allowed in callbacks. Where
 * other calls return KLIENT_CONCURRENT, KLIENT_IN_CALLBACK (of an interceptor) or KLIENT_FORKED,
 * these return 0 and NULL. */
size_t klient_consumer_subscription_count(klient_consumer_t *consumer);
const char *klient_consumer_subscription(klient_consumer_t *consumer, size_t index);
const char *klient_consumer_subscription_pattern(klient_consumer_t *consumer);

/* The member as it was when the last rebalance was told. Strings live until the next poll. */
typedef struct klient_group_metadata {
    size_t size;
    const char *group;           /* "": none */
    const char *member;          /* "": not in it */
    const char *instance;        /* "": not static */
    int32_t generation;          /* -1: not in it */
} klient_group_metadata_t;

/* KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_group_metadata(klient_consumer_t *consumer,
                                             klient_group_metadata_t *out, klient_error_t **error);

/* An offset to commit, or one that is committed. */
typedef struct klient_offset {
    size_t size;                 /* klient_offset_init() */
    const char *topic;
    int32_t partition;
    int64_t offset;              /* of the next record to read; -1: none is committed */
    int32_t leader_epoch;        /* of the record before it; -1: not known */
    const char *metadata;        /* for people, up to the broker's offset.metadata.max.bytes;
                                    NULL: none */
    klient_code_t code;          /* of this one; not read */
} klient_offset_t;

void klient_offset_init(klient_offset_t *offset);

/* Commit `count` offsets; `offsets` NULL: what poll has returned of all assigned partitions, or
 * with enable.auto.offset.store=false what was stored. Commits are carried out in the order of the
 * calls. Waits; what may succeed later is tried again until `timeout_ms`, also through rebalances
 * that leave us the partitions. Allowed in callbacks. Only an application that commits a lower
 * offset lowers it.
 *
 * KLIENT_ILLEGAL_GENERATION, KLIENT_UNKNOWN_MEMBER_ID (partitions were lost: nothing is committed),
 * KLIENT_FENCED_INSTANCE_ID, KLIENT_NOT_ASSIGNED (subscribed, and it is not ours),
 * KLIENT_OFFSET_METADATA_TOO_LARGE, KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_INVALID_GROUP_ID,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_REQUEST_TIMED_OUT (may have been done),
 * KLIENT_WOKEN_UP (likewise), KLIENT_CLOSED (in what close calls at its very end),
 * KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_commit_sync(klient_consumer_t *consumer,
                                          const klient_offset_t *const *offsets, size_t count,
                                          int64_t timeout_ms, klient_error_t **error);

/* What became of a klient_consumer_commit_async(). `offsets` are those of the call, each with its
 * code; valid during the callback. */
typedef void (*klient_commit_fn)(void *context, klient_consumer_t *consumer, klient_code_t code,
                                 const klient_offset_t *const *offsets, size_t count);

/* The same without waiting: `done` (may be NULL) is called inside a later poll, commit_sync,
 * unsubscribe or close. What fails is not tried again. Errors of the call itself:
 * KLIENT_NOT_ASSIGNED, KLIENT_INVALID_GROUP_ID, KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM,
 * KLIENT_CONCURRENT. */
klient_code_t klient_consumer_commit_async(klient_consumer_t *consumer,
                                           const klient_offset_t *const *offsets, size_t count,
                                           klient_commit_fn done, void *context,
                                           klient_error_t **error);

/* With enable.auto.offset.store=false: `offset` (of the next record to read) is what later commits
 * without offsets, automatic ones too, are to commit of this partition. KLIENT_NOT_ASSIGNED,
 * KLIENT_WRONG_STATE (the property is true), KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_store_offset(klient_consumer_t *consumer, const char *topic,
                                           int32_t partition, int64_t offset,
                                           klient_error_t **error);

/* What the group has committed of these partitions. Waits for the coordinator. Allowed in
 * callbacks. *out, in their order, is to be freed with klient_offsets_free(). The first failure is
 * returned. KLIENT_INVALID_GROUP_ID, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_committed(klient_consumer_t *consumer,
                                        const klient_topic_partition_t *partitions, size_t count,
                                        int64_t timeout_ms, klient_offsets_t **out,
                                        klient_error_t **error);
klient_code_t klient_consumer_committed_async(klient_consumer_t *consumer,
                                              const klient_topic_partition_t *partitions,
                                              size_t count, int64_t timeout_ms,
                                              klient_queue_t *queue, void *opaque,
                                              klient_error_t **error);
size_t klient_offsets_count(const klient_offsets_t *offsets);
klient_code_t klient_offsets_get(const klient_offsets_t *offsets, size_t index,
                                 klient_offset_t *out);
void klient_offsets_free(klient_offsets_t *offsets);              /* NULL is allowed */

/* Where an assigned partition begins (its first offset) and ends (the offset after its last record
 * that is on all in-sync replicas, open transactions included), as the last fetch told it: up to
 * fetch.max.wait.ms old, older when it is paused. Waits for the first fetch only. Each of `low` and
 * `high` may be NULL. KLIENT_NOT_ASSIGNED, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_watermarks(klient_consumer_t *consumer, const char *topic,
                                         int32_t partition, int64_t timeout_ms, int64_t *low,
                                         int64_t *high, klient_error_t **error);

/* Two offsets: where it begins, where it ends. KLIENT_NOT_ASSIGNED: it was given up meanwhile. */
klient_code_t klient_consumer_watermarks_async(klient_consumer_t *consumer, const char *topic,
                                               int32_t partition, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* The same, asked of the partition's leader now; it need not be assigned.
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_INVALID_ARGUMENT, KLIENT_CONCURRENT. */
klient_code_t klient_consumer_query_watermarks(klient_consumer_t *consumer, const char *topic,
                                               int32_t partition, int64_t timeout_ms, int64_t *low,
                                               int64_t *high, klient_error_t **error);
/* Two offsets: where it begins, where it ends. */
klient_code_t klient_consumer_query_watermarks_async(klient_consumer_t *consumer, const char *topic,
                                                     int32_t partition, int64_t timeout_ms,
                                                     klient_queue_t *queue, void *opaque,
                                                     klient_error_t **error);

/* How many offsets lie between the position and the end of an assigned partition, as the last fetch
 * told it (of a reader of committed data: where the first open transaction begins). Waits for the
 * first. KLIENT_NOT_ASSIGNED, KLIENT_REQUEST_TIMED_OUT, KLIENT_WOKEN_UP,
 * KLIENT_CONCURRENT. */
klient_code_t klient_consumer_lag(klient_consumer_t *consumer, const char *topic, int32_t partition,
                                  int64_t timeout_ms, int64_t *lag, klient_error_t **error);

/* One row, whose offset is the lag. */
klient_code_t klient_consumer_lag_async(klient_consumer_t *consumer, const char *topic,
                                        int32_t partition, int64_t timeout_ms,
                                        klient_queue_t *queue, void *opaque,
                                        klient_error_t **error);

/* --- assignors: who of a group reads which partition ------------------------------------------ */

/* partition.assignment.strategy names them, as preferred: cooperative-sticky, sticky, range,
 * roundrobin, or one that the application added. All members of a group need one in common: it has
 * to mean the same under that name in all of their programs. A member with none of the group's is
 * refused: KLIENT_INCONSISTENT_GROUP_PROTOCOL, told by poll. One member leads the group, and its
 * assignor decides for all.
 *
 * Its functions run on the handle's own thread, but for `open` and `close`. They are to be quick,
 * and may call of this library what is declared here; what belongs to the same handle returns
 * KLIENT_IN_CALLBACK. */

/* What a member knows when it joins. Valid during the call. */
typedef struct klient_joining {
    size_t size;                 /* of this struct, as the library knows it */
    const char *const *topics;   /* those that it is subscribed to */
    size_t topic_count;
    const klient_topic_partition_t *owned;   /* what it holds; unless it cooperates: last held */
    size_t owned_count;
    int32_t generation;          /* in which it got them; -1: none */
    const char *rack;            /* client.rack, or "" */
} klient_joining_t;

/* A topic that some member is subscribed to and that exists. */
typedef struct klient_assign_topic {
    size_t size;                 /* to be set */
    const char *name;
    int32_t partition_count;
} klient_assign_topic_t;

/* A member. Valid until `assign` returns, as are the topics. */
typedef struct klient_assign_member {
    size_t size;                 /* to be set */
    const char *id;
    const char *instance;        /* group.instance.id, or "" */
    const char *rack;            /* client.rack, or "" */
    const uint32_t *topics;      /* it is subscribed to: numbers of topics, ascending */
    size_t topic_count;
    /* What it says that it holds. Several may say it of the same partition: the latest generation
     * is right. Empty for members that do not cooperate, which gave up everything. */
    const klient_topic_partition_t *owned;
    size_t owned_count;
    int32_t generation;
    const void *user_data;       /* what its own `user_data` told; NULL: nothing */
    size_t user_data_size;
} klient_assign_member_t;

/* What a member was assigned. Valid during the call. */
typedef struct klient_assigned {
    size_t size;                 /* of this struct, as the library knows it */
    const klient_topic_partition_t *partitions;
    size_t count;
    int32_t generation;
    const void *user_data;       /* klient_assigning_tell(); NULL: nothing */
    size_t user_data_size;
} klient_assigned_t;

typedef struct klient_assignor {
    size_t size;                 /* klient_assignor_init() */
    void *context;               /* borrowed until the handles made with the config are closed */
    const klient_property_t *properties;
    size_t property_count;
    /* Members keep what they have while they join; needs all assignors that a member names to be
     * like that. The library gives no partition away before its owner gave it up: it stays unread
     * until then, and all join once more. */
    int cooperative;
    /* As of an interceptor, when a consumer with a group.id is opened whose strategy names it. */
    int (*open)(void *context, const klient_config_t *config, void **state, char *reason,
                size_t reason_size);
    /* What this member has to tell the leader's assignor: *data of *size bytes, which have to last
     * until the next call for this consumer. Not 0: the member does not join, and tries again; poll
     * returns KLIENT_ASSIGNOR_FAILED with this klient_error_detail() and the reason. NULL: nothing
     * to tell. */
    int (*user_data)(void *state, const klient_joining_t *joining, const void **data, size_t *size,
                     char *reason, size_t reason_size);
    /* On the leader: give partitions to members with klient_assigning_give(). What it gives nobody
     * is read by nobody. Not 0: as of `user_data`, and nobody gets anything meanwhile. */
    int (*assign)(void *state, klient_assigning_t *group, char *reason, size_t reason_size);
    /* On every member, when it hears what it got; its listener is told later, inside poll. NULL:
     * nothing to do. */
    void (*on_assignment)(void *state, const klient_assigned_t *assigned);
    /* When the consumer is closed. NULL: nothing to do. */
    void (*close)(void *state);
} klient_assignor_t;

/* Size and NULL. */
void klient_assignor_init(klient_assignor_t *assignor);

/* Let partition.assignment.strategy name it; errors and the rest as klient_config_add_serializer().
 */
klient_code_t klient_config_add_assignor(klient_config_t *config, const char *name,
                                         const klient_assignor_t *assignor,
                                         klient_error_t **error);

/* Inside `assign` only, with its group. Topics are in the order of their names; members as Java's
 * assignors see them: static ones first, by their instance, the others by id.
 * KLIENT_INVALID_ARGUMENT for an index beyond the last or a struct that is too small. */
size_t klient_assigning_topic_count(const klient_assigning_t *group);
klient_code_t klient_assigning_topic(const klient_assigning_t *group, size_t index,
                                     klient_assign_topic_t *out);
size_t klient_assigning_member_count(const klient_assigning_t *group);
klient_code_t klient_assigning_member(const klient_assigning_t *group, size_t index,
                                      klient_assign_member_t *out);

/* Give a partition to a member; the last one to get it has it. KLIENT_INVALID_ARGUMENT: there is no
 * such partition or member, or it is not subscribed to the topic. */
klient_code_t klient_assigning_give(klient_assigning_t *group, size_t topic, int32_t partition,
                                    size_t member);

/* Say something to a member's `on_assignment`; copied. KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM. */
klient_code_t klient_assigning_tell(klient_assigning_t *group, size_t member, const void *data,
                                    size_t size);
/* --- records that can not be processed -------------------------------------------------------- */

/* What a consumer does with records that the application could not process: it returns them again
 * after a while, and what fails too often becomes a record of a dead-letter topic.
 *
 *   klient_retry_policy_t *policy = klient_retry_policy_new();
 *   klient_retry_policy_set(policy, "retries", "5", NULL);
 *   klient_config_set_retry_policy(config, policy, NULL);
 *   ...
 *   if (!process(&record))
 *       klient_consumer_fail(consumer, &record, KLIENT_FAIL_RETRY, "no such customer", NULL);
 *
 * A record that failed is copied and held until it is settled: processed after all, or its dead
 * letter or retry acknowledged by the cluster. Until then no commit, of whatever kind, goes beyond
 * it: offsets from there on are replaced by its own. So after a crash it is read again.
 *
 * Where a record waits is the policy's `mode`:
 *
 *   in-place   in memory. The partition goes on. How often it failed is forgotten with the process.
 *   in-order   in memory, and nothing behind it in its partition is returned before it is settled:
 *              klient_records_next() skips what a poll returned already.
 *   topic      in a retry topic (`%t.retry.%g`), which the consumer reads by itself if it is
 *              subscribed: number of failures and delay survive restarts, and any member of the
 *              group may go on. All members need the same policy.
 *
 * A record comes back by poll, alone, as it first came: topic, partition, offset, timestamp, key,
 * value, headers. It counts as processed when its klient_records_t is freed without it having
 * failed again; so free before you commit by hand, and commit without naming offsets, or what came
 * back would take the group back to where it came from.
 *
 * Dead letters and retries are written with acks=all by a producer of the consumer's own. Topics
 * that are missing are made with the partitions and replicas of the one that the record came from;
 * a record keeps the number of its partition. What can not be written is tried again until it
 * can; only a dead letter that is too large for its topic is written without the record's value, if
 * need be without its key, and without its headers. A crash between writing and committing leaves a
 * dead letter twice. Format and operation: docs/dead-letters.md. */

/* All defaults. NULL when out of memory. Not thread-safe. Free with klient_retry_policy_free(). */
klient_retry_policy_t *klient_retry_policy_new(void);
void klient_retry_policy_free(klient_retry_policy_t *policy);     /* NULL is allowed */

/* Set one property from text; docs/dead-letters.md lists them, times are in milliseconds.
 * KLIENT_UNKNOWN_NAME (the text names the nearest known one), KLIENT_INVALID_CONFIG (the text says
 * what is allowed), KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM. */
klient_code_t klient_retry_policy_set(klient_retry_policy_t *policy, const char *name,
                                      const char *value, klient_error_t **error);

/* As klient_config_get(). */
klient_code_t klient_retry_policy_get(const klient_retry_policy_t *policy, const char *name,
                                      char *text, size_t size, klient_error_t **error);

/* Write the documentation of all properties as a markdown table. */
void klient_retry_policy_print_docs(FILE *out);

typedef enum klient_failure_kind {
    KLIENT_FAILURE_DEAD = 0,         /* a dead letter is acknowledged */
    KLIENT_FAILURE_UNWRITTEN = 1,    /* a dead letter or retry could not be written and is tried
                                        again, a retry that is too large for its topic as a dead
                                        letter: told of the 1st, 2nd, 4th, 8th, ... time */
    KLIENT_FAILURE_MANY = 2,         /* alert.failures is reached */
    KLIENT_FAILURE_MANY_DEAD = 3     /* alert.dead.letters is reached */
} klient_failure_kind_t;

/* Valid during the call. */
typedef struct klient_failure_event {
    size_t size;                     /* of this struct, as the library knows it */
    klient_failure_kind_t kind;
    const char *topic;               /* where the record came from; NULL with MANY, MANY_DEAD */
    int32_t partition;
    int64_t offset;
    int32_t attempts;                /* how often it failed */
    const char *error;               /* as the application said */
    const char *to_topic;            /* of the dead letter or retry */
    int32_t to_partition;            /* DEAD */
    int64_t to_offset;
    klient_code_t code;              /* UNWRITTEN: why */
    int32_t count;                   /* MANY, MANY_DEAD: so many within window_ms */
    int64_t window_ms;
    int64_t left_out;                /* DEAD: bytes of the record that were too much for its topic;
                                        0: it is whole */
} klient_failure_event_t;

/* Called inside the consumer's calls by the thread that is inside. All calls of the consumer are
 * allowed that klient_rebalance_fn allows. */
typedef void (*klient_failure_event_fn)(void *context, const klient_failure_event_t *event);

/* NULL: nobody is told. MANY, MANY_DEAD, UNWRITTEN, and DEAD of a letter that lacks something are
 * lines in the log, too (event=failures-many, dead-letters-many, dead-letter-unwritten,
 * dead-letter-shortened with a count of those so far). `context` is borrowed until the
 * consumers made with it are closed. */
void klient_retry_policy_set_event(klient_retry_policy_t *policy, klient_failure_event_fn event,
                                   void *context);

/* Consumers made with this config have the policy, which is copied; NULL: none. The values are
 * checked with each other: KLIENT_INVALID_CONFIG (the text says what does not go together); with
 * the group.id when a consumer is opened. KLIENT_INVALID_ARGUMENT, KLIENT_NOMEM. */
klient_code_t klient_config_set_retry_policy(klient_config_t *config,
                                             const klient_retry_policy_t *policy,
                                             klient_error_t **error);

typedef enum klient_verdict {
    KLIENT_FAIL_RETRY = 0,           /* it may be processed later */
    KLIENT_FAIL_FOR_GOOD = 1         /* it never will: a dead letter at once */
} klient_verdict_t;

/* The application could not process this record, which klient_records_next() filled in and whose
 * klient_records_t it still holds. `reason` (NULL: none) is copied. Does not wait. Saying it twice
 * has no effect. By the thread that may use the consumer; allowed in callbacks.
 *
 * KLIENT_WRONG_STATE (no policy; mode=topic and not subscribed), KLIENT_NOT_ASSIGNED (the partition
 * was given up meanwhile: whoever has it now gets the record), KLIENT_INVALID_ARGUMENT (it was not
 * received), KLIENT_MESSAGE_TOO_LARGE, KLIENT_NOMEM, KLIENT_CONCURRENT, KLIENT_FORKED. After an
 * error nothing is held of it. */
klient_code_t klient_consumer_fail(klient_consumer_t *consumer, const klient_record_t *record,
                                   klient_verdict_t verdict, const char *reason,
                                   klient_error_t **error);

/* Wait until no dead letter and no retry is on its way any more; records that wait for their next
 * attempt are not waited for. close does it by itself, for half of its time. KLIENT_OK,
 * KLIENT_REQUEST_TIMED_OUT (retriable), KLIENT_WOKEN_UP, KLIENT_WRONG_STATE (no policy),
 * KLIENT_CONCURRENT, KLIENT_IN_CALLBACK. */
klient_code_t klient_consumer_settle(klient_consumer_t *consumer, int64_t timeout_ms,
                                     klient_error_t **error);

/* How often a received record has failed before: 0 unless it came back. Any thread. */
int32_t klient_record_attempts(const klient_record_t *record);

/* What the headers of a dead letter say: views into the record, text not terminated. */
typedef struct klient_failure {
    size_t size;                     /* of this struct, set by the caller */
    const char *topic, *group, *error;
    size_t topic_size, group_size, error_size;
    int32_t partition;
    int32_t attempts;
    int64_t offset;
    int64_t timestamp;               /* of the record that failed, ms since 1970; -1: none */
    int64_t left_out;                /* bytes of its value, key and headers that the dead letter
                                        lacks, being too large otherwise; 0: none */
} klient_failure_t;

/* Read them from a received record. KLIENT_NOT_FOUND (it has none, not all of them, or nonsense in
 * them), KLIENT_INVALID_ARGUMENT. Any thread; does not wait. */
klient_code_t klient_record_failure(const klient_record_t *record, klient_failure_t *out);

/* --- what a poll returned --------------------------------------------------------------------- */

/* Fill *record (after klient_record_init()) with the next one: 1, or 0 at the end. Its views stay
 * valid until the last klient_records_free(), across later polls, seeks and close. */
int klient_records_next(klient_records_t *records, klient_record_t *record);

/* Start over with the first record. */
void klient_records_rewind(klient_records_t *records);

/* How many records klient_records_next() returns in all. */
size_t klient_records_count(const klient_records_t *records);

/* KLIENT_OK, or KLIENT_CORRUPT_MESSAGE or KLIENT_NOMEM when that is why the iteration ended. */
klient_code_t klient_records_code(const klient_records_t *records);

/* One more owner; each calls klient_records_free(). Any thread. What is held counts against
 * consumer.buffer.memory: hold it all, and fetching stops (event=records-held in the log, once a
 * poll waits for more). With enable.auto.commit the last free says that the records are done with.
 * NULL is allowed in free. */
klient_records_t *klient_records_ref(klient_records_t *records);
void klient_records_free(klient_records_t *records);

/* ============================================================================================ */
/* Admin: every call waits for the answer, up to `timeout_ms`, unless it is ..._async()           */
/* ============================================================================================ */

/* Open an admin on a handle, or with a handle of its own. */
klient_admin_t *klient_admin_open(klient_t *klient, klient_error_t **error);
klient_admin_t *klient_admin_new(const klient_config_t *config, klient_error_t **error);
void klient_admin_close(klient_admin_t *admin);                   /* NULL is allowed */

/* A topic to make. klient_new_topic_init() sets size and defaults. */
typedef struct klient_new_topic {
    size_t size;
    const char *name;
    int32_t partitions;              /* -1: the broker's num.partitions */
    int32_t replication_factor;      /* -1: the broker's default.replication.factor */
    const char *const *config_names;     /* `config_count` names and values, e.g. retention.ms */
    const char *const *config_values;
    size_t config_count;
    /* Explicit placement: NULL, or `partitions` rows of `replication_factor` broker ids each. */
    const int32_t *assignment;
} klient_new_topic_t;

void klient_new_topic_init(klient_new_topic_t *topic);

/* Create topics. `validate_only` non-zero: check, make nothing. `results` (may be NULL) receives
 * one outcome per topic, in order, also when some failed; free with klient_results_free().
 *
 * Returns the first failure of any topic: KLIENT_TOPIC_ALREADY_EXISTS,
 * KLIENT_INVALID_TOPIC_EXCEPTION, KLIENT_INVALID_PARTITIONS, KLIENT_INVALID_REPLICATION_FACTOR,
 * KLIENT_INVALID_CONFIG, KLIENT_POLICY_VIOLATION (a create.topic.policy.* of the brokers), ...;
 * KLIENT_REQUEST_TIMED_OUT (may have been carried out). */
klient_code_t klient_admin_create_topics(klient_admin_t *admin,
                                         const klient_new_topic_t *const *topics, size_t count,
                                         int validate_only, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error);
klient_code_t klient_admin_create_topics_async(klient_admin_t *admin,
                                               const klient_new_topic_t *const *topics,
                                               size_t count, int validate_only, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* More partitions for a topic that exists. klient_more_partitions_init() sets size and defaults. */
typedef struct klient_more_partitions {
    size_t size;
    const char *topic;
    int32_t partitions;              /* in all; never fewer than there are */
    /* Explicit placement of the new ones: NULL, or rows of `replication_factor` ids each. */
    const int32_t *assignment;
    int32_t assignment_count, replication_factor;
} klient_more_partitions_t;

void klient_more_partitions_init(klient_more_partitions_t *more);

/* Add partitions. A key's partition is its hash modulo their number, so keys move: records that
 * share a key can then lie in two partitions, and their order is kept in neither. Producers use new
 * partitions after metadata.max.age.ms at the latest; consumers keep what they are assigned.
 * `validate_only`, results and errors as above; KLIENT_UNKNOWN_TOPIC_OR_PARTITION,
 * KLIENT_INVALID_PARTITIONS (fewer, or as many as there are), KLIENT_INVALID_REPLICA_ASSIGNMENT,
 * KLIENT_POLICY_VIOLATION. */
klient_code_t klient_admin_create_partitions(klient_admin_t *admin,
                                             const klient_more_partitions_t *const *more,
                                             size_t count, int validate_only, int64_t timeout_ms,
                                             klient_results_t **results, klient_error_t **error);
klient_code_t klient_admin_create_partitions_async(klient_admin_t *admin,
                                                   const klient_more_partitions_t *const *more,
                                                   size_t count, int validate_only,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error);

/* Delete topics by name. As above; KLIENT_UNKNOWN_TOPIC_OR_PARTITION,
 * KLIENT_TOPIC_DELETION_DISABLED (the brokers' delete.topic.enable is false). */
klient_code_t klient_admin_delete_topics(klient_admin_t *admin, const char *const *names,
                                         size_t count, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error);
klient_code_t klient_admin_delete_topics_async(klient_admin_t *admin, const char *const *names,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

enum { KLIENT_RECORDS_ALL = -1 };   /* instead of an offset: all that are committed now */

/* Delete the records before offsets[i] of each of `count` partitions: each starts there from then
 * on, also after a crash of its brokers. A partition that starts later already stays as it is. The
 * space is given back by whole segments, in the background.
 *
 * starts[i] receives where the partition starts now (-1: failed), codes[i] what became of it; both
 * may be NULL. Returns the first failure: KLIENT_OFFSET_OUT_OF_RANGE (beyond what is committed),
 * KLIENT_POLICY_VIOLATION (the topic is only compacted), KLIENT_UNKNOWN_TOPIC_OR_PARTITION,
 * KLIENT_DISK_FULL (whole segments went; ask again), KLIENT_REQUEST_TIMED_OUT (may have been
 * carried out; starts and codes are as they were if no partition was waited for to the end). */
klient_code_t klient_admin_delete_records(klient_admin_t *admin,
                                          const klient_topic_partition_t *partitions,
                                          const int64_t *offsets, size_t count,
                                          int64_t timeout_ms, int64_t *starts,
                                          klient_code_t *codes, klient_error_t **error);
klient_code_t klient_admin_delete_records_async(klient_admin_t *admin,
                                                const klient_topic_partition_t *partitions,
                                                const int64_t *offsets, size_t count,
                                                int64_t timeout_ms, klient_queue_t *queue,
                                                void *opaque, klient_error_t **error);

size_t klient_results_count(const klient_results_t *results);
const char *klient_results_name(const klient_results_t *results, size_t index);
klient_code_t klient_results_code(const klient_results_t *results, size_t index);
const char *klient_results_text(const klient_results_t *results, size_t index);   /* for people */
int32_t klient_results_partition(const klient_results_t *results, size_t index);  /* -1: none */
int32_t klient_results_partitions(const klient_results_t *results, size_t index);
int32_t klient_results_replication_factor(const klient_results_t *results, size_t index);
void klient_results_free(klient_results_t *results);              /* NULL is allowed */

/* The cluster and its brokers; the same with every topic; or with the named topics and their
 * overridden configuration. A topic that could not be described has a code of its own and fails
 * no call; a topic that the broker does not know is asked of the controller's as well, so that what
 * was just made is found. Free *out with klient_metadata_free(). KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_describe_cluster(klient_admin_t *admin, int64_t timeout_ms,
                                            klient_metadata_t **out, klient_error_t **error);
klient_code_t klient_admin_describe_cluster_async(klient_admin_t *admin, int64_t timeout_ms,
                                                  klient_queue_t *queue, void *opaque,
                                                  klient_error_t **error);
klient_code_t klient_admin_list_topics(klient_admin_t *admin, int64_t timeout_ms,
                                       klient_metadata_t **out, klient_error_t **error);
klient_code_t klient_admin_list_topics_async(klient_admin_t *admin, int64_t timeout_ms,
                                             klient_queue_t *queue, void *opaque,
                                             klient_error_t **error);
klient_code_t klient_admin_describe_topics(klient_admin_t *admin, const char *const *names,
                                           size_t count, int64_t timeout_ms,
                                           klient_metadata_t **out, klient_error_t **error);
klient_code_t klient_admin_describe_topics_async(klient_admin_t *admin, const char *const *names,
                                                 size_t count, int64_t timeout_ms,
                                                 klient_queue_t *queue, void *opaque,
                                                 klient_error_t **error);

/* Structs that the library fills; the caller sets `size` to its sizeof. Strings and arrays live
 * as long as the metadata. */
typedef struct klient_broker_info {
    size_t size;
    int32_t id;
    const char *host;
    uint16_t port;
    const char *rack;                /* "" without */
} klient_broker_info_t;

typedef struct klient_topic_info {
    size_t size;
    const char *name;
    const char *id;                  /* 22 characters */
    klient_code_t code;              /* why it could not be described */
    int internal;
    int32_t partition_count;
    size_t config_count;
} klient_topic_info_t;

typedef struct klient_partition_info {
    size_t size;
    int32_t partition;
    klient_code_t code;              /* KLIENT_LEADER_NOT_AVAILABLE while it has none */
    int32_t leader;                  /* broker id, -1: none */
    int32_t leader_epoch;
    /* Broker ids. eligible: out of sync, and yet with all that is committed, so they may lead when
     * nobody in sync lives. offline: their broker is gone. */
    const int32_t *replicas, *isr, *offline;
    size_t replica_count, isr_count, offline_count;
    const int32_t *eligible;
    size_t eligible_count;
    int32_t min_insync;              /* with fewer in sync, acks=all is refused; 0: not told */
} klient_partition_info_t;

typedef struct klient_setting {
    size_t size;
    const char *name;
    const char *value;               /* "" when secret */
    const char *source;              /* "topic", "broker", "cluster", "file", "default" */
    int read_only;                   /* takes a restart of the broker to change */
    int secret;
    size_t synonym_count;            /* see klient_settings_synonym() */
} klient_setting_t;

const char *klient_metadata_cluster_id(const klient_metadata_t *metadata);
int32_t klient_metadata_controller(const klient_metadata_t *metadata);        /* -1: none */
int32_t klient_metadata_controller_epoch(const klient_metadata_t *metadata);
size_t klient_metadata_broker_count(const klient_metadata_t *metadata);
size_t klient_metadata_topic_count(const klient_metadata_t *metadata);

/* KLIENT_INVALID_ARGUMENT for an index beyond the last or a struct that is too small. Topics are
 * sorted by name, brokers by id, partitions by number. */
klient_code_t klient_metadata_broker(const klient_metadata_t *metadata, size_t index,
                                     klient_broker_info_t *out);
klient_code_t klient_metadata_topic(const klient_metadata_t *metadata, size_t index,
                                    klient_topic_info_t *out);
klient_code_t klient_metadata_partition(const klient_metadata_t *metadata, size_t topic,
                                        size_t index, klient_partition_info_t *out);
klient_code_t klient_metadata_topic_config(const klient_metadata_t *metadata, size_t topic,
                                           size_t index, klient_setting_t *out);
void klient_metadata_free(klient_metadata_t *metadata);           /* NULL is allowed */

typedef enum klient_cleaning {
    KLIENT_CLEANING_NEVER = 0,       /* not since the broker was started */
    KLIENT_CLEANING_IDLE = 1,
    KLIENT_CLEANING_RUNNING = 2,     /* or about to */
    KLIENT_CLEANING_FAILED = 3       /* set aside until klient_admin_compact_logs() */
} klient_cleaning_t;

/* How another replica of a partition is, as its leader sees it: in sync, or why not. */
typedef enum klient_follower_state {
    KLIENT_FOLLOWER_UNKNOWN = 0,
    KLIENT_FOLLOWER_IN_SYNC = 1,
    KLIENT_FOLLOWER_LEAVING = 2,     /* in sync, and the controller is asked to take it out */
    KLIENT_FOLLOWER_GONE = 3,        /* its broker is not registered */
    KLIENT_FOLLOWER_LOST = 4,        /* its broker can not use its copy */
    KLIENT_FOLLOWER_THROTTLED = 5,   /* it waits for a throttle */
    KLIENT_FOLLOWER_SILENT = 6,      /* it does not ask for the records that it lacks */
    KLIENT_FOLLOWER_BEHIND = 7,      /* it asks, and lacks some that may be committed */
    KLIENT_FOLLOWER_FLUSHING = 8,    /* it has them, and not yet on its disk (log.flush.on.ack) */
    KLIENT_FOLLOWER_REFUSED = 9,     /* the controller refused it, and will be asked again */
    KLIENT_FOLLOWER_JOINING = 10     /* the controller is asked, or about to be */
} klient_follower_state_t;

typedef struct klient_follower_info {
    size_t size;
    int32_t broker;
    klient_follower_state_t state;
    int64_t end;                     /* of its log; -1: it has not asked since the leader leads */
    int64_t lag;                     /* records that it lacks; all, while end is -1 */
    int64_t behind_ms;               /* since it had all of them, or the leader leads; 0: it has */
    int64_t silent_ms;               /* since it last asked; with nothing to ask for it need not */
} klient_follower_info_t;

/* As above. What has a code other than KLIENT_OK holds topic, partition and cleaning_error (its
 * text for people) only. */
typedef struct klient_log_info {
    size_t size;
    const char *topic;
    int32_t partition;
    klient_code_t code;
    const char *directory;           /* of log.dirs, on the leader */
    int64_t start, end, high_watermark;      /* offsets */
    int64_t bytes;
    int32_t segments;
    klient_cleaning_t cleaning;      /* compaction */
    int64_t cleaning_bytes_done, cleaning_bytes_to_do;
    int64_t cleaned_ms;              /* since 1970, end of the last one; -1: none */
    int64_t cleaned_upto;            /* offset; -1: none */
    int64_t cleaned_bytes_before, cleaned_bytes_after;
    int64_t cleaned_took_ms;
    const char *cleaning_error;      /* why it FAILED, or "" */
    size_t follower_count;           /* klient_logs_follower(); 0 from an older broker */
} klient_log_info_t;

/* What the logs of partitions are like, told by their leaders. A partition that could not be
 * described has a code of its own and fails no call. Free *out with klient_logs_free().
 * KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_describe_logs(klient_admin_t *admin,
                                         const klient_topic_partition_t *partitions, size_t count,
                                         int64_t timeout_ms, klient_logs_t **out,
                                         klient_error_t **error);
klient_code_t klient_admin_describe_logs_async(klient_admin_t *admin,
                                               const klient_topic_partition_t *partitions,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* Compact them now, also what was set aside because it failed. Only the codes of *out are set, each
 * as soon as that is decided: KLIENT_INVALID_TOPIC_EXCEPTION (cleanup.policy is not compact),
 * KLIENT_INVALID_REQUEST (the broker compacts nothing). */
klient_code_t klient_admin_compact_logs(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions, size_t count,
                                        int64_t timeout_ms, klient_logs_t **out,
                                        klient_error_t **error);
klient_code_t klient_admin_compact_logs_async(klient_admin_t *admin,
                                              const klient_topic_partition_t *partitions,
                                              size_t count, int64_t timeout_ms,
                                              klient_queue_t *queue, void *opaque,
                                              klient_error_t **error);
size_t klient_logs_count(const klient_logs_t *logs);
klient_code_t klient_logs_get(const klient_logs_t *logs, size_t index, klient_log_info_t *out);
/* Follower number `follower` of entry `index`. KLIENT_INVALID_ARGUMENT: there is none. */
klient_code_t klient_logs_follower(const klient_logs_t *logs, size_t index, size_t follower,
                                   klient_follower_info_t *out);
void klient_logs_free(klient_logs_t *logs);                       /* NULL is allowed */

/* Have the leader of a partition take its log to another of its log directories, named as its
 * log.dirs has it. The partition serves meanwhile, but for a pause at the end. Returns when the log
 * is there: KLIENT_OK; KLIENT_REQUEST_TIMED_OUT: it goes on all the same. When it fails, the log is
 * where it was: KLIENT_LOG_DIR_NOT_FOUND, KLIENT_EXISTS (it is there), KLIENT_BUSY (another move of
 * it is under way), KLIENT_DISK_FULL, KLIENT_KAFKA_STORAGE_ERROR (a directory is out of use). */
klient_code_t klient_admin_move_log(klient_admin_t *admin, const char *topic, int32_t partition,
                                    const char *directory, int64_t timeout_ms,
                                    klient_error_t **error);
klient_code_t klient_admin_move_log_async(klient_admin_t *admin, const char *topic,
                                          int32_t partition, const char *directory,
                                          int64_t timeout_ms, klient_queue_t *queue, void *opaque,
                                          klient_error_t **error);

typedef enum klient_metric_kind {
    KLIENT_METRIC_COUNTER = 0,       /* since the broker's start; never falls */
    KLIENT_METRIC_GAUGE = 1,         /* at the moment */
    KLIENT_METRIC_HISTOGRAM = 2      /* of values since the broker's start */
} klient_metric_kind_t;

/* As above. */
typedef struct klient_metric {
    size_t size;
    const char *name;                /* "loop_turn_us" */
    const char *text;                /* what it counts, for people */
    klient_metric_kind_t kind;
    int64_t value;                   /* of a histogram: how many values there were */
    int64_t p50, p99, p999;          /* of a histogram: quantiles, at most an eighth too large */
    int64_t max;                     /* of a histogram: the largest value, exactly */
} klient_metric_t;

/* What a broker counts, since its start. Free *out with klient_metrics_free().
 * KLIENT_BROKER_NOT_AVAILABLE, KLIENT_CLUSTER_AUTHORIZATION_FAILED, KLIENT_UNSUPPORTED_VERSION (an
 * older broker), KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_describe_metrics(klient_admin_t *admin, int32_t broker,
                                            int64_t timeout_ms, klient_metrics_t **out,
                                            klient_error_t **error);
klient_code_t klient_admin_describe_metrics_async(klient_admin_t *admin, int32_t broker,
                                                  int64_t timeout_ms, klient_queue_t *queue,
                                                  void *opaque, klient_error_t **error);
size_t klient_metrics_count(const klient_metrics_t *metrics);
int64_t klient_metrics_time_us(const klient_metrics_t *metrics);  /* monotonic, on the broker */
klient_code_t klient_metrics_get(const klient_metrics_t *metrics, size_t index,
                                 klient_metric_t *out);
void klient_metrics_free(klient_metrics_t *metrics);              /* NULL is allowed */

typedef enum klient_election {
    KLIENT_ELECTION_PREFERRED = 0,   /* the first replica leads, if it is in sync */
    KLIENT_ELECTION_UNCLEAN = 1      /* where nobody leads, the first live replica does, though it
                                        may lack records that were acknowledged */
} klient_election_t;

/* Elect leaders of `count` partitions, or wherever it makes a difference (`partitions` NULL). One
 * result per partition, in order; of all: one for each whose leader changed, or could not. Returns
 * the first failure: KLIENT_ELECTION_NOT_NEEDED (it has that leader),
 * KLIENT_PREFERRED_LEADER_NOT_AVAILABLE, KLIENT_ELIGIBLE_LEADERS_NOT_AVAILABLE (unclean: no replica
 * lives), KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT (may have been done). */
klient_code_t klient_admin_elect_leaders(klient_admin_t *admin, klient_election_t kind,
                                         const klient_topic_partition_t *partitions, size_t count,
                                         int64_t timeout_ms, klient_results_t **results,
                                         klient_error_t **error);
klient_code_t klient_admin_elect_leaders_async(klient_admin_t *admin, klient_election_t kind,
                                               const klient_topic_partition_t *partitions,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* Which brokers have the replicas of a partition. */
typedef struct klient_reassignment {
    size_t size;
    const char *topic;
    int32_t partition;
    /* Wanted: all that it shall have, the preferred leader first; NULL: back to what it was before
     * the reassignment that is under way. Listed: all at this moment, old and new. */
    const int32_t *replicas;
    size_t replica_count;
    /* Listed: those that come and those that go. Not read otherwise. */
    const int32_t *adding, *removing;
    size_t adding_count, removing_count;
} klient_reassignment_t;

/* Give partitions other replicas, or another order of them. Returns when that has begun: the new
 * ones copy, then the old ones go, and only then is it off the list of klient_admin_list_...().
 * Results in order. The first failure is returned: KLIENT_INVALID_REPLICA_ASSIGNMENT,
 * KLIENT_NO_REASSIGNMENT_IN_PROGRESS (nothing to cancel), KLIENT_UNKNOWN_TOPIC_OR_PARTITION,
 * KLIENT_REQUEST_TIMED_OUT (may have begun). */
klient_code_t klient_admin_alter_reassignments(klient_admin_t *admin,
                                               const klient_reassignment_t *const *reassignments,
                                               size_t count, int64_t timeout_ms,
                                               klient_results_t **results, klient_error_t **error);
klient_code_t
klient_admin_alter_reassignments_async(klient_admin_t *admin,
                                       const klient_reassignment_t *const *reassignments,
                                       size_t count, int64_t timeout_ms, klient_queue_t *queue,
                                       void *opaque, klient_error_t **error);

/* What is under way. Free *out with klient_reassignments_free(). KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_list_reassignments(klient_admin_t *admin, int64_t timeout_ms,
                                              klient_reassignments_t **out,
                                              klient_error_t **error);
klient_code_t klient_admin_list_reassignments_async(klient_admin_t *admin, int64_t timeout_ms,
                                                    klient_queue_t *queue, void *opaque,
                                                    klient_error_t **error);
size_t klient_reassignments_count(const klient_reassignments_t *list);
klient_code_t klient_reassignments_get(const klient_reassignments_t *list, size_t index,
                                       klient_reassignment_t *out);
void klient_reassignments_free(klient_reassignments_t *list);     /* NULL is allowed */

typedef enum klient_resource {
    KLIENT_RESOURCE_TOPIC = 0,
    KLIENT_RESOURCE_BROKER = 1,
    KLIENT_RESOURCE_CLUSTER = 2      /* what counts for all brokers; its name is "" */
} klient_resource_t;

/* Every setting of a topic (by name) or broker (by id as text), defaults included; of the cluster,
 * what is set for all brokers. What counts is the first of: set for the topic ("topic"), for the
 * broker while it runs ("broker"), for all brokers while they run ("cluster"), in the broker's file
 * ("file"), the built-in default ("default"). Free *out with klient_settings_free().
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_BROKER_NOT_AVAILABLE, KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_describe_configs(klient_admin_t *admin, klient_resource_t kind,
                                            const char *name, int64_t timeout_ms,
                                            klient_settings_t **out, klient_error_t **error);
klient_code_t klient_admin_describe_configs_async(klient_admin_t *admin, klient_resource_t kind,
                                                  const char *name, int64_t timeout_ms,
                                                  klient_queue_t *queue, void *opaque,
                                                  klient_error_t **error);
size_t klient_settings_count(const klient_settings_t *settings);
klient_code_t klient_settings_get(const klient_settings_t *settings, size_t index,
                                  klient_setting_t *out);
/* Of the setting at `index`, the `synonym`-th of all that is set, what counts first: name, value
 * and source of *out, which live as long as the settings. */
klient_code_t klient_settings_synonym(const klient_settings_t *settings, size_t index,
                                      size_t synonym, klient_setting_t *out);
void klient_settings_free(klient_settings_t *settings);           /* NULL is allowed */

/* What is to change of one topic, of one broker, or for all brokers; all of it or nothing. */
typedef struct klient_alteration {
    size_t size;
    klient_resource_t kind;
    const char *name;                /* topic, broker id as text, "" */
    const char *const *config_names;
    const char *const *config_values;    /* NULL: back to what counts without this override */
    size_t config_count;
} klient_alteration_t;

/* Alter configurations: what is not named stays. It counts without a restart, on every broker once
 * it has heard of it. `validate_only`, results and errors as in klient_admin_create_topics();
 * KLIENT_INVALID_CONFIG (the text names the nearest option, the range, or says that it takes a
 * restart), KLIENT_NOT_SUPPORTED_YET, KLIENT_UNKNOWN_TOPIC_OR_PARTITION,
 * KLIENT_BROKER_NOT_AVAILABLE. */
klient_code_t klient_admin_alter_configs(klient_admin_t *admin,
                                         const klient_alteration_t *const *alterations,
                                         size_t count, int validate_only, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error);
klient_code_t klient_admin_alter_configs_async(klient_admin_t *admin,
                                               const klient_alteration_t *const *alterations,
                                               size_t count, int validate_only, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* --- groups ----------------------------------------------------------------------------------- */

typedef enum klient_group_state {
    KLIENT_GROUP_UNKNOWN = 0,        /* a newer broker's, or it could not be described */
    KLIENT_GROUP_EMPTY = 1,          /* no members; there are offsets, or were members */
    KLIENT_GROUP_PREPARING_REBALANCE = 2,
    KLIENT_GROUP_COMPLETING_REBALANCE = 3,
    KLIENT_GROUP_STABLE = 4,
    KLIENT_GROUP_DEAD = 5            /* about to be forgotten */
} klient_group_state_t;

/* Kafka's name of it: "Empty", "PreparingRebalance", ... A constant; never NULL. */
const char *klient_group_state_name(klient_group_state_t state);

/* Filled by the library; strings live as long as the groups. */
typedef struct klient_group_info {
    size_t size;
    const char *group;
    klient_code_t code;              /* why it could not be described; what follows is empty then */
    const char *reason;              /* the same for people */
    klient_group_state_t state;
    const char *protocol_type;       /* "consumer"; "": offsets were committed without members */
    /* Of described groups only; of listed ones "", -1 and 0: */
    const char *protocol;            /* the assignor; "" until the members have agreed */
    const char *leader;              /* member id; "": none */
    int32_t generation;
    int32_t coordinator;             /* broker id; of listed ones, too */
    size_t member_count;             /* klient_groups_member() */
} klient_group_info_t;

typedef struct klient_member_info {
    size_t size;
    const char *member;              /* its id */
    const char *instance;            /* group.instance.id; "": not static */
    const char *client_id, *client_host;
    int32_t session_timeout_ms, rebalance_timeout_ms;
    int opaque;                      /* it says nothing in consumers' terms: counts are 0 */
    size_t topic_count;              /* that it is subscribed to: klient_groups_topic() */
    size_t assigned_count;           /* partitions that it has: klient_groups_assigned() */
} klient_member_info_t;

/* Every group of the cluster, sorted by name; with `count` > 0 only those in one of these states.
 * Each broker is asked for those that it coordinates. Free *out with klient_groups_free(). When a
 * broker could not be asked, that is the code returned, and *out has the groups of the others (NULL
 * before the call, it stays NULL when not even that is known). KLIENT_REQUEST_TIMED_OUT,
 * KLIENT_BROKER_NOT_AVAILABLE. */
klient_code_t klient_admin_list_groups(klient_admin_t *admin, const klient_group_state_t *states,
                                       size_t count, int64_t timeout_ms, klient_groups_t **out,
                                       klient_error_t **error);
klient_code_t klient_admin_list_groups_async(klient_admin_t *admin,
                                             const klient_group_state_t *states, size_t count,
                                             int64_t timeout_ms, klient_queue_t *queue,
                                             void *opaque, klient_error_t **error);

/* These groups and their members (by client id), told by their coordinators. A group that could not
 * be described has a code of its own and fails no call: KLIENT_GROUP_ID_NOT_FOUND,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_REQUEST_TIMED_OUT. The call itself:
 * KLIENT_INVALID_GROUP_ID (an empty name), KLIENT_INVALID_ARGUMENT. */
klient_code_t klient_admin_describe_groups(klient_admin_t *admin, const char *const *groups,
                                           size_t count, int64_t timeout_ms,
                                           klient_groups_t **out, klient_error_t **error);
klient_code_t klient_admin_describe_groups_async(klient_admin_t *admin, const char *const *groups,
                                                 size_t count, int64_t timeout_ms,
                                                 klient_queue_t *queue, void *opaque,
                                                 klient_error_t **error);
size_t klient_groups_count(const klient_groups_t *groups);
klient_code_t klient_groups_get(const klient_groups_t *groups, size_t index,
                                klient_group_info_t *out);
/* Of the group at `index` the `member`-th member; of that, the `topic`-th topic that it is
 * subscribed to (NULL: there is none) and the `assigned`-th partition that it has.
 * KLIENT_INVALID_ARGUMENT: there is none. */
klient_code_t klient_groups_member(const klient_groups_t *groups, size_t index, size_t member,
                                   klient_member_info_t *out);
const char *klient_groups_topic(const klient_groups_t *groups, size_t index, size_t member,
                                size_t topic);
klient_code_t klient_groups_assigned(const klient_groups_t *groups, size_t index, size_t member,
                                     size_t assigned, klient_topic_partition_t *out);
void klient_groups_free(klient_groups_t *groups);                 /* NULL is allowed */

/* Forget groups without members, and all that they have committed. codes[i] (may be NULL) receives
 * what became of each. Returns the first failure: KLIENT_NON_EMPTY_GROUP,
 * KLIENT_GROUP_ID_NOT_FOUND, KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_INVALID_GROUP_ID;
 * KLIENT_NETWORK_EXCEPTION, KLIENT_REQUEST_TIMED_OUT (may have been carried out). */
klient_code_t klient_admin_delete_groups(klient_admin_t *admin, const char *const *groups,
                                         size_t count, int64_t timeout_ms, klient_code_t *codes,
                                         klient_error_t **error);
klient_code_t klient_admin_delete_groups_async(klient_admin_t *admin, const char *const *groups,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error);

/* A member by its id, or a static one by its group.instance.id: the other is NULL. */
typedef struct klient_member_name {
    const char *member, *instance;
} klient_member_name_t;

/* Have members leave a group: those that are gone for good, before their session ends. One that
 * runs may join again. codes[i] (may be NULL) receives what became of each. Returns the first
 * failure: KLIENT_UNKNOWN_MEMBER_ID (no such member, or group), KLIENT_GROUP_AUTHORIZATION_FAILED,
 * KLIENT_INVALID_GROUP_ID, KLIENT_INVALID_ARGUMENT; KLIENT_NETWORK_EXCEPTION,
 * KLIENT_REQUEST_TIMED_OUT (may have been carried out). */
klient_code_t klient_admin_remove_members(klient_admin_t *admin, const char *group,
                                          const klient_member_name_t *members, size_t count,
                                          int64_t timeout_ms, klient_code_t *codes,
                                          klient_error_t **error);
klient_code_t klient_admin_remove_members_async(klient_admin_t *admin, const char *group,
                                                const klient_member_name_t *members, size_t count,
                                                int64_t timeout_ms, klient_queue_t *queue,
                                                void *opaque, klient_error_t **error);

/* All that a group has committed, sorted by topic and partition; nothing, if there is no such
 * group. Free *out with klient_offsets_free(). KLIENT_INVALID_GROUP_ID,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_group_offsets(klient_admin_t *admin, const char *group,
                                         int64_t timeout_ms, klient_offsets_t **out,
                                         klient_error_t **error);
klient_code_t klient_admin_group_offsets_async(klient_admin_t *admin, const char *group,
                                               int64_t timeout_ms, klient_queue_t *queue,
                                               void *opaque, klient_error_t **error);

/* Commit offsets in the name of a group that has no members; a group that does not exist is made.
 * codes[i] (may be NULL) receives what became of each; they are as they were when nothing was
 * answered in time. Returns the first failure: KLIENT_NON_EMPTY_GROUP (it has members: nothing is
 * changed), KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_OFFSET_METADATA_TOO_LARGE,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_REQUEST_TIMED_OUT (may have been carried out). */
klient_code_t klient_admin_alter_group_offsets(klient_admin_t *admin, const char *group,
                                               const klient_offset_t *const *offsets,
                                               size_t count, int64_t timeout_ms,
                                               klient_code_t *codes, klient_error_t **error);
klient_code_t klient_admin_alter_group_offsets_async(klient_admin_t *admin, const char *group,
                                                     const klient_offset_t *const *offsets,
                                                     size_t count, int64_t timeout_ms,
                                                     klient_queue_t *queue, void *opaque,
                                                     klient_error_t **error);

/* Forget what a group has committed of these partitions. As above; KLIENT_GROUP_ID_NOT_FOUND,
 * KLIENT_GROUP_SUBSCRIBED_TO_TOPIC (a member reads that topic), KLIENT_NON_EMPTY_GROUP (it has
 * members that do not say what they read). */
klient_code_t klient_admin_delete_group_offsets(klient_admin_t *admin, const char *group,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms,
                                                klient_code_t *codes, klient_error_t **error);
klient_code_t klient_admin_delete_group_offsets_async(klient_admin_t *admin, const char *group,
                                                      const klient_topic_partition_t *partitions,
                                                      size_t count, int64_t timeout_ms,
                                                      klient_queue_t *queue, void *opaque,
                                                      klient_error_t **error);

/* Commit what stands of a group without members below /consumers in ZooKeeper, where Kafka's old
 * consumers kept their offsets and brokers may mirror them to. *out has a row for each node: those
 * with a code were left out, with offset -1, partition -1 if the node is no partition's, and as
 * metadata what is wrong, for people. Free it with klient_offsets_free().
 * KLIENT_GROUP_ID_NOT_FOUND (nothing stands there), KLIENT_NON_EMPTY_GROUP,
 * KLIENT_GROUP_AUTHORIZATION_FAILED, KLIENT_REQUEST_TIMED_OUT (may have been carried out). */
klient_code_t klient_admin_import_group_offsets(klient_admin_t *admin, const char *group,
                                                int64_t timeout_ms, klient_offsets_t **out,
                                                klient_error_t **error);
klient_code_t klient_admin_import_group_offsets_async(klient_admin_t *admin, const char *group,
                                                      int64_t timeout_ms, klient_queue_t *queue,
                                                      void *opaque, klient_error_t **error);

/* Instead of a time. */
enum { KLIENT_OFFSETS_END = -1, KLIENT_OFFSETS_BEGINNING = -2 };

/* Of each of `count` partitions the offset of the first record that is not older than timestamps[i]
 * (ms since 1970; -1 when there is none), the first offset, or the offset after the last record
 * that is committed. offsets[i] is -1 where that failed, and codes[i] (may be NULL, which leaves
 * offsets alone after a failure) says why. Returns the first failure:
 * KLIENT_UNKNOWN_TOPIC_OR_PARTITION, KLIENT_REQUEST_TIMED_OUT. */
klient_code_t klient_admin_list_offsets(klient_admin_t *admin,
                                        const klient_topic_partition_t *partitions,
                                        const int64_t *timestamps, size_t count,
                                        int64_t timeout_ms, int64_t *offsets,
                                        klient_code_t *codes, klient_error_t **error);
klient_code_t klient_admin_list_offsets_async(klient_admin_t *admin,
                                              const klient_topic_partition_t *partitions,
                                              const int64_t *timestamps, size_t count,
                                              int64_t timeout_ms, klient_queue_t *queue,
                                              void *opaque, klient_error_t **error);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
