/* greeting.h - the first bytes each way, fixed layout, network order.
 *
 *   client:  u32 magic "KAIR" | u16 lowest version | u16 highest | u16 loop | u16 0     12 bytes
 *   broker:  u32 magic "KAIR" | u16 lowest version | u16 highest | i32 broker id |
 *            u16 loops | u16 loop | 24 bytes cluster id, zero padded                     40 bytes
 *
 * The client speaks first and sends nothing else until it has the broker's greeting: the socket
 * may move to another thread in between. Both sides then use the highest common version; without
 * one, whoever notices closes. */
#ifndef PROTO_GREETING_H
#define PROTO_GREETING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    GREETING_MAGIC = 0x4b414952,
    GREETING_CLIENT_SIZE = 12,
    GREETING_BROKER_SIZE = 40,
    GREETING_ANY_LOOP = 0xffff,
    PROTOCOL_LOWEST = 1,
    PROTOCOL_HIGHEST = 1
};

struct greeting_client {
    uint16_t lowest, highest;
    uint16_t loop;                  /* wanted, or GREETING_ANY_LOOP */
};

struct greeting_broker {
    uint16_t lowest, highest;
    int32_t broker_id;
    uint16_t loops, loop;           /* how many there are; which one serves this connection */
    char cluster_id[25];
};

void greeting_client_write(const struct greeting_client *greeting,
                           uint8_t at[GREETING_CLIENT_SIZE]);
void greeting_broker_write(const struct greeting_broker *greeting,
                           uint8_t at[GREETING_BROKER_SIZE]);

/* Size consumed, 0 while more bytes are needed, K_MALFORMED (not ours; known from the first
 * wrong byte) or K_NO_COMMON_VERSION (`out` is filled). Every failure is negative. */
ssize_t greeting_client_read(const uint8_t *bytes, size_t size, struct greeting_client *out);
ssize_t greeting_broker_read(const uint8_t *bytes, size_t size, struct greeting_broker *out);

#endif
