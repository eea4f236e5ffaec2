/* commit_in_listener.c - a member of a group that gathers what it reads, and hands it on (here:
 * prints it) and commits when it has to give its partitions up: to another member, or at its end.
 *
 *   ./commit_in_listener 127.0.0.1:9092 [TOPIC [COUNT]]      ends after COUNT records */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

struct gathered {
    long records, bytes;                    /* since the last commit */
};

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* The partitions are still ours: whoever gets them goes on behind what is committed now. */
static void revoked(void *context, klient_consumer_t *consumer,
                    const klient_topic_partition_t *partitions, size_t count)
{
    struct gathered *gathered = context;
    klient_error_t *error = NULL;

    printf("%ld records of %ld bytes", gathered->records, gathered->bytes);
    if (klient_consumer_commit_sync(consumer, NULL, 0, 5000, &error) != KLIENT_OK) {
        printf("\n");
        failed(error);                      /* they come again, to somebody */
    } else {
        printf(", committed; %zu partitions of %s go\n", count, partitions[0].topic);
    }
    *gathered = (struct gathered){ 0, 0 };
}

/* Somebody else has them already, and reads what we did not commit: it must not count twice. */
static void lost(void *context, klient_consumer_t *consumer,
                 const klient_topic_partition_t *partitions, size_t count)
{
    struct gathered *gathered = context;

    (void)consumer, (void)partitions;
    fprintf(stderr, "%zu partitions lost, %ld records forgotten\n", count, gathered->records);
    *gathered = (struct gathered){ 0, 0 };
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "CustomerCountry";
    long left = argc > 3 ? atol(argv[3]) : -1;
    struct gathered gathered = { 0, 0 };
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_listener_t listener;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "group.id", "CommitInListener", NULL);
    klient_config_set(config, "enable.auto.commit", "false", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    klient_listener_init(&listener);
    listener.revoked = revoked;
    listener.lost = lost;
    listener.context = &gathered;
    if (consumer == NULL ||
        klient_consumer_subscribe(consumer, &topic, 1, &listener, &error) != KLIENT_OK)
        return failed(error);

    while (left != 0) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_poll(consumer, KLIENT_FOREVER, &records, &error) != KLIENT_OK)
            return failed(error);
        klient_record_init(&record);
        for (; klient_records_next(records, &record); left -= left > 0) {
            gathered.records++;
            gathered.bytes += (long)record.value_size;
        }
        klient_records_free(records);
    }
    if (klient_consumer_close(consumer, 5000, &error) != KLIENT_OK)     /* calls `revoked` */
        return failed(error);
    return 0;
}
