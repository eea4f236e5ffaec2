#include "server/api/key.h"

#include "common/error.h"
#include "proto/head.h"
#include "server/runtime/partition.h"

int key_read(ProtobufCBinaryData topic_id, uint32_t partition, struct partition_key *out)
{
    if (head_uuid(topic_id, &out->topic_id) != 0)
        return K_INVALID_REQUEST;
    if (partition > INT32_MAX)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    out->index = (int32_t)partition;
    return 0;
}
