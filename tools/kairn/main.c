/* kairn - look at and work with a Kairn cluster from the command line. */
#include <stdio.h>
#include <string.h>

#include "client/klient.h"
#include "common/descriptors.h"
#include "tools/kairn/command.h"
#include "tools/kairn/consume.h"
#include "tools/kairn/log_value.h"

/* clang-format off */
#define DLQ_FILTERS \
    { "--source", "TOPIC", "only what came from this topic" }, \
    { "--group", "GROUP", "only what this group could not process" }, \
    { "--error", "TEXT", "only with TEXT in the reason" }, \
    { "--key", "KEY", "only with this key" }, \
    { "--since", "TIME", "only written at or after it: 2026-11-29T13:05 (UTC), or ms since 1970" }, \
    { "--until", "TIME", "only written before it" }

static const struct command commands[] = {
    { .noun = "topic", .verb = "create", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = topic_create,
      .text = "Create a topic.",
      .flags = {
          { "--partitions", "N", "how many (default: the broker's num.partitions)" },
          { "--replication-factor", "N", "copies on as many brokers (default: default.replication.factor)" },
          { "--assignment", "LIST", "or which brokers have them, e.g. 1:2,2:3: two partitions with two replicas" },
          { "--config", "NAME=VALUE", "e.g. retention.ms=14d; may be repeated" },
          { "--if-not-exists", NULL, "a topic that is there already is fine, whatever it is like" },
          { "--dry-run", NULL, "only say what would be made, or why not" } } },
    { .noun = "topic", .verb = "list", .operands = "",
      .connects = true, .run = topic_list,
      .text = "List the topics.",
      .flags = { { "--internal", NULL, "also those of the cluster itself, as __consumer_offsets" } } },
    { .noun = "topic", .verb = "describe", .operands = "[TOPIC...]", .operands_max = 1000,
      .connects = true, .run = topic_describe,
      .text = "Show partitions, leaders, replicas and settings (of all topics by default).\n\n"
              "ISR: replicas in sync with the leader. ELIGIBLE: out of sync, and yet with everything\n"
              "that is committed, so they may lead when nobody in sync lives. OFFLINE: replicas whose\n"
              "broker is gone.",
      .flags = {
          { "--verbose", NULL, "also each partition's log and followers: offsets, lag, compaction" },
          { "--under-replicated", NULL, "only partitions with a replica that is not in sync" },
          { "--under-min-isr", NULL, "only those with fewer in sync than acks=all needs" },
          { "--unavailable", NULL, "only those that nobody leads" } } },
    { .noun = "topic", .verb = "offsets", .operands = "[TOPIC[:P,P...]...]", .operands_max = 1000,
      .connects = true, .run = topic_offsets,
      .text = "Show where the logs of partitions begin and end (of all topics by default).\n\n"
              "LATEST is behind the last record that is committed. The difference counts offsets; after\n"
              "compaction there are fewer records. Exit status 1 when a partition does not answer.",
      .flags = {
          { "--time", "WHEN", "also the first record at or after it: 2026-11-29T13:05, or @ and ms since 1970" } } },
    { .noun = "topic", .verb = "compact", .operands = "TOPIC", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = topic_compact,
      .text = "Compact the logs of a topic now, also those that were set aside because that failed.\n"
              "Does not wait for the end: see kairn topic describe --verbose.",
      .flags = { { "--partition", "N", "only this partition" } } },
    { .noun = "topic", .verb = "alter", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = topic_alter,
      .text = "Give a topic more partitions, or other settings; what is not named stays.\n\n"
              "It counts without a restart. Partitions can not be taken away. With more of them keys\n"
              "move: a record's partition is the hash of its key modulo their number. What is refused\n"
              "changes nothing.",
      .flags = {
          { "--partitions", "N", "how many in all; more than there are" },
          { "--config", "NAME=VALUE", "e.g. retention.ms=14d; may be repeated" },
          { "--unset", "NAME", "back to the broker's default; may be repeated" },
          { "--validate", NULL, "only say whether it could be done" } } },
    { .noun = "topic", .verb = "trim", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = topic_trim,
      .text = "Delete the records of a topic's partitions before an offset or a time.\n\n"
              "Says where they start now. The records are gone for good, also after a crash;\n"
              "partitions that start later already stay as they are. The space comes back by whole\n"
              "segments.",
      .flags = {
          { "--before", "WHERE", "an offset, end (all there is), 2026-11-29T13:05, or @ and ms since 1970" },
          { "--partition", "N", "only this partition" } } },
    { .noun = "topic", .verb = "delete", .operands = "TOPIC...", .operands_min = 1,
      .operands_max = 1000, .connects = true, .run = topic_delete,
      .text = "Delete topics and their data.",
      .flags = { { "--if-exists", NULL, "a topic that is not there is fine" } } },
    { .noun = "partition", .verb = "move", .operands = "TOPIC", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = partition_move,
      .text = "Take a partition's log to another log directory of its leader.\n\n"
              "The partition serves meanwhile, but for a pause at the end. What fails leaves the log\n"
              "where it was. Without --timeout it takes as long as it takes; who stops waiting does not\n"
              "stop the move. kairn topic describe --verbose says where logs are.",
      .flags = {
          { "--partition", "N", "which one" },
          { "--dir", "PATH", "the directory, as log.dirs of the broker has it" } } },
    { .noun = "partition", .verb = "elect", .operands = "[TOPIC[:P,P...]...]",
      .operands_max = 1000, .connects = true, .run = partition_elect,
      .text = "Have the preferred leader, the first replica, lead its partition again.\n\n"
              "It has to be in sync. Who leads already is left in peace.",
      .flags = {
          { "--all", NULL, "wherever another than the preferred leader leads" },
          { "--unclean", NULL, "where nobody leads: any live replica, though records may be lost" } } },
    { .noun = "partition", .verb = "reassign", .operands = "[TOPIC[:P,P...]...]",
      .operands_max = 1000, .connects = true, .run = partition_reassign,
      .text = "Give partitions other replicas; they serve meanwhile.\n\n"
              "New replicas copy first, and old ones go once the new are in sync. Goes step by step and\n"
              "waits, without --timeout as long as it takes; who stops waiting stops no step that has\n"
              "begun. In which order replicas are named says who is preferred as leader.",
      .flags = {
          { "--to", "N,N...", "exactly these brokers" },
          { "--add", "N,N...", "these, too" },
          { "--remove", "N,N...", "these no more" },
          { "--replication-factor", "N", "so many, chosen by racks and loads" },
          { "--file", "FILE", "as kafka-reassign-partitions reads it (JSON; - is standard input)" },
          { "--list", NULL, "only show what is under way" },
          { "--cancel", NULL, "take back what is under way, all of it or of these partitions" },
          { "--dry-run", NULL, "only show what would be done" },
          { "--at-once", "N", "partitions of a step that copy to the same broker (default 5)" },
          { "--throttle", "BYTES", "a second (or 10MB): what a broker sends and takes of it at most, until it is done" },
          { "--no-wait", NULL, "begin everything, wait for nothing" } } },
    { .noun = "config", .verb = "list", .operands = "",
      .connects = true, .run = config_list,
      .text = "Show the settings of a topic or broker, or what is set for all brokers.\n\n"
              "What counts is the first of: set for the topic (source topic), for the broker while it\n"
              "runs (broker), for all brokers while they run (cluster), in the broker's file (file),\n"
              "the built-in default (default).",
      .flags = {
          { "--topic", "T", "of a topic" },
          { "--broker", "N", "of a broker" },
          { "--cluster", NULL, "of all brokers, as far as a broker has none of its own" },
          { "--changed", NULL, "only what is not the built-in default" } } },
    { .noun = "config", .verb = "get", .operands = "NAME", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = config_get,
      .text = "Show one setting: the value that counts first, below it what would count without it.\n"
              "Exit status 1 when there is no such setting.",
      .flags = {
          { "--topic", "T", "of a topic" },
          { "--broker", "N", "of a broker" },
          { "--cluster", NULL, "of all brokers" },
          { "--value", NULL, "only the value that counts" } } },
    { .noun = "config", .verb = "set", .operands = "NAME=VALUE...", .operands_max = 1000,
      .connects = true, .run = config_set,
      .text = "Change settings of a topic or broker, or of all brokers; what is not named stays.\n\n"
              "It counts without a restart. What takes a restart is refused, and so is a name or\n"
              "value that is not known; then nothing is changed.",
      .flags = {
          { "--topic", "T", "of a topic" },
          { "--broker", "N", "of a broker" },
          { "--cluster", NULL, "of all brokers, as far as a broker has none of its own" },
          { "--unset", "NAME", "take the setting away; may be repeated" },
          { "--validate", NULL, "only say whether it could be done" } } },
    { .noun = "produce", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = produce,
      .text = "Send one record per line of files, or of standard input.\n\n"
              "With --input json, a line is an object as kairn consume --json prints it, of which\n"
              "key, value, headers, partition and timestamp count: {\"key\": \"k\", \"value\": \"v\",\n"
              "\"headers\": {\"a\": \"b\"}}. A line that is none ends the input. (--json is about what\n"
              "is printed.)\n\n"
              "A summary goes to standard error (with --json: an object to standard output), and\n"
              "progress when that is a terminal. Exit status 1 when any record failed. Ctrl-C ends\n"
              "the input: what was read is sent.",
      .flags = {
          { "--file", "FILE", "read this (- is standard input); may be repeated" },
          { "--input", "lines|json", "what a line is: a value (default), or an object" },
          { "--skip-bad", NULL, "with --input json, leave out lines that are no record, and count them" },
          { "--key-separator", "S", "separates key and value; a line without it has no key" },
          { "--header", "NAME=VALUE", "a header for every record; may be repeated" },
          { "--partition", "N", "send everything to this partition, whatever lines say" },
          { "--partitioner", "sticky|hash|round-robin", "of records without a partition (default sticky, which hashes keys)" },
          { "--acks", "0|1|all", "what counts as acknowledged (default all)" },
          { "--pauses", NULL, "also say how long acknowledgements of a partition paused at most" } } },
    { .noun = "consume", .operands = "TOPIC...", .operands_min = 1,
      .operands_max = CONSUME_TOPICS_MAX, .connects = true, .run = consume,
      .text = "Print records, by default from the beginning and on and on.\n\n"
              "Order holds within a partition. Ctrl-C ends it. With --json, a record is an object on\n"
              "a line; bytes that are no UTF-8 stand in key_base64 and value_base64.\n\n"
              "With --group, it shares the partitions with the other members of the group, goes on\n"
              "where the group has committed, and commits what it has printed; at the end, too, when\n"
              "it leaves the group.\n\n"
              "A format knows %t topic, %p partition, %o offset, %T timestamp, %k key, %v value,\n"
              "%h headers, %K and %S sizes of key and value (-1: null), %%; \\n \\t \\r \\0 \\\\.",
      .flags = {
          { "--from", "WHERE", "beginning (default), end, an offset, 2026-11-29T13:05, or @ and ms since 1970" },
          { "--group", "G", "as a member of this group; --from is for where it has committed nothing" },
          { "--regex", NULL, "TOPIC is a regular expression for whole names, of later topics, too" },
          { "--partition", "N", "only this partition" },
          { "--max", "N", "stop after N records" },
          { "--exit-at-end", NULL, "stop at what is the end when the command starts" },
          { "--format", "F", "how to print a record (default '%v\\n')" } } },
    { .noun = "group", .verb = "list", .operands = "",
      .connects = true, .run = group_list,
      .text = "List the consumer groups.",
      .flags = {
          { "--state", "S,S...", "only those: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead" },
          { "--watch", NULL, "again every second; Ctrl-C ends it" } } },
    { .noun = "group", .verb = "describe", .operands = "[GROUP...]", .operands_max = 1000,
      .connects = true, .run = group_describe,
      .text = "Show how far groups are (all of them by default): what is committed, and the lag.\n\n"
              "LAG counts offsets up to the end of the log. WAITS says for how long the first record\n"
              "that is not committed has been there, by its timestamp: for that it is read. A member\n"
              "is idle when it has no partition. Exit status 1 when there is no such group.",
      .flags = {
          { "--watch", NULL, "again every second, with what is committed a second; Ctrl-C ends it" } } },
    { .noun = "group", .verb = "members", .operands = "[GROUP...]", .operands_max = 1000,
      .connects = true, .run = group_members,
      .text = "Show who is in groups (all of them by default), and which partitions they have.\n"
              "Exit status 1 when there is no such group.",
      .flags = {
          { "--watch", NULL, "again every second; Ctrl-C ends it" } } },
    { .noun = "group", .verb = "reset", .operands = "GROUP", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = group_reset,
      .text = "Have a group go on reading elsewhere.\n\n"
              "It must have no members. Without --topic, all that it has committed is moved. What\n"
              "lies outside of the log is taken as its beginning or end.",
      .flags = {
          { "--topic", "T[:P,P...]", "only this topic, or these of its partitions; may be repeated" },
          { "--to", "WHERE", "beginning, end, current, an offset, 2026-11-29T13:05, or @ and ms since 1970" },
          { "--ago", "DURATION", "to where it was 90s, 2h30m or 1d ago (also as P1DT12H)" },
          { "--shift", "N", "so many records on, or back when negative" },
          { "--file", "FILE", "lines of topic,partition,offset (- is standard input)" },
          { "--export", NULL, "print such lines" },
          { "--dry-run", NULL, "only show what would be done" } } },
    { .noun = "group", .verb = "delete", .operands = "GROUP...", .operands_min = 1,
      .operands_max = 1000, .connects = true, .run = group_delete,
      .text = "Delete groups that have no members, and all that they have committed.",
      .flags = {
          { "--topic", "T[:P,P...]", "only what the group has committed of it; may be repeated" } } },
    { .noun = "group", .verb = "remove-members", .operands = "GROUP", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = group_remove_members,
      .text = "Have members leave a group that are gone, before their session ends.\n\n"
              "Static members stay in their group when they stop, and their partitions with them,\n"
              "for session.timeout.ms. A member that runs may join again. See kairn group members.",
      .flags = {
          { "--member", "ID", "this member; may be repeated" },
          { "--instance", "NAME", "the static member with this group.instance.id; may be repeated" } } },
    { .noun = "group", .verb = "import", .operands = "GROUP", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = group_import,
      .text = "Commit what stands of a group below /consumers in ZooKeeper.\n\n"
              "Kafka's old consumers kept their offsets there, and brokers with\n"
              "offsets.zookeeper.mirror.interval.ms copy them to it. The group must have no members.\n"
              "Exit status 1 when something there makes no sense: it is named and left out.",
      .flags = { { "--from-zookeeper", NULL, "has to be said: nothing else can be read" } } },
    { .noun = "cluster", .verb = "status", .operands = "",
      .connects = true, .run = cluster_status,
      .text = "Show the cluster at a glance, and what is wrong with it.\n"
              "Exit status 1 when there is no controller, a partition has no leader, or a replica is\n"
              "not in sync.",
      .flags = { { "--watch", NULL, "again every second, whatever it finds; Ctrl-C ends it" } } },
    { .noun = "cluster", .verb = "doctor", .operands = "",
      .connects = true, .run = cluster_doctor,
      .text = "Say what is wrong with a cluster, or soon will be, and what to type.\n\n"
              "Looks at partitions and replicas, at the brokers' configuration, at ZooKeeper, and, on\n"
              "machines of brokers, at kernel and disks: run it there. Changes nothing. Exit status 1\n"
              "when there is an error or a warning; notes are only good to know.",
      .flags = {
          { "--skip", "CHECK", "leave this check out; may be repeated" },
          { "--list", NULL, "only tell which checks there are" } } },
    { .noun = "cluster", .verb = "rebalance", .operands = "",
      .connects = true, .run = cluster_rebalance,
      .text = "Even out replicas, their sizes and leaders, for instance after a broker came.\n\n"
              "Moves as little as it takes, keeps replicas of a partition in different racks, and goes\n"
              "step by step; partitions serve meanwhile.",
      .flags = {
          { "--dry-run", NULL, "only show the moves, and the loads before and after" },
          { "--at-once", "N", "partitions of a step that copy to the same broker (default 5)" },
          { "--throttle", "BYTES", "a second (or 10MB): what a broker sends and takes of it at most, until it is done" },
          { "--no-wait", NULL, "begin everything, wait for nothing" } } },
    { .noun = "broker", .verb = "list", .operands = "",
      .connects = true, .run = broker_list,
      .text = "List the live brokers." },
    { .noun = "broker", .verb = "log-dirs", .operands = "[BROKER...]", .operands_max = 16,
      .connects = true, .run = broker_log_dirs,
      .text = "Show what lies in which log directory: the logs that a broker leads, their sizes and\n"
              "where they begin and end, and the sum of each directory (of all live brokers by default).\n\n"
              "Copies of partitions that others lead are described as the leaders see them. Those that\n"
              "are out of use, for instance because their disk failed, are named, and make the exit\n"
              "status 1.",
      .flags = { { "--summary", NULL, "only the sums" } } },
    { .noun = "broker", .verb = "loglevel", .operands = "BROKER [debug|info|warn|error|off]",
      .operands_min = 1, .operands_max = 2, .connects = true, .run = broker_loglevel,
      .text = "Show or set the least important lines that a broker logs.\n\n"
              "It counts at once and without a restart, and stays until it is taken back: it is the\n"
              "setting log.level of the broker. Brokers that run in one process have one log.",
      .flags = { { "--unset", NULL, "back to what all brokers, or the broker's file, say" } } },
    { .noun = "broker", .verb = "metrics", .operands = "BROKER", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = broker_metrics,
      .text = "Show what a broker counts, since its start.\n\n"
              "Of a histogram: how many values there were, what half of them, 99 and 99.9 in a\n"
              "hundred do not exceed (at most an eighth too much), and the largest.",
      .flags = {
          { "--match", "TEXT", "only those with TEXT in their name" },
          { "--watch", NULL, "again every second, with what changed a second; Ctrl-C ends it" } } },
    { .noun = "broker", .verb = "drain", .operands = "BROKER[,BROKER...]", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = broker_drain,
      .text = "Take all replicas away from brokers that are to leave, or are gone for good.\n\n"
              "The others get them by racks and loads; partitions serve meanwhile. Stop a broker soon\n"
              "after it is empty: new topics may be placed on it. Exit status 1 when some partition has\n"
              "nowhere to go; all others are moved.",
      .flags = {
          { "--yes", NULL, "do not ask" },
          { "--dry-run", NULL, "only show the moves, and the loads before and after" },
          { "--at-once", "N", "partitions of a step that copy to the same broker (default 5)" },
          { "--throttle", "BYTES", "a second (or 10MB): what a broker sends and takes of it at most, until it is done" },
          { "--no-wait", NULL, "begin everything, wait for nothing" } } },
    { .noun = "dlq", .verb = "list", .operands = "",
      .connects = true, .run = dlq_list,
      .text = "List the topics of dead letters: how many are in them, and how many of those nobody has\n"
              "replayed.",
      .flags = { { "--pattern", "NAME", "what they are called; %t stands for any topic (default %t.dlq)" } } },
    { .noun = "dlq", .verb = "show", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = dlq_show,
      .text = "Show the dead letters of a topic: where they come from, why, and what was in the record.",
      .flags = {
          { "--partition", "N", "only this partition" },
          { "--max", "N", "stop after N dead letters" },
          DLQ_FILTERS } },
    { .noun = "dlq", .verb = "status", .operands = "[TOPIC...]", .operands_max = 1000,
      .connects = true, .run = dlq_status,
      .text = "Say how many dead letters wait to be replayed (in all topics that kairn dlq list knows).\n"
              "Exit status 1 when there are more than --threshold in one of them.",
      .flags = {
          { "--threshold", "N", "how many are fine (default 0)" },
          { "--pattern", "NAME", "what the topics are called; %t stands for any topic (default %t.dlq)" },
          DLQ_FILTERS } },
    { .noun = "dlq", .verb = "replay", .operands = "TOPIC", .operands_min = 1, .operands_max = 1,
      .connects = true, .run = dlq_replay,
      .text = "Send the records of dead letters back to where they came from.\n\n"
              "Takes what is there when it starts. Goes on where the last replay has got to, also one\n"
              "that was killed: at least once, the last few maybe twice. With filters it counts on its\n"
              "own. The dead letters stay where they are. A header klient.dlq.replayed says which one a\n"
              "record was.",
      .flags = {
          { "--to", "TOPIC", "instead of where they came from" },
          { "--partition", "N", "only this partition of dead letters" },
          { "--max", "N", "stop after N dead letters" },
          { "--from-beginning", NULL, "all of them, whatever was replayed before" },
          { "--progress", "GROUP", "whose committed offsets say how far it is" },
          { "--dry-run", NULL, "only count them" },
          DLQ_FILTERS } },
    { .noun = "perf", .verb = "produce", .operands = "TOPIC", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = perf_produce,
      .text = "Measure producing: how many records a second, and what one costs.\n\n"
              "Values are the same incompressible bytes behind a number, so that kairn perf consume\n"
              "--verify can check them. Exit status 1 when a record fails or the rate is missed by\n"
              "more than a hundredth.",
      .flags = {
          { "--records", "N", "how many (default 1000000; no limit with --seconds)" },
          { "--seconds", "S", "stop sending after so long" },
          { "--size", "BYTES", "of a value, at least 8 (default 100)" },
          { "--rate", "N", "records a second in all (default: as fast as possible)" },
          { "--threads", "N", "that send (default 1)" },
          { "--connections", "N", "producers that they share, each with connections of its own" },
          { "--partition", "N", "send everything to this partition" },
          { "--partitions", "N", "make the topic with so many unless it is there" },
          { "--keys", "N", "give each record one of so many keys, by chance (default: none)" },
          { "--warm-up", "N", "send so many records first, which are not counted" } } },
    { .noun = "perf", .verb = "consume", .operands = "TOPIC", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = perf_consume,
      .text = "Measure consuming: everything that is in a topic, from its beginning.\n\n"
              "The clock starts with the first record. Exit status 1 when an offset comes twice or\n"
              "out of order, or when --verify finds another record than was sent.",
      .flags = {
          { "--records", "N", "stop after so many" },
          { "--seconds", "S", "stop after so long" },
          { "--threads", "N", "consumers, with a share of the partitions each (default 1)" },
          { "--verify", NULL, "check every byte and the order against one kairn perf produce" } } },
    { .noun = "perf", .verb = "latency", .operands = "TOPIC", .operands_min = 1,
      .operands_max = 1, .connects = true, .run = perf_latency,
      .text = "Measure the time from when a record is due until its consumer has it.\n\n"
              "Records are due at an even rate whatever becomes of those before them: a stall counts\n"
              "for each one that it delays. A percentile with under 100 samples beyond it is not\n"
              "told. Exit status 1 when a record is lost, or the rate missed by over a hundredth.",
      .flags = {
          { "--rate", "N", "records a second (default 1000)" },
          { "--seconds", "S", "how long (default 10)" },
          { "--records", "N", "how many instead" },
          { "--size", "BYTES", "of a value, at least 16 (default 100)" },
          { "--partitions", "N", "make the topic with so many unless it is there" },
          { "--warm-up", "S", "seconds of records before those that count (default 1)" } } },
    { .noun = "log", .verb = "dump", .operands = "FILE...", .operands_min = 1,
      .operands_max = 1000, .run = log_dump_file,
      .text = "Print and check segments, indexes, checkpoints; no broker is needed.\n"
              "Exit status 1 when anything in a file is wrong.",
      .flags = {
          { "--records", NULL, "print every record, not only batches" },
          { "--summary", NULL, "only the last line: counts, offsets, a hash of the records" },
          { "--from", "OFFSET", "only records from this offset on, and what contains them" },
          { "--to", "OFFSET", "only records up to this offset" },
          { "--key", "TYPE", "print keys as " LOG_VALUE_NAMES },
          { "--value", "TYPE", "print values so" } } },
    { .noun = "log", .verb = "verify", .operands = "PATH...", .operands_min = 1,
      .operands_max = 1000, .run = log_verify_paths,
      .text = "Read log directories, partitions or single files, and say what is wrong.\n\n"
              "Says where, and what to do about it; no broker is needed, and nothing is changed.\n"
              "Exit status 1 when anything is wrong." },
    { .noun = "log", .verb = "recover", .operands = "DIR", .operands_min = 1, .operands_max = 1,
      .run = log_recover_files,
      .text = "Say what the next start of a broker would check, cut and make anew in a log directory.\n"
              "Nothing is changed; a start itself does it.",
      .flags = {
          { "--dry-run", NULL, "needed: the command does nothing else" } } },
    { .noun = "completion", .verb = "words", .operands = "WORD...", .operands_min = 1,
      .operands_max = 1000, .run = completion_words,
      .text = "Say which words may come next on a line, for the completion of shells.\n\n"
              "Given, behind --, are the words behind kairn, of which the last may be empty or half\n"
              "written. Names of topics, groups and brokers are those of the cluster, if it answers\n"
              "soon; @files stands for names of files." },
};
/* clang-format on */

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

const struct command *command_table(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

/* The commands of a noun, or all of them (NULL). Returns how many. */
static int list_commands(FILE *out, const char *noun)
{
    int known = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char words[64];
        if (noun != NULL && strcmp(commands[i].noun, noun) != 0)
            continue;
        if (known++ == 0)
            fprintf(out, "usage: kairn %s%sCOMMAND [options]\n\n", noun != NULL ? noun : "",
                    noun != NULL ? " " : "");
        const char *end = strchr(commands[i].text, '\n');
        int size = end != NULL ? (int)(end - commands[i].text) : (int)strlen(commands[i].text);
        snprintf(words, sizeof words, "%s%s%s %s", commands[i].noun,
                 commands[i].verb != NULL ? " " : "",
                 commands[i].verb != NULL ? commands[i].verb : "", commands[i].operands);
        fprintf(out, "  %-28s %.*s\n", words, size, commands[i].text);
    }
    return known;
}

static void usage(FILE *out)
{
    list_commands(out, NULL);
    fputs("\nkairn COMMAND --help tells more, kairn --version the version.\n"
          "The brokers to ask are named by --bootstrap HOST:PORT,... or $KAIRN_BOOTSTRAP.\n", out);
}

/* The command that argv[1..] names; *words is how many words it took. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &commands[i];
        *words = command->verb != NULL ? 2 : 1;
        if (argc > *words && strcmp(argv[1], command->noun) == 0 &&
            (command->verb == NULL || strcmp(argv[2], command->verb) == 0))
            return command;
    }
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* What is no command: "kairn topic" alone, "kairn topic --help", a word that nobody knows. */
static int explain(int argc, char **argv)
{
    bool asked = argc > 2 && asks_for_help(argv[2]);
    if (list_commands(asked ? stdout : stderr, argv[1]) == 0) {
        fprintf(stderr, "kairn: no command '%s'\ntry: kairn --help\n", argv[1]);
        return EXIT_USAGE;
    }
    if (!asked && argc > 2)
        fprintf(stderr, "\nkairn %s: no command '%s'\n", argv[1], argv[2]);
    return asked ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int words;
    struct args *args;

    if (!descriptors_secure()) {
        perror("kairn: /dev/null");
        return EXIT_FAILED;
    }
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (asks_for_help(argv[1])) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("kairn %s (libklient %s)\n", KAIRN_VERSION, klient_version());
        return EXIT_DONE;
    }
    const struct command *command = find_command(argc, argv, &words);
    if (command == NULL)
        return explain(argc, argv);
    int status = args_parse(command, argc - 1 - words, argv + 1 + words, &args);
    if (status != 0)
        return status < 0 ? EXIT_DONE : status;
    status = command->run(args);
    args_free(args);
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        perror("kairn: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
