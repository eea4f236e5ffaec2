/* api/key.h - how requests name a partition: 16 bytes of topic id and a number. */
#ifndef API_KEY_H
#define API_KEY_H

#include <stdint.h>

#include "proto/kairn.pb-c.h"

struct partition_key;

/* Returns 0, INVALID_REQUEST (no topic id) or UNKNOWN_TOPIC_OR_PARTITION (no such number). */
int key_read(ProtobufCBinaryData topic_id, uint32_t partition, struct partition_key *out);

#endif
