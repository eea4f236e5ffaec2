#include "client/link.h"

#include <stdlib.h>

#include "client/broker.h"
#include "client/cluster.h"
#include "client/config.h"
#include "client/handle.h"
#include "client/reach.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/log.h"
#include "proto/frame.h"
#include "proto/greeting.h"

/* 20 MB/s, as seen over a quarter of a second. */
enum { WINDOW_MS = 250, WINDOW_BYTES = 5000000, LOOPS_MAX = 256 };

/* --- what the channel needs to know about our bytes ------------------------------------------- */

static int greet(void *context, struct chain *out)
{
    const struct link *link = context;
    struct greeting_client greeting = { PROTOCOL_LOWEST, PROTOCOL_HIGHEST, link->wanted };
    uint8_t *at = chain_reserve(out, GREETING_CLIENT_SIZE);

    if (at == NULL)
        return K_NOMEM;
    greeting_client_write(&greeting, at);
    return 0;
}

/* An advertised address that leads to another broker or cluster is worse than none: records would
 * end up in the wrong place. */
static ssize_t greeted(void *context, const uint8_t *bytes, size_t size)
{
    struct link *link = context;
    const struct broker *broker = link->broker;
    struct greeting_broker greeting;
    ssize_t used = greeting_broker_read(bytes, size, &greeting);

    if (used <= 0)
        return used;
    if (!cluster_accepts(broker->klient->cluster, greeting.cluster_id))
        return K_WRONG_CLUSTER;
    if (broker->id >= 0 && greeting.broker_id != broker->id)
        return K_WRONG_BROKER;
    link->loop = greeting.loop;
    return used;
}

static ssize_t cut(void *context, const uint8_t *bytes, size_t size)
{
    const struct link *link = context;

    return frame_cut(bytes, size,
                     (size_t)link->broker->klient->config->values.receive_frame_bytes_max);
}

static int correlation(void *context, const uint8_t *bytes, size_t size, uint64_t *out)
{
    struct frame frame;

    (void)context;
    int code = frame_split((uint8_t *)bytes, size, &frame);
    return code != 0 ? code : head_peek_correlation(frame.head, frame.head_size, out);
}

static const struct channel_protocol protocol = { greet, greeted, cut, correlation };

/* --- link ------------------------------------------------------------------------------------- */

static bool is_first(const struct link *link)
{
    return link->wanted == GREETING_ANY_LOOP;
}

static void changed(void *context, int code)
{
    struct link *link = context;
    struct broker *broker = link->broker;

    if (code != 0)
        LOG_DEBUG("broker-unreachable", "broker=%d address=%s:%u error=%s", broker->id,
                  broker->host, broker->port, k_error_name(code));
    if (is_first(link)) {
        broker->failed_at_ms = code == 0 ? 0 : loop_now_ms(broker->klient->loop);
        if (code == 0)
            broker_connected(broker);
        else
            broker_disconnected(broker);
        if (code != 0 && code != K_REQUEST_TIMED_OUT)       /* we closed it: it was idle */
            reach_failed(broker, code == K_CLOSED ? K_NETWORK_EXCEPTION : code, false);
    } else if (code != 0)
        link_close(link);       /* the first takes over; traffic brings this one back */
}

void link_init(struct link *link, struct broker *broker, uint16_t wanted)
{
    *link = (struct link){ .broker = broker, .wanted = wanted, .loop = -1 };
    list_init(&link->node);
}

void link_close(struct link *link)
{
    struct channel *old = link->channel;

    link->channel = NULL;
    link->loop = -1;
    link->bytes = 0;
    channel_free(old);
}

struct channel_options link_options(const struct config_values *values)
{
    return (struct channel_options){
        .connect_timeout_ms = values->connection_setup_timeout_ms,
        .backoff_ms = values->reconnect_backoff_ms,
        .backoff_max_ms = values->reconnect_backoff_max_ms,
        .idle_ms = values->connections_max_idle_ms,
        .congestion = values->tcp_congestion,
    };
}

int link_connect(struct link *link)
{
    struct broker *broker = link->broker;
    struct channel_options options = link_options(&broker->klient->config->values);

    if (link->channel != NULL)
        return 0;
    options.resolver = broker->klient->resolver;
    options.protocol = &protocol;
    options.protocol_context = link;
    options.host = broker->host;
    options.port = broker->port;
    options.changed = changed;
    options.changed_context = link;
    return channel_new(broker->klient->loop, &options, &link->channel);
}

bool link_ready(const struct link *link)
{
    return link->channel != NULL && channel_ready(link->channel);
}

static struct link *find(struct broker *broker, int32_t loop)
{
    LIST_EACH(&broker->links, node) {
        struct link *link = LIST_OWNER(node, struct link, node);
        if (link->wanted == loop)
            return link;
    }
    return NULL;
}

struct link *link_for(struct broker *broker, int32_t loop)
{
    struct link *link = loop == broker->first.loop ? NULL : find(broker, loop);

    return link != NULL && link_ready(link) ? link : &broker->first;
}

void link_count(struct broker *broker, int32_t loop, uint64_t bytes)
{
    if (loop < 0 || loop >= LOOPS_MAX || loop == broker->first.loop)
        return;
    struct link *link = find(broker, loop);
    if (link == NULL) {
        if ((link = malloc(sizeof *link)) == NULL)
            return;
        link_init(link, broker, (uint16_t)loop);
        list_append(&broker->links, &link->node);
    }
    if (link->channel != NULL)
        return;
    int64_t now = loop_now_ms(broker->klient->loop);
    if (now - link->since_ms > WINDOW_MS) {
        link->since_ms = now;
        link->bytes = 0;
    }
    link->bytes += bytes;
    if (link->bytes >= WINDOW_BYTES)
        (void)link_connect(link);       /* out of memory: the next bytes try again */
}
