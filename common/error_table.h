/* error_table.h - every error a Kairn program can report, one row each.
 *
 * Codes that Kafka defines keep Kafka's number, so that a second wire protocol needs no
 * translation; our own are below -99 and are never reused. A row:
 *
 *   X(NAME, code, flags, "text for people, without a full stop")
 *
 * flags: 0, K_RETRIABLE (the same request may succeed later), K_STALE (retriable after a
 * metadata refresh) or K_FATAL (the handle or process that got it can not go on). */
#ifndef COMMON_ERROR_TABLE_H
#define COMMON_ERROR_TABLE_H

/* clang-format off */
#define K_ERROR_TABLE(X)                                                                          \
    X(OK,                            0, 0, "no error")                                            \
    X(UNKNOWN_SERVER_ERROR,         -1, 0, "the broker failed in a way it does not explain; see its log") \
    X(OFFSET_OUT_OF_RANGE,           1, 0, "the offset is outside of what the partition holds")   \
    X(CORRUPT_MESSAGE,               2, 0, "the record batch is damaged: its checksum, size or counts are wrong") \
    X(UNKNOWN_TOPIC_OR_PARTITION,    3, K_STALE, "no such topic or partition here")               \
    X(LEADER_NOT_AVAILABLE,          5, K_STALE, "the partition has no leader at the moment")     \
    X(NOT_LEADER_OR_FOLLOWER,        6, K_STALE, "the broker does not lead this partition")       \
    X(REQUEST_TIMED_OUT,             7, K_RETRIABLE, "the request was not completed in time")     \
    X(BROKER_NOT_AVAILABLE,          8, K_RETRIABLE, "the broker is not available")               \
    X(REPLICA_NOT_AVAILABLE,         9, K_STALE, "the replica is not available on this broker")   \
    X(MESSAGE_TOO_LARGE,            10, 0, "the record batch is larger than the topic's max.message.bytes") \
    X(STALE_CONTROLLER_EPOCH,       11, 0, "the controller has been replaced by a newer one")     \
    X(OFFSET_METADATA_TOO_LARGE,    12, 0, "the metadata beside the offset is too large")         \
    X(NETWORK_EXCEPTION,            13, K_STALE, "the connection was lost before an answer came")  \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, K_RETRIABLE, "the group coordinator is still loading")    \
    X(COORDINATOR_NOT_AVAILABLE,    15, K_RETRIABLE, "the group has no coordinator at the moment") \
    X(NOT_COORDINATOR,              16, K_RETRIABLE, "the broker does not coordinate this group") \
    X(INVALID_TOPIC_EXCEPTION,      17, 0, "the topic name is not valid: 1 to 249 characters of a-z A-Z 0-9 . _ -, and neither \".\" nor \"..\"") \
    X(RECORD_LIST_TOO_LARGE,        18, 0, "the batches are larger than a segment")               \
    X(NOT_ENOUGH_REPLICAS,          19, K_RETRIABLE, "fewer in-sync replicas than min.insync.replicas") \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, K_RETRIABLE, "written, but to fewer in-sync replicas than min.insync.replicas") \
    X(INVALID_REQUIRED_ACKS,        21, 0, "acks must be 0, 1 or all")                            \
    X(ILLEGAL_GENERATION,           22, 0, "the generation of the group is not the current one")  \
    X(INCONSISTENT_GROUP_PROTOCOL,  23, 0, "the members of the group share no assignment protocol") \
    X(INVALID_GROUP_ID,             24, 0, "the group id is not valid")                           \
    X(UNKNOWN_MEMBER_ID,            25, 0, "the coordinator does not know this member")           \
    X(INVALID_SESSION_TIMEOUT,      26, 0, "the session timeout is outside of the broker's bounds") \
    X(REBALANCE_IN_PROGRESS,        27, 0, "the group is rebalancing: rejoin")                    \
    X(INVALID_COMMIT_OFFSET_SIZE,   28, 0, "what is to be stored of the group is too large")      \
    X(TOPIC_AUTHORIZATION_FAILED,   29, 0, "not authorised for this topic")                       \
    X(GROUP_AUTHORIZATION_FAILED,   30, 0, "not authorised for this group")                       \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, 0, "not authorised for this operation on the cluster")    \
    X(INVALID_TIMESTAMP,            32, 0, "the timestamp is outside of the topic's bounds")      \
    X(UNSUPPORTED_VERSION,          35, 0, "the broker does not know this request or this version of it") \
    X(TOPIC_ALREADY_EXISTS,         36, 0, "a topic with this name exists already")               \
    X(INVALID_PARTITIONS,           37, 0, "the number of partitions is not valid")               \
    X(INVALID_REPLICATION_FACTOR,   38, 0, "the replication factor is not valid for this cluster") \
    X(INVALID_REPLICA_ASSIGNMENT,   39, 0, "the replica assignment is not valid")                 \
    X(INVALID_CONFIG,               40, 0, "the configuration is not valid")                      \
    X(NOT_CONTROLLER,               41, K_STALE, "the broker is not the controller")              \
    X(INVALID_REQUEST,              42, 0, "the request is malformed or contradicts itself")      \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, 0, "the record format does not support this")           \
    X(POLICY_VIOLATION,             44, 0, "a policy of the cluster forbids this")                \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, 0, "the producer's sequence number leaves a gap")         \
    X(DUPLICATE_SEQUENCE_NUMBER,    46, 0, "the batch was stored before")                         \
    X(INVALID_PRODUCER_EPOCH,       47, 0, "a newer producer with the same id has taken over")    \
    X(KAFKA_STORAGE_ERROR,          56, K_STALE, "a disk of the broker failed; its partitions there are offline") \
    X(LOG_DIR_NOT_FOUND,            57, 0, "the broker has no such log directory: log.dirs names them") \
    X(UNKNOWN_PRODUCER_ID,          59, 0, "the broker does not remember this producer id")       \
    X(NON_EMPTY_GROUP,              68, 0, "the group has members")                               \
    X(GROUP_ID_NOT_FOUND,           69, 0, "no such group")                                       \
    X(FETCH_SESSION_ID_NOT_FOUND,   70, K_RETRIABLE, "the leader does not know this fetch session: begin a new one") \
    X(INVALID_FETCH_SESSION_EPOCH,  71, K_RETRIABLE, "the request is not the next one of its fetch session") \
    X(TOPIC_DELETION_DISABLED,      73, 0, "topics are not deleted here: delete.topic.enable is false on the controller's broker") \
    X(FENCED_LEADER_EPOCH,          74, K_STALE, "the leader epoch in the request is older than the broker's") \
    X(UNKNOWN_LEADER_EPOCH,         75, K_STALE, "the leader epoch in the request is newer than the broker's") \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, 0, "the compression codec is not supported")              \
    X(STALE_BROKER_EPOCH,           77, 0, "the broker has registered again since")               \
    X(OFFSET_NOT_AVAILABLE,         78, K_RETRIABLE, "the leader does not know the end of the partition yet") \
    X(MEMBER_ID_REQUIRED,           79, K_RETRIABLE, "join again with the member id of the answer") \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, K_STALE, "the preferred leader is not alive, or not in sync") \
    X(GROUP_MAX_SIZE_REACHED,       81, 0, "the group has as many members as group.max.size allows") \
    X(FENCED_INSTANCE_ID,           82, K_FATAL, "another member uses the same group.instance.id") \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, K_STALE, "no replica that may lead is alive")           \
    X(ELECTION_NOT_NEEDED,          84, 0, "the partition has the leader that was asked for already") \
    X(NO_REASSIGNMENT_IN_PROGRESS,  85, 0, "the partition is not being reassigned")               \
    X(GROUP_SUBSCRIBED_TO_TOPIC,    86, 0, "a member of the group is subscribed to the topic")     \
    X(INVALID_RECORD,               87, 0, "the record is not valid for this topic")              \
    X(UNSTABLE_OFFSET_COMMIT,       88, K_RETRIABLE, "the partition has offsets of a transaction that is still open") \
    X(THROTTLING_QUOTA_EXCEEDED,    89, K_RETRIABLE, "a quota was exceeded")                      \
    X(INVALID_UPDATE_VERSION,       95, 0, "the state that this change was meant for is no longer the stored one") \
    X(UNKNOWN_TOPIC_ID,            100, K_STALE, "no topic with this id: it was deleted, or is too new for this broker") \
    X(INCONSISTENT_TOPIC_ID,       103, K_STALE, "the topic id in the log is not the requested one") \
    X(INELIGIBLE_REPLICA,          107, 0, "a replica may not join the in-sync set: its broker restarted, stops, or may have lost records") \
    X(INVALID_REGULAR_EXPRESSION,  128, 0, "the regular expression is not valid")                 \
    X(NOMEM,                      -100, K_RETRIABLE, "out of memory")                             \
    X(IO,                         -101, 0, "an input/output operation failed")                    \
    X(CORRUPT,                    -102, 0, "stored data is damaged")                              \
    X(MALFORMED,                  -103, 0, "the bytes do not follow the protocol")                \
    X(FRAME_TOO_LARGE,            -104, 0, "the frame is larger than socket.request.max.bytes")   \
    X(DISK_FULL,                  -105, K_RETRIABLE, "no space left on the disk; free some, writing goes on by itself") \
    X(EXISTS,                     -106, 0, "it exists already")                                   \
    X(NOT_FOUND,                  -107, 0, "it does not exist")                                   \
    X(BAD_VERSION,                -108, K_RETRIABLE, "somebody else changed it first")            \
    X(CONNECTION_FAILED,          -109, K_STALE, "no connection could be made")                    \
    X(RESOLVE_FAILED,             -110, K_STALE, "the host name could not be resolved")            \
    X(CLOSED,                     -111, 0, "it is closed, or closing")                            \
    X(QUEUE_FULL,                 -112, K_RETRIABLE, "the send buffer is full: read delivery reports, or raise buffer.memory") \
    X(INVALID_ARGUMENT,           -113, 0, "an argument is not valid")                            \
    X(CONCURRENT,                 -114, 0, "another thread is using this consumer")               \
    X(IN_CALLBACK,                -115, 0, "this call would block and must not be made from a callback") \
    X(FORKED,                     -116, K_FATAL, "the handle belongs to the parent process")      \
    X(NOT_ASSIGNED,               -117, 0, "the partition is not assigned to this consumer")      \
    X(BUSY,                       -118, K_RETRIABLE, "it is in use")                              \
    X(WRONG_CLUSTER,              -119, K_FATAL, "it belongs to another cluster")                 \
    X(WRONG_BROKER,               -120, K_FATAL, "it belongs to another broker")                  \
    X(ID_IN_USE,                  -121, K_FATAL, "another live broker is registered under this broker.id") \
    X(SESSION_LOST,               -122, K_RETRIABLE, "the ZooKeeper session is lost")             \
    X(NOT_SUPPORTED_YET,          -123, 0, "known, but not supported yet")                        \
    X(UNKNOWN_NAME,               -124, 0, "unknown name")                                        \
    X(LEASE_EXPIRED,              -125, K_STALE, "the broker has not heard from ZooKeeper for too long to serve this") \
    X(WOKEN_UP,                   -126, K_RETRIABLE, "the wait was ended by a wake-up call")      \
    X(PARTITIONER_FAILED,         -127, 0, "the partitioner named a partition that does not exist") \
    X(SERIALIZER_FAILED,          -128, 0, "the serializer refused the value")                    \
    X(END_OF_PARTITION,           -129, 0, "the end of the partition is reached")                 \
    X(NO_COMMON_VERSION,          -130, K_FATAL, "the client and the broker share no version of the protocol: upgrade the older one") \
    X(PRODUCER_IDS_EXHAUSTED,     -131, K_FATAL, "all 2^63 producer ids were given out") \
    X(LOG_TRUNCATION,             -132, 0, "records that were read are gone: a leader was elected that never had them") \
    X(DESERIALIZER_FAILED,        -133, 0, "the deserializer refused the bytes") \
    X(WRONG_STATE,                -134, 0, "not now: the handle is used in another way at the moment") \
    X(ASSIGNOR_FAILED,            -135, 0, "the assignor refused to go on") \
    X(PURGED,                     -136, 0, "it was purged before it was acknowledged")
/* clang-format on */

#endif
