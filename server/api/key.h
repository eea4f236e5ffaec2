/* api/key.h - how requests name a partition: 16 bytes of topic id and a number. */
#ifndef API_KEY_H
#define API_KEY_H

#include <stdint.h>

#include "proto/kairn.pb-c.h"
#include "server/api/authorise.h"

struct partition_key;
struct question;

/* Returns 0, INVALID_REQUEST (no topic id) or UNKNOWN_TOPIC_OR_PARTITION (no such number). */
int key_read(ProtobufCBinaryData topic_id, uint32_t partition, struct partition_key *out);

/* Set up a question of `principal` about that partition, of any leader epoch; when it may not be
 * asked, its outcome says so: as key_read(), or as authorise_topic_id(). */
void key_question(ProtobufCBinaryData topic_id, uint32_t partition,
                  const struct principal *principal, enum operation operation,
                  struct question *out);

#endif
