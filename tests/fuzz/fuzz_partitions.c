/* What a group's leader assigned, as the member takes it: a sound set, or nothing. */
#include <stdlib.h>
#include <string.h>

#include "client/partitions.h"
#include "tests/fuzz/target.h"

static void check(const struct partitions *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const klient_topic_partition_t *one = &set->items[i];
        if (one->partition < 0 || one->topic[0] == '\0' || strlen(one->topic) > TOPIC_NAME_MAX ||
            !partitions_has(set, one->topic, one->partition))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct partitions set, twice;

    partitions_init(&set);
    partitions_init(&twice);
    if (partitions_read(&set, data, size) != 0 && set.count != 0)
        abort();
    check(&set);
    if (partitions_unite(&twice, &set) != 0 || partitions_unite(&twice, &set) != 0 ||
        twice.count != set.count || !partitions_within(&twice, &set))
        abort();
    partitions_fini(&twice);
    partitions_fini(&set);
    return 0;
}
