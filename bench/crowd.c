/* crowd - many connections, each of which asks to append one record of 100 bytes at a time.
 *
 *   crowd null DIRECTORY FILES CONNECTIONS WARM-UP REQUESTS
 *       to null_crowd.h in a process of its own, which appends to FILES files
 *   crowd kairn BROKER TOPIC CONNECTIONS WARM-UP REQUESTS PID any|own
 *       to the one broker, host:port, whose process is PID: acks all, every connection an
 *       idempotent producer of its own that writes to one of the topic's partitions, in turn;
 *       `own`: each is on the loop that owns its partition
 *
 * One thread and one epoll ask as soon as they are answered. The first WARM-UP ones do not count.
 * Then everything is read back: at each offset that was acknowledged has to be exactly that
 * record, and nothing else anywhere. Prints as JSON requests per second, the time from a request
 * until its answer, and the processor time of both sides. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/ledger.h"
#include "bench/loopback.h"
#include "bench/null_crowd.h"
#include "bench/wire.h"
#include "client/klient.h"
#include "common/arena.h"
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/endian.h"
#include "common/error.h"
#include "common/hdr.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum {
    VALUE_SIZE = 100,
    FRAME_ROOM = 512,
    ANSWER_ROOM = 2048,
    EVENTS = 256,
    CONNECTIONS_MAX = 1 << 16,
    NUMBER_SHIFT = 32,                  /* a record's number: connection, then sequence */
    READ_BACK_MS = 60000
};

struct connection {
    int fd;
    uint32_t number, sequence, partition;
    int64_t producer_id;
    double sent_at;
    size_t head_size, frame_size, have;
    uint8_t frame[FRAME_ROOM], answer[ANSWER_ROOM];
};

struct crowd {
    struct connection *connections;
    uint32_t count;
    uint64_t warm_up, requests, sent, answered;
    struct ledger ledger;
    struct hdr *latencies;
    struct arena arena;
    int64_t when_ms;                    /* of all records: not so old that retention wants them */
    clockid_t broker_clock;
    double started, ended, broker_seconds, own_seconds;
    /* The two dialects: make the frame of a batch, and where an answer of `size` bytes says that
     * it is (false: not whole yet). */
    void (*seal)(struct connection *connection, size_t batch_size);
    bool (*understand)(struct crowd *crowd, struct connection *connection, uint32_t *partition,
                       int64_t *offset);
};

static void __attribute__((noreturn)) quit(const char *what)
{
    fprintf(stderr, "crowd: %s\n", what);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time) != 0)
        bench_die("the broker's clock");
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- dialects --------------------------------------------------------------------------------- */

static void null_seal(struct connection *connection, size_t batch_size)
{
    store_u32(connection->frame, (uint32_t)batch_size);
    store_u32(connection->frame + 4,
              crc32c(0, connection->frame + connection->head_size, batch_size));
}

static bool null_understand(struct crowd *crowd, struct connection *connection,
                            uint32_t *partition, int64_t *offset)
{
    (void)crowd;
    if (connection->have < NULL_CROWD_ANSWER)
        return false;
    *partition = (uint32_t)load_u64(connection->answer);
    *offset = (int64_t)(load_u64(connection->answer + 8) /
                        (connection->frame_size - connection->head_size));
    return true;
}

/* The head is the same each time. */
static void kairn_seal(struct connection *connection, size_t batch_size)
{
    (void)connection;
    (void)batch_size;
}

static bool kairn_understand(struct crowd *crowd, struct connection *connection,
                             uint32_t *partition, int64_t *offset)
{
    ssize_t size = frame_cut(connection->answer, connection->have, ANSWER_ROOM);
    Kairn__ResponseHead *head;
    struct frame frame;

    if (size == 0 || (size > 0 && connection->have < (size_t)size))
        return false;
    arena_reset(&crowd->arena);
    if (size < 0 || connection->have > (size_t)size ||
        frame_split(connection->answer, (size_t)size, &frame) != 0 ||
        head_unpack_response(frame.head, frame.head_size, &crowd->arena, &head) != 0)
        quit("an answer that can not be read");
    int code = head_error_code(head->error);
    if (code == 0 && (head->produce == NULL || head->produce->n_results != 1))
        quit("an answer to something else");
    if (code == 0)
        code = head_error_code(head->produce->results[0]->error);
    if (code != 0)
        quit(k_error_name(code));
    *partition = connection->partition;
    *offset = head->produce->results[0]->base_offset;
    return true;
}

/* --- the load --------------------------------------------------------------------------------- */

/* The connection's next record into its frame. */
static void make_frame(struct crowd *crowd, struct connection *connection)
{
    uint64_t number = (uint64_t)connection->number << NUMBER_SHIFT | connection->sequence;
    uint8_t value[VALUE_SIZE];
    struct batch_builder builder;

    ledger_value(number, value, sizeof value);
    batch_build_start(&builder, connection->frame + connection->head_size,
                      FRAME_ROOM - connection->head_size);
    builder.producer_id = connection->producer_id;
    builder.producer_epoch = 0;
    builder.base_sequence = (int32_t)connection->sequence;
    if (batch_build_add(&builder, crowd->when_ms, NULL, 0, value, sizeof value, NULL, 0) != 0)
        quit("a record that does not fit");
    batch_build_finish(&builder);
    connection->frame_size = connection->head_size + builder.size;
    crowd->seal(connection, builder.size);
}

static void ask(struct crowd *crowd, struct connection *connection)
{
    make_frame(crowd, connection);
    connection->have = 0;
    connection->sent_at = bench_now();
    crowd->sent++;
    bench_write_whole(connection->fd, connection->frame, connection->frame_size);
}

static double own_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void count(struct crowd *crowd, const struct connection *connection)
{
    double now = bench_now();

    if (++crowd->answered > crowd->warm_up)
        hdr_record(crowd->latencies, (uint64_t)((now - connection->sent_at) * 1e6));
    if (crowd->answered == crowd->warm_up) {
        crowd->started = now;
        crowd->broker_seconds = seconds_of(crowd->broker_clock);
        crowd->own_seconds = own_seconds();
    } else if (crowd->answered == crowd->warm_up + crowd->requests) {
        crowd->ended = now;
        crowd->broker_seconds = seconds_of(crowd->broker_clock) - crowd->broker_seconds;
        crowd->own_seconds = own_seconds() - crowd->own_seconds;
    }
}

static void hear(struct crowd *crowd, struct connection *connection)
{
    uint32_t partition;
    int64_t offset;
    ssize_t got = recv(connection->fd, connection->answer + connection->have,
                       ANSWER_ROOM - connection->have, 0);

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0)
        quit("the broker hung up");
    connection->have += (size_t)got;
    if (!crowd->understand(crowd, connection, &partition, &offset))
        return;
    count(crowd, connection);
    ledger_acknowledge(&crowd->ledger, partition, offset,
                       (uint64_t)connection->number << NUMBER_SHIFT | connection->sequence);
    connection->sequence++;
    if (crowd->sent < crowd->warm_up + crowd->requests)
        ask(crowd, connection);
}

static void run(struct crowd *crowd)
{
    struct epoll_event events[EVENTS];
    int poll = epoll_create1(EPOLL_CLOEXEC);

    for (uint32_t i = 0; i < crowd->count; i++) {
        struct connection *connection = &crowd->connections[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
            bench_die("epoll");
    }
    for (uint32_t i = 0; i < crowd->count; i++)
        ask(crowd, &crowd->connections[i]);
    while (crowd->answered < crowd->warm_up + crowd->requests) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            hear(crowd, events[i].data.ptr);
    }
    close(poll);
}

static void print(const struct crowd *crowd)
{
    double seconds = crowd->ended - crowd->started, requests = (double)crowd->requests;

    printf("{\"requests\": %.0f, \"requests_per_second\": %.0f, \"broker_ns_per_request\": %.0f, "
           "\"own_ns_per_request\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
           requests, requests / seconds, crowd->broker_seconds * 1e9 / requests,
           crowd->own_seconds * 1e9 / requests, (double)hdr_quantile(crowd->latencies, 0.5),
           (double)hdr_quantile(crowd->latencies, 0.99));
}

/* --- the null broker -------------------------------------------------------------------------- */

static void null_read_back(struct crowd *crowd, const char *directory, uint32_t files)
{
    char path[4096];

    for (uint32_t i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%u", directory, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) != 0)
            bench_die(path);
        size_t all = (size_t)status.st_size, size;
        uint8_t *bytes = all == 0 ? NULL : mmap(NULL, all, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            bench_die(path);
        int64_t offset = 0;
        for (size_t at = 0; at < all; at += size, offset++) {
            struct batch_reader reader;
            struct record_view record;
            if (batch_check(bytes + at, all - at, true, &size) != 0 ||
                batch_reader_init(&reader, bytes + at, NULL, 0) != 0 ||
                batch_reader_next(&reader, &record) != 1)
                quit("what is stored can not be read");
            ledger_find(&crowd->ledger, i, offset, record.value, (size_t)record.value_size);
        }
        if (bytes != NULL)
            munmap(bytes, all);
        close(fd);
        unlink(path);
    }
}

/* --- Kairn ------------------------------------------------------------------------------------ */

static int64_t new_producer(int fd)
{
    Kairn__ProducerIdRequest body = KAIRN__PRODUCER_ID_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID;
    head.producer_id = &body;
    return wire_ask(fd, &head)->producer_id->producer_id;
}

/* The head of the connection's requests. How large a batch is, its first one tells. */
static void pack_head(struct crowd *crowd, struct connection *connection,
                      const ProtobufCBinaryData *topic)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    make_frame(crowd, connection);
    uint32_t batch_size = (uint32_t)connection->frame_size;
    head.correlation = connection->number + 1;
    head.timeout_ms = READ_BACK_MS;
    head.client_id = (char *)"crowd";
    connection->head_size = wire_pack_produce(&head, topic, connection->partition, batch_size,
                                              connection->frame, FRAME_ROOM - batch_size);
}

static uint32_t kairn_connect(struct crowd *crowd, const char *broker, const char *name, bool own)
{
    int first = wire_connect(broker, GREETING_ANY_LOOP);
    const Kairn__TopicInfo *topic = wire_topic(first, name);
    uint32_t partitions = (uint32_t)topic->n_partitions;
    uint16_t *loops = calloc(partitions, sizeof *loops);
    uint8_t id_bytes[16];
    ProtobufCBinaryData id = { .len = sizeof id_bytes, .data = id_bytes };

    if (loops == NULL || topic->topic_id.len != sizeof id_bytes)
        quit("metadata");
    memcpy(id_bytes, topic->topic_id.data, sizeof id_bytes);
    for (uint32_t i = 0; i < partitions; i++)
        loops[topic->partitions[i]->partition] = (uint16_t)topic->partitions[i]->loop;
    for (uint32_t i = 0; i < crowd->count; i++) {
        struct connection *connection = &crowd->connections[i];
        connection->partition = i % partitions;
        connection->fd =
            wire_connect(broker, own ? loops[connection->partition] : GREETING_ANY_LOOP);
        connection->producer_id = new_producer(connection->fd);
        pack_head(crowd, connection, &id);
    }
    free(loops);
    close(first);
    return partitions;
}

static void check(klient_code_t code, klient_error_t *error)
{
    if (code != KLIENT_OK)
        quit(klient_error_text(error));
}

static void kairn_read_back(struct crowd *crowd, const char *broker, const char *topic)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_topic_partition_t *all = calloc(crowd->ledger.partitions, sizeof *all);
    double limit = bench_now() + READ_BACK_MS / 1e3;

    check(klient_config_set(config, "bootstrap.servers", broker, &error), error);
    check(klient_config_set(config, "auto.offset.reset", "earliest", &error), error);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL || all == NULL)
        quit(klient_error_text(error));
    for (uint32_t i = 0; i < crowd->ledger.partitions; i++) {
        int64_t low, high;
        all[i] = (klient_topic_partition_t){ topic, (int32_t)i };
        check(klient_consumer_query_watermarks(consumer, topic, (int32_t)i, READ_BACK_MS, &low,
                                               &high, &error),
              error);
        if (low != 0)
            quit("the first records of a partition are gone");
        if ((uint64_t)high != crowd->ledger.ends[i])
            quit("a partition does not end where the last acknowledged record is");
    }
    check(klient_consumer_assign(consumer, all, crowd->ledger.partitions, &error), error);
    while (crowd->ledger.found < crowd->ledger.count && bench_now() < limit) {
        klient_records_t *records = NULL;
        klient_record_t record;
        check(klient_consumer_poll(consumer, 1000, &records, &error), error);
        klient_record_init(&record);
        while (records != NULL && klient_records_next(records, &record))
            ledger_find(&crowd->ledger, (uint32_t)record.partition, record.offset, record.value,
                        record.value_size);
        klient_records_free(records);
    }
    klient_consumer_close(consumer, 1000, NULL);
    free(all);
}

/* --- both ------------------------------------------------------------------------------------- */

static void prepare(struct crowd *crowd, char **numbers)
{
    crowd->count = (uint32_t)strtoul(numbers[0], NULL, 10);
    crowd->warm_up = strtoull(numbers[1], NULL, 10);
    crowd->requests = strtoull(numbers[2], NULL, 10);
    if (crowd->count < 1 || crowd->count > CONNECTIONS_MAX || crowd->warm_up < 1 ||
        crowd->requests < 1)
        quit("connections, warm-up and requests are numbers above 0");
    crowd->when_ms = clock_wall_ms(&clock_system);
    bench_allow_files();
    crowd->connections = calloc(crowd->count, sizeof *crowd->connections);
    crowd->latencies = hdr_new();
    arena_init(&crowd->arena, NULL, 0, SIZE_MAX);
    if (crowd->connections == NULL || crowd->latencies == NULL)
        bench_die("malloc");
    for (uint32_t i = 0; i < crowd->count; i++)
        crowd->connections[i].number = i;
}

static void finish(struct crowd *crowd)
{
    ledger_settle(&crowd->ledger);
    print(crowd);
    for (uint32_t i = 0; i < crowd->count; i++)
        close(crowd->connections[i].fd);
    free(crowd->connections);
    hdr_free(crowd->latencies);
    arena_fini(&crowd->arena);
    ledger_fini(&crowd->ledger);
}

static int against_null(struct crowd *crowd, char **arguments)
{
    int files = atoi(arguments[1]);
    char broker[32];

    prepare(crowd, arguments + 2);
    crowd->seal = null_seal;
    crowd->understand = null_understand;
    pid_t pid = null_crowd_start(arguments[0], files, broker);
    if (clock_getcpuclockid(pid, &crowd->broker_clock) != 0)
        bench_die("null broker");
    for (uint32_t i = 0; i < crowd->count; i++) {
        crowd->connections[i].fd = wire_dial(broker);
        crowd->connections[i].head_size = NULL_CROWD_PREFIX;
        crowd->connections[i].producer_id = i;
    }
    ledger_init(&crowd->ledger, (uint32_t)files, crowd->warm_up + crowd->requests);
    run(crowd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    null_read_back(crowd, arguments[0], (uint32_t)files);
    finish(crowd);
    return 0;
}

static int against_kairn(struct crowd *crowd, char **arguments)
{
    prepare(crowd, arguments + 2);
    crowd->seal = kairn_seal;
    crowd->understand = kairn_understand;
    if (clock_getcpuclockid(atoi(arguments[5]), &crowd->broker_clock) != 0)
        quit("no such process");
    uint32_t partitions =
        kairn_connect(crowd, arguments[0], arguments[1], strcmp(arguments[6], "own") == 0);
    ledger_init(&crowd->ledger, partitions, crowd->warm_up + crowd->requests);
    run(crowd);
    kairn_read_back(crowd, arguments[0], arguments[1]);
    finish(crowd);
    return 0;
}

int main(int argc, char **argv)
{
    static struct crowd crowd;

    if (argc == 7 && strcmp(argv[1], "null") == 0 && atoi(argv[3]) >= 1)
        return against_null(&crowd, argv + 2);
    if (argc == 9 && strcmp(argv[1], "kairn") == 0)
        return against_kairn(&crowd, argv + 2);
    fputs("usage: crowd null DIRECTORY FILES CONNECTIONS WARM-UP REQUESTS\n"
          "       crowd kairn BROKER TOPIC CONNECTIONS WARM-UP REQUESTS PID any|own\n",
          stderr);
    return 2;
}
