#include "tools/kairn/reading.h"

#include <stdlib.h>

#include "tools/kairn/connect.h"

int reading_count_partitions(const struct args *args, klient_consumer_t *consumer,
                             const char *topic, int64_t only, int64_t timeout_ms, int32_t *count)
{
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t info = { .size = sizeof info };

    if (klient_consumer_partitions_for(consumer, topic, timeout_ms, &metadata, &error) !=
        KLIENT_OK)
        return connect_failed(args, error);
    klient_metadata_topic(metadata, 0, &info);
    *count = info.partition_count;
    klient_metadata_free(metadata);
    if (only >= *count)
        return command_failed(args, "--partition %lld: topic %s has partitions 0 to %d",
                              (long long)only, topic, *count - 1);
    return EXIT_DONE;
}

int reading_find(struct reading *reading, int64_t only)
{
    int32_t count;
    int status = reading_count_partitions(reading->args, reading->consumer, reading->topic, only,
                                          reading->timeout_ms, &count);

    if (status != EXIT_DONE)
        return status;
    reading->count = only >= 0 ? 1 : (size_t)count;
    reading->partitions = calloc(reading->count, sizeof *reading->partitions);
    reading->ends = calloc(reading->count, sizeof *reading->ends);
    if (reading->partitions == NULL || reading->ends == NULL)
        return command_failed(reading->args, "out of memory");
    for (size_t i = 0; i < reading->count; i++)
        reading->partitions[i] =
            (klient_topic_partition_t){ reading->topic, only >= 0 ? (int32_t)only : (int32_t)i };
    return EXIT_DONE;
}

klient_code_t reading_assign(struct reading *reading, klient_error_t **error)
{
    klient_code_t code = klient_consumer_assign(reading->consumer, reading->partitions,
                                                reading->count, error);

    if (code != KLIENT_OK)
        return code;
    return klient_consumer_end_offsets(reading->consumer, reading->partitions, reading->count,
                                       reading->timeout_ms, reading->ends, error);
}

bool reading_at_end(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        int64_t position = 0;
        klient_code_t code = klient_consumer_position(reading->consumer, reading->topic,
                                                      reading->partitions[i].partition,
                                                      reading->timeout_ms, &position, NULL);
        if (code != KLIENT_OK || position < reading->ends[i])
            return false;
    }
    return true;
}

void reading_free(struct reading *reading)
{
    free(reading->partitions);
    free(reading->ends);
}
