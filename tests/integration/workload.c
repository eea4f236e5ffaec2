/* workload - send numbered records, write down every acknowledgement; later, check that each is
 * there.
 *
 *   workload send BOOTSTRAP TOPIC PARTITIONS ACKS-FILE RATE [NAME=VALUE...]
 *       until SIGTERM; then closes, and prints "sent N acked N failed N". A line of the file is
 *       "partition offset number", written when the acknowledgement arrives.
 *   workload check BOOTSTRAP TOPIC PARTITIONS ACKS-FILE
 *       reads everything; exit status 1 when an acknowledged record is missing, is another one, or
 *       when any record is damaged or out of order. Prints "acked N read N lost N damaged N
 *       repeated N disordered N". Repeats are allowed: a retry whose first try was stored.
 *
 * What a record holds follows from its number alone, so a checker needs nothing but the number. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/klient.h"

enum { VALUE_MIN = 60, VALUE_SPREAD = 400, NUMBER_SIZE = 16, PARTITIONS_MAX = 64, WAIT_MS = 60000 };

static volatile sig_atomic_t stopping;

static void on_signal(int signal)
{
    (void)signal;
    stopping = 1;
}

static int fail(const char *what, klient_error_t *error)
{
    fprintf(stderr, "workload: %s: %s\n", what, klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* "0000000000000042" and then bytes that only 42 has. */
static size_t make_value(uint64_t number, char *value)
{
    uint64_t state = number * 0x9e3779b97f4a7c15 + 1;
    size_t size = VALUE_MIN + (size_t)(number * 7919 % VALUE_SPREAD);
    snprintf(value, NUMBER_SIZE + 1, "%016" PRIx64, number);
    for (size_t i = NUMBER_SIZE; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value[i] = (char)('a' + state % 26);
    }
    return size;
}

static bool read_number(const klient_record_t *record, uint64_t *out)
{
    char text[NUMBER_SIZE + 1], wanted[VALUE_MIN + VALUE_SPREAD + 1], *end;
    if (record->value == NULL || record->value_size < NUMBER_SIZE)
        return false;
    memcpy(text, record->value, NUMBER_SIZE);
    text[NUMBER_SIZE] = '\0';
    *out = strtoull(text, &end, 16);
    return *end == '\0' && make_value(*out, wanted) == record->value_size &&
           memcmp(wanted, record->value, record->value_size) == 0;
}

/* --- send ------------------------------------------------------------------------------------- */

struct sending {
    FILE *acks;
    uint64_t sent, acked, failed;
};

static void reported(void *context, const klient_report_t *report)
{
    struct sending *sending = context;
    if (report->code != KLIENT_OK) {
        sending->failed++;
        return;
    }
    sending->acked++;
    fprintf(sending->acks, "%d %" PRId64 " %" PRIuPTR "\n", report->partition, report->offset,
            (uintptr_t)report->opaque);
}

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int send_all(klient_producer_t *producer, const char *topic, int partitions, int64_t rate,
                    struct sending *sending)
{
    char value[VALUE_MIN + VALUE_SPREAD + 1];
    klient_record_t record;
    int64_t started = now_us();

    klient_record_init(&record);
    record.topic = topic;
    record.value = value;
    while (!stopping) {
        int64_t due = (now_us() - started) * rate / 1000000;
        while (!stopping && (int64_t)sending->sent < due) {
            klient_error_t *error = NULL;
            uint64_t number = sending->sent;
            record.value_size = make_value(number, value);
            record.partition = (int32_t)(number % (uint64_t)partitions);
            record.opaque = (void *)(uintptr_t)number;
            klient_code_t code = klient_producer_send(producer, &record, &error);
            bool again = code == KLIENT_QUEUE_FULL || code == KLIENT_REQUEST_TIMED_OUT;
            if (code != KLIENT_OK && !again)
                return fail("send", error);
            klient_error_free(error);
            if (again)
                break;
            sending->sent++;
        }
        klient_producer_poll(producer, 5, NULL, NULL);
    }
    return 0;
}

static klient_config_t *configure(const char *bootstrap, int count, char **pairs)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_code_t code = klient_config_set(config, "bootstrap.servers", bootstrap, &error);
    for (int i = 0; code == KLIENT_OK && i < count; i++)
        code = klient_config_set_pair(config, pairs[i], &error);
    if (code != KLIENT_OK) {
        fail("configuration", error);
        exit(2);
    }
    return config;
}

static int run_send(int argc, char **argv)
{
    struct sending sending = { .acks = fopen(argv[5], "w") };
    klient_config_t *config = configure(argv[2], argc - 7, argv + 7);
    klient_error_t *error = NULL;

    if (sending.acks == NULL) {
        perror(argv[5]);
        return 1;
    }
    klient_config_set_report(config, reported, &sending);
    klient_producer_t *producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (producer == NULL)
        return fail("producer", error);
    signal(SIGTERM, on_signal);
    int status = send_all(producer, argv[3], atoi(argv[4]), atoll(argv[6]), &sending);
    klient_producer_close(producer, WAIT_MS, NULL);
    fclose(sending.acks);
    printf("sent %" PRIu64 " acked %" PRIu64 " failed %" PRIu64 "\n", sending.sent, sending.acked,
           sending.failed);
    return status;
}

/* --- check ------------------------------------------------------------------------------------ */

struct partition {
    uint64_t *numbers;             /* what stands at each offset */
    int64_t count, capacity, end;
};

struct checking {
    struct partition partitions[PARTITIONS_MAX];
    uint64_t acked, read, lost, damaged, repeated, disordered;
};

static void take(struct checking *checking, const klient_record_t *record)
{
    struct partition *partition = &checking->partitions[record->partition];
    uint64_t number = UINT64_MAX;

    if (!read_number(record, &number) || record->offset != partition->count)
        checking->damaged++;
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity > 0 ? 2 * partition->capacity : 1024;
        partition->numbers =
            realloc(partition->numbers, (size_t)partition->capacity * sizeof(uint64_t));
        if (partition->numbers == NULL)
            abort();
    }
    partition->numbers[partition->count++] = number;
    checking->read++;
}

/* Numbers of a partition grow, except where a retry repeats what was stored before: then they go on
 * from an earlier number, and nothing new is out of order. */
static void check_order(struct checking *checking, const struct partition *partition)
{
    uint64_t highest = 0;
    for (int64_t i = 0; i < partition->count; i++) {
        uint64_t number = partition->numbers[i];
        if (i > 0 && number <= highest) {
            checking->repeated++;
            bool seen = false;
            for (int64_t back = i - 1; back >= 0 && !seen; back--)
                seen = partition->numbers[back] == number;
            checking->disordered += !seen;
        }
        highest = number > highest || i == 0 ? number : highest;
    }
}

static int check_acks(struct checking *checking, const char *path, int partitions)
{
    FILE *acks = fopen(path, "r");
    int partition;
    int64_t offset;
    uint64_t number;

    if (acks == NULL) {
        perror(path);
        return 1;
    }
    while (fscanf(acks, "%d %" SCNd64 " %" SCNu64, &partition, &offset, &number) == 3) {
        const struct partition *log =
            partition >= 0 && partition < partitions ? &checking->partitions[partition] : NULL;
        checking->acked++;
        if (log == NULL || offset < 0 || offset >= log->count || log->numbers[offset] != number) {
            if (checking->lost++ < 5)
                fprintf(stderr, "lost: partition %d offset %" PRId64 " number %" PRIu64 "\n",
                        partition, offset, number);
        }
    }
    fclose(acks);
    return 0;
}

static int read_all(klient_consumer_t *consumer, const char *topic, int partitions,
                    struct checking *checking)
{
    klient_topic_partition_t list[PARTITIONS_MAX];
    int64_t ends[PARTITIONS_MAX], deadline = now_us() + (int64_t)WAIT_MS * 1000;
    klient_error_t *error = NULL;
    bool done = false;

    for (int p = 0; p < partitions; p++)
        list[p] = (klient_topic_partition_t){ topic, p };
    if (klient_consumer_assign(consumer, list, (size_t)partitions, &error) != KLIENT_OK ||
        klient_consumer_end_offsets(consumer, list, (size_t)partitions, WAIT_MS, ends, &error) !=
            KLIENT_OK)
        return fail("assign", error);
    for (int p = 0; p < partitions; p++)
        klient_consumer_seek_to_beginning(consumer, topic, p, NULL);
    while (!done) {
        klient_records_t *records = NULL;
        klient_record_t record;
        klient_record_init(&record);
        if (klient_consumer_poll(consumer, 1000, &records, &error) != KLIENT_OK)
            return fail("poll", error);
        while (records != NULL && klient_records_next(records, &record) == 1)
            take(checking, &record);
        klient_records_free(records);
        done = true;
        for (int p = 0; p < partitions; p++)
            done = done && checking->partitions[p].count >= ends[p];
        if (!done && now_us() > deadline) {
            fprintf(stderr, "workload: the end was not reached in time\n");
            return 1;
        }
    }
    return 0;
}

static int run_check(char **argv)
{
    static struct checking checking;
    int partitions = atoi(argv[4]);
    klient_error_t *error = NULL;
    klient_config_t *config = configure(argv[2], 0, NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);

    klient_config_free(config);
    if (consumer == NULL)
        return fail("consumer", error);
    if (partitions < 1 || partitions > PARTITIONS_MAX)
        return 2;
    int status = read_all(consumer, argv[3], partitions, &checking);
    klient_consumer_close(consumer, 1000, NULL);
    if (status == 0)
        status = check_acks(&checking, argv[5], partitions);
    for (int p = 0; p < partitions; p++) {
        check_order(&checking, &checking.partitions[p]);
        free(checking.partitions[p].numbers);
    }
    printf("acked %" PRIu64 " read %" PRIu64 " lost %" PRIu64 " damaged %" PRIu64
           " repeated %" PRIu64 " disordered %" PRIu64 "\n",
           checking.acked, checking.read, checking.lost, checking.damaged, checking.repeated,
           checking.disordered);
    return status != 0 || checking.lost + checking.damaged + checking.disordered > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc >= 7 && strcmp(argv[1], "send") == 0)
        return run_send(argc, argv);
    if (argc == 6 && strcmp(argv[1], "check") == 0)
        return run_check(argv);
    fputs("usage: workload send BOOTSTRAP TOPIC PARTITIONS ACKS-FILE RATE [NAME=VALUE...]\n"
          "       workload check BOOTSTRAP TOPIC PARTITIONS ACKS-FILE\n", stderr);
    return 2;
}
