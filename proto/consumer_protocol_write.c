#include <assert.h>

#include "proto/consumer_protocol.h"
#include "proto/field_writer.h"

static void put_text(struct field_writer *writer, struct consumer_text text)
{
    field_put_text(writer, text.data, text.size);
}

static void put_partitions(struct field_writer *writer,
                           const struct consumer_partitions *partitions, int32_t count)
{
    field_put_u32(writer, (uint32_t)count);
    for (int32_t i = 0; i < count; i++) {
        put_text(writer, partitions[i].topic);
        field_put_u32(writer, (uint32_t)partitions[i].count);
        for (int32_t j = 0; j < partitions[i].count; j++)
            field_put_u32(writer, (uint32_t)partitions[i].numbers[j]);
    }
}

int consumer_subscription_write(struct buffer *buffer, int version,
                                const struct consumer_subscribing *subscribing)
{
    struct field_writer writer = {buffer, 0};

    assert(version >= 0 && version <= CONSUMER_PROTOCOL_VERSION);
    field_put_u16(&writer, (uint16_t)version);
    field_put_u32(&writer, (uint32_t)subscribing->topic_count);
    for (int32_t i = 0; i < subscribing->topic_count; i++)
        put_text(&writer, subscribing->topics[i]);
    field_put_bytes(&writer, subscribing->user_data.data, subscribing->user_data.size);
    if (version >= 1)
        put_partitions(&writer, subscribing->owned, subscribing->owned_count);
    if (version >= 2)
        field_put_u32(&writer, (uint32_t)subscribing->generation);
    if (version >= 3)
        put_text(&writer, subscribing->rack);
    return writer.error;
}

int consumer_assignment_write(struct buffer *buffer, int version,
                              const struct consumer_partitions *partitions, int32_t count,
                              struct consumer_text user_data)
{
    struct field_writer writer = {buffer, 0};

    assert(version >= 0 && version <= CONSUMER_PROTOCOL_VERSION);
    field_put_u16(&writer, (uint16_t)version);
    put_partitions(&writer, partitions, count);
    field_put_bytes(&writer, user_data.data, user_data.size);
    return writer.error;
}

int consumer_sticky_write(struct buffer *buffer, const struct consumer_partitions *owned,
                          int32_t count, int32_t generation)
{
    struct field_writer writer = {buffer, 0};

    put_partitions(&writer, owned, count);
    field_put_u32(&writer, (uint32_t)generation);
    return writer.error;
}
