#include "tests/zk/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/endian.h"
#include "tests/zk/server.h"

static void changed(void *context, enum zk_state state)
{
    struct peer *peer = context;

    peer->state = state;
    peer->told[state]++;
}

void peer_start(struct peer *peer, struct inbox *inbox, const char *connect, int32_t timeout_ms)
{
    const struct zk_session_options options = { .connect = connect,
                                                .timeout_ms = timeout_ms,
                                                .target = &inbox->target,
                                                .changed = changed,
                                                .context = peer };
    struct k_reason reason;

    *peer = (struct peer){ .inbox = inbox, .state = ZK_SUSPENDED };
    ck_assert_int_eq(zk_session_open(&options, &peer->session, &reason), 0);
}

void peer_open_at(struct peer *peer, struct inbox *inbox, const char *connect, int32_t timeout_ms)
{
    peer_start(peer, inbox, connect, timeout_ms);
    UNTIL(inbox, peer->state == ZK_CONNECTED);
}

void peer_open(struct peer *peer, struct inbox *inbox, const char *suffix, int32_t timeout_ms)
{
    char connect[256];

    snprintf(connect, sizeof connect, "%s%s", server_address(), suffix);
    peer_open_at(peer, inbox, connect, timeout_ms);
}

void peer_close(struct peer *peer)
{
    zk_session_close(peer->session, PEER_WAIT_MS);
    peer->session = NULL;
}

int64_t peer_session_id(const struct peer *peer)
{
    struct zk_session_key key;

    return zk_session_key(peer->session, &key) ? key.id : 0;
}

/* Attach to the session by hand, with the order to close it right behind. The server cuts the
 * peer's connection then, and the peer hurries to take its session back: so one try may be lost.
 * True when the server said that there is no such session any more. */
static bool attach_and_close(const struct zk_session_key *key)
{
    enum { CONNECT_SIZE = 45, CLOSE_SIZE = 8, CLOSE_SESSION = -11 };
    unsigned char request[4 + CONNECT_SIZE + 4 + CLOSE_SIZE] = { 0 }, *at = request, answer[256];
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port =
                                       htons((uint16_t)atoi(strchr(server_address(), ':') + 1)) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = { .tv_usec = 200 * 1000 };
    size_t size = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    store_u32(at, CONNECT_SIZE);
    store_u32(at + 16, 10000); /* timeout; version and last zxid before it are 0 */
    store_u64(at + 20, (uint64_t)key->id);
    store_u32(at + 28, sizeof key->password);
    memcpy(at + 32, key->password, sizeof key->password);
    at += 4 + CONNECT_SIZE;
    store_u32(at, CLOSE_SIZE);
    store_u32(at + 4, 1);
    store_u32(at + 8, (uint32_t)CLOSE_SESSION);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(fd, request, sizeof request, MSG_NOSIGNAL), (ssize_t)sizeof request);
    for (ssize_t got = 1; got > 0 && size<sizeof answer; size += got> 0 ? (size_t)got : 0)
        got = recv(fd, answer + size, sizeof answer - size, 0);
    close(fd);
    return size >= 20 && load_u64(answer + 12) == 0;
}

void end_session(const struct zk_session_key *key)
{
    int64_t deadline_ms = clock_mono_ms(&clock_system) + PEER_WAIT_MS;

    while (!attach_and_close(key))
        ck_assert_int_lt(clock_mono_ms(&clock_system), deadline_ms);
}

void peer_end_session(const struct peer *peer)
{
    struct zk_session_key key;

    ck_assert(zk_session_key(peer->session, &key));
    end_session(&key);
}

void peer_expire(struct peer *peer)
{
    int before = peer->told[ZK_EXPIRED];

    peer_end_session(peer);
    UNTIL(peer->inbox, peer->told[ZK_EXPIRED] > before);
}

void answer_take(void *context, const struct zk_reply *reply)
{
    struct answer *answer = context;
    size_t size = reply->size < sizeof answer->data - 1 ? reply->size : sizeof answer->data - 1;

    answer->given = true;
    answer->times++;
    answer->code = reply->code;
    answer->size = reply->size;
    if (reply->data != NULL)
        memcpy(answer->data, reply->data, size);
    answer->data[size] = '\0';
    answer->stat = reply->stat;
    answer->child_count = reply->child_count;
    answer->failed_op = reply->failed_op;
    if (reply->created != NULL)
        snprintf(answer->created, sizeof answer->created, "%s", reply->created);
}

static struct answer wait_for(struct peer *peer, int code, struct answer *answer)
{
    if (code != 0) {
        answer->code = code;
        return *answer;
    }
    ck_assert(!answer->given);
    UNTIL(peer->inbox, answer->given);
    return *answer;
}

struct answer peer_get(struct peer *peer, const char *path, struct zk_watch *watch)
{
    struct answer answer = { 0 };

    return wait_for(peer, zk_get(peer->session, path, watch, answer_take, &answer), &answer);
}

struct answer peer_exists(struct peer *peer, const char *path, struct zk_watch *watch)
{
    struct answer answer = { 0 };

    return wait_for(peer, zk_exists(peer->session, path, watch, answer_take, &answer), &answer);
}

struct answer peer_children(struct peer *peer, const char *path, struct zk_watch *watch)
{
    struct answer answer = { 0 };

    return wait_for(peer, zk_children(peer->session, path, watch, answer_take, &answer), &answer);
}

struct answer peer_set(struct peer *peer, const char *path, const char *text, int32_t version)
{
    struct answer answer = { 0 };

    return wait_for(peer,
                    zk_set(peer->session, path, text, strlen(text), version, answer_take, &answer),
                    &answer);
}

struct answer peer_sync(struct peer *peer, const char *path)
{
    struct answer answer = { 0 };

    return wait_for(peer, zk_sync(peer->session, path, answer_take, &answer), &answer);
}

struct answer peer_multi(struct peer *peer, const struct zk_op *ops, size_t count)
{
    struct answer answer = { 0 };

    return wait_for(peer, zk_multi(peer->session, ops, count, answer_take, &answer), &answer);
}

struct answer peer_do(struct peer *peer, enum zk_op_kind kind, const char *path, const char *text)
{
    const struct zk_op op = { .kind = kind,
                              .path = path,
                              .data = text,
                              .size = text == NULL ? 0 : strlen(text),
                              .version = -1 };

    return peer_multi(peer, &op, 1);
}
