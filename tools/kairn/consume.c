/* consume.c - kairn consume: records of topics, formatted. */
#include "tools/kairn/consume.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/kairn/reading.h"
#include "tools/kairn/record_format.h"

enum { POLL_MS = 1000, CLOSE_MS = 1000, LEAVE_MS = 10000 };

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

/* --- where to stop ---------------------------------------------------------------------------- */

static bool is_end_of(const struct consume_end *end, const klient_topic_partition_t *partition)
{
    return end->partition == partition->partition && strcmp(end->topic, partition->topic) == 0;
}

/* `hint`: where it is likely to be. */
static const struct consume_end *find_end(const struct consuming *consuming, size_t hint,
                                          const klient_topic_partition_t *partition)
{
    if (hint < consuming->end_count && is_end_of(&consuming->ends[hint], partition))
        return &consuming->ends[hint];
    for (size_t i = 0; i < consuming->end_count; i++)
        if (is_end_of(&consuming->ends[i], partition))
            return &consuming->ends[i];
    return NULL;
}

static bool add_end(struct consuming *consuming, const klient_topic_partition_t *partition,
                    int64_t offset)
{
    if (consuming->end_count == consuming->end_capacity) {
        size_t capacity = consuming->end_capacity > 0 ? 2 * consuming->end_capacity : 16;
        struct consume_end *grown = realloc(consuming->ends, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        consuming->ends = grown;
        consuming->end_capacity = capacity;
    }
    struct consume_end end = { strdup(partition->topic), partition->partition, offset };
    if (end.topic == NULL)
        return false;
    consuming->ends[consuming->end_count++] = end;
    return true;
}

bool consume_note_ends(struct consuming *consuming, const klient_topic_partition_t *partitions,
                       size_t count)
{
    klient_error_t *error = NULL;
    int64_t *offsets = calloc(count + 1, sizeof *offsets);
    bool room = offsets != NULL;
    klient_code_t code = KLIENT_OK;

    if (room)
        code = klient_consumer_end_offsets(consuming->consumer, partitions, count,
                                           consuming->timeout_ms, offsets, &error);
    for (size_t i = 0; room && code == KLIENT_OK && i < count; i++)
        if (find_end(consuming, i, &partitions[i]) == NULL)
            room = add_end(consuming, &partitions[i], offsets[i]);
    free(offsets);
    if (!room)
        return command_failed(consuming->args, "out of memory") == EXIT_DONE;
    if (code != KLIENT_OK && interrupted) {
        klient_error_free(error);
        return false;
    }
    return code == KLIENT_OK || connect_failed(consuming->args, error) == EXIT_DONE;
}

/* Has everything that was there at the start been read of what is ours? Positions, not records: the
 * last offsets of a partition may hold none. */
static bool reached_ends(struct consuming *consuming)
{
    klient_consumer_t *consumer = consuming->consumer;

    if (consuming->group != NULL && !consume_group_settled(consuming))
        return false;
    for (size_t i = 0; i < klient_consumer_assignment_count(consumer); i++) {
        klient_topic_partition_t ours;
        int64_t position = 0;
        klient_consumer_assignment(consumer, i, &ours, NULL);
        const struct consume_end *end = find_end(consuming, i, &ours);
        if (end == NULL ||
            klient_consumer_position(consumer, ours.topic, ours.partition, consuming->timeout_ms,
                                     &position, NULL) != KLIENT_OK ||
            position < end->offset)
            return false;
    }
    return true;
}

/* --- partitions of our own choice ------------------------------------------------------------- */

struct choice {
    klient_topic_partition_t *partitions;   /* owned; topics are operands */
    size_t count;
};

static int add_topic(struct consuming *consuming, const char *name, int64_t only,
                     struct choice *choice)
{
    int32_t count;
    int status = reading_count_partitions(consuming->args, consuming->consumer, name, only,
                                          consuming->timeout_ms, &count);

    if (status != EXIT_DONE)
        return status;
    klient_topic_partition_t *grown = realloc(
        choice->partitions, (choice->count + (size_t)count + 1) * sizeof *choice->partitions);
    if (grown == NULL)
        return command_failed(consuming->args, "out of memory");
    choice->partitions = grown;
    for (int32_t i = 0; i < count; i++)
        if (only < 0 || i == only)
            grown[choice->count++] = (klient_topic_partition_t){ name, i };
    return EXIT_DONE;
}

/* Where to start, from --from. */
static klient_code_t seek_all(struct consuming *consuming, const struct choice *choice,
                              klient_error_t **error)
{
    klient_consumer_t *consumer = consuming->consumer;
    const struct place *from = &consuming->from;
    klient_code_t code = KLIENT_OK;
    int64_t *offsets = calloc(choice->count + 1, sizeof *offsets);

    if (offsets == NULL)
        return KLIENT_NOMEM;
    for (size_t i = 0; i < choice->count; i++)
        offsets[i] = from->value;
    if (from->kind == PLACE_TIME)
        code = klient_consumer_offsets_for_times(consumer, choice->partitions, offsets,
                                                 choice->count, consuming->timeout_ms, offsets,
                                                 error);
    for (size_t i = 0; code == KLIENT_OK && i < choice->count; i++) {
        const klient_topic_partition_t *at = &choice->partitions[i];
        if (from->kind == PLACE_BEGINNING)
            code = klient_consumer_seek_to_beginning(consumer, at->topic, at->partition, error);
        else if (from->kind == PLACE_END || offsets[i] < 0)
            code = klient_consumer_seek_to_end(consumer, at->topic, at->partition, error);
        else
            code = klient_consumer_seek(consumer, at->topic, at->partition, offsets[i], error);
    }
    free(offsets);
    return code;
}

/* The ends are asked for before anything is read, so that what --exit-at-end means is fixed at the
 * start. */
static int start_at(struct consuming *consuming, const struct choice *choice)
{
    klient_error_t *error = NULL;
    klient_code_t code = klient_consumer_assign(consuming->consumer, choice->partitions,
                                                choice->count, &error);

    if (code == KLIENT_OK && !consume_note_ends(consuming, choice->partitions, choice->count))
        return EXIT_FAILED;
    if (code == KLIENT_OK)
        code = seek_all(consuming, choice, &error);
    if (code == KLIENT_OK)
        return EXIT_DONE;
    if (!interrupted)
        return connect_failed(consuming->args, error);
    klient_error_free(error);
    return EXIT_FAILED;
}

static int start(struct consuming *consuming, int64_t only)
{
    struct choice choice = { 0 };
    int status = EXIT_DONE;

    for (size_t i = 0; status == EXIT_DONE && i < args_operand_count(consuming->args); i++)
        status = add_topic(consuming, args_operand(consuming->args, i), only, &choice);
    if (status == EXIT_DONE)
        status = start_at(consuming, &choice);
    free(choice.partitions);
    return status;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Print, and make sure that it is out before it counts as read. */
static int print_records(struct consuming *consuming, klient_records_t *records)
{
    klient_record_t record;
    size_t count = 0;

    klient_record_init(&record);
    for (; consuming->left > 0 && klient_records_next(records, &record) == 1; count++) {
        record_format_print(consuming->format, &record, stdout);
        consuming->left--;
    }
    klient_code_t code = klient_records_code(records);
    if (fflush(stdout) != 0) {
        if (errno != EPIPE)
            command_failed(consuming->args, "standard output: %s", strerror(errno));
        return EXIT_FAILED;
    }
    if (consuming->group != NULL)
        consume_group_store(consuming, records, count);
    return code == KLIENT_OK
               ? EXIT_DONE
               : command_failed(consuming->args, "%s", klient_code_text(code));
}

/* The reader of our output is gone: without records to print nothing else would tell. */
static bool is_unread(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
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
        if (records != NULL) {
            int printed = print_records(consuming, records);
            status = status == EXIT_DONE ? printed : status;
            klient_records_free(records);
        } else if (status == EXIT_DONE && is_unread()) {
            status = EXIT_FAILED;
        }
        if (consuming->status != EXIT_DONE && !interrupted)
            status = consuming->status;
    }
    /* Ended by hand is a fine end, but not for who wants everything up to the end. */
    return interrupted && until_end ? EXIT_FAILED : status;
}

/* A member commits what it has printed, and leaves the group. */
static int finish(struct consuming *consuming, int status)
{
    klient_error_t *error = NULL;
    int64_t limit_ms = consuming->group == NULL ? CLOSE_MS : LEAVE_MS;

    if (consuming->group != NULL && consuming->timeout_ms < limit_ms)
        limit_ms = consuming->timeout_ms;
    klient_code_t code = klient_consumer_close(consuming->consumer, limit_ms, &error);
    if (consuming->group != NULL && code != KLIENT_OK)
        status = command_failed(consuming->args,
                                "leaving the group: %s: %s; what was printed last may come again",
                                klient_code_name(klient_error_code(error)),
                                klient_error_text(error));
    klient_error_free(error);
    return status;
}

static int consume_with(struct consuming *consuming, klient_config_t *config, int64_t only)
{
    klient_error_t *error = NULL;

    consuming->consumer = klient_consumer_new(config, &error);
    if (consuming->consumer == NULL)
        return connect_refused(consuming->args, error);
    interrupted_consumer = consuming->consumer;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);           /* a reader that goes is an end like any other */
    int status = consuming->group != NULL ? consume_group_join(consuming) : start(consuming, only);
    if (status == EXIT_DONE)
        status = consume_all(consuming, args_has(consuming->args, "--exit-at-end"));
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interrupted_consumer = NULL;
    return finish(consuming, status);
}

int consume(const struct args *args)
{
    struct consuming consuming = { .args = args, .group = args_value(args, "--group") };
    const char *from = args_value(args, "--from"), *format = args_value(args, "--format"),
               *why = NULL;
    int64_t only;
    int status;

    if (!args_number(args, "--partition", -1, 0, INT32_MAX, &only) ||
        !connect_timeout(args, &consuming.timeout_ms) ||
        !args_number(args, "--max", INT64_MAX, 1, INT64_MAX, &consuming.left))
        return EXIT_USAGE;
    if (!place_read(from != NULL ? from : "beginning", false, &consuming.from))
        return command_misuse(args, "--from takes " PLACE_HELP "; not '%s'", from);
    status = consume_group_check(&consuming);
    if (status != EXIT_DONE)
        return status;
    consuming.format = args_json(args)
                           ? record_format_json()
                           : record_format_parse(format != NULL ? format : "%v\\n", &why);
    if (consuming.format == NULL)
        return command_misuse(args, "--format: %s", why);
    klient_config_t *config = consuming.group != NULL ? consume_group_config(&consuming, &status)
                                                      : connect_config(args, false, &status);
    if (config != NULL)
        status = consume_with(&consuming, config, only);
    klient_config_free(config);
    record_format_free(consuming.format);
    for (size_t i = 0; i < consuming.end_count; i++)
        free(consuming.ends[i].topic);
    free(consuming.ends);
    return status;
}
