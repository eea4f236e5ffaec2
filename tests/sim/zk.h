/* zk.h - a model of a ZooKeeper ensemble, as far as brokers can tell.
 *
 * One sequence of writes; three servers that carry it out late, each at its own pace, and answer
 * reads from what they have; sessions that expire at the leader, with their ephemeral nodes;
 * versions; multis with checks; watches that fire once; connections in order, whose end leaves
 * every open question without an answer although its write may have been carried out. */
#ifndef TESTS_SIM_ZK_H
#define TESTS_SIM_ZK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rand.h"
#include "common/uuid.h"
#include "server/core/partition_state.h"
#include "tests/sim/net.h"

enum { SIM_BROKERS_MAX = 5, SIM_PARTITIONS_MAX = 4 };

/* The nodes that exist, or may. */
enum {
    ZN_CHAIR,                               /* ephemeral; number: the broker */
    ZN_EPOCH,                               /* number: the controller epoch */
    ZN_IDS,                                 /* + broker; ephemeral */
    ZN_INC = ZN_IDS + SIM_BROKERS_MAX,      /* + broker; ephemeral; id: the incarnation */
    ZN_RECORD = ZN_INC + SIM_BROKERS_MAX,   /* + broker; id: incarnation, disk, flag: lossy */
    ZN_HEART = ZN_RECORD + SIM_BROKERS_MAX, /* + broker */
    ZN_STATE = ZN_HEART + SIM_BROKERS_MAX,  /* + partition */
    ZN_COUNT = ZN_STATE + SIM_PARTITIONS_MAX,
    ZN_INC_LIST = ZN_COUNT                  /* to be watched: which incarnations there are */
};

struct zk_value {
    int32_t number;
    bool flag;
    struct uuid id, disk;
    struct partition_state state;
};

struct zk_node {
    bool exists;
    int32_t version;
    int64_t owner, zxid;                    /* session, 0: none; of the last change */
    struct zk_value value;
};

/* CHECK_ID: it exists and is this incarnation's: the id stands in the name. DELETE_ID likewise. */
enum zk_op_kind { ZK_CREATE, ZK_CREATE_EPHEMERAL, ZK_SET, ZK_DELETE, ZK_DELETE_ID, ZK_CHECK,
                  ZK_CHECK_ID };
struct zk_op { enum zk_op_kind kind; int node; int32_t version; struct zk_value value; };

enum { ZK_OPS_MAX = 24, ZK_CALLS_MAX = 64, ZK_SERVERS = 3, ZK_SESSIONS_MAX = 256 };

struct zk_reply {
    int code;
    int failed_op;
    struct zk_node node;                    /* of a read */
};

struct zk_client;
struct request;
/* `round` and `extra` are the caller's. */
typedef void (*zk_done)(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra);

/* What a client is told. */
struct zk_events {
    void (*up)(void *owner, int64_t session, int32_t timeout_ms);
    void (*suspended)(void *owner);
    void (*expired)(void *owner);
    void (*changed)(void *owner, int node);             /* a watch fired */
};

struct zk_session {
    int64_t id;                             /* 0: free */
    int64_t heard_us;
    int32_t timeout_ms;
};

struct zk_server {
    struct zk_node nodes[ZN_COUNT];
    int64_t zxid, applied_us;               /* when the last known write is, or was, carried out */
    int64_t frozen_until_us;
};

struct zk {
    struct sched *sched;
    struct net *net;
    struct rand rand;
    struct zk_node nodes[ZN_COUNT];         /* what is committed */
    struct zk_server servers[ZK_SERVERS];
    struct zk_session sessions[ZK_SESSIONS_MAX];
    int session_count;
    int64_t next_session, zxid;
    int64_t committed_us;                   /* of the last write */
    int64_t lag_max_us;
    bool away;                              /* no quorum: nobody is answered, no session ends */
    struct zk_client *clients[SIM_BROKERS_MAX];

    /* The omniscient observer. */
    void *observer;
    void (*observe)(void *observer, int node, const struct zk_node *before,
                    const struct zk_node *after);
    uint64_t lost_answers, expirations, failed_multis;
};

struct zk_call {
    uint64_t id;                            /* 0: free */
    zk_done done;
    uint64_t round;
    int64_t extra;
    uint64_t arms;                          /* watches, once it is answered */
};

/* A broker's connection; its session may outlive it. */
struct zk_client {
    struct zk *zk;
    int node;                               /* in the net */
    const struct zk_events *events;
    void *owner;
    bool running, connected;
    bool broken;                            /* something was lost: nothing comes through any more */
    int64_t paused_until_us;                /* the process stands still */
    uint64_t generation;                    /* of the connection */
    int server;
    int64_t session;
    int32_t timeout_ms;
    int64_t heard_us;                       /* by the client */
    bool busy;                              /* the server works on a request of this connection */
    struct request *queue[2 * ZK_CALLS_MAX];    /* those after it, at the server */
    int queued;
    int64_t seen_zxid;
    uint64_t armed, watched;                /* watches of the client; of them, at the server */
    uint64_t next_call;
    struct zk_call calls[ZK_CALLS_MAX];
};

void zk_init(struct zk *zk, struct sched *sched, struct net *net, uint64_t seed,
             int64_t lag_max_us);
void zk_away(struct zk *zk, bool away);
void zk_freeze(struct zk *zk, int server, int64_t until_us);
/* By a person, at once. */
void zk_write(struct zk *zk, const struct zk_op *op);
/* As the guardian of a dead broker does, or an administrator. */
void zk_expire(struct zk *zk, int64_t session);

void zk_client_start(struct zk_client *client, struct zk *zk, int node, int32_t timeout_ms,
                     const struct zk_events *events, void *owner);
void zk_client_stop(struct zk_client *client);  /* the process is gone: nobody is told anything */
void zk_client_close(struct zk_client *client); /* the session ends with it */
/* The connection breaks. */
void zk_client_break(struct zk_client *client);

/* 0, or K_SESSION_LOST: not connected, nothing was sent. `done` never runs inside the call. */
int zk_multi(struct zk_client *client, const struct zk_op *ops, int count, zk_done done,
             uint64_t round, int64_t extra);
/* Of ZN_INC_LIST nothing is told: it is there to be watched. */
int zk_get(struct zk_client *client, int node, bool watch, zk_done done, uint64_t round,
           int64_t extra);
int zk_sync(struct zk_client *client, zk_done done, uint64_t round, int64_t extra);

#endif
