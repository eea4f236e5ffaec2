/* What members of a group say through the coordinator, as the group's leader and its members meet
 * it. What was read is written and read again, and is the same then. */
#include <stdlib.h>
#include <string.h>

#include "proto/consumer_protocol.h"
#include "tests/fuzz/target.h"

enum { LIST_MAX = 4096 };

static bool same(struct consumer_text a, struct consumer_text b)
{
    return a.size == b.size && (a.data == NULL) == (b.data == NULL) &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* To be freed. */
static struct consumer_text *topics_of(struct consumer_list list)
{
    struct consumer_text *topics = calloc((size_t)list.count + 1, sizeof *topics);

    for (size_t i = 0; topics != NULL && consumer_topic_next(&list, &topics[i]);)
        i++;
    return topics;
}

static struct consumer_partitions *partitions_of(struct consumer_list list)
{
    struct consumer_partitions *all = calloc((size_t)list.count + 1, sizeof *all);
    struct consumer_claim claim;

    for (size_t i = 0; all != NULL && consumer_claim_next(&list, &claim); i++) {
        int32_t *numbers = malloc((size_t)claim.count * sizeof *numbers + 1);
        if (numbers == NULL)
            abort();
        for (int32_t j = 0; j < claim.count; j++)
            numbers[j] = consumer_partition(&claim, j);
        all[i] = (struct consumer_partitions){claim.topic, numbers, claim.count};
    }
    return all;
}

static void partitions_free(struct consumer_partitions *partitions, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        free((void *)partitions[i].numbers);
    free(partitions);
}

static bool same_claims(struct consumer_list a, struct consumer_list b)
{
    struct consumer_claim one, other;

    if (a.count != b.count)
        return false;
    while (consumer_claim_next(&a, &one) && consumer_claim_next(&b, &other))
        if (!same(one.topic, other.topic) || one.count != other.count ||
            (one.count > 0 && memcmp(one.numbers, other.numbers, (size_t)one.count * 4) != 0))
            return false;
    return true;
}

static void try_subscription(const uint8_t *data, size_t size)
{
    struct consumer_subscription read, again;
    struct buffer out = {0};

    if (consumer_subscription_read(data, size, &read) != 0 || read.topics.count > LIST_MAX ||
        read.owned.count > LIST_MAX)
        return;
    struct consumer_text *topics = topics_of(read.topics);
    struct consumer_partitions *owned = partitions_of(read.owned);
    struct consumer_subscribing written = {topics, read.topics.count, read.user_data, owned,
                                           read.owned.count, read.generation, read.rack};
    if (topics == NULL || owned == NULL ||
        consumer_subscription_write(&out, CONSUMER_PROTOCOL_VERSION, &written) != 0 ||
        consumer_subscription_read(out.bytes, out.size, &again) != 0 ||
        again.topics.count != read.topics.count || !same(again.user_data, read.user_data) ||
        !same_claims(again.owned, read.owned) || again.generation != read.generation ||
        !same(again.rack, read.rack))
        abort();
    partitions_free(owned, read.owned.count);
    free(topics);
    buffer_fini(&out);
}

static void try_assignment(const uint8_t *data, size_t size)
{
    struct consumer_assignment read, again;
    struct buffer out = {0};

    if (consumer_assignment_read(data, size, &read) != 0 || read.partitions.count > LIST_MAX)
        return;
    struct consumer_partitions *all = partitions_of(read.partitions);
    if (all == NULL ||
        consumer_assignment_write(&out, 0, all, read.partitions.count, read.user_data) != 0 ||
        consumer_assignment_read(out.bytes, out.size, &again) != 0 ||
        !same_claims(again.partitions, read.partitions) || !same(again.user_data, read.user_data))
        abort();
    partitions_free(all, read.partitions.count);
    buffer_fini(&out);
}

static void try_sticky(const uint8_t *data, size_t size)
{
    struct consumer_sticky read, again;
    struct buffer out = {0};

    if (consumer_sticky_read(data, size, &read) != 0 || read.owned.count > LIST_MAX)
        return;
    struct consumer_partitions *all = partitions_of(read.owned);
    if (all == NULL || consumer_sticky_write(&out, all, read.owned.count, read.generation) != 0 ||
        consumer_sticky_read(out.bytes, out.size, &again) != 0 ||
        !same_claims(again.owned, read.owned) || again.generation != read.generation)
        abort();
    partitions_free(all, read.owned.count);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_subscription(data, size);
    try_assignment(data, size);
    try_sticky(data, size);
    return 0;
}
