/* Both greetings: what is read is written to the same bytes, but for padding; no verdict changes
 * as more bytes arrive. */
#include <stdlib.h>
#include <string.h>

#include "proto/greeting.h"
#include "tests/fuzz/target.h"

static void read_client(const uint8_t *data, size_t size)
{
    struct greeting_client greeting;
    uint8_t again[GREETING_CLIENT_SIZE];

    if (greeting_client_read(data, size, &greeting) <= 0)
        return;
    greeting_client_write(&greeting, again);
    if (memcmp(again, data, GREETING_CLIENT_SIZE - 2) != 0)
        abort();
    for (size_t less = 0; less < GREETING_CLIENT_SIZE; less++)
        if (greeting_client_read(data, less, &greeting) != 0)
            abort();
}

static void read_broker(const uint8_t *data, size_t size)
{
    struct greeting_broker greeting;
    uint8_t again[GREETING_BROKER_SIZE];

    if (greeting_broker_read(data, size, &greeting) <= 0)
        return;
    greeting_broker_write(&greeting, again);
    if (memcmp(again, data, GREETING_BROKER_SIZE - sizeof greeting.cluster_id + 1) != 0)
        abort();
    for (size_t less = 0; less < GREETING_BROKER_SIZE; less++)
        if (greeting_broker_read(data, less, &greeting) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_client(data, size);
    read_broker(data, size);
    return 0;
}
