/* answer.h - what a controller says of the cluster, put together by hand, with room for a handful
 * of everything. */
#ifndef TESTS_RUNTIME_ANSWER_H
#define TESTS_RUNTIME_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"
#include "proto/kairn.pb-c.h"

enum { ANSWER_ROOM = 8 };

struct answer {
    Kairn__ChangesResponse changes;
    Kairn__TopicEntry topics[ANSWER_ROOM], *topic_list[ANSWER_ROOM];
    Kairn__PartitionEntry partitions[ANSWER_ROOM][ANSWER_ROOM];
    Kairn__PartitionEntry *partition_lists[ANSWER_ROOM][ANSWER_ROOM];
    int32_t ids[ANSWER_ROOM][ANSWER_ROOM];
    Kairn__ConfigEntry configs[ANSWER_ROOM], *config_lists[ANSWER_ROOM];
    Kairn__BrokerEntry brokers[ANSWER_ROOM], *broker_list[ANSWER_ROOM];
    Kairn__Endpoint endpoints[ANSWER_ROOM], *endpoint_lists[ANSWER_ROOM];
    ProtobufCBinaryData deleted[ANSWER_ROOM];
    struct uuid uuids[3 * ANSWER_ROOM];
    size_t uuid_count;
};

void answer_init(struct answer *answer, int32_t epoch, uint64_t sequence, bool full);

struct uuid id_of(int number);
ProtobufCBinaryData id_bytes(struct answer *answer, int number);

Kairn__TopicEntry *say_topic(struct answer *answer, const char *name, int id, uint32_t partitions);
/* Of the topic said last; one replica, which is the leader's place. */
Kairn__PartitionEntry *say_partition(struct answer *answer, uint32_t partition, int32_t leader,
                                     int32_t leader_epoch, uint32_t version);
void say_config(struct answer *answer, const char *name, const char *value);
Kairn__BrokerEntry *say_broker(struct answer *answer, int32_t id, const char *host, uint32_t port);

#endif
