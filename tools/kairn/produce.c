/* produce.c - kairn produce: one record a line. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/pauses.h"

enum { HEADERS_MAX = 64, READ_SIZE = 1 << 20, POLL_EVERY = 4096, WAIT_MS = 200, ERRORS_SHOWN = 5 };

/* Set by the signal handler: no more input, but what was read is sent and reported. */
static volatile sig_atomic_t interrupted;

struct producing {
    const struct args *args;
    klient_producer_t *producer;
    klient_record_t record;             /* topic, partition and headers are set */
    klient_header_t headers[HEADERS_MAX];
    const char *separator;
    size_t separator_size;
    uint64_t records, bytes, failed;
    double started, shown;
    bool terminal;
    bool pausing;                       /* --pauses: opaque tells when a record was handed over */
    struct pauses pauses;
};

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

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

static void show_progress(struct producing *producing, bool last)
{
    double time = now();
    if (!producing->terminal || (!last && time - producing->shown < 0.2))
        return;
    producing->shown = time;
    fprintf(stderr, last ? "\r\033[K" : "\r%llu records, %.1f MB ",
            (unsigned long long)producing->records, (double)producing->bytes / 1e6);
}

static bool send_line(struct producing *producing, const char *line, size_t size)
{
    klient_record_t *record = &producing->record;
    klient_error_t *error = NULL;
    const char *split = producing->separator != NULL
                            ? memmem(line, size, producing->separator, producing->separator_size)
                            : NULL;

    record->key = split != NULL ? line : NULL;
    record->key_size = split != NULL ? (size_t)(split - line) : 0;
    record->value = split != NULL ? split + producing->separator_size : line;
    record->value_size = size - (size_t)((const char *)record->value - line);
    if (producing->pausing)
        record->opaque = (void *)(intptr_t)now_ns();
    klient_code_t code = klient_producer_send(producing->producer, record, &error);
    while (code == KLIENT_QUEUE_FULL) {              /* reports hold the buffer: take them */
        klient_error_free(error);
        error = NULL;
        klient_producer_poll(producing->producer, 100, NULL, NULL);
        code = klient_producer_send(producing->producer, record, &error);
    }
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
        show_progress(producing, false);
    }
    return true;
}

/* Until there is input, or its end: what became of earlier records is told meanwhile. */
static bool await_input(struct producing *producing)
{
    struct pollfd both[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                              { .fd = klient_producer_descriptor(producing->producer),
                                .events = POLLIN } };
    do {
        klient_producer_poll(producing->producer, 0, NULL, NULL);
        show_progress(producing, false);
        if (interrupted)
            return false;
    } while (poll(both, 2, WAIT_MS) <= 0 || both[0].revents == 0);
    return true;
}

/* Lines of standard input, whatever their length; the last may lack its newline. */
static int send_input(struct producing *producing)
{
    size_t capacity = READ_SIZE, size = 0;
    char *buffer = malloc(capacity);
    ssize_t got = 1;
    bool going = buffer != NULL;

    while (going && got > 0 && await_input(producing)) {
        if (size == capacity) {
            char *larger = realloc(buffer, 2 * capacity);
            if (larger == NULL) {
                free(buffer);
                return command_failed(producing->args, "out of memory for one line");
            }
            buffer = larger;
            capacity *= 2;
        }
        got = read(STDIN_FILENO, buffer + size, capacity - size);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        size += got > 0 ? (size_t)got : 0;
        char *at = buffer, *end = buffer + size;
        for (char *newline; going && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL;
             at = newline + 1)
            going = send_line(producing, at, (size_t)(newline - at));
        size = (size_t)(end - at);
        memmove(buffer, at, size);
    }
    if (going && got == 0 && size > 0)
        going = send_line(producing, buffer, size);
    free(buffer);
    if (got < 0)
        return command_failed(producing->args, "standard input: %s", strerror(errno));
    if (interrupted)
        return command_failed(producing->args, "interrupted; what was read before is sent");
    return buffer == NULL ? command_failed(producing->args, "out of memory") : EXIT_DONE;
}

static bool read_headers(struct producing *producing)
{
    size_t count = args_count(producing->args, "--header");
    if (count > HEADERS_MAX) {
        command_misuse(producing->args, "at most %d headers", HEADERS_MAX);
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
        if (producing->pausing)
            json_object_set_new(line, "longest_pause_ms", json_real(pause_ms));
        json_line(line);
        return;
    }
    fprintf(stderr, "%llu records, %llu bytes, %llu failed, %.3f seconds\n",
            (unsigned long long)producing->records, (unsigned long long)producing->bytes,
            (unsigned long long)producing->failed, seconds);
    if (producing->pausing && producing->pauses.partition >= 0)
        fprintf(stderr, "longest pause of acknowledgements: %.1f ms, partition %d\n", pause_ms,
                (int)producing->pauses.partition);
}

int produce(const struct args *args)
{
    struct producing producing = { .args = args,
                                   .separator = args_value(args, "--key-separator"),
                                   .terminal = isatty(STDERR_FILENO) && !isatty(STDIN_FILENO) };
    klient_error_t *error = NULL;
    int64_t partition;
    int status = EXIT_USAGE;

    klient_record_init(&producing.record);
    pauses_init(&producing.pauses);
    producing.pausing = args_has(args, "--pauses");
    if (!args_number(args, "--partition", KLIENT_PARTITION_ANY, 0, INT32_MAX, &partition) ||
        !read_headers(&producing))
        return EXIT_USAGE;
    if (producing.separator != NULL && producing.separator[0] == '\0')
        return command_misuse(args, "--key-separator must not be empty");
    producing.separator_size = producing.separator != NULL ? strlen(producing.separator) : 0;
    producing.record.topic = args_operand(args, 0);
    producing.record.partition = (int32_t)partition;
    klient_config_t *config = configure(&producing, &status);
    if (config == NULL)
        return status;
    producing.producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (producing.producer == NULL)
        return connect_refused(args, error);

    /* Once more, and the signal ends the process: SA_RESETHAND. */
    struct sigaction stop = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    producing.started = now();
    status = send_input(&producing);
    /* Whatever becomes of a record is known by its deadline (delivery.timeout.ms) at the latest. */
    klient_producer_close(producing.producer, KLIENT_FOREVER, NULL);
    show_progress(&producing, true);
    summarise(&producing);
    return producing.failed > 0 ? EXIT_FAILED : status;
}
