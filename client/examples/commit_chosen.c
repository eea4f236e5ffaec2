/* commit_chosen.c - a member of a group that commits offsets of its choice, every 1,000 records: of
 * each partition the one behind the last record that is done.
 *
 *   ./commit_chosen 127.0.0.1:9092 [TOPIC [COUNT]]      ends after COUNT records */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVERY = 1000, PARTITIONS_MAX = 256 };

/* How far each partition is. */
static klient_offset_t done[PARTITIONS_MAX];
static const klient_offset_t *rows[PARTITIONS_MAX];
static size_t partitions;

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

static void finished(const char *topic, const klient_record_t *record)
{
    size_t i = 0;

    while (i < partitions && done[i].partition != record->partition)
        i++;
    if (i == PARTITIONS_MAX)
        return;                             /* read again after a restart, not lost */
    if (i == partitions) {
        klient_offset_init(&done[i]);
        done[i].topic = topic;
        done[i].partition = record->partition;
        done[i].metadata = "commit_chosen";
        rows[partitions++] = &done[i];
    }
    done[i].offset = record->offset + 1;    /* of the next one to read */
    done[i].leader_epoch = record->leader_epoch;
}

/* Before somebody else goes on: what was done since the last thousand. Then we start over, for what
 * is not ours any more can not be committed. */
static void revoked(void *context, klient_consumer_t *consumer,
                    const klient_topic_partition_t *gone, size_t count)
{
    klient_error_t *error = NULL;

    (void)context, (void)gone, (void)count;
    if (partitions > 0 &&
        klient_consumer_commit_sync(consumer, rows, partitions, 5000, &error) != KLIENT_OK)
        failed(error);
    partitions = 0;
}

static void lost(void *context, klient_consumer_t *consumer,
                 const klient_topic_partition_t *gone, size_t count)
{
    (void)context, (void)consumer, (void)gone, (void)count;
    partitions = 0;
}

static int work(klient_consumer_t *consumer, const char *topic, long left)
{
    klient_error_t *error = NULL;
    klient_record_t record;
    long count = 0;

    klient_record_init(&record);
    while (left != count) {
        klient_records_t *records = NULL;
        if (klient_consumer_poll(consumer, KLIENT_FOREVER, &records, &error) != KLIENT_OK)
            return failed(error);
        while (left != count && klient_records_next(records, &record)) {
            finished(topic, &record);       /* after the work that a record asks for */
            if (++count % EVERY == 0 && klient_consumer_commit_async(consumer, rows, partitions,
                                                                     NULL, NULL, &error))
                return failed(error);
        }
        klient_records_free(records);
    }
    if (klient_consumer_commit_sync(consumer, rows, partitions, 5000, &error) != KLIENT_OK)
        return failed(error);
    printf("%ld records done and committed\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "CustomerCountry";
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_listener_t listener;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "group.id", "CommitChosen", NULL);
    klient_config_set(config, "enable.auto.commit", "false", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    klient_listener_init(&listener);
    listener.revoked = revoked;
    listener.lost = lost;
    if (consumer == NULL ||
        klient_consumer_subscribe(consumer, &topic, 1, &listener, &error) != KLIENT_OK)
        return failed(error);
    int status = work(consumer, topic, argc > 3 ? atol(argv[3]) : -1);
    if (klient_consumer_close(consumer, 5000, &error) != KLIENT_OK)
        return failed(error);
    return status;
}
