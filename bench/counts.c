/* counts - a hot path, so many times: bench/workloads/counts.sh has an emulator count instructions.
 *
 *   counts PATH TIMES DIRECTORY
 *   counts conditions       compiler, C library and processor: others make other instructions
 *
 *   encode      a record of 100 bytes into a batch of a hundred; its share of header and checksum
 *   decode      a record out of such a batch
 *   crc         batch_check() of one: shape and checksum
 *   append      log_append() of one, and its share of the indexes
 *   fetch       log_read() of one, from anywhere in the log
 *   dispatch    a produce request of one record of 100 bytes, from the broker's end of a socket:
 *               read, unpacked, checked, appended, answered; and the little that asking costs
 *
 * What is made ready before and taken down afterwards is the same whatever TIMES is, and gone when
 * the counts of two runs are subtracted. DIRECTORY is empty; logs are left in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/wire.h"
#include "common/endian.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"
#include "tests/server/broker/gate_rig.h"

enum {
    RECORDS = 100,
    VALUE_SIZE = 100,
    BATCH_ROOM = 16 * 1024,
    FETCHED_BATCHES = 1000,
    LATEST = -1
};

static const int64_t when_ms = 1700000000000;
static uint8_t value[VALUE_SIZE], batch[BATCH_ROOM];
static size_t batch_bytes;

static void need(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "counts: %s: %s\n", what, k_error_name(code));
    exit(1);
}

static void make_batch(int records)
{
    struct batch_builder builder;

    batch_build_start(&builder, batch, sizeof batch);
    for (int i = 0; i < records; i++)
        need(batch_build_add(&builder, when_ms + i, NULL, 0, value, sizeof value, NULL, 0), "add");
    batch_build_finish(&builder);
    batch_bytes = builder.size;
}

/* --- batches ---------------------------------------------------------------------------------- */

static void encode(long times, const char *directory)
{
    (void)directory;
    for (long done = 0; done < times; done += RECORDS)
        make_batch(RECORDS);
}

static void decode(long times, const char *directory)
{
    (void)directory;
    make_batch(RECORDS);
    for (long done = 0; done < times;) {
        struct batch_reader reader;
        struct record_view record;
        need(batch_reader_init(&reader, batch, NULL, 0), "reader");
        while (batch_reader_next(&reader, &record) == 1)
            done++;
    }
}

static void crc(long times, const char *directory)
{
    size_t size;

    (void)directory;
    make_batch(RECORDS);
    for (long done = 0; done < times; done++)
        need(batch_check(batch, batch_bytes, true, &size), "check");
}

/* --- logs ------------------------------------------------------------------------------------- */

struct store {
    struct logdir *directory;
    struct log *log;
};

static void store_open(struct store *store, const char *path)
{
    struct log_options options = { .topic = "counts", .partition = 0,
                                   .topic_id = { "kairn's counting" } };
    struct k_reason reason;

    options.config = (struct log_config){ .segment_bytes = 1 << 30, .segment_ms = INT64_MAX,
                                          .index_bytes = 10 << 20, .index_interval_bytes = 4096,
                                          .max_message_bytes = 1 << 20, .cleanup_delete = true,
                                          .retention_ms = -1, .retention_bytes = -1 };
    need(logdir_open(path, &io_system, &store->directory, &reason), path);
    options.directory = store->directory;
    need(log_open(&options, &store->log, &reason), "log");
}

static void store_close(struct store *store)
{
    need(log_close(store->log, true), "close");
    logdir_close(store->directory, true);
}

static void store_append(struct store *store)
{
    struct log_append append = { .bytes = batch, .size = batch_bytes };

    need(log_append(store->log, &append, 1, 0, when_ms), "append");
}

static void append(long times, const char *directory)
{
    struct store store;

    make_batch(RECORDS);
    store_open(&store, directory);
    for (long done = 0; done < times; done++)
        store_append(&store);
    store_close(&store);
}

static void fetch(long times, const char *directory)
{
    struct store store;

    make_batch(RECORDS);
    store_open(&store, directory);
    for (int i = 0; i < FETCHED_BATCHES; i++)
        store_append(&store);
    for (long done = 0; done < times; done++) {
        struct log_span span;
        need(log_read(store.log, done * 37 % FETCHED_BATCHES * RECORDS, FETCHED_BATCHES * RECORDS,
                      batch_bytes, &span),
             "read");
        log_span_release(span.segment);
    }
    store_close(&store);
}

/* --- requests --------------------------------------------------------------------------------- */

/* The frame of a produce request: the batch to the rig's topic, acks all. */
static size_t make_request(uint8_t *to, size_t room)
{
    const ProtobufCBinaryData topic_id = head_bytes_of_uuid(&topic.id);
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;

    head.correlation = 1;
    head.client_id = (char *)"counts";
    size_t size = wire_pack_produce(&head, &topic_id, 0, (uint32_t)batch_bytes, to,
                                    room - batch_bytes);
    memcpy(to + size, batch, batch_bytes);
    return size + batch_bytes;
}

static void dispatch(long times, const char *directory)
{
    uint8_t request[BATCH_ROOM];
    int code;

    (void)directory;
    make_batch(1);
    gates_setup_on(&io_system);
    topic = (struct plane_topic){ .name = "counts", .id = { "kairn's counting" }, .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    size_t size = make_request(request, sizeof request);
    int fd = connect_client();
    greet(fd, (uint16_t)plane_owner(&plane, &topic.id, 0));
    for (long done = 0; done < times; done++) {
        send_bytes(fd, request, size);
        receive_answer(fd, &code);
        need(code, "produce");
    }
    close(fd);
    int64_t stored = plane_list_offsets(&plane, 0, &topic.id, 0, LATEST, false).offset;
    need(stored == times ? 0 : K_UNKNOWN_SERVER_ERROR, "not all are stored");
    gates_teardown();
}

/* --- the paths -------------------------------------------------------------------------------- */

static const struct path {
    const char *name;
    void (*run)(long times, const char *directory);
} paths[] = { { "encode", encode }, { "decode", decode }, { "crc", crc },
              { "append", append }, { "fetch", fetch },   { "dispatch", dispatch } };

/* Functions of the C library and our checksums choose their code by what the processor has. */
static void print_conditions(void)
{
    printf("compiler %s", __VERSION__);
#ifdef __GLIBC__
    printf(", glibc %d.%d", __GLIBC__, __GLIBC_MINOR__);
#endif
#ifdef __OPTIMIZE__
    printf(", optimised");
#endif
#ifdef __x86_64__
    printf("%s%s", __builtin_cpu_supports("sse4.2") ? ", sse4.2" : "",
           __builtin_cpu_supports("avx2") ? ", avx2" : "");
#endif
    puts("");
}

int main(int argc, char **argv)
{
    log_set_level(LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 2654435761u >> 13);
    if (argc == 2 && strcmp(argv[1], "conditions") == 0) {
        print_conditions();
        return 0;
    }
    for (size_t i = 0; argc == 4 && i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(argv[1], paths[i].name) != 0 || atol(argv[2]) < 1)
            continue;
        paths[i].run(atol(argv[2]), argv[3]);
        return 0;
    }
    fputs("usage: counts encode|decode|crc|append|fetch|dispatch TIMES DIRECTORY\n"
          "       counts conditions\n",
          stderr);
    return 2;
}
