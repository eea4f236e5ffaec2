/* config_table.h - every property of libklient: Kafka's names, Java 3.6's defaults except
 * linger.ms.
 *
 *   X(name, type, field, default, lowest, highest, choices, flags, alias, "one sentence")
 *
 * Rows of Kafka that are not served yet are at the end: setting one is an error, so that nobody
 * believes in a setting that does nothing. So is giving a producer what is only of consumers. */
#ifndef CLIENT_CONFIG_TABLE_H
#define CLIENT_CONFIG_TABLE_H

#define INT_MOST 2147483647.0
#define LONG_MOST 9e15

/* In the column of flags: a topic may have a value of its own. Only of numbers, choices and
 * switches: topics share the texts of the handle. */
#define TOPIC OPTION_TOPIC_AT_START

/* clang-format off */
/* Of every handle. */
#define CONFIG_OF_ALL(X) \
    X("bootstrap.servers", STRING, bootstrap_servers, NULL, 0, 0, NULL, 0, "metadata.broker.list", \
      "Comma-separated host:port list used to find the cluster, and again when no known broker answers.") \
    X("client.id", STRING, client_id, "libklient", 0, 0, NULL, 0, NULL, \
      "Name of the application, for the broker's logs.") \
    X("request.timeout.ms", LONG, request_timeout_ms, "30000", 1, LONG_MOST, NULL, 0, "socket.timeout.ms", \
      "Longest wait for the answer to one request, in milliseconds.") \
    X("default.api.timeout.ms", LONG, default_api_timeout_ms, "60000", 1, LONG_MOST, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: every waiting call takes its own deadline.") \
    X("retry.backoff.ms", LONG, retry_backoff_ms, "100", 1, 60000, NULL, 0, NULL, \
      "Pause before a failed request is sent again, in milliseconds; doubled each time, with jitter.") \
    X("retry.backoff.max.ms", LONG, retry_backoff_max_ms, "1000", 1, 3600000, NULL, 0, NULL, \
      "Longest such pause, in milliseconds.") \
    X("reconnect.backoff.ms", LONG, reconnect_backoff_ms, "50", 1, 60000, NULL, 0, NULL, \
      "Pause before a lost connection is made again, in milliseconds; doubled each time, with jitter.") \
    X("reconnect.backoff.max.ms", LONG, reconnect_backoff_max_ms, "1000", 1, 3600000, NULL, 0, NULL, \
      "Longest such pause, in milliseconds.") \
    X("socket.connection.setup.timeout.ms", LONG, connection_setup_timeout_ms, "10000", 1, 3600000, NULL, 0, NULL, \
      "Longest wait for a connection to one address, in milliseconds.") \
    X("connections.max.idle.ms", LONG, connections_max_idle_ms, "540000", 0, LONG_MOST, NULL, 0, NULL, \
      "Close a connection without traffic after so many milliseconds; 0 never.") \
    X("socket.tcp.congestion", STRING, tcp_congestion, NULL, 0, 0, NULL, 0, NULL, \
      "TCP congestion control of our connections, for instance cubic; unset: the system's.") \
    X("metadata.max.age.ms", LONG, metadata_max_age_ms, "300000", 1, LONG_MOST, NULL, 0, "topic.metadata.refresh.interval.ms", \
      "Ask for metadata again after so many milliseconds without a change.") \
    X("topic.metadata.propagation.max.ms", LONG, topic_propagation_max_ms, "5000", 0, LONG_MOST, NULL, 0, NULL, \
      "Believe a broker that says a topic is unknown, or that a partition ends before what was read or committed, only after so many milliseconds: news takes a moment to be known everywhere.") \
    X("receive.message.max.bytes", INT, receive_frame_bytes_max, "104857600", 1000, INT_MOST, NULL, 0, NULL, \
      "Largest answer accepted from a broker, in bytes.") \
    X("trouble.persistent.ms", LONG, trouble_persistent_ms, "10000", 1, LONG_MOST, NULL, 0, NULL, \
      "Milliseconds after which a trouble that is told to a queue has become persistent.") \
    X("statistics.interval.ms", LONG, statistics_interval_ms, "0", 0, 86400000, NULL, 0, NULL, \
      "Send statistics of the handle, its producers and its consumers to its queue as often, in milliseconds; 0: never.") \
    X("interceptor.classes", STRING, interceptors, NULL, 0, 0, NULL, 0, NULL, \
      "Names of the interceptors to call, in this order, separated by commas; unset: all, in the order in which the application added them.") \
    X("security.protocol", ENUM, security_protocol, "PLAINTEXT", 0, 0, "PLAINTEXT", 0, NULL, \
      "Only PLAINTEXT is served yet.")

/* Only of producers. */
#define CONFIG_OF_PRODUCERS(X) \
    X("key.serializer", STRING, key_serializer, "bytes", 0, 0, NULL, 0, NULL, \
      "What keys are given as: bytes, string, int32, int64, double, uuid, json, or the name of an own serializer.") \
    X("value.serializer", STRING, value_serializer, "bytes", 0, 0, NULL, 0, NULL, \
      "The same of values.") \
    X("acks", ENUM, acks, "all", 0, 0, "all|-1|0|1", 0, "request.required.acks", \
      "Who must have a record before it counts as written: all in-sync replicas, the leader (1), nobody (0).") \
    X("batch.size", INT, batch_bytes, "16384", 256, 16777216, NULL, TOPIC, NULL, \
      "Bytes of a batch before it is closed; a larger record gets a batch of its own.") \
    X("linger.ms", LONG, linger_ms, "5", 0, 900000, NULL, TOPIC, "queue.buffering.max.ms", \
      "Longest time in milliseconds that a record waits for others while requests are in flight; 0 sends at once.") \
    X("buffer.memory", LONG, buffer_bytes, "33554432", 65536, LONG_MOST, NULL, 0, NULL, \
      "Bytes of records that wait to be sent, acknowledged or reported.") \
    X("max.block.ms", LONG, block_ms_max, "60000", 0, LONG_MOST, NULL, 0, NULL, \
      "Longest wait in milliseconds of a send for metadata or buffer space.") \
    X("max.request.size", INT, request_bytes_max, "1048576", 1024, 104857600, NULL, 0, "message.max.bytes", \
      "Bytes of a produce request, and so of the largest record.") \
    X("max.in.flight.requests.per.connection", INT, in_flight_max, "5", 1, 1000000, NULL, 0, "max.in.flight", \
      "Produce requests that may wait for an answer from one broker; without idempotence each partition has one at most, so that retries keep the order.") \
    X("retries", INT, retries, "2147483647", 0, INT_MOST, NULL, 0, "message.send.max.retries", \
      "How often a batch is sent again before it fails.") \
    X("delivery.timeout.ms", LONG, delivery_timeout_ms, "120000", 1, LONG_MOST, NULL, TOPIC, "message.timeout.ms", \
      "Milliseconds after which a record that is not acknowledged fails.") \
    X("compression.type", ENUM, compression, "none", 0, 0, "none|gzip|snappy|lz4|zstd", TOPIC, "compression.codec", \
      "How batches are compressed, where the topic has no codec of its own; batch.size counts bytes before it.") \
    X("compression.gzip.level", ENUM, gzip_level, "-1", 0, 0, "-1|1|2|3|4|5|6|7|8|9", TOPIC, NULL, \
      "Level of gzip; -1: zlib's default, 6.") \
    X("compression.lz4.level", INT, lz4_level, "9", 1, 17, NULL, TOPIC, NULL, \
      "Level of lz4; 9 means the fast compressor, as in Java.") \
    X("compression.zstd.level", INT, zstd_level, "3", -131072, 22, NULL, TOPIC, NULL, \
      "Level of zstd.") \
    X("compression.level", INT, compression_level, "-1", -131072, 22, NULL, TOPIC, NULL, \
      "Level of whichever codec is used, brought into its range; -1: the level of the codec's own property.") \
    X("partitioner", ENUM, partitioner, "sticky", 0, 0, "sticky|hash|round-robin", TOPIC, NULL, \
      "Records without a partition: sticky and hash go by the key's murmur2 hash, those without a key batch by batch; round-robin ignores keys.") \
    X("partitioner.ignore.keys", BOOL, partitioner_ignores_keys, "false", 0, 0, NULL, TOPIC, NULL, \
      "Treat records with a key as if they had none.") \
    X("partitioner.adaptive.partitioning.enable", BOOL, partitioner_adaptive, "true", 0, 0, NULL, TOPIC, NULL, \
      "Give records without a key rather to partitions with short queues.") \
    X("partitioner.availability.timeout.ms", LONG, partitioner_timeout_ms, "0", 0, LONG_MOST, NULL, TOPIC, NULL, \
      "Give partitions whose leader has taken none of the batches that wait for it for so many milliseconds no records without a key, while others take some; 0: they are only given fewer. Needs partitioner.adaptive.partitioning.enable.") \
    X("metadata.max.idle.ms", LONG, metadata_idle_ms_max, "300000", 1, LONG_MOST, NULL, 0, NULL, \
      "Forget a topic to which nothing was sent for so many milliseconds, when metadata is refreshed next: brokers are asked for it no more, and the next record waits until they are.") \
    X("enable.idempotence", BOOL, idempotence, "true", 0, 0, NULL, 0, NULL, \
      "Number batches, so that a retry writes none twice and several requests for a partition may be in flight. Off by itself with acks other than all, more than 5 in flight or no retries.")

/* Only of consumers. */
#define CONFIG_OF_CONSUMERS(X) \
    X("key.deserializer", STRING, key_deserializer, "bytes", 0, 0, NULL, 0, NULL, \
      "What keys are read as: bytes, string, int32, int64, double, uuid, json, or the name of an own deserializer.") \
    X("value.deserializer", STRING, value_deserializer, "bytes", 0, 0, NULL, 0, NULL, \
      "The same of values.") \
    X("auto.offset.reset", ENUM, offset_reset, "latest", 0, 0, "latest|earliest|none", TOPIC, NULL, \
      "Where to start without a position, or when the position is not in the log any more.") \
    X("isolation.level", ENUM, isolation, "read_committed", 0, 0, "read_committed|read_uncommitted", 0, NULL, \
      "Whether records of open and aborted transactions are held back.") \
    X("fetch.min.bytes", INT, fetch_bytes_min, "1", 1, INT_MOST, NULL, 0, NULL, \
      "Bytes that a broker gathers before it answers a fetch.") \
    X("fetch.max.wait.ms", INT, fetch_wait_ms_max, "500", 0, 3600000, NULL, 0, "fetch.wait.max.ms", \
      "Longest time in milliseconds that it gathers.") \
    X("fetch.max.bytes", INT, fetch_bytes_max, "52428800", 1, INT_MOST, NULL, 0, NULL, \
      "Bytes of the answer to one fetch; a single larger batch is sent all the same.") \
    X("max.partition.fetch.bytes", INT, partition_fetch_bytes_max, "1048576", 1, INT_MOST, NULL, TOPIC, "fetch.message.max.bytes", \
      "Bytes of one partition in it; a single larger batch is sent all the same.") \
    X("consumer.buffer.memory", LONG, consumer_buffer_bytes, "67108864", 1048576, LONG_MOST, NULL, 0, NULL, \
      "Bytes of records that are fetched or held by the application; one fetch may exceed it.") \
    X("max.poll.records", INT, poll_records_max, "500", 1, INT_MOST, NULL, 0, NULL, \
      "Most records that one poll returns.") \
    X("check.crcs", BOOL, check_crcs, "true", 0, 0, NULL, 0, NULL, \
      "Check the checksum of every batch received.") \
    X("allow.auto.create.topics", BOOL, create_topics, "true", 0, 0, NULL, 0, NULL, \
      "Have brokers make topics that the consumer is assigned or subscribed to, by name, when they do not exist; only where auto.create.topics.enable lets them.") \
    X("enable.partition.eof", BOOL, partition_eof, "false", 0, 0, NULL, 0, NULL, \
      "Have poll return END_OF_PARTITION, once each time that what is read comes to the end of a partition.") \
    X("group.id", STRING, group_id, NULL, 0, 0, NULL, 0, NULL, \
      "Name of the group that the consumer belongs to; unset: none.") \
    X("group.instance.id", STRING, group_instance_id, NULL, 0, 0, NULL, 0, NULL, \
      "Name of this member, the same after a restart: within session.timeout.ms it returns without a rebalance. Unset: not static.") \
    X("group.leave.on.close", ENUM, leave_on_close, "dynamic", 0, 0, "dynamic|always|never", 0, NULL, \
      "Which members leave the group at once when they are closed or unsubscribed: those without group.instance.id, all, none. The others leave when their session ends.") \
    X("session.timeout.ms", INT, session_timeout_ms, "45000", 1, INT_MOST, NULL, 0, NULL, \
      "Milliseconds without a heartbeat after which a member is taken out of the group.") \
    X("heartbeat.interval.ms", INT, heartbeat_interval_ms, "3000", 1, INT_MOST, NULL, 0, NULL, \
      "How long the coordinator may keep a heartbeat when there is no news, in milliseconds; below session.timeout.ms.") \
    X("max.poll.interval.ms", INT, poll_interval_ms_max, "300000", 1, INT_MOST, NULL, 0, NULL, \
      "Milliseconds without a poll after which a member leaves the group; and how long a rebalance waits for it.") \
    X("partition.assignment.strategy", STRING, assignment_strategy, "cooperative-sticky", 0, 0, NULL, 0, NULL, \
      "Comma-separated assignors, as preferred: cooperative-sticky, sticky, range, roundrobin, Java's class names, or names of own assignors. Members keep their partitions during rebalances if all of them are cooperative.") \
    X("group.protocol", ENUM, group_protocol, "classic", 0, 0, "classic", 0, NULL, \
      "Only the classic protocol is served.") \
    X("enable.auto.commit", BOOL, auto_commit, "true", 0, 0, NULL, 0, "auto.commit.enable", \
      "Commit by itself, up to the first record that the application has not freed yet.") \
    X("auto.commit.interval.ms", INT, auto_commit_interval_ms, "5000", 1, INT_MOST, NULL, 0, NULL, \
      "How often, in milliseconds; also when partitions are given up and at close.") \
    X("enable.auto.offset.store", BOOL, auto_offset_store, "true", 0, 0, NULL, 0, NULL, \
      "Commit what was returned (or freed); false: only what klient_consumer_store_offset() was told.") \
    X("client.rack", STRING, client_rack, NULL, 0, 0, NULL, 0, NULL, \
      "Where the consumer is: range, sticky and cooperative-sticky give it by preference partitions whose leader, or else another replica, is in this rack, and nobody more for it. Records are fetched from leaders all the same.")

/* Accepted everywhere and without effect, or not accepted yet. */
#define CONFIG_IDLE(X) \
    X("send.buffer.bytes", INT, in_flight_max, "131072", 0, 0, NULL, OPTION_NO_EFFECT, "socket.send.buffer.bytes", \
      "Without effect: the system tunes it.") \
    X("receive.buffer.bytes", INT, in_flight_max, "65536", 0, 0, NULL, OPTION_NO_EFFECT, "socket.receive.buffer.bytes", \
      "Without effect: the system tunes it.") \
    X("client.dns.lookup", STRING, client_id, "use_all_dns_ips", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: names are resolved at every connect and all addresses are tried.") \
    X("exclude.internal.topics", BOOL, check_crcs, "true", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: a pattern never matches internal topics.") \
    X("batch.num.messages", INT, poll_records_max, "10000", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: batch.size bounds a batch.") \
    X("queue.buffering.max.messages", INT, poll_records_max, "100000", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: buffer.memory bounds what waits, in bytes.") \
    X("queue.buffering.max.kbytes", INT, poll_records_max, "1048576", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: buffer.memory bounds what waits.") \
    X("queue.buffering.backpressure.threshold", INT, poll_records_max, "1", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: batches wait for each other while a broker is busy.") \
    X("sticky.partitioning.linger.ms", INT, poll_records_max, "10", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: records without a key change their partition batch by batch.") \
    X("message.copy.max.bytes", INT, poll_records_max, "65535", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: every record is copied.") \
    X("topic.metadata.refresh.sparse", BOOL, check_crcs, "true", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: only topics that are used are asked for.") \
    X("metadata.recovery.strategy", STRING, client_id, "rebootstrap", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: bootstrap.servers are always asked again when no known broker answers.") \
    X("queued.min.messages", INT, poll_records_max, "100000", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: as much is fetched ahead as consumer.buffer.memory allows.") \
    X("queued.max.messages.kbytes", INT, poll_records_max, "65536", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: consumer.buffer.memory bounds what is fetched ahead, of all partitions together.") \
    X("fetch.queue.backoff.ms", INT, poll_records_max, "1000", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: fetching goes on as soon as there is memory again.") \
    X("fetch.error.backoff.ms", INT, poll_records_max, "500", 0, 0, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect: retry.backoff.ms counts for fetches, too.") \
    CONFIG_NOT_YET(X, "group.remote.assignor") \
    CONFIG_NOT_YET(X, "metrics.sample.window.ms") \
    CONFIG_NOT_YET(X, "metrics.num.samples") \
    CONFIG_NOT_YET(X, "metrics.recording.level") \
    CONFIG_NOT_YET(X, "auto.include.jmx.reporter") \
    CONFIG_NOT_YET(X, "enable.metrics.push") \
    CONFIG_NOT_YET(X, "security.providers") \
    CONFIG_NOT_YET(X, "transactional.id") \
    CONFIG_NOT_YET(X, "transaction.timeout.ms") \
    CONFIG_NOT_YET(X, "partitioner.class") \
    CONFIG_NOT_YET(X, "enable.gapless.guarantee") \
    CONFIG_NOT_YET(X, "queuing.strategy") \
    CONFIG_NOT_YET(X, "metric.reporters") \
    CONFIG_NOT_YET(X, "socket.connection.setup.timeout.max.ms") \
    CONFIG_NOT_YET(X, "ssl.ca.location") \
    CONFIG_NOT_YET(X, "ssl.certificate.location") \
    CONFIG_NOT_YET(X, "ssl.key.location") \
    CONFIG_NOT_YET(X, "ssl.key.password") \
    CONFIG_NOT_YET(X, "ssl.endpoint.identification.algorithm") \
    CONFIG_NOT_YET(X, "ssl.truststore.location") \
    CONFIG_NOT_YET(X, "ssl.keystore.location") \
    CONFIG_NOT_YET(X, "sasl.mechanism") \
    CONFIG_NOT_YET(X, "sasl.jaas.config") \
    CONFIG_NOT_YET(X, "sasl.username") \
    CONFIG_NOT_YET(X, "sasl.password")

#define CONFIG_TABLE(X) \
    CONFIG_OF_ALL(X) CONFIG_OF_PRODUCERS(X) CONFIG_OF_CONSUMERS(X) CONFIG_IDLE(X)

#define CONFIG_NOT_YET(X, name) \
    X(name, STRING, client_id, NULL, 0, 0, NULL, OPTION_NOT_YET, NULL, "Not supported yet.")
/* clang-format on */

#endif
