#include "tests/server/broker/gate_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/codec/codec.h"
#include "tests/lib/wait.h"

enum { ANSWER_MAX = 256 * 1024, ARENA_LIMIT = 1 << 24 };

struct plane plane;
struct plane_topic topic;
struct gates gates;

static void open_gates(void)
{
    struct admission_limits limits;

    admission_no_limits(&limits);
    gates = (struct gates){
        .api = &plane.api, .codec = &codec_native, .metrics = plane.metrics,
        .pool = plane.pool,
        .broker_id = PLANE_BROKER, .cluster_id = "test-cluster", .frame_max = FRAME_MAX,
    };
    budget_init(&gates.budget, -1);
    ck_assert_int_eq(gates_init(&gates, plane.loops, plane.shards, &limits), 0);
}

void gates_setup_on(const struct io *io)
{
    plane_init_in_memory(&plane, 2, io);
    open_gates();
}

void gates_setup(void)
{
    plane_init(&plane, 2);
    open_gates();
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
}

static void close_gate(void *context)
{
    gate_close(context);
}

static void close_gates(void)
{
    for (int i = 0; i < gates.count; i++)
        call_on(plane.loops[i], close_gate, &gates.items[i]);
}

void gates_restart(void)
{
    close_gates();
    plane_restart(&plane);
    gates_fini(&gates);
    open_gates();
}

void gates_teardown(void)
{
    close_gates();
    plane_fini(&plane);
    gates_fini(&gates);
}

/* --- a client --------------------------------------------------------------------------------- */

struct arrival { int fd; };

static void accept_arrival(void *context)
{
    const struct arrival *arrival = context;

    gate_accept(&gates.items[0], arrival->fd, "PLAINTEXT");
}

int connect_client(void)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    call_on(plane.loops[0], accept_arrival, &(struct arrival){ .fd = ends[0] });
    return ends[1];
}

void send_bytes(int fd, const void *bytes, size_t size)
{
    ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Is there something to read within PLANE_WAIT_MS? */
bool is_readable(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int ready;

    while ((ready = poll(&wait, 1, PLANE_WAIT_MS)) < 0 && errno == EINTR) {
    }
    return ready == 1;
}

/* False at the end of the stream. */
bool receive_bytes(int fd, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        ck_assert_msg(is_readable(fd), "nothing came");
        ssize_t more = recv(fd, (char *)to + got, size - got, 0);
        if (more == 0 || (more < 0 && errno == ECONNRESET))
            return false;
        ck_assert_int_gt(more, 0);
        got += (size_t)more;
    }
    return true;
}

void expect_closed(int fd)
{
    char byte;

    ck_assert_msg(!receive_bytes(fd, &byte, 1), "the connection is still open");
    close(fd);
}

struct greeting_broker greet(int fd, uint16_t loop)
{
    uint8_t bytes[GREETING_BROKER_SIZE];
    const struct greeting_client client = { .lowest = 1, .highest = 3, .loop = loop };
    struct greeting_broker broker;

    greeting_client_write(&client, bytes);
    send_bytes(fd, bytes, GREETING_CLIENT_SIZE);
    ck_assert(receive_bytes(fd, bytes, sizeof bytes));
    ck_assert_int_eq(greeting_broker_read(bytes, sizeof bytes, &broker), GREETING_BROKER_SIZE);
    return broker;
}

/* The request, of which so much payload will follow, in one piece; the caller releases it. */
static struct chain_piece *pack_request(const Kairn__RequestHead *head, size_t payload)
{
    struct chain chain;

    chain_init(&chain);
    ck_assert_int_eq(head_pack_request(head, payload, &chain), 0);
    struct chain_piece *piece = chain_pop(&chain);
    ck_assert_ptr_null(chain.first);
    return piece;
}

void send_request(int fd, const Kairn__RequestHead *head)
{
    struct chain_piece *piece = pack_request(head, 0);

    send_bytes(fd, piece->bytes, piece->size);
    chain_piece_free(piece);
}

void send_api_versions(int fd, uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__ApiVersionsRequest body = KAIRN__API_VERSIONS_REQUEST__INIT;

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_API_VERSIONS;
    head.api_versions = &body;
    send_request(fd, &head);
}

void send_produce_head(int fd, uint64_t correlation, int32_t acks, const uint32_t *sizes,
                       size_t count)
{
    enum { PARTITIONS_MAX = 4 };
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__ProduceRequest body = KAIRN__PRODUCE_REQUEST__INIT;
    Kairn__ProducePartition parts[PARTITIONS_MAX], *pointers[PARTITIONS_MAX];
    size_t payload = 0;

    for (size_t i = 0; i < count; i++) {
        pointers[i] = &parts[i];
        kairn__produce_partition__init(&parts[i]);
        parts[i].topic_id = head_bytes_of_uuid(&topic.id);
        parts[i].partition = (uint32_t)i;
        parts[i].leader_epoch = -1;
        parts[i].n_batch_sizes = 1;
        parts[i].batch_sizes = (uint32_t *)&sizes[i];
        payload += sizes[i];
    }
    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    head.produce = &body;
    body.acks = acks;
    body.n_partitions = count;
    body.partitions = pointers;
    struct chain_piece *piece = pack_request(&head, payload);
    send_bytes(fd, piece->bytes, piece->size);
    chain_piece_free(piece);
}

/* The next answer, in the arena. */
static const Kairn__ResponseHead *receive_head(int fd, struct arena *arena)
{
    static uint8_t bytes[ANSWER_MAX];
    Kairn__ResponseHead *head;
    struct frame frame;

    ck_assert(receive_bytes(fd, bytes, 4));
    size_t size = load_u32(bytes) + 4;
    ck_assert_uint_le(size, sizeof bytes);
    ck_assert(receive_bytes(fd, bytes + 4, size - 4));
    ck_assert_int_eq(frame_split(bytes, size, &frame), 0);
    arena_init(arena, NULL, 0, ARENA_LIMIT);
    ck_assert_int_eq(head_unpack_response(frame.head, frame.head_size, arena, &head), 0);
    return head;
}

uint64_t receive_answer(int fd, int *code)
{
    struct arena arena;
    const Kairn__ResponseHead *head = receive_head(fd, &arena);
    uint64_t correlation = head->correlation;

    *code = head_error_code(head->error);
    arena_fini(&arena);
    return correlation;
}

uint64_t receive_produced(int fd, int *codes, int64_t *limits, size_t count)
{
    struct arena arena;
    const Kairn__ResponseHead *head = receive_head(fd, &arena);
    uint64_t correlation = head->correlation;

    ck_assert_int_eq(head_error_code(head->error), 0);
    ck_assert_int_eq(head->body_case, KAIRN__RESPONSE_HEAD__BODY_PRODUCE);
    ck_assert_uint_eq(head->produce->n_results, count);
    for (size_t i = 0; i < count; i++) {
        const Kairn__Error *error = head->produce->results[i]->error;
        codes[i] = head_error_code(error);
        limits[i] = error == NULL ? 0 : error->limit;
    }
    arena_fini(&arena);
    return correlation;
}

static struct chain_piece *pack_fetch(uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__FetchRequest body = KAIRN__FETCH_REQUEST__INIT;
    Kairn__FetchPartition entry = KAIRN__FETCH_PARTITION__INIT, *entries[] = { &entry };

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    head.fetch = &body;
    body.max_wait_ms = 10 * PLANE_WAIT_MS;
    body.min_bytes = 1;
    body.n_partitions = 1;
    body.partitions = entries;
    entry.topic_id = head_bytes_of_uuid(&topic.id);
    entry.leader_epoch = -1;
    return pack_request(&head, 0);
}

void send_waiting_fetch(int fd, uint64_t correlation)
{
    struct chain_piece *piece = pack_fetch(correlation);

    send_bytes(fd, piece->bytes, piece->size);
    chain_piece_free(piece);
}

bool try_fetch(int fd, uint64_t correlation)
{
    enum { PATIENCE_MS = 100 };
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    struct chain_piece *piece = pack_fetch(correlation);
    bool fits = poll(&wait, 1, PATIENCE_MS) == 1;

    if (fits)
        send_bytes(fd, piece->bytes, piece->size);
    chain_piece_free(piece);
    return fits;
}

/* For an epoch that never comes. */
void send_waiting_metadata(int fd, uint64_t correlation)
{
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    Kairn__MetadataRequest body = KAIRN__METADATA_REQUEST__INIT;
    Kairn__StaleLeader stale = KAIRN__STALE_LEADER__INIT;

    head.correlation = correlation;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
    body.newer_than = &stale;
    stale.topic_id = head_bytes_of_uuid(&topic.id);
    stale.leader_epoch = topic.leader_epoch;
    send_request(fd, &head);
}

/* No request is in work any more. */
void expect_idle(void)
{
    WAIT_UNTIL(atomic_load(&gates.budget.used) == 0);
}
