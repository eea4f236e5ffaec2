/* describe_serde.c - reads what tests/peers/SerdePeer.java prints: the class of one of Java's
 * serializers, a dot and its bytes in hexadecimal digits, and the value as text. Prints the same of
 * what the built-in deserializer reads in the bytes, and what the serializer writes for that. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/serde.h"

enum { BYTES_MAX = 1024 };

static size_t bytes_of(const char *digits, uint8_t bytes[BYTES_MAX])
{
    size_t size = 0;

    while (size < BYTES_MAX && sscanf(digits + 2 * size, "%2" SCNx8, &bytes[size]) == 1)
        size++;
    return size;
}

static void print_bytes(struct serde_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        printf("%02x", ((const uint8_t *)bytes.data)[i]);
}

static void print_uuid(const uint8_t uuid[16])
{
    for (size_t i = 0; i < 16; i++)
        printf(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

/* As an application would give it to the serializer. */
static struct serde_bytes data_of(const klient_value_t *value)
{
    switch (value->type) {
    case KLIENT_TYPE_INT32:
        return (struct serde_bytes){ &value->as.int32, sizeof value->as.int32 };
    case KLIENT_TYPE_INT64:
        return (struct serde_bytes){ &value->as.int64, sizeof value->as.int64 };
    case KLIENT_TYPE_DOUBLE:
        return (struct serde_bytes){ &value->as.real, sizeof value->as.real };
    case KLIENT_TYPE_UUID:
        return (struct serde_bytes){ value->as.uuid, sizeof value->as.uuid };
    default:
        return (struct serde_bytes){ value->as.text.data, value->as.text.size };
    }
}

static void print_value(const klient_value_t *value)
{
    uint64_t bits;

    switch (value->type) {
    case KLIENT_TYPE_INT32:
        printf("%" PRId32, value->as.int32);
        break;
    case KLIENT_TYPE_INT64:
        printf("%" PRId64, value->as.int64);
        break;
    case KLIENT_TYPE_DOUBLE:
        memcpy(&bits, &value->as.real, sizeof bits);
        printf("%016" PRIx64, bits);
        break;
    case KLIENT_TYPE_UUID:
        print_uuid(value->as.uuid);
        break;
    default:
        printf("-");
    }
}

/* Read, write and print one value; false: it is refused. */
static bool describe(const char *class, struct serde_bytes bytes)
{
    const struct serde *serde = serde_find(SERDE_WRITES, class);
    struct k_reason reason = { "there is no such serializer" };
    klient_value_t value = { .size = sizeof value };
    uint8_t room[SERDE_ROOM];
    struct serde_bytes written;

    if (serde == NULL || serde->read(bytes, &value, &reason) != 0)
        goto refused;
    value.type = serde->type;
    if (serde->write(data_of(&value), room, &written, &reason) != 0)
        goto refused;
    printf("%s .", class);
    print_bytes(written);
    printf(" ");
    print_value(&value);
    printf("\n");
    return true;

refused:
    fprintf(stderr, "%s: %s\n", class, reason.text);
    return false;
}

int main(void)
{
    static char class[128], digits[2 * BYTES_MAX + 2];
    static uint8_t bytes[BYTES_MAX];

    while (scanf("%127s %2049s %*s", class, digits) == 2)
        if (!describe(class, (struct serde_bytes){ bytes, bytes_of(digits + 1, bytes) }))
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
