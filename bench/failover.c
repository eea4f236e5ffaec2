/* failover - how long writes pause when something happens to the cluster.
 *
 *   failover BOOTSTRAP TOPIC PARTITIONS RATE SECONDS COMMAND [ARGUMENT...]
 *
 * Sends RATE records a second to all partitions in turn, acknowledged by all in-sync replicas, for
 * SECONDS, and runs COMMAND when a third of that time is over. A pause of a partition is the time
 * in which records of it waited and none was acknowledged. Prints as JSON the longest pause of any
 * partition after that moment and the median over those that paused at all, the longest before it,
 * and how many records failed. Exit status 1 when the command fails or nothing is acknowledged. */
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/klient.h"

enum { PARTITIONS_MAX = 20000, VALUE_SIZE = 1000, WAIT_MS = 60000, PAUSE_MIN_US = 10000 };

extern char **environ;

struct run {
    int64_t last_us[PARTITIONS_MAX], longest_us[PARTITIONS_MAX];
    int64_t before_us, mark_us;         /* mark_us: 0 until the command is started */
    uint64_t acked, failed;
};

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void quit(const char *what, klient_error_t *error)
{
    fprintf(stderr, "failover: %s: %s\n", what, klient_error_text(error));
    exit(1);
}

static void reported(void *context, const klient_report_t *report)
{
    struct run *run = context;
    int64_t now = now_us(), since = (intptr_t)report->opaque;

    if (report->code != KLIENT_OK) {
        if (run->failed++ == 0)
            fprintf(stderr, "failover: a record failed: %s\n", klient_code_name(report->code));
        return;
    }
    run->acked++;
    if (run->last_us[report->partition] > since)
        since = run->last_us[report->partition];
    run->last_us[report->partition] = now;
    int64_t *longest = run->mark_us > 0 ? &run->longest_us[report->partition] : &run->before_us;
    if (now - since > *longest)
        *longest = now - since;
}

static pid_t start(char **command)
{
    pid_t pid;
    if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ) != 0) {
        perror(command[0]);
        exit(1);
    }
    return pid;
}

static klient_producer_t *open_producer(const char *bootstrap, struct run *run)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    if (klient_config_set(config, "bootstrap.servers", bootstrap, &error) != KLIENT_OK)
        quit("configuration", error);
    klient_config_set_report(config, reported, run);
    klient_producer_t *producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (producer == NULL)
        quit("producer", error);
    return producer;
}

/* Send what is due by now. */
static uint64_t send_due(klient_producer_t *producer, klient_record_t *record, int partitions,
                         uint64_t sent, uint64_t due)
{
    for (; sent < due; sent++) {
        klient_error_t *error = NULL;
        record->partition = (int32_t)(sent % (uint64_t)partitions);
        record->opaque = (void *)(intptr_t)now_us();
        klient_code_t code = klient_producer_send(producer, record, &error);
        if (code == KLIENT_QUEUE_FULL) {
            klient_error_free(error);
            break;
        }
        if (code != KLIENT_OK)
            quit("send", error);
    }
    return sent;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print(struct run *run, int partitions)
{
    int paused = 0;
    for (int p = 0; p < partitions; p++)
        if (run->longest_us[p] >= PAUSE_MIN_US)
            run->last_us[paused++] = run->longest_us[p];
    qsort(run->last_us, (size_t)paused, sizeof *run->last_us, by_value);
    printf("{\"pause_ms\": %.1f, \"pause_median_ms\": %.1f, \"paused\": %d, "
           "\"before_ms\": %.1f, \"acked\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n",
           paused > 0 ? (double)run->last_us[paused - 1] / 1e3 : 0,
           paused > 0 ? (double)run->last_us[paused / 2] / 1e3 : 0, paused,
           (double)run->before_us / 1e3, run->acked, run->failed);
}

int main(int argc, char **argv)
{
    static struct run run;
    char value[VALUE_SIZE];
    klient_record_t record;
    int partitions = argc > 6 ? atoi(argv[3]) : 0, status = 1;
    int64_t rate = argc > 6 ? atoll(argv[4]) : 0, seconds = argc > 6 ? atoll(argv[5]) : 0;
    uint64_t sent = 0;
    pid_t pid = 0;

    if (partitions < 1 || partitions > PARTITIONS_MAX || rate < 1 || seconds < 1) {
        fputs("usage: failover BOOTSTRAP TOPIC PARTITIONS RATE SECONDS COMMAND [ARGUMENT...]\n",
              stderr);
        return 2;
    }
    klient_producer_t *producer = open_producer(argv[1], &run);
    klient_record_init(&record);
    memset(value, 'x', sizeof value);
    record.topic = argv[2];
    record.value = value;
    record.value_size = sizeof value;
    /* What it takes to find everything out first does not count. */
    for (int p = 0; p < partitions; p++)
        send_due(producer, &record, partitions, (uint64_t)p, (uint64_t)p + 1);
    klient_producer_flush(producer, WAIT_MS, NULL);
    run.before_us = 0;
    int64_t started = now_us(), end = started + seconds * 1000000;
    for (int64_t now = started; now < end; now = now_us()) {
        if (pid == 0 && now - started > seconds * 1000000 / 3) {
            run.mark_us = now;
            pid = start(argv + 6);
        }
        sent = send_due(producer, &record, partitions, sent,
                        (uint64_t)((now - started) * rate / 1000000));
        klient_producer_poll(producer, 1, NULL, NULL);
    }
    klient_producer_close(producer, WAIT_MS, NULL);
    print(&run, partitions);
    if (pid == 0 || waitpid(pid, &status, 0) != pid || status != 0)
        fprintf(stderr, "failover: the command failed\n");
    return status != 0 || run.acked == 0;
}
