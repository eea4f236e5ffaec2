/* admin_create_topic.c - make a topic and see where its partitions are.
 *
 *   ./admin_create_topic 127.0.0.1:9092 [TOPIC [PARTITIONS]] */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "segment.bytes" }, *const values[] = { "104857600" };
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_admin_t *admin = klient_admin_new(config, &error);
    klient_config_free(config);
    if (admin == NULL)
        return failed(error);

    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };
    klient_new_topic_init(&topic);
    topic.name = argc > 2 ? argv[2] : "CustomerCountry";
    topic.partitions = argc > 3 ? atoi(argv[3]) : 3;
    topic.config_names = names;
    topic.config_values = values;
    topic.config_count = 1;
    if (klient_admin_create_topics(admin, topics, 1, 0, 10000, NULL, &error) != KLIENT_OK)
        return failed(error);

    klient_metadata_t *metadata = NULL;
    if (klient_admin_describe_topics(admin, &topic.name, 1, 10000, &metadata, &error) != KLIENT_OK)
        return failed(error);
    klient_partition_info_t partition = { .size = sizeof partition };
    for (size_t i = 0; klient_metadata_partition(metadata, 0, i, &partition) == KLIENT_OK; i++)
        printf("partition %d: leader %d\n", partition.partition, partition.leader);
    klient_metadata_free(metadata);
    klient_admin_close(admin);
    return 0;
}
