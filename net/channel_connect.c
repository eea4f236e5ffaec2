/* How a channel gets its connection: back-off, name, each address in turn, greeting. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "net/channel_internal.h"

enum {
    CONNECT_TIMEOUT_MS_DEFAULT = 10000,
    BACKOFF_MS_DEFAULT = 50,
    BACKOFF_MS_MAX_DEFAULT = 1000,
    /* A machine that vanished answers nothing: give up on bytes that it does not acknowledge. */
    UNACKNOWLEDGED_MS_MAX = 30000
};

static void try_next_address(struct channel *channel);

/* --- back-off --------------------------------------------------------------------------------- */

/* A fifth more or less, so that a thousand clients do not come back in the same millisecond. */
static int64_t with_jitter(struct channel *channel, int64_t delay_ms)
{
    int64_t spread = delay_ms * 2 / 5;
    return delay_ms - spread / 2 + (int64_t)rand_below(&channel->chance, (uint64_t)spread + 1);
}

static void back_off(struct channel *channel)
{
    channel->not_before_ms = loop_now_ms(channel->loop) + with_jitter(channel, channel->delay_ms);
    channel->delay_ms *= 2;
    if (channel->delay_ms > channel->options.backoff_max_ms)
        channel->delay_ms = channel->options.backoff_max_ms;
}

static void attempt_failed(struct channel *channel, int code)
{
    channel_disconnect(channel);
    back_off(channel);
    channel_unusable(channel, code);
}

void channel_lost(struct channel *channel, int code)
{
    bool was_good =
        loop_now_ms(channel->loop) - channel->ready_ms >= channel->options.backoff_max_ms;

    /* One that worked for a while may come back at once. One that is lost as soon as it is greeted
     * must not be tried in a tight circle. */
    channel_disconnect(channel);
    if (was_good)
        channel->delay_ms = channel->options.backoff_ms;
    else
        back_off(channel);
    channel_unusable(channel, code);
}

/* --- greeting --------------------------------------------------------------------------------- */

static ssize_t cut_greeting(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct channel *channel = conn_owner(conn);
    return channel->options.protocol->greeted(channel->options.protocol_context, bytes, size);
}

static ssize_t cut_frame(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct channel *channel = conn_owner(conn);
    return channel->options.protocol->cut(channel->options.protocol_context, bytes, size);
}

static void on_frame(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    channel_answered(conn_owner(conn), slab, bytes, size);
}

static void on_sent(struct conn *conn)
{
    channel_report_written(conn_owner(conn));
}

static void on_lost(struct conn *conn, int code)
{
    channel_lost(conn_owner(conn), code);
}

static void on_greeting_failed(struct conn *conn, int code)
{
    struct channel *channel = conn_owner(conn);

    /* Why the connection broke says nothing to who asked; why the greeting was refused does. */
    bool broke = code == K_CLOSED || code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT;
    channel->failure = broke ? K_CONNECTION_FAILED : code;
    try_next_address(channel);
}

static const struct conn_handler ready_handler = {
    .cut = cut_frame, .frame = on_frame, .over = on_lost, .sent = on_sent,
};

static void on_greeted(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct channel *channel = conn_owner(conn);

    (void)slab;
    (void)bytes;
    (void)size;
    timer_stop(&channel->attempt);
    conn_set_handler(conn, &ready_handler, channel);
    channel->state = CHANNEL_READY;
    channel->ready_ms = loop_now_ms(channel->loop);
    channel_usable(channel);
}

static const struct conn_handler greeting_handler = {
    .cut = cut_greeting, .frame = on_greeted, .over = on_greeting_failed,
};

/* The socket is connected: make it a connection and greet. Takes the descriptor. */
static int greet(struct channel *channel, int fd)
{
    const struct conn_options options = {
        .handler = &greeting_handler, .owner = channel, .idle_ms = channel->options.idle_ms,
    };
    struct chain greeting;

    int error = conn_new(channel->loop, fd, &options, &channel->conn);
    if (error != 0)
        return error;
    channel->state = CHANNEL_GREETING;
    chain_init(&greeting);
    error = channel->options.protocol->greet(channel->options.protocol_context, &greeting);
    if (error != 0) {
        chain_fini(&greeting);
        return error;
    }
    channel->bytes_asked = greeting.size;
    conn_send(channel->conn, &greeting);
    return 0;
}

/* --- addresses -------------------------------------------------------------------------------- */

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static void set_congestion(int fd, const char *algorithm)
{
    if (algorithm != NULL && algorithm[0] != '\0' &&
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm, (socklen_t)strlen(algorithm)) != 0)
        LOG_WARN("congestion-control-unavailable", "algorithm=\"%s\" reason=\"%s\"", algorithm,
                 strerror(errno));
}

/* Begin to connect; returns the descriptor or -1. */
static int begin_to_connect(const struct sockaddr_storage *address, socklen_t size,
                            const char *congestion)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX);
    set_congestion(fd, congestion);
    if (connect(fd, (const struct sockaddr *)address, size) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
    struct channel *channel = context;
    int cause = 0;
    socklen_t size = sizeof cause;

    (void)what;
    loop_turn_begin(channel->loop);
    channel->fd = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size) != 0 || cause != 0) {
        channel->failure = K_CONNECTION_FAILED;
        loop_close(channel->loop, fd);
        try_next_address(channel);
        return;
    }
    int error = greet(channel, fd);
    if (error != 0) {
        channel->failure = error;
        try_next_address(channel);
    }
}

static void try_next_address(struct channel *channel)
{
    channel_disconnect(channel);
    while (channel->address_next < channel->addresses.count) {
        int at = channel->address_next++;
        int fd = begin_to_connect(&channel->addresses.addresses[at], channel->addresses.sizes[at],
                                  channel->options.congestion);
        if (fd < 0) {
            channel->failure = K_CONNECTION_FAILED;
            continue;
        }
        if (event_assign(&channel->connected, channel->loop->base, fd, EV_WRITE, on_connected,
                         channel) != 0 ||
            event_add(&channel->connected, NULL) != 0) {
            channel->failure = K_NOMEM;
            close(fd);
            continue;
        }
        loop_own(channel->loop, fd);
        channel->fd = fd;
        channel->state = CHANNEL_CONNECTING;
        timer_after(&channel->attempt, channel->options.connect_timeout_ms);
        return;
    }
    attempt_failed(channel, channel->failure);
}

static void on_resolved(void *context, const struct resolved *result)
{
    struct channel *channel = context;

    channel->query = NULL;
    if (result->code != 0) {
        attempt_failed(channel, result->code);
        return;
    }
    channel->addresses = *result;
    channel->address_next = 0;
    try_next_address(channel);
}

/* --- attempts --------------------------------------------------------------------------------- */

static void begin_attempt(struct channel *channel)
{
    const struct channel_options *options = &channel->options;

    channel->failure = K_CONNECTION_FAILED;
    channel->query = resolve(options->resolver, channel->loop, options->host, options->port,
                             on_resolved, channel);
    if (channel->query == NULL) {
        attempt_failed(channel, K_NOMEM);
        return;
    }
    channel->state = CHANNEL_RESOLVING;
    timer_after(&channel->attempt, options->connect_timeout_ms);
}

static void on_attempt_timer(void *context)
{
    struct channel *channel = context;

    switch (channel->state) {
    case CHANNEL_WAITING:
        begin_attempt(channel);
        break;
    case CHANNEL_RESOLVING:
        attempt_failed(channel, K_RESOLVE_FAILED);
        break;
    case CHANNEL_CONNECTING:
    case CHANNEL_GREETING:
        channel->failure = K_CONNECTION_FAILED;
        try_next_address(channel);
        break;
    case CHANNEL_IDLE:
    case CHANNEL_READY:
        break;
    }
}

void channel_connect(struct channel *channel)
{
    assert(channel->state == CHANNEL_IDLE);
    if (channel->not_before_ms > loop_now_ms(channel->loop)) {
        channel->state = CHANNEL_WAITING;
        timer_at(&channel->attempt, channel->not_before_ms);
        return;
    }
    begin_attempt(channel);
}

void channel_disconnect(struct channel *channel)
{
    timer_stop(&channel->attempt);
    if (channel->query != NULL)
        resolve_cancel(channel->query);
    channel->query = NULL;
    if (channel->fd >= 0) {
        event_del(&channel->connected);
        loop_close(channel->loop, channel->fd);
    }
    channel->fd = -1;
    if (channel->conn != NULL)
        conn_close(channel->conn);
    channel->conn = NULL;
    channel->state = CHANNEL_IDLE;
}

int channel_connect_init(struct channel *channel)
{
    struct channel_options *options = &channel->options;

    if (options->connect_timeout_ms <= 0)
        options->connect_timeout_ms = CONNECT_TIMEOUT_MS_DEFAULT;
    if (options->backoff_ms <= 0)
        options->backoff_ms = BACKOFF_MS_DEFAULT;
    if (options->backoff_max_ms <= 0)
        options->backoff_max_ms = BACKOFF_MS_MAX_DEFAULT;
    if (options->backoff_max_ms < options->backoff_ms)
        options->backoff_max_ms = options->backoff_ms;
    channel->delay_ms = options->backoff_ms;
    channel->fd = -1;
    rand_seed_from_system(&channel->chance);
    return timer_init(&channel->attempt, channel->loop, on_attempt_timer, channel);
}

void channel_connect_fini(struct channel *channel)
{
    channel_disconnect(channel);
    timer_fini(&channel->attempt);
}
