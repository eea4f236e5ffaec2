/* perf.h - what kairn perf produce, consume and latency have in common. */
#ifndef TOOLS_KAIRN_PERF_H
#define TOOLS_KAIRN_PERF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"
#include "tools/kairn/command.h"

enum {
    PERF_THREADS_MAX = 64,
    PERF_NUMBER_SIZE = 8,               /* every value begins with its number, big-endian */
    PERF_THREAD_SHIFT = 48,             /* above it in the number: which thread sent the record */
    PERF_TROUBLE_SIZE = 240
};

/* One thread of a run. `records` and `bytes` are read by the one that shows progress. */
struct perf_thread {
    pthread_t id;
    void *context;                      /* of the verb */
    unsigned index;
    _Atomic uint64_t records, bytes;
    char trouble[PERF_TROUBLE_SIZE];    /* why it gave up; "" when it did not */
};

int64_t perf_now_ns(void);
/* Processor time of this process, all of its threads. */
double perf_processor_s(void);

/* Wait until `due_ns`, exactly: the calling thread's timers are not rounded. False: interrupted. */
bool perf_await(int64_t due_ns);

/* With --partitions, make the topic unless it is there; the number of its partitions. Returns an
 * exit status; what went wrong is said. */
int perf_topic(const struct args *args, const char *topic, int32_t *partitions);

/* The bytes of a value beyond its number: the same in every record and run, incompressible. */
void perf_fill(unsigned char *value, size_t size);
void perf_store_number(unsigned char *value, uint64_t number);
uint64_t perf_load_number(const unsigned char *value);

/* Send by a producer that waits in steps (interrupt.h), for up to `block_ms`. False: the thread is
 * to end, because that failed, which is noted, or because of an interrupt. */
bool perf_send(struct perf_thread *thread, klient_producer_t *producer,
               const klient_record_t *record, int64_t block_ms);
/* As klient_producer_flush(); what an interrupt gives up has failed with KLIENT_PURGED. `text`
 * receives the failure for people. */
klient_code_t perf_flush(const struct args *args, klient_producer_t *producer, int64_t timeout_ms,
                         char text[PERF_TROUBLE_SIZE]);

/* Start `count` threads and wait for all of them, with a line of progress a second on a terminal.
 * Returns an exit status: the trouble of the first one that had any is said. */
int perf_run(const struct args *args, struct perf_thread *threads, unsigned count,
             void *(*run)(void *));

/* A rate is met if at most a hundredth is missing. */
bool perf_rate_met(double asked, double achieved);

/* Note why a thread gives up; always returns NULL, which is what the thread returns then. */
void *perf_give_up(struct perf_thread *thread, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void *perf_give_up_with(struct perf_thread *thread, const char *what, klient_error_t *error);

#endif
