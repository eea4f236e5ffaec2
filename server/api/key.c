#include "server/api/key.h"

#include "common/error.h"
#include "proto/head.h"
#include "server/runtime/question.h"

int key_read(ProtobufCBinaryData topic_id, uint32_t partition, struct partition_key *out)
{
    if (head_uuid(topic_id, &out->topic_id) != 0)
        return K_INVALID_REQUEST;
    if (partition > INT32_MAX)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    out->index = (int32_t)partition;
    return 0;
}

void key_question(ProtobufCBinaryData topic_id, uint32_t partition,
                  const struct principal *principal, enum operation operation,
                  struct question *out)
{
    out->leader_epoch = -1;
    out->outcome = OUTCOME_NONE;
    out->outcome.code = key_read(topic_id, partition, &out->key);
    if (out->outcome.code == 0)
        out->outcome.code = authorise_topic_id(principal, operation, &out->key.topic_id);
}
