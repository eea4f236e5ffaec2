#include "tools/kairn/health.h"

#include <stdio.h>

enum health health_of(const klient_partition_info_t *partition)
{
    if (partition->leader < 0)
        return HEALTH_OFFLINE;
    if (partition->isr_count < (size_t)partition->min_insync)
        return HEALTH_UNDER_MIN_ISR;
    return partition->isr_count < partition->replica_count ? HEALTH_UNDER_REPLICATED : HEALTH_OK;
}

const char *health_name(enum health health)
{
    static const char *const names[HEALTH_COUNT] = {
        [HEALTH_OK] = "ok",
        [HEALTH_UNDER_REPLICATED] = "UNDER-REPLICATED",
        [HEALTH_UNDER_MIN_ISR] = "UNDER-MIN-ISR",
        [HEALTH_OFFLINE] = "OFFLINE",
    };
    return names[health];
}

enum colour health_colour(enum health health)
{
    return health == HEALTH_OK                 ? COLOUR_NONE
           : health == HEALTH_UNDER_REPLICATED ? COLOUR_WARNING
                                               : COLOUR_BAD;
}

bool health_filtered(const struct args *args)
{
    return args_has(args, "--under-replicated") || args_has(args, "--under-min-isr") ||
           args_has(args, "--unavailable");
}

bool health_wanted(const struct args *args, enum health health)
{
    return !health_filtered(args) ||
           (args_has(args, "--under-replicated") && health >= HEALTH_UNDER_REPLICATED) ||
           (args_has(args, "--under-min-isr") && health >= HEALTH_UNDER_MIN_ISR) ||
           (args_has(args, "--unavailable") && health >= HEALTH_OFFLINE);
}

const char *health_ids(char *text, size_t size, const int32_t *ids, size_t count)
{
    size_t used = (size_t)snprintf(text, size, "%s", count == 0 ? "-" : "");

    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i > 0 ? "," : "", (int)ids[i]);
    return text;
}

void health_explain(const klient_partition_info_t *partition, char *text, size_t size)
{
    char isr[128], offline[128], eligible[128], minimum[32] = "";

    if (partition->min_insync > 1)
        snprintf(minimum, sizeof minimum, " of at least %d", (int)partition->min_insync);
    snprintf(text, size, "in sync %s%s, offline %s%s%s",
             health_ids(isr, sizeof isr, partition->isr, partition->isr_count), minimum,
             health_ids(offline, sizeof offline, partition->offline, partition->offline_count),
             partition->eligible_count > 0 ? ", may lead " : "",
             partition->eligible_count > 0
                 ? health_ids(eligible, sizeof eligible, partition->eligible,
                              partition->eligible_count)
                 : "");
}

klient_topic_info_t topic_at(const klient_metadata_t *metadata, size_t index)
{
    klient_topic_info_t info = { .size = sizeof info };
    klient_metadata_topic(metadata, index, &info);
    return info;
}

klient_partition_info_t partition_at(const klient_metadata_t *metadata, size_t topic, size_t index)
{
    klient_partition_info_t info = { .size = sizeof info };
    klient_metadata_partition(metadata, topic, index, &info);
    return info;
}
