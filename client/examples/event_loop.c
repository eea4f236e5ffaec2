/* event_loop.c - a consumer inside an application's own poll() loop: nothing ever blocks but poll.
 *
 *   ./event_loop 127.0.0.1:9092 [TOPIC]       ends after 3 seconds of silence */
#include <klient.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int serve(klient_consumer_t *consumer)
{
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    klient_record_t record;

    if (klient_consumer_poll(consumer, 0, &records, &error) != KLIENT_OK) {
        fprintf(stderr, "%s\n", klient_error_text(error));
        klient_error_free(error);
        return 1;
    }
    klient_record_init(&record);
    while (records != NULL && klient_records_next(records, &record))
        printf("%.*s\n", (int)record.value_size,
               record.value == NULL ? "" : (const char *)record.value);
    klient_records_free(records);
    return 0;
}

int main(int argc, char **argv)
{
    klient_topic_partition_t from = { argc > 2 ? argv[2] : "CustomerCountry", 0 };
    klient_config_t *config = klient_config_new();
    int failed = 0;
    char line[256];

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, NULL);
    klient_config_free(config);
    if (consumer == NULL || klient_consumer_assign(consumer, &from, 1, NULL) != KLIENT_OK)
        return 1;

    struct pollfd fds[] = { { .fd = klient_consumer_descriptor(consumer), .events = POLLIN },
                            { .fd = STDIN_FILENO, .events = POLLIN } };
    while (!failed && poll(fds, 2, 3000) > 0) {
        if (fds[0].revents != 0)
            failed = serve(consumer);
        if (fds[1].revents != 0 && read(STDIN_FILENO, line, sizeof line) <= 0)
            fds[1].fd = -1;             /* the end of the input: only records from now on */
    }
    klient_consumer_close(consumer, 1000, NULL);
    return failed;
}
