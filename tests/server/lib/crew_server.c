#include "tests/server/lib/crew_server.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/list.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/loop.h"
#include "proto/frame.h"
#include "proto/greeting.h"
#include "proto/head.h"
#include "server/runtime/control.h"

enum { FRAME_MAX = 4 << 20 };

struct crew_server {
    struct loop *loop;
    struct listener *listener;
    struct control *control;
    int32_t broker;
    char cluster_id[25];
    struct list visitors;
};

/* A connection; kept until the loop has ended, as answers may come after it is closed. */
struct visitor {
    struct list node;
    struct crew_server *server;
    struct conn *conn;                      /* NULL once closed */
    bool greeted;
};

struct served {
    struct control_request request;
    struct visitor *visitor;
    uint64_t correlation;
    Kairn__ResponseHead response;
    struct arena arena;
};

static void answered(struct control_request *request)
{
    struct served *served = LIST_OWNER(request, struct served, request);
    struct chain chain;

    chain_init(&chain);
    served->response.correlation = served->correlation;
    if (request->code != 0)
        served->response.error = head_error(&served->arena, request->code, request->message);
    ck_assert_int_eq(head_pack_response(&served->response, 0, &chain), 0);
    if (served->visitor->conn != NULL)
        conn_send(served->visitor->conn, &chain);
    chain_fini(&chain);
    arena_fini(&served->arena);
    free(served);
}

static void serve(struct visitor *visitor, uint8_t *bytes, size_t size)
{
    struct served *served = calloc(1, sizeof *served);
    Kairn__RequestHead *head;
    struct frame frame;

    ck_assert_ptr_nonnull(served);
    arena_init(&served->arena, NULL, 0, SIZE_MAX);
    ck_assert_int_eq(frame_split(bytes, size, &frame), 0);
    ck_assert_int_eq(head_unpack_request(frame.head, frame.head_size, &served->arena, &head), 0);
    kairn__response_head__init(&served->response);
    served->visitor = visitor;
    served->correlation = head->correlation;
    served->request = (struct control_request){
        .answer_to = loop_mail_target(visitor->server->loop),
        .answered = answered,
        .head = head,
        .deadline_ms = loop_now_ms(visitor->server->loop) + head->timeout_ms,
        .arena = &served->arena,
        .response = &served->response,
    };
    control_ask(visitor->server->control, &served->request);
}

/* --- connections ------------------------------------------------------------------------------ */

static ssize_t cut(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct visitor *visitor = conn_owner(conn);
    struct greeting_client greeting;

    return visitor->greeted ? frame_cut(bytes, size, FRAME_MAX)
                            : greeting_client_read(bytes, size, &greeting);
}

static void frame(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct visitor *visitor = conn_owner(conn);
    struct chain chain;

    (void)slab;
    if (visitor->greeted) {
        serve(visitor, bytes, size);
        return;
    }
    visitor->greeted = true;
    struct greeting_broker greeting = { PROTOCOL_LOWEST, PROTOCOL_HIGHEST,
                                        visitor->server->broker, 1, 0, "" };
    snprintf(greeting.cluster_id, sizeof greeting.cluster_id, "%s", visitor->server->cluster_id);
    chain_init(&chain);
    greeting_broker_write(&greeting, chain_reserve(&chain, GREETING_BROKER_SIZE));
    conn_send(conn, &chain);
    chain_fini(&chain);
}

static void over(struct conn *conn, int code)
{
    struct visitor *visitor = conn_owner(conn);

    (void)code;
    visitor->conn = NULL;
    conn_close(conn);
}

static void accepted(void *context, int fd)
{
    static const struct conn_handler handler = { .cut = cut, .frame = frame, .over = over };
    struct crew_server *server = context;
    struct visitor *visitor = calloc(1, sizeof *visitor);
    const struct conn_options options = { .handler = &handler, .owner = visitor };

    ck_assert_ptr_nonnull(visitor);
    visitor->server = server;
    list_append(&server->visitors, &visitor->node);
    ck_assert_int_eq(conn_new(server->loop, fd, &options, &visitor->conn), 0);
}

/* --- life ------------------------------------------------------------------------------------- */

struct crew_server *crew_server_new(struct loop *loop, int32_t broker)
{
    struct crew_server *server = calloc(1, sizeof *server);
    struct k_reason reason;

    ck_assert_ptr_nonnull(server);
    server->loop = loop;
    server->broker = broker;
    list_init(&server->visitors);
    ck_assert_int_eq(
        listener_new(loop, "127.0.0.1", 0, accepted, server, &server->listener, &reason), 0);
    return server;
}

void crew_server_use(struct crew_server *server, struct control *control, const char *cluster_id)
{
    server->control = control;
    snprintf(server->cluster_id, sizeof server->cluster_id, "%s", cluster_id);
}

uint16_t crew_server_port(const struct crew_server *server)
{
    return listener_port(server->listener);
}

void crew_server_close(struct crew_server *server)
{
    listener_free(server->listener);
    server->listener = NULL;
    LIST_EACH(&server->visitors, node)
    {
        struct visitor *visitor = LIST_OWNER(node, struct visitor, node);
        if (visitor->conn != NULL)
            conn_close(visitor->conn);
        visitor->conn = NULL;
    }
}

void crew_server_free(struct crew_server *server)
{
    LIST_EACH_SAFE(&server->visitors, node, after)
    free(LIST_OWNER(node, struct visitor, node));
    free(server);
}
