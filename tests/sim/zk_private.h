/* zk_private.h - between zk.c and zk_client.c. */
#ifndef TESTS_SIM_ZK_PRIVATE_H
#define TESTS_SIM_ZK_PRIVATE_H

#include "tests/sim/zk.h"

enum request_kind { REQUEST_MULTI, REQUEST_SYNC, REQUEST_READ, REQUEST_PING };

struct request_head {
    enum request_kind kind;
    struct zk_client *client;
    uint64_t generation, call;
    int64_t session;
    int server, node, op_count;
    bool watch;
};

struct request {
    struct request_head head;
    struct zk_op ops[];
};

struct response {
    uint64_t generation, call;
    struct zk_reply reply;
    int64_t zxid;
};

struct zk_session *zk_session_find(struct zk *zk, int64_t id);
int64_t zk_session_new(struct zk *zk, int32_t timeout_ms);
void zk_request_arrived(void *context, void *payload);

/* The connection is gone, and what was not begun with it. */
void zk_queue_drop(struct zk_client *client);

/* The server ends the connection: no quorum, or no such session. */
void client_close_by_server(struct zk_client *client);

/* Something that was said is lost: the connection ends, as soon as that is noticed. */
void client_stream_broke(struct zk_client *client);

void client_response(void *context, void *payload);
/* The node changed at the server that the client talks to. */
void client_watch_fires(struct zk_client *client, int node);

#endif
