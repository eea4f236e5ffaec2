#include "tools/kairn/perf.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/endian.h"
#include "common/rand.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/interrupt.h"

enum { PAUSE_MS = 20 };                 /* until a topic is asked for again */

int64_t perf_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

double perf_processor_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool perf_await(int64_t due_ns)
{
    struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };

    if (perf_now_ns() >= due_ns)
        return !interrupt_came();
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    while (!interrupt_came() &&
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
    return !interrupt_came();
}

bool perf_rate_met(double asked, double achieved)
{
    return achieved >= 0.99 * asked;
}

/* --- topics ----------------------------------------------------------------------------------- */

static klient_code_t make_topic(klient_admin_t *admin, const char *name, int64_t partitions,
                                int64_t timeout_ms, klient_error_t **error)
{
    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };

    klient_new_topic_init(&topic);
    topic.name = name;
    topic.partitions = (int32_t)partitions;
    klient_code_t code =
        klient_admin_create_topics(admin, topics, 1, 0, timeout_ms, NULL, error);
    if (code != KLIENT_TOPIC_ALREADY_EXISTS)
        return code;
    klient_error_free(*error);
    *error = NULL;
    return KLIENT_OK;
}

/* --set may name properties of producers or consumers: a handle takes all of them, an admin of its
 * own would not. */
static klient_admin_t *open_admin(const struct args *args, int *status)
{
    klient_error_t *error = NULL;
    klient_config_t *config = connect_config(args, false, status);
    klient_t *klient = config != NULL ? klient_new(config, &error) : NULL;
    klient_admin_t *admin = klient != NULL ? klient_admin_open(klient, &error) : NULL;

    if (config != NULL && admin == NULL)
        *status = connect_refused(args, error);
    klient_free(klient);
    klient_config_free(config);
    return admin;
}

/* Describe the topic. One that was just made may not be known everywhere yet: then again, until it
 * is or the time is over. */
static klient_code_t describe(klient_admin_t *admin, const char *topic, bool just_made,
                              int64_t timeout_ms, klient_topic_info_t *info, klient_error_t **error)
{
    klient_code_t code = KLIENT_OK;

    for (int64_t waited_ms = 0; code == KLIENT_OK; waited_ms += PAUSE_MS) {
        klient_metadata_t *metadata = NULL;
        code = klient_admin_describe_topics(admin, &topic, 1, timeout_ms, &metadata, error);
        if (code == KLIENT_OK)
            klient_metadata_topic(metadata, 0, info);
        klient_metadata_free(metadata);
        if (!just_made || info->code != KLIENT_UNKNOWN_TOPIC_OR_PARTITION ||
            waited_ms >= timeout_ms)
            break;
        poll(NULL, 0, PAUSE_MS);
    }
    return code;
}

int perf_topic(const struct args *args, const char *topic, int32_t *partitions)
{
    klient_error_t *error = NULL;
    klient_topic_info_t info = { .size = sizeof info };
    int64_t wanted, timeout_ms;
    int status;

    if (!args_number(args, "--partitions", 0, 1, INT32_MAX, &wanted) ||
        !connect_timeout(args, &timeout_ms))
        return EXIT_USAGE;
    klient_admin_t *admin = open_admin(args, &status);
    if (admin == NULL)
        return status;
    klient_code_t code = wanted > 0 ? make_topic(admin, topic, wanted, timeout_ms, &error)
                                    : KLIENT_OK;
    if (code == KLIENT_OK)
        code = describe(admin, topic, wanted > 0, timeout_ms, &info, &error);
    klient_admin_close(admin);
    if (code != KLIENT_OK)
        return connect_failed(args, error);
    code = info.code;
    *partitions = info.partition_count;
    if (code == KLIENT_OK)
        return EXIT_DONE;
    status = command_failed(args, "%s: %s; --partitions makes it", topic, klient_code_text(code));
    connect_advise(args, code);
    return status;
}

/* --- values ----------------------------------------------------------------------------------- */

void perf_fill(unsigned char *value, size_t size)
{
    struct rand rand;

    rand_seed(&rand, 1);
    for (size_t i = 0; i < size; i++)
        value[i] = (unsigned char)rand_u64(&rand);
}

void perf_store_number(unsigned char *value, uint64_t number)
{
    store_u64(value, number);
}

uint64_t perf_load_number(const unsigned char *value)
{
    return load_u64(value);
}

/* --- sending ---------------------------------------------------------------------------------- */

bool perf_send(struct perf_thread *thread, klient_producer_t *producer,
               const klient_record_t *record, int64_t block_ms)
{
    klient_error_t *error = NULL;

    for (int64_t waited_ms = INTERRUPT_STEP_MS;; waited_ms += INTERRUPT_STEP_MS) {
        klient_code_t code = klient_producer_send(producer, record, &error);
        if (code == KLIENT_OK)
            return true;
        bool again = code == KLIENT_QUEUE_FULL || code == KLIENT_REQUEST_TIMED_OUT;
        if (!again || waited_ms >= block_ms) {
            perf_give_up_with(thread, "send", error);
            return false;
        }
        klient_error_free(error);
        error = NULL;
        if (interrupt_came())
            return false;
    }
}

klient_code_t perf_flush(const struct args *args, klient_producer_t *producer, int64_t timeout_ms,
                         char text[PERF_TROUBLE_SIZE])
{
    klient_queue_t *queue = klient_queue_new(NULL);
    klient_event_t *event = NULL;
    klient_code_t code = queue == NULL ? KLIENT_NOMEM
                                       : klient_producer_flush_async(producer, timeout_ms, queue,
                                                                     NULL, NULL);

    for (bool said = false; code == KLIENT_OK && event == NULL;) {
        if (!said && interrupt_age_ms() >= 2 * INTERRUPT_STEP_MS) {
            said = true;
            command_failed(args, "what was sent has %d seconds to be acknowledged; interrupt once "
                           "more to give it up", INTERRUPT_GRACE_MS / 1000);
        }
        if (interrupt_gives_up())
            klient_producer_purge(producer, KLIENT_PURGE_QUEUED | KLIENT_PURGE_IN_FLIGHT, NULL);
        code = klient_queue_poll(queue, INTERRUPT_STEP_MS, &event, NULL);
    }
    const klient_error_t *error = event != NULL ? klient_event_error(event) : NULL;
    if (event != NULL)
        code = klient_event_code(event);
    snprintf(text, PERF_TROUBLE_SIZE, "%s: %s", klient_code_name(code),
             error != NULL ? klient_error_text(error) : klient_code_text(code));
    klient_event_free(event);
    klient_queue_free(queue);
    return code;
}

/* --- threads ---------------------------------------------------------------------------------- */

void *perf_give_up(struct perf_thread *thread, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(thread->trouble, sizeof thread->trouble, format, arguments);
    va_end(arguments);
    return NULL;
}

void *perf_give_up_with(struct perf_thread *thread, const char *what, klient_error_t *error)
{
    perf_give_up(thread, "%s: %s: %s", what, klient_code_name(klient_error_code(error)),
                 klient_error_text(error));
    klient_error_free(error);
    return NULL;
}

static void show_progress(struct perf_thread *threads, unsigned count, uint64_t shown[2],
                          double seconds)
{
    uint64_t records = 0, bytes = 0;

    for (unsigned i = 0; i < count; i++) {
        records += atomic_load_explicit(&threads[i].records, memory_order_relaxed);
        bytes += atomic_load_explicit(&threads[i].bytes, memory_order_relaxed);
    }
    fprintf(stderr, "%4.0f s  %llu records, %.0f records/s, %.1f MB/s\n", seconds,
            (unsigned long long)records, (double)(records - shown[0]),
            (double)(bytes - shown[1]) / 1e6);
    shown[0] = records;
    shown[1] = bytes;
}

int perf_run(const struct args *args, struct perf_thread *threads, unsigned count,
             void *(*run)(void *))
{
    uint64_t shown[2] = { 0, 0 };
    int64_t started_ns = perf_now_ns();
    struct timespec next;
    bool terminal = isatty(STDERR_FILENO) == 1;
    unsigned running = 0;
    int status = EXIT_DONE;

    for (; running < count; running++)
        if (pthread_create(&threads[running].id, NULL, run, &threads[running]) != 0)
            break;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned i = 0; i < running;) {
        next.tv_sec++;
        while (i < running &&
               pthread_clockjoin_np(threads[i].id, NULL, CLOCK_MONOTONIC, &next) == 0)
            i++;
        if (i < running && terminal)
            show_progress(threads, count, shown, (double)(perf_now_ns() - started_ns) / 1e9);
    }
    if (running < count)
        return command_failed(args, "a thread could not be started");
    for (unsigned i = 0; i < count; i++)
        if (threads[i].trouble[0] != '\0' && status == EXIT_DONE)
            status = command_failed(args, "%s", threads[i].trouble);
    return status;
}
