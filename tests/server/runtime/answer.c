#include "tests/server/runtime/answer.h"

#include <string.h>

void answer_init(struct answer *answer, int32_t epoch, uint64_t sequence, bool full)
{
    memset(answer, 0, sizeof *answer);
    kairn__changes_response__init(&answer->changes);
    answer->changes.controller_epoch = epoch;
    answer->changes.sequence = sequence;
    answer->changes.full = full;
    answer->changes.controller = 1;
    answer->changes.topics = answer->topic_list;
    answer->changes.brokers = answer->broker_list;
    answer->changes.deleted_topic_ids = answer->deleted;
}

struct uuid id_of(int number)
{
    struct uuid id = {.bytes = {7}};
    memcpy(&id.bytes[4], &number, sizeof number);
    return id;
}

ProtobufCBinaryData id_bytes(struct answer *answer, int number)
{
    struct uuid *id = &answer->uuids[answer->uuid_count++];
    *id = id_of(number);
    return (ProtobufCBinaryData){.len = sizeof id->bytes, .data = id->bytes};
}

Kairn__TopicEntry *say_topic(struct answer *answer, const char *name, int id, uint32_t partitions)
{
    size_t index = answer->changes.n_topics++;
    Kairn__TopicEntry *topic = &answer->topics[index];

    kairn__topic_entry__init(topic);
    topic->name = (char *)(uintptr_t)name;
    topic->topic_id = id_bytes(answer, id);
    topic->partition_count = partitions;
    topic->partitions = answer->partition_lists[index];
    answer->topic_list[index] = topic;
    return topic;
}

Kairn__PartitionEntry *say_partition(struct answer *answer, uint32_t partition, int32_t leader,
                                     int32_t leader_epoch, uint32_t version)
{
    size_t t = answer->changes.n_topics - 1;
    Kairn__TopicEntry *topic = &answer->topics[t];
    size_t index = topic->n_partitions++;
    Kairn__PartitionEntry *entry = &answer->partitions[t][index];

    kairn__partition_entry__init(entry);
    entry->partition = partition;
    entry->leader = leader;
    entry->leader_epoch = leader_epoch;
    entry->state_version = version;
    answer->ids[t][index] = leader;
    entry->replicas = entry->isr = &answer->ids[t][index];
    entry->n_replicas = entry->n_isr = 1;
    answer->partition_lists[t][index] = entry;
    return entry;
}

void say_config(struct answer *answer, const char *name, const char *value)
{
    size_t t = answer->changes.n_topics - 1;
    Kairn__ConfigEntry *entry = &answer->configs[t];

    kairn__config_entry__init(entry);
    entry->name = (char *)(uintptr_t)name;
    entry->value = (char *)(uintptr_t)value;
    answer->config_lists[t] = entry;
    answer->topics[t].configs = &answer->config_lists[t];
    answer->topics[t].n_configs = 1;
    answer->topics[t].configs_changed = true;
}

Kairn__BrokerEntry *say_broker(struct answer *answer, int32_t id, const char *host, uint32_t port)
{
    size_t index = answer->changes.n_brokers++;
    Kairn__BrokerEntry *broker = &answer->brokers[index];
    Kairn__Endpoint *endpoint = &answer->endpoints[index];

    answer->changes.brokers_changed = true;
    kairn__broker_entry__init(broker);
    kairn__endpoint__init(endpoint);
    endpoint->listener = (char *)(uintptr_t) "PLAINTEXT";
    endpoint->protocol = (char *)(uintptr_t) "PLAINTEXT";
    endpoint->host = (char *)(uintptr_t)host;
    endpoint->port = port;
    broker->id = id;
    broker->incarnation = id_bytes(answer, 1000 + id);
    broker->loops = 2;
    answer->endpoint_lists[index] = endpoint;
    broker->endpoints = &answer->endpoint_lists[index];
    broker->n_endpoints = 1;
    answer->broker_list[index] = broker;
    return broker;
}
