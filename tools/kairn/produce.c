/* produce.c - kairn produce: one record a line. */
#include "tools/kairn/produce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/interrupt.h"
#include "tools/kairn/json.h"

enum { POLL_EVERY = 4096, ERRORS_SHOWN = 5 };

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double now(void)
{
    return (double)now_ns() / 1e9;
}

static void one_failed(struct producing *producing, klient_code_t code, const char *text)
{
    if (producing->failed++ >= ERRORS_SHOWN)
        return;
    command_failed(producing->args, "a record failed: %s: %s", klient_code_name(code), text);
    if (producing->failed == 1)
        connect_advise(producing->args, code);
    if (producing->failed == ERRORS_SHOWN)
        command_failed(producing->args, "further failures are only counted");
}

static void reported(void *context, const klient_report_t *report)
{
    struct producing *producing = context;
    char text[256];

    producing->told++;
    if (report->code == KLIENT_PURGED) {            /* that was said */
        producing->failed++;
        return;
    }
    if (report->code == KLIENT_OK) {
        if (producing->pausing)
            pauses_note(&producing->pauses, report->partition, (intptr_t)report->opaque, now_ns());
        return;
    }
    snprintf(text, sizeof text, "%s", klient_code_text(report->code));
    if (report->code == KLIENT_MESSAGE_TOO_LARGE && report->limit > 0)
        snprintf(text, sizeof text,
                 "%s, which is %lld: make batches smaller (--set batch.size=N), or raise it",
                 klient_code_text(report->code), (long long)report->limit);
    one_failed(producing, report->code, text);
}

void produce_show_progress(struct producing *producing, bool last)
{
    double time = now();
    if (!producing->terminal || (!last && time - producing->shown < 0.2))
        return;
    producing->shown = time;
    fprintf(stderr, last ? "\r\033[K" : "\r%llu records, %.1f MB ",
            (unsigned long long)producing->records, (double)producing->bytes / 1e6);
}

bool produce_bad_line(struct producing *producing, const char *name, uint64_t number,
                      const char *why)
{
    if (!producing->skips_bad) {
        producing->refused = true;
        command_failed(producing->args, "%s:%llu: %s; what was read before is sent", name,
                       (unsigned long long)number, why);
        return false;
    }
    if (producing->skipped++ < ERRORS_SHOWN)
        command_failed(producing->args, "%s:%llu: skipped: %s", name, (unsigned long long)number,
                       why);
    return true;
}

/* Is it time to stop waiting for records that were read? Before that it is said how long. */
static bool gives_up(struct producing *producing)
{
    if (!producing->warned && interrupt_age_ms() >= 2 * INTERRUPT_STEP_MS) {
        producing->warned = true;
        command_failed(producing->args, "what was read has %d seconds to be acknowledged; "
                       "interrupt once more to give it up", INTERRUPT_GRACE_MS / 1000);
    }
    return interrupt_gives_up();
}

/* As klient_producer_send(), which waits one step. */
static klient_code_t hand_over(struct producing *producing, const klient_record_t *record,
                               klient_error_t **error)
{
    for (int64_t waited_ms = INTERRUPT_STEP_MS;; waited_ms += INTERRUPT_STEP_MS) {
        klient_code_t code = klient_producer_send(producing->producer, record, error);
        bool full = code == KLIENT_QUEUE_FULL;      /* reports hold the buffer: take them */
        bool late = code == KLIENT_REQUEST_TIMED_OUT && waited_ms < producing->block_ms;
        if ((!full && !late) || gives_up(producing))
            return code;
        klient_error_free(*error);
        *error = NULL;
        if (full)
            klient_producer_poll(producing->producer, INTERRUPT_STEP_MS / 2, NULL, NULL);
    }
}

bool produce_record(struct producing *producing, klient_record_t *record)
{
    klient_error_t *error = NULL;

    if (producing->pausing)
        record->opaque = (void *)(intptr_t)now_ns();
    klient_code_t code = hand_over(producing, record, &error);
    producing->accepted += code == KLIENT_OK;
    producing->records++;
    producing->bytes += record->key_size + record->value_size;
    if (code != KLIENT_OK) {
        one_failed(producing, code, klient_error_text(error));
        klient_error_free(error);
        /* What is wrong with the topic or the handle is wrong for every line. */
        return code == KLIENT_MESSAGE_TOO_LARGE || code == KLIENT_PARTITIONER_FAILED;
    }
    if (producing->records % (producing->pausing ? 1 : POLL_EVERY) == 0) {
        klient_producer_poll(producing->producer, 0, NULL, NULL);
        produce_show_progress(producing, false);
    }
    return true;
}

static bool read_headers(struct producing *producing)
{
    size_t count = args_count(producing->args, "--header");
    if (count > PRODUCE_HEADERS_MAX) {
        command_misuse(producing->args, "at most %d headers", PRODUCE_HEADERS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = args_nth(producing->args, "--header", i), *equals = strchr(text, '=');
        if (equals == NULL) {
            command_misuse(producing->args, "--header takes NAME=VALUE, not '%s'", text);
            return false;
        }
        producing->headers[i] =
            (klient_header_t){ text, (size_t)(equals - text), equals + 1, strlen(equals + 1) };
    }
    producing->record.headers = producing->headers;
    producing->record.header_count = count;
    return true;
}

static klient_config_t *configure(struct producing *producing, int *status)
{
    klient_error_t *error = NULL;
    klient_config_t *config = connect_config(producing->args, true, status);
    const char *acks = args_value(producing->args, "--acks"),
               *partitioner = args_value(producing->args, "--partitioner");
    klient_code_t code = KLIENT_OK;

    if (config == NULL)
        return NULL;
    if (acks != NULL)
        code = klient_config_set(config, "acks", acks, &error);
    if (code == KLIENT_OK && partitioner != NULL)
        code = klient_config_set(config, "partitioner", partitioner, &error);
    if (code != KLIENT_OK) {
        command_misuse(producing->args, "%s", klient_error_text(error));
        klient_error_free(error);
        klient_config_free(config);
        *status = EXIT_USAGE;
        return NULL;
    }
    klient_config_set_report(config, reported, producing);
    producing->block_ms = interrupt_step(config);
    return config;
}

static void summarise(const struct producing *producing)
{
    double seconds = now() - producing->started;
    double pause_ms = (double)producing->pauses.longest_ns / 1e6;

    if (args_json(producing->args)) {
        json_t *line = json_pack("{s:I, s:I, s:I, s:f}", "records", (json_int_t)producing->records,
                                 "bytes", (json_int_t)producing->bytes, "failed",
                                 (json_int_t)producing->failed, "seconds", seconds);
        if (producing->skips_bad)
            json_object_set_new(line, "skipped", json_integer((json_int_t)producing->skipped));
        if (producing->pausing)
            json_object_set_new(line, "longest_pause_ms", json_real(pause_ms));
        json_line(line);
        return;
    }
    fprintf(stderr, "%llu records, %llu bytes, %llu failed, ",
            (unsigned long long)producing->records, (unsigned long long)producing->bytes,
            (unsigned long long)producing->failed);
    if (producing->skips_bad)
        fprintf(stderr, "%llu lines skipped, ", (unsigned long long)producing->skipped);
    fprintf(stderr, "%.3f seconds\n", seconds);
    if (producing->pausing && producing->pauses.partition >= 0)
        fprintf(stderr, "longest pause of acknowledgements: %.1f ms, partition %d\n", pause_ms,
                (int)producing->pauses.partition);
}

/* Until it is known what became of every record: at its deadline (delivery.timeout.ms) at the
 * latest, or when an interrupt gives up what is left. */
static void finish(struct producing *producing)
{
    klient_producer_t *producer = producing->producer;

    klient_producer_flush(producer, 0, NULL);       /* nothing lingers */
    while (producing->told < producing->accepted && !gives_up(producing))
        klient_producer_poll(producer, INTERRUPT_STEP_MS, NULL, NULL);
    if (producing->told < producing->accepted) {
        command_failed(producing->args, "given up: %llu records that were not acknowledged; some "
                       "may have been written all the same",
                       (unsigned long long)(producing->accepted - producing->told));
        klient_producer_purge(producer, KLIENT_PURGE_QUEUED | KLIENT_PURGE_IN_FLIGHT, NULL);
    }
    klient_producer_close(producer, KLIENT_FOREVER, NULL);
}

/* --key-separator, --input, --skip-bad and what they can not be together. */
static bool read_form(struct producing *producing)
{
    const struct args *args = producing->args;
    const char *input = args_value(args, "--input");

    producing->separator = args_value(args, "--key-separator");
    producing->separator_size = producing->separator != NULL ? strlen(producing->separator) : 0;
    producing->reads_json = input != NULL && strcmp(input, "json") == 0;
    producing->skips_bad = args_has(args, "--skip-bad");
    if (input != NULL && !producing->reads_json && strcmp(input, "lines") != 0)
        command_misuse(args, "--input takes lines or json, not '%s'", input);
    else if (producing->separator != NULL && producing->separator_size == 0)
        command_misuse(args, "--key-separator must not be empty");
    else if (producing->reads_json && producing->separator != NULL)
        command_misuse(args, "with --input json, a line says what its key is: leave out "
                             "--key-separator");
    else if (producing->skips_bad && !producing->reads_json)
        command_misuse(args, "--skip-bad is for --input json: any line is a record otherwise");
    else
        return true;
    return false;
}

int produce(const struct args *args)
{
    struct producing producing = { .args = args,
                                   .terminal = isatty(STDERR_FILENO) &&
                                               !produce_reads_terminal(args) };
    klient_error_t *error = NULL;
    int64_t partition;
    int status = EXIT_USAGE;

    klient_record_init(&producing.record);
    pauses_init(&producing.pauses);
    producing.pausing = args_has(args, "--pauses");
    producing.fixed = args_has(args, "--partition");
    if (!args_number(args, "--partition", KLIENT_PARTITION_ANY, 0, INT32_MAX, &partition) ||
        !read_headers(&producing) || !read_form(&producing))
        return EXIT_USAGE;
    producing.record.topic = args_operand(args, 0);
    producing.record.partition = (int32_t)partition;
    klient_config_t *config = configure(&producing, &status);
    if (config == NULL)
        return status;
    producing.producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (producing.producer == NULL)
        return connect_refused(args, error);

    interrupt_catch();
    record_input_init(&producing.json, producing.headers, producing.record.header_count);
    producing.started = now();
    status = produce_inputs(&producing);
    record_input_fini(&producing.json);
    finish(&producing);
    produce_show_progress(&producing, true);
    summarise(&producing);
    return producing.failed > 0 || producing.refused ? EXIT_FAILED : status;
}
