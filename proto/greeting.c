#include "proto/greeting.h"

#include <string.h>

#include "common/endian.h"
#include "common/error.h"

/* Where the fields of both greetings stand; the header of this module has the picture. */
enum {
    AT_MAGIC = 0, AT_LOWEST = 4, AT_HIGHEST = 6,
    AT_CLIENT_LOOP = 8, AT_CLIENT_ZERO = 10,
    AT_BROKER_ID = 8, AT_LOOPS = 12, AT_BROKER_LOOP = 14, AT_CLUSTER_ID = 16,
    CLUSTER_ID_SIZE = 24
};

static void write_versions(uint8_t *at, uint16_t lowest, uint16_t highest)
{
    store_u32(at + AT_MAGIC, GREETING_MAGIC);
    store_u16(at + AT_LOWEST, lowest);
    store_u16(at + AT_HIGHEST, highest);
}

void greeting_client_write(const struct greeting_client *greeting,
                           uint8_t at[GREETING_CLIENT_SIZE])
{
    write_versions(at, greeting->lowest, greeting->highest);
    store_u16(at + AT_CLIENT_LOOP, greeting->loop);
    store_u16(at + AT_CLIENT_ZERO, 0);
}

void greeting_broker_write(const struct greeting_broker *greeting,
                           uint8_t at[GREETING_BROKER_SIZE])
{
    write_versions(at, greeting->lowest, greeting->highest);
    store_u32(at + AT_BROKER_ID, (uint32_t)greeting->broker_id);
    store_u16(at + AT_LOOPS, greeting->loops);
    store_u16(at + AT_BROKER_LOOP, greeting->loop);
    memset(at + AT_CLUSTER_ID, 0, CLUSTER_ID_SIZE);
    memcpy(at + AT_CLUSTER_ID, greeting->cluster_id,
           strnlen(greeting->cluster_id, CLUSTER_ID_SIZE));
}

/* Whoever speaks another protocol (HTTP, TLS, Kafka) is told apart by its first wrong byte, so
 * that a stranger who sends three bytes and waits does not keep a connection. */
static ssize_t check_start(const uint8_t *bytes, size_t available, size_t size)
{
    uint8_t magic[4];
    store_u32(magic, GREETING_MAGIC);
    if (memcmp(bytes, magic, available < sizeof magic ? available : sizeof magic) != 0)
        return K_MALFORMED;
    return available < size ? 0 : (ssize_t)size;
}

static ssize_t check_versions(uint16_t lowest, uint16_t highest, ssize_t size)
{
    if (lowest > highest)
        return K_MALFORMED;
    if (highest < PROTOCOL_LOWEST || lowest > PROTOCOL_HIGHEST)
        return K_NO_COMMON_VERSION;
    return size;
}

ssize_t greeting_client_read(const uint8_t *bytes, size_t size, struct greeting_client *out)
{
    ssize_t used = check_start(bytes, size, GREETING_CLIENT_SIZE);
    if (used <= 0)
        return used;

    *out = (struct greeting_client){
        .lowest = load_u16(bytes + AT_LOWEST),
        .highest = load_u16(bytes + AT_HIGHEST),
        .loop = load_u16(bytes + AT_CLIENT_LOOP),
    };
    return check_versions(out->lowest, out->highest, used);
}

ssize_t greeting_broker_read(const uint8_t *bytes, size_t size, struct greeting_broker *out)
{
    ssize_t used = check_start(bytes, size, GREETING_BROKER_SIZE);
    if (used <= 0)
        return used;

    *out = (struct greeting_broker){
        .lowest = load_u16(bytes + AT_LOWEST),
        .highest = load_u16(bytes + AT_HIGHEST),
        .broker_id = (int32_t)load_u32(bytes + AT_BROKER_ID),
        .loops = load_u16(bytes + AT_LOOPS),
        .loop = load_u16(bytes + AT_BROKER_LOOP),
    };
    memcpy(out->cluster_id, bytes + AT_CLUSTER_ID, CLUSTER_ID_SIZE);
    return check_versions(out->lowest, out->highest, used);
}
