/* /consumers: offsets of groups, where Kafka's consumers once kept them. */
#include <string.h>

#include "zk/znode_json.h"

int znode_decode_offset(const char *data, size_t size, int64_t *out, struct k_reason *reason)
{
    if (!znode_decimal(data, size, INT64_MAX, out))
        return k_reason_set(reason, K_CORRUPT, "the offset is not a decimal number from 0 to %lld",
                            (long long)INT64_MAX);
    return 0;
}

int znode_decode_partition(const char *name, int32_t *out, struct k_reason *reason)
{
    int64_t number;

    if (!znode_decimal(name, strlen(name), INT32_MAX, &number))
        return k_reason_set(reason, K_CORRUPT, "its name is not the number of a partition");
    *out = (int32_t)number;
    return 0;
}
