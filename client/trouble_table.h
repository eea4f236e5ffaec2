/* trouble_table.h - the kinds of trouble that belong to no call, one row each:
 *
 *   X(NAME, "stable-name", RULE, "what is wrong, for people", "what to do next. A sentence.")
 *
 * docs/troubles.md is made from it: `tests/client/print_trouble_docs`. */
#ifndef CLIENT_TROUBLE_TABLE_H
#define CLIENT_TROUBLE_TABLE_H

/* RULE is how serious it is:
 *
 *   BY_TIME    transient; persistent after trouble.persistent.ms
 *   BY_SIGHT   the same, but persistent only when it is met with again after that time: what nobody
 *              asks for any more may have become right, and concerns nobody. Idle when nobody
 *              waited for it
 *   BY_CODE    as BY_TIME; fatal when the code is one from which the handle can not go on
 *   FATAL      from the beginning */

/* clang-format off */
#define TROUBLE_TABLE(X) \
    X(BROKER_UNREACHABLE, "broker-unreachable", BY_SIGHT, \
      "a broker can not be reached, or the connection to it broke", \
      "Nothing while other brokers take over; otherwise see whether the broker runs and its advertised address can be reached from here.") \
    X(NO_BROKER, "no-broker", BY_SIGHT, \
      "no broker answers: neither those of bootstrap.servers nor any other that is known", \
      "Check the network, bootstrap.servers and whether the cluster runs; libklient goes on trying.") \
    X(WRONG_CLUSTER, "wrong-cluster", FATAL, \
      "an address leads to a broker of another cluster", \
      "Close the handle and correct bootstrap.servers or the brokers' advertised addresses: all have to belong to one cluster.") \
    X(LEADER_MISSING, "leader-missing", BY_TIME, \
      "records wait for a partition that has no leader", \
      "Nothing while an election runs; if it stays, bring a broker of the partition's in-sync replicas back.") \
    X(NOT_ENOUGH_REPLICAS, "not-enough-replicas", BY_TIME, \
      "the partition's leader refuses records, because fewer replicas are in sync than min.insync.replicas", \
      "Bring brokers back that hold replicas of the partition, or lower min.insync.replicas; records wait until delivery.timeout.ms.") \
    X(PRODUCER_FENCED, "producer-fenced", FATAL, \
      "the idempotent producer gets no id, or brokers do not take its numbers any more", \
      "Close the producer and open a new one; if that does not help, see the brokers' logs.") \
    X(TOPIC_UNKNOWN, "topic-unknown", BY_TIME, \
      "a topic that is produced to, read or subscribed to does not exist", \
      "Create the topic, or correct its name.") \
    X(COORDINATOR_MISSING, "coordinator-missing", BY_TIME, \
      "the group's coordinator can not be found or does not answer", \
      "Nothing while another broker takes over; if it stays, see whether the partitions of the cluster's own topics have leaders.") \
    X(JOIN_FAILING, "join-failing", BY_CODE, \
      "the consumer can not join its group", \
      "See the code: FENCED_INSTANCE_ID means that another process has the same group.instance.id, ASSIGNOR_FAILED that the assignor of the application refused; others name what the coordinator does not accept.") \
    X(COMMIT_FAILING, "commit-failing", BY_TIME, \
      "automatic commits fail", \
      "See the code; until it is over, a restart or rebalance returns records again that were processed.") \
    X(RECORDS_HELD, "records-held", BY_TIME, \
      "nothing is fetched: records that the application has not freed, or of paused partitions, fill consumer.buffer.memory", \
      "Free records (klient_records_free()) or resume partitions; if that many have to be held, raise consumer.buffer.memory.") \
    X(REPORTS_UNREAD, "reports-unread", BY_TIME, \
      "nothing can be sent: delivery reports that nobody reads fill buffer.memory", \
      "Call klient_producer_poll() often, or have the function that takes them in the background return sooner; or raise buffer.memory.") \
    X(MANY_TROUBLES, "many-troubles", BY_TIME, \
      "there are more troubles than are told one by one", \
      "Look at those that were told: most have a common cause.")
/* clang-format on */

#endif
