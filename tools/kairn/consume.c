/* consume.c - kairn consume: records of one topic, formatted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/record_format.h"

enum { POLL_MS = 1000 };

/* Set by the signal handler, which may do no more than that and wake the poll. */
static klient_consumer_t *volatile interrupted_consumer;
static volatile sig_atomic_t interrupted;

struct consuming {
    const struct args *args;
    klient_consumer_t *consumer;
    const char *topic;
    klient_topic_partition_t *partitions;
    int64_t *ends;                      /* --exit-at-end: where to stop, per partition */
    size_t count;
    int64_t left;                       /* --max: how many records are still wanted */
    int64_t timeout_ms;                 /* for what is asked before reading */
    struct record_format *format;
};

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
    if (interrupted_consumer != NULL)
        klient_consumer_wakeup(interrupted_consumer);
}

static int find_partitions(struct consuming *consuming, int64_t only)
{
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t topic = { .size = sizeof topic };

    if (klient_consumer_partitions_for(consuming->consumer, consuming->topic,
                                       consuming->timeout_ms, &metadata, &error) != KLIENT_OK)
        return connect_failed(consuming->args, error);
    klient_metadata_topic(metadata, 0, &topic);
    int32_t count = topic.partition_count;
    klient_metadata_free(metadata);
    if (only >= count)
        return command_failed(consuming->args, "--partition %lld: topic %s has partitions 0 to %d",
                              (long long)only, consuming->topic, count - 1);
    consuming->count = only >= 0 ? 1 : (size_t)count;
    consuming->partitions = calloc(consuming->count, sizeof *consuming->partitions);
    consuming->ends = calloc(consuming->count, sizeof *consuming->ends);
    if (consuming->partitions == NULL || consuming->ends == NULL)
        return command_failed(consuming->args, "out of memory");
    for (size_t i = 0; i < consuming->count; i++)
        consuming->partitions[i] =
            (klient_topic_partition_t){ consuming->topic, only >= 0 ? (int32_t)only : (int32_t)i };
    return EXIT_DONE;
}

/* Where to start, from --from. The offsets are asked for before anything is read, so that what
 * --exit-at-end means is fixed at the start too. */
static klient_code_t seek_all(struct consuming *consuming, const char *from, klient_error_t **error)
{
    klient_code_t code = KLIENT_OK;
    int64_t *offsets = calloc(consuming->count, sizeof *offsets),
            *times = calloc(consuming->count, sizeof *times);

    for (size_t i = 0; times != NULL && i < consuming->count; i++)
        times[i] = from[0] == '@' ? strtoll(from + 1, NULL, 10) : 0;
    if (offsets == NULL || times == NULL)
        code = KLIENT_NOMEM;
    else if (from[0] == '@')
        code = klient_consumer_offsets_for_times(consuming->consumer, consuming->partitions, times,
                                                 consuming->count, consuming->timeout_ms,
                                                 offsets, error);
    for (size_t i = 0; code == KLIENT_OK && i < consuming->count; i++) {
        int32_t partition = consuming->partitions[i].partition;
        if (strcmp(from, "beginning") == 0)
            code = klient_consumer_seek_to_beginning(consuming->consumer, consuming->topic,
                                                     partition, error);
        else if (strcmp(from, "end") == 0 || (from[0] == '@' && offsets[i] < 0))
            code = klient_consumer_seek_to_end(consuming->consumer, consuming->topic, partition,
                                               error);
        else
            code =
                klient_consumer_seek(consuming->consumer, consuming->topic, partition,
                                     from[0] == '@' ? offsets[i] : strtoll(from, NULL, 10), error);
    }
    free(offsets);
    free(times);
    return code;
}

static bool from_is_valid(const char *from)
{
    if (strcmp(from, "beginning") == 0 || strcmp(from, "end") == 0)
        return true;
    const char *digits = from[0] == '@' ? from + 1 : from;
    return digits[0] != '\0' && strspn(digits, "0123456789") == strlen(digits) &&
           strlen(digits) < 19;
}

/* Has everything that was there at the start been read? Positions, not records: the last offsets
 * of a partition may hold none. */
static bool reached_ends(struct consuming *consuming)
{
    for (size_t i = 0; i < consuming->count; i++) {
        int64_t position = 0;
        klient_code_t code = klient_consumer_position(consuming->consumer, consuming->topic,
                                                      consuming->partitions[i].partition,
                                                      consuming->timeout_ms, &position, NULL);
        if (code != KLIENT_OK || position < consuming->ends[i])
            return false;
    }
    return true;
}

static int print_records(struct consuming *consuming, klient_records_t *records)
{
    klient_record_t record;
    klient_record_init(&record);
    while (consuming->left > 0 && klient_records_next(records, &record) == 1) {
        record_format_print(consuming->format, &record, stdout);
        consuming->left--;
    }
    return klient_records_code(records) == KLIENT_OK
               ? EXIT_DONE
               : command_failed(consuming->args, "%s",
                                klient_code_text(klient_records_code(records)));
}

static int consume_all(struct consuming *consuming, bool until_end)
{
    int status = EXIT_DONE;

    while (status == EXIT_DONE && consuming->left > 0 && !interrupted) {
        klient_records_t *records = NULL;
        klient_error_t *error = NULL;

        if (until_end && reached_ends(consuming))
            break;
        klient_code_t code = klient_consumer_poll(consuming->consumer, POLL_MS, &records, &error);
        if (code != KLIENT_OK && code != KLIENT_WOKEN_UP)
            status = connect_failed(consuming->args, error);
        else
            klient_error_free(error);
        if (records == NULL)
            continue;
        status = print_records(consuming, records);
        klient_records_free(records);
        if (fflush(stdout) != 0) {
            if (errno != EPIPE)
                command_failed(consuming->args, "standard output: %s", strerror(errno));
            status = EXIT_FAILED;
        }
    }
    /* Ended by hand is a fine end, but not for who wants everything up to the end. */
    return interrupted && until_end ? EXIT_FAILED : status;
}

static int start(struct consuming *consuming, const char *from, int64_t only)
{
    klient_error_t *error = NULL;
    int status = find_partitions(consuming, only);

    if (status != EXIT_DONE)
        return status;
    klient_code_t code = klient_consumer_assign(consuming->consumer, consuming->partitions,
                                                consuming->count, &error);
    if (code == KLIENT_OK)
        code = klient_consumer_end_offsets(consuming->consumer, consuming->partitions,
                                           consuming->count, consuming->timeout_ms,
                                           consuming->ends, &error);
    if (code == KLIENT_OK)
        code = seek_all(consuming, from, &error);
    if (code == KLIENT_OK)
        return EXIT_DONE;
    if (!interrupted)
        return connect_failed(consuming->args, error);
    klient_error_free(error);
    return EXIT_FAILED;
}

int consume(const struct args *args)
{
    struct consuming consuming = { .args = args, .topic = args_operand(args, 0) };
    const char *from = args_value(args, "--from"), *format = args_value(args, "--format"),
               *why = NULL;
    klient_error_t *error = NULL;
    int64_t only;
    int status = EXIT_USAGE;

    from = from != NULL ? from : "beginning";
    if (!args_number(args, "--partition", -1, 0, INT32_MAX, &only) ||
        !connect_timeout(args, &consuming.timeout_ms) ||
        !args_number(args, "--max", INT64_MAX, 1, INT64_MAX, &consuming.left))
        return EXIT_USAGE;
    if (!from_is_valid(from))
        return command_misuse(
            args, "--from takes beginning, end, an offset, or @ and milliseconds, not '%s'", from);
    consuming.format = args_json(args)
                           ? record_format_json()
                           : record_format_parse(format != NULL ? format : "%v\\n", &why);
    if (consuming.format == NULL)
        return command_misuse(args, "--format: %s", why);
    klient_config_t *config = connect_config(args, false, &status);
    if (config != NULL) {
        consuming.consumer = klient_consumer_new(config, &error);
        klient_config_free(config);
        if (consuming.consumer == NULL)
            status = connect_refused(args, error);
    }
    if (consuming.consumer != NULL) {
        interrupted_consumer = consuming.consumer;
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        status = start(&consuming, from, only);
        if (status == EXIT_DONE)
            status = consume_all(&consuming, args_has(args, "--exit-at-end"));
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        interrupted_consumer = NULL;
        klient_consumer_close(consuming.consumer, 1000, NULL);
    }
    record_format_free(consuming.format);
    free(consuming.partitions);
    free(consuming.ends);
    return status;
}
