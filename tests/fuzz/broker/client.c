#include "tests/fuzz/broker/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "server/codec/codec.h"
#include "tests/server/broker/gate_rig.h"

enum { ARENA_LIMIT = 64 << 20, ANSWER_MAX = 64 << 20, SOON_MS = 5 };

void client_init(struct client *client, uint16_t loop, struct model *model)
{
    *client = (struct client){ .fd = -1, .loop = loop, .model = model };
}

static void forget(struct client *client, size_t index)
{
    struct pending *gone = &client->pending[index];

    for (size_t i = 0; i < gone->part_count; i++)
        free(gone->parts[i].batch);
    *gone = client->pending[--client->count];
}

void client_close(struct client *client)
{
    while (client->count > 0)
        forget(client, 0);
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->may_close = false;
}

/* The broker has hung up. */
static void lose(struct client *client)
{
    if (!client->may_close && !client->lenient)
        abort();
    client_close(client);
}

/* --- what is expected ------------------------------------------------------------------------- */

/* Answers that wait for others, or as long as the fuzzer chose, need not come while we look. */
static bool is_answered_soon(const Kairn__RequestHead *head)
{
    switch ((int)head->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_PRODUCE:
        return head->produce->acks != 0;
    case KAIRN__REQUEST_HEAD__BODY_FETCH:
        return head->fetch->max_wait_ms <= SOON_MS;
    case KAIRN__REQUEST_HEAD__BODY_HEARTBEAT:
        return head->heartbeat->wait_ms <= SOON_MS;
    case KAIRN__REQUEST_HEAD__BODY_METADATA:
        return head->metadata->newer_than == NULL;
    case KAIRN__REQUEST_HEAD__BODY_API_VERSIONS:
    case KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS:
    case KAIRN__REQUEST_HEAD__BODY_DELETE_RECORDS:
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_CONFIGS:
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_LOGS:
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_METRICS:
    case KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID:
    case KAIRN__REQUEST_HEAD__BODY_LEAVE_GROUP:
    case KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT:
    case KAIRN__REQUEST_HEAD__BODY_OFFSET_FETCH:
    case KAIRN__REQUEST_HEAD__BODY_OFFSET_DELETE:
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_GROUPS:
    case KAIRN__REQUEST_HEAD__BODY_LIST_GROUPS:
    case KAIRN__REQUEST_HEAD__BODY_DELETE_GROUPS:
    case KAIRN__REQUEST_HEAD__BODY__NOT_SET:
        return true;
    default:
        return false;
    }
}

/* The batches of one entry; *payload moves behind them. */
static void expect_part(struct client *client, struct pending *pending,
                        const Kairn__ProducePartition *entry, const uint8_t **payload,
                        const uint8_t *end, bool known)
{
    struct model *model = client->model;
    int partition = model_partition(model, entry->topic_id, entry->partition);
    size_t index = pending->part_count++, whole;

    pending->parts[index].partition = partition;
    pending->parts[index].end = partition >= 0 ? model->end[partition] : 0;
    pending->parts[index].plain = true;
    pending->parts[index].batch = NULL;
    pending->parts[index].records = 0;
    for (size_t i = 0; i < entry->n_batch_sizes; i++) {
        if (entry->batch_sizes[i] > (size_t)(end - *payload) ||
            batch_check(*payload, entry->batch_sizes[i], true, &whole) != 0)
            return;
        pending->parts[index].records += batch_last_delta(*payload) + 1;
        pending->parts[index].plain &= batch_producer_id(*payload) < 0;
        if (known && entry->n_batch_sizes == 1) {
            pending->parts[index].batch = malloc(whole);
            pending->parts[index].size = whole;
            memcpy(pending->parts[index].batch, *payload, whole);
        }
        *payload += entry->batch_sizes[i];
    }
}

static void expect_produce(struct client *client, struct pending *pending,
                           const struct codec_request *request, bool known)
{
    const Kairn__ProduceRequest *body = request->head->produce;
    const uint8_t *payload = request->payload;

    client->may_close |= body->acks == 0;
    for (size_t i = 0; i < body->n_partitions && i < CLIENT_PARTS_MAX; i++)
        expect_part(client, pending, body->partitions[i], &payload,
                    request->payload + request->payload_size, known);
}

static void expect(struct client *client, const struct codec_request *request, bool known)
{
    const Kairn__RequestHead *head = request->head;
    struct model *model = client->model;
    struct pending *pending = &client->pending[client->count++];

    pending->correlation = head->correlation;
    pending->body = (uint32_t)head->body_case;
    pending->required = is_answered_soon(head);
    pending->part_count = 0;
    switch ((int)head->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_PRODUCE:
        expect_produce(client, pending, request, known);
        break;
    case KAIRN__REQUEST_HEAD__BODY_DELETE_RECORDS:
        for (size_t i = 0; i < head->delete_records->n_partitions; i++) {
            const Kairn__DeleteRecordsPartition *entry = head->delete_records->partitions[i];
            int partition = model_partition(model, entry->topic_id, entry->partition);
            if (partition >= 0)
                model_may_delete(model, partition, entry->offset);
            if (partition >= 0 && known)
                pending->parts[pending->part_count++] =
                    (struct pending_part){ .partition = partition };
        }
        break;
    case KAIRN__REQUEST_HEAD__BODY_LIST_OFFSETS:
        if (known) {
            const Kairn__ListOffsetsPartition *entry = head->list_offsets->partitions[0];
            int partition = model_partition(model, entry->topic_id, entry->partition);
            pending->part_count = entry->timestamp == -1 && partition >= 0;
            pending->parts[0].partition = partition;
            pending->parts[0].end = partition >= 0 ? model->end[partition] : 0;
            pending->parts[0].batch = NULL;
        }
        break;
    case KAIRN__REQUEST_HEAD__BODY_COMPACT_LOGS:
        model->compacted = true;
        break;
    default:
        break;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static void appended(struct client *client, const struct pending *pending,
                     const Kairn__ProduceResponse *body)
{
    for (size_t i = 0; i < pending->part_count && i < body->n_results; i++) {
        const Kairn__ProduceResult *result = body->results[i];
        int partition = pending->parts[i].partition;
        if (partition < 0 || result->error != NULL)
            continue;
        if (result->base_offset < 0 ||
            (pending->parts[i].plain && result->base_offset < pending->parts[i].end))
            abort();
        model_saw_end(client->model, partition, result->base_offset + pending->parts[i].records);
        if (pending->parts[i].batch != NULL)
            model_acknowledged(client->model, partition, result->base_offset,
                               pending->parts[i].batch, pending->parts[i].size);
    }
}

static void listed(struct client *client, const struct pending *pending,
                   const Kairn__ListOffsetsResponse *body)
{
    if (pending->part_count == 0 || body->n_results == 0 || body->results[0]->error != NULL)
        return;
    if (body->results[0]->offset < pending->parts[0].end)
        abort();
    model_saw_end(client->model, pending->parts[0].partition, body->results[0]->offset);
}

static void deleted(struct client *client, const struct pending *pending,
                    const Kairn__DeleteRecordsResponse *body)
{
    if (pending->part_count > 0 && body->n_results > 0 && body->results[0]->error == NULL)
        model_saw_start(client->model, pending->parts[0].partition, body->results[0]->log_start);
}

static void fetched(struct client *client, const Kairn__FetchResponse *body)
{
    struct model *model = client->model;

    if (body->session == 0)
        return;
    model->session_epoch = body->session == model->session ? model->session_epoch + 1 : 2;
    model->session = body->session;
}

static void answered(struct client *client, const Kairn__ResponseHead *head)
{
    size_t at = 0;

    while (at < client->count && client->pending[at].correlation != head->correlation)
        at++;
    if (at == client->count)
        abort();                    /* nobody asked, or it is the second answer */
    const struct pending *pending = &client->pending[at];
    if (head->error == NULL && (uint32_t)head->body_case != pending->body)
        abort();
    if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_PRODUCE)
        appended(client, pending, head->produce);
    if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_LIST_OFFSETS)
        listed(client, pending, head->list_offsets);
    if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_DELETE_RECORDS)
        deleted(client, pending, head->delete_records);
    if (head->body_case == KAIRN__RESPONSE_HEAD__BODY_FETCH)
        fetched(client, head->fetch);
    forget(client, at);
}

/* The next whole answer; false at the end of the stream. */
static bool receive(struct client *client, bool counts)
{
    uint8_t prefix[4];
    Kairn__ResponseHead *head;
    struct frame frame;
    struct arena arena;

    if (!receive_bytes(client->fd, prefix, sizeof prefix))
        return false;
    size_t size = load_u32(prefix) + sizeof prefix;
    if (size > ANSWER_MAX)
        abort();
    uint8_t *bytes = malloc(size);
    memcpy(bytes, prefix, sizeof prefix);
    if (!receive_bytes(client->fd, bytes + sizeof prefix, size - sizeof prefix)) {
        free(bytes);
        if (!client->lenient)
            abort();
        return false;
    }
    if (frame_split(bytes, size, &frame) != 0)
        abort();
    arena_init(&arena, NULL, 0, ARENA_LIMIT);
    if (head_unpack_response(frame.head, frame.head_size, &arena, &head) != 0)
        abort();
    if (counts)
        answered(client, head);
    arena_fini(&arena);
    free(bytes);
    return true;
}

static bool is_waited_for(const struct client *client)
{
    for (size_t i = 0; i < client->count; i++)
        if (client->pending[i].required)
            return true;
    return false;
}

/* Who finds the hang wants to know what hangs. */
static void expect_something(const struct client *client)
{
    if (is_readable(client->fd))
        return;
    for (size_t i = 0; i < client->count; i++)
        fprintf(stderr, "loop %u has not answered request %llu, body %u%s\n", client->loop,
                (unsigned long long)client->pending[i].correlation, client->pending[i].body,
                client->pending[i].required ? "" : " (and need not)");
    abort();
}

void client_settle(struct client *client)
{
    while (client->fd >= 0 && is_waited_for(client)) {
        expect_something(client);
        if (receive(client, true))
            continue;
        lose(client);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

/* It is no frame, or another one follows it: the broker says so or waits for more, and hangs up
 * when there is nothing more. */
static void send_nonsense(struct client *client, const uint8_t *bytes, size_t size)
{
    struct model *model = client->model;

    for (int partition = 0; partition < MODEL_PARTITIONS; partition++)
        model_may_delete(model, partition, INT64_MAX);      /* there may be requests within */
    model->compacted = true;
    client_settle(client);
    if (client->fd < 0)
        return;
    (void)send(client->fd, bytes, size, MSG_NOSIGNAL);
    shutdown(client->fd, SHUT_WR);
    while (receive(client, false)) {
    }
    client_close(client);
}

static bool connect_and_greet(struct client *client)
{
    const struct greeting_client greeting = { .lowest = 1, .highest = 3, .loop = client->loop };
    uint8_t bytes[GREETING_BROKER_SIZE];

    client->fd = connect_client();
    greeting_client_write(&greeting, bytes);
    if (send(client->fd, bytes, GREETING_CLIENT_SIZE, MSG_NOSIGNAL) == GREETING_CLIENT_SIZE &&
        receive_bytes(client->fd, bytes, sizeof bytes))
        return true;
    lose(client);
    return false;
}

void client_send(struct client *client, const uint8_t *bytes, size_t size, bool known)
{
    struct codec_request request;
    struct arena arena;
    uint8_t *copy = malloc(size);

    if (client->fd < 0 && !connect_and_greet(client)) {
        free(copy);
        return;
    }
    memcpy(copy, bytes, size);
    arena_init(&arena, NULL, 0, ARENA_LIMIT);
    ssize_t whole = codec_native.cut(copy, size, FRAME_MAX);
    if (whole != (ssize_t)size || codec_native.decode(copy, size, &arena, &request) != 0) {
        send_nonsense(client, bytes, size);
    } else {
        if (client->count == CLIENT_PENDING_MAX)
            client_close(client);
        else
            expect(client, &request, known);
        if (client->fd >= 0 && send(client->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
            lose(client);
    }
    arena_fini(&arena);
    free(copy);
}
