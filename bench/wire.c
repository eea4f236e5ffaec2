#include "bench/wire.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/loopback.h"
#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum { REQUEST_MAX = 4096, ANSWER_MAX = 4 << 20, TIMEOUT_MS = 30000 };

static void __attribute__((noreturn)) quit(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

int wire_dial(const char *broker)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char host[256];
    const char *colon = strrchr(broker, ':');

    if (colon == NULL || (size_t)(colon - broker) >= sizeof host)
        quit(broker, "not host:port");
    snprintf(host, sizeof host, "%.*s", (int)(colon - broker), broker);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        quit(broker, "no such address");
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        bench_die(broker);
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    return fd;
}

int wire_connect(const char *broker, uint16_t loop)
{
    const struct greeting_client client = { PROTOCOL_LOWEST, PROTOCOL_HIGHEST, loop };
    uint8_t ours[GREETING_CLIENT_SIZE], theirs[GREETING_BROKER_SIZE];
    int fd = wire_dial(broker);

    greeting_client_write(&client, ours);
    bench_write_whole(fd, ours, sizeof ours);
    if (!bench_read_whole(fd, theirs, sizeof theirs))
        quit(broker, "no greeting");
    return fd;
}

size_t wire_pack(const Kairn__RequestHead *head, size_t payload_size, uint8_t *to, size_t room)
{
    struct chain chain;
    size_t size = 0;

    chain_init(&chain);
    if (head_pack_request(head, payload_size, &chain) != 0 || chain.size > room)
        quit("request", "it can not be packed");
    for (struct chain_piece *piece; (piece = chain_pop(&chain)) != NULL; chain_piece_free(piece)) {
        memcpy(to + size, piece->bytes, piece->size);
        size += piece->size;
    }
    return size;
}

size_t wire_pack_produce(const Kairn__RequestHead *head, const ProtobufCBinaryData *topic_id,
                         int32_t partition, uint32_t batch_size, uint8_t *to, size_t room)
{
    Kairn__ProducePartition part = KAIRN__PRODUCE_PARTITION__INIT, *parts[] = { &part };
    Kairn__ProduceRequest body = KAIRN__PRODUCE_REQUEST__INIT;
    Kairn__RequestHead whole = *head;

    part.topic_id = *topic_id;
    part.partition = partition;
    part.leader_epoch = -1;
    part.n_batch_sizes = 1;
    part.batch_sizes = &batch_size;
    body.acks = -1;
    body.n_partitions = 1;
    body.partitions = parts;
    whole.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    whole.produce = &body;
    return wire_pack(&whole, batch_size, to, room);
}

const Kairn__ResponseHead *wire_ask(int fd, Kairn__RequestHead *head)
{
    static uint8_t bytes[ANSWER_MAX], request[REQUEST_MAX];
    static struct arena arena;
    Kairn__ResponseHead *answer;
    struct frame frame;

    if (arena.limit == 0)
        arena_init(&arena, NULL, 0, SIZE_MAX);
    arena_reset(&arena);
    head->correlation = 1;
    head->client_id = (char *)"bench";
    head->timeout_ms = TIMEOUT_MS;
    bench_write_whole(fd, request, wire_pack(head, 0, request, sizeof request));
    if (!bench_read_whole(fd, bytes, 4))
        quit("answer", "the broker hung up");
    size_t size = load_u32(bytes) + 4;
    if (size > sizeof bytes || !bench_read_whole(fd, bytes + 4, size - 4) ||
        frame_split(bytes, size, &frame) != 0 ||
        head_unpack_response(frame.head, frame.head_size, &arena, &answer) != 0)
        quit("answer", "it can not be read");
    if (answer->error != NULL)
        quit("answer", k_error_name(answer->error->code));
    return answer;
}

const Kairn__TopicInfo *wire_topic(int fd, const char *name)
{
    Kairn__MetadataRequest body = KAIRN__METADATA_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    char *names[] = { (char *)name };

    body.n_topics = 1;
    body.topics = names;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_METADATA;
    head.metadata = &body;
    const Kairn__ResponseHead *answer = wire_ask(fd, &head);
    if (answer->metadata->n_topics != 1 || answer->metadata->topics[0]->error != NULL)
        quit(name, "no such topic");
    return answer->metadata->topics[0];
}
