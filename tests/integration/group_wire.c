#include "tests/integration/group_wire.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/frame.h"
#include "proto/greeting.h"

enum { ANSWER_MAX = FRAME_PREFIX + FRAME_HEAD_MAX };

const char *bootstrap, *group;
static int fd = -1;
static struct arena arena;                  /* of the last answer */

void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "probe: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- frames ----------------------------------------------------------------------------------- */

void disconnect(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}

/* False, and no connection any more. */
static bool transfer(void *bytes, size_t size, bool receives)
{
    for (size_t done = 0; done < size && fd >= 0;) {
        ssize_t more = receives ? recv(fd, (char *)bytes + done, size - done, 0)
                                : send(fd, (char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            disconnect();
        else
            done += (size_t)more;
    }
    return fd >= 0;
}

static bool greet(void)
{
    const struct greeting_client client = {.lowest = 1, .highest = 1, .loop = 0xffff};
    uint8_t ours[GREETING_CLIENT_SIZE], theirs[GREETING_BROKER_SIZE];

    greeting_client_write(&client, ours);
    return transfer(ours, sizeof ours, false) && transfer(theirs, sizeof theirs, true);
}

static bool connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    const struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    struct addrinfo *found;

    disconnect();
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        disconnect();
    freeaddrinfo(found);
    return fd >= 0 && greet();
}

void send_request(Kairn__RequestHead *head, uint64_t correlation)
{
    struct chain chain;

    head->correlation = correlation;
    head->client_id = (char *)"probe";
    head->timeout_ms = PATIENCE_MS;
    chain_init(&chain);
    if (head_pack_request(head, 0, &chain) != 0)
        fail("a request can not be packed");
    for (struct chain_piece *piece; (piece = chain_pop(&chain)) != NULL; chain_piece_free(piece))
        transfer((void *)piece->bytes, piece->size, false);
}

const Kairn__ResponseHead *receive_answer(void)
{
    static uint8_t bytes[ANSWER_MAX];
    Kairn__ResponseHead *head;
    struct frame frame;

    if (arena.limit == 0)
        arena_init(&arena, NULL, 0, SIZE_MAX);
    if (!transfer(bytes, 4, true))
        return NULL;
    size_t size = load_u32(bytes) + 4;
    if (size > sizeof bytes)
        fail("an answer of %zu bytes", size);
    if (!transfer(bytes + 4, size - 4, true))
        return NULL;
    arena_reset(&arena);
    if (frame_split(bytes, size, &frame) != 0 ||
        head_unpack_response(frame.head, frame.head_size, &arena, &head) != 0)
        fail("an answer that can not be read");
    return head;
}

int ask(Kairn__RequestHead *head, const Kairn__ResponseHead **answer)
{
    send_request(head, 1);
    *answer = receive_answer();
    return *answer == NULL ? K_NETWORK_EXCEPTION : head_error_code((*answer)->error);
}

bool is_forgiven(int code)
{
    return code == K_NETWORK_EXCEPTION || code == K_NOT_COORDINATOR ||
           code == K_COORDINATOR_NOT_AVAILABLE || code == K_COORDINATOR_LOAD_IN_PROGRESS;
}

/* --- the coordinator -------------------------------------------------------------------------- */

/* Ask who coordinates whoever the connection goes to; -1: not known. */
static int32_t find(char *host, size_t host_size, char *port, size_t port_size)
{
    char *groups[] = {(char *)group};
    Kairn__FindCoordinatorRequest body = KAIRN__FIND_COORDINATOR_REQUEST__INIT;
    Kairn__RequestHead head = KAIRN__REQUEST_HEAD__INIT;
    const Kairn__ResponseHead *answer;

    body.n_groups = 1;
    body.groups = groups;
    head.body_case = KAIRN__REQUEST_HEAD__BODY_FIND_COORDINATOR;
    head.find_coordinator = &body;
    if (ask(&head, &answer) != 0)
        return -1;
    const Kairn__Coordinator *coordinator = answer->find_coordinator->coordinators[0];
    if (head_error_code(coordinator->error) != 0)
        return -1;
    snprintf(host, host_size, "%s", coordinator->host);
    snprintf(port, port_size, "%u", coordinator->port);
    return coordinator->broker;
}

/* Connect to the coordinator, by way of any broker that answers. */
static int32_t find_once(void)
{
    char list[512], host[256], port[16], *rest = list;

    snprintf(list, sizeof list, "%s", bootstrap);
    for (char *broker = strtok_r(list, ",", &rest); broker != NULL;
         broker = strtok_r(NULL, ",", &rest)) {
        char *colon = strrchr(broker, ':');
        if (colon == NULL)
            fail("not host:port: %s", broker);
        *colon = '\0';
        if (!connect_to(broker, colon + 1))
            continue;
        int32_t id = find(host, sizeof host, port, sizeof port);
        if (id >= 0 && connect_to(host, port))
            return id;
    }
    return -1;
}

int32_t find_coordinator(void)
{
    int64_t until_ms = now_ms() + PATIENCE_MS;
    int32_t id;

    while ((id = find_once()) < 0) {
        if (now_ms() > until_ms)
            fail("nobody coordinates %s", group);
        poll(NULL, 0, AGAIN_MS);
    }
    return id;
}
