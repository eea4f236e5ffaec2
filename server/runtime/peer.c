#include "server/runtime/peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/chain.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/frame.h"
#include "proto/greeting.h"
#include "proto/head.h"

enum { PEER_FRAME_MAX = 100 << 20 };

struct peer {
    struct channel *channel;
    uint16_t wanted_loop;
    char cluster_id[25];
};

static int greet(void *context, struct chain *out)
{
    const struct peer *peer = context;
    uint8_t *at = chain_reserve(out, GREETING_CLIENT_SIZE);
    if (at == NULL)
        return K_NOMEM;
    const struct greeting_client greeting = { PROTOCOL_LOWEST, PROTOCOL_HIGHEST,
                                              peer->wanted_loop };
    greeting_client_write(&greeting, at);
    return 0;
}

static ssize_t greeted(void *context, const uint8_t *bytes, size_t size)
{
    struct peer *peer = context;
    struct greeting_broker greeting;
    ssize_t used = greeting_broker_read(bytes, size, &greeting);
    if (used > 0 && strcmp(greeting.cluster_id, peer->cluster_id) != 0) {
        LOG_ERROR("peer-refused", "reason=\"it belongs to cluster %s, we to %s\"",
                  greeting.cluster_id, peer->cluster_id);
        return K_WRONG_CLUSTER;
    }
    return used;
}

static ssize_t cut(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    return frame_cut(bytes, size, PEER_FRAME_MAX);
}

static int correlation(void *context, const uint8_t *bytes, size_t size, uint64_t *out)
{
    (void)context;
    struct frame frame;
    int error = frame_split((uint8_t *)bytes, size, &frame);
    return error != 0 ? error : head_peek_correlation(frame.head, frame.head_size, out);
}

static const struct channel_protocol peer_protocol = { greet, greeted, cut, correlation };

int peer_new(struct loop *loop, struct resolver *resolver, const char *host, uint16_t port,
             const char *cluster_id, uint16_t wanted_loop, struct peer **out)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return K_NOMEM;
    peer->wanted_loop = wanted_loop;
    strncpy(peer->cluster_id, cluster_id, sizeof peer->cluster_id - 1);
    struct channel_options options = {
        .resolver = resolver, .protocol = &peer_protocol, .protocol_context = peer,
        .host = host, .port = port,
    };
    int error = channel_new(loop, &options, &peer->channel);
    if (error != 0) {
        free(peer);
        return error;
    }
    *out = peer;
    return 0;
}

void peer_free(struct peer *peer)
{
    if (peer == NULL)
        return;
    channel_free(peer->channel);
    free(peer);
}

int peer_ask(struct peer *peer, struct channel_call *call, Kairn__RequestHead *head,
             int64_t timeout_ms)
{
    struct chain chain;
    chain_init(&chain);
    head->correlation = channel_next_correlation(peer->channel);
    call->correlation = head->correlation;
    int error = head_pack_request(head, 0, &chain);
    if (error != 0) {
        chain_fini(&chain);
        return error;
    }
    channel_ask(peer->channel, call, &chain, timeout_ms, true);
    return 0;
}

void peer_cancel(struct peer *peer, struct channel_call *call)
{
    channel_cancel(peer->channel, call);
}

int peer_answer(uint8_t *bytes, size_t size, struct arena *arena, Kairn__ResponseHead **out)
{
    struct frame frame;
    int error = frame_split(bytes, size, &frame);
    if (error == 0)
        error = head_unpack_response(frame.head, frame.head_size, arena, out);
    return error != 0 ? error : head_error_code((*out)->error);
}
