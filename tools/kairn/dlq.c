#include "tools/kairn/dlq.h"

#include <signal.h>

#include "tools/kairn/connect.h"

enum { POLL_MS = 1000 };

/* Set by the signal handler, which may do no more than that and wake the poll. */
static klient_consumer_t *volatile interrupted_consumer;
static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
    if (interrupted_consumer != NULL)
        klient_consumer_wakeup(interrupted_consumer);
}

/* On a handle, properties of producers are fine as well. */
static klient_consumer_t *open_consumer(const klient_config_t *config, klient_t **klient,
                                        klient_error_t **error)
{
    if (klient == NULL)
        return klient_consumer_new(config, error);
    *klient = klient_new(config, error);
    return *klient == NULL ? NULL : klient_consumer_open(*klient, NULL, error);
}

int dlq_open(struct reading *reading, const struct args *args, const char *topic,
             const char *group, klient_t **klient)
{
    klient_error_t *error = NULL;
    int status;

    *reading = (struct reading){ .args = args, .topic = topic };
    if (!connect_timeout(args, &reading->timeout_ms))
        return EXIT_USAGE;
    klient_config_t *config = connect_config(args, klient != NULL, &status);
    if (config == NULL)
        return status;
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_config_set(config, "enable.auto.commit", "false", NULL);
    klient_code_t code = group == NULL ? KLIENT_OK
                                       : klient_config_set(config, "group.id", group, &error);
    if (code == KLIENT_OK)
        reading->consumer = open_consumer(config, klient, &error);
    klient_config_free(config);
    return reading->consumer != NULL ? EXIT_DONE : connect_refused(args, error);
}

void dlq_close(struct reading *reading)
{
    klient_consumer_close(reading->consumer, 1000, NULL);
    reading_free(reading);
}

static int visit(struct reading *reading, klient_records_t *records,
                 const struct dlq_visitor *visitor)
{
    klient_record_t record;
    int status = EXIT_DONE;

    klient_record_init(&record);
    while (status == EXIT_DONE && klient_records_next(records, &record) == 1)
        status = visitor->each(visitor->context, &record);
    if (status == EXIT_DONE && klient_records_code(records) != KLIENT_OK)
        status = command_failed(reading->args, "%s",
                                klient_code_text(klient_records_code(records)));
    return status;
}

int dlq_read(struct reading *reading, const struct dlq_visitor *visitor)
{
    int status = EXIT_DONE;

    interrupted_consumer = reading->consumer;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    while (status == EXIT_DONE && !interrupted && !reading_at_end(reading)) {
        klient_records_t *records = NULL;
        klient_error_t *error = NULL;
        klient_code_t code = klient_consumer_poll(reading->consumer, POLL_MS, &records, &error);
        if (code != KLIENT_OK && code != KLIENT_WOKEN_UP)
            status = connect_failed(reading->args, error);
        else
            klient_error_free(error);
        if (records == NULL)
            continue;
        status = visit(reading, records, visitor);
        klient_records_free(records);
        if (status == EXIT_DONE && visitor->pause != NULL)
            status = visitor->pause(visitor->context);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interrupted_consumer = NULL;
    return interrupted && status == EXIT_DONE ? EXIT_FAILED : status;
}
