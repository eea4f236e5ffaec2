/* groups_world_private.h - what the files of the world share.
 *
 *   groups_world.c          time, the coordinator and its topic, and what must never be
 *   groups_world_clients.c  consumers, and the network to them */
#ifndef TESTS_GROUPS_WORLD_PRIVATE_H
#define TESTS_GROUPS_WORLD_PRIVATE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/rand.h"
#include "server/core/groups.h"
#include "tests/server/core/groups_log.h"
#include "tests/server/core/groups_world.h"

enum {
    CLIENTS = 4,
    PARTITIONS = 4,
    GENERATIONS_MAX = 4096,
    MESSAGES_MAX = 1024,
    TICKETS_MAX = 16384,
    ID_MAX = 16,
    SESSION_MS = 6000,
    REBALANCE_MS = 8000
};

enum client_phase { CLIENT_OUT, CLIENT_JOINING, CLIENT_SYNCING, CLIENT_IN };

struct client {
    bool is_static;
    char instance[ID_MAX], id[ID_MAX];
    enum client_phase phase;
    int32_t generation, version;          /* version: of what it says of itself */
    uint32_t connection;                  /* answers to an earlier one are not heard */
    int64_t paused_until_ms, act_at_ms, asked_ms, beat_at_ms;
    int64_t sent_due_ms;                  /* requests keep their order */
    /* what it held when it last went out: some applications commit that late */
    int32_t late_generation, late_partition;
    int64_t late_offset;                  /* -1: nothing */
    bool owns[PARTITIONS];
    int64_t position[PARTITIONS];         /* -1: to be fetched */
};

/* A request under way to the coordinator, or an answer from it. */
struct message {
    bool answer;
    int64_t due_ms;
    int client;
    uint32_t connection;
    enum groups_event_type type;
    char id[ID_MAX];
    int32_t generation;
    int32_t partition;
    int64_t offset;
    int error;
    bool leads, skip;
    int32_t count;                        /* of members, or of assignments */
    char ids[CLIENTS * 2][ID_MAX];
    uint8_t masks[CLIENTS * 2], mask;
};

struct ticket {
    bool waits;
    struct message request;
};

struct groups_world {
    uint64_t seed;
    struct rand rand;
    bool calm;
    int64_t now_ms;
    struct groups *groups;
    struct groups_options options;
    int32_t epoch;
    bool serving, lost;                   /* lost: nobody coordinates */
    size_t replayed;
    int64_t move_at_ms, store_at_ms;
    struct groups_log log;
    uint64_t next_ticket;
    struct ticket tickets[TICKETS_MAX];
    uint32_t next_id;
    struct client clients[CLIENTS];
    struct message messages[MESSAGES_MAX];
    size_t message_count;
    /* what is known to be true */
    int64_t committed[PARTITIONS];
    char owners[GENERATIONS_MAX][PARTITIONS][ID_MAX];
    uint64_t sights[GROUPS_SIGHT_COUNT];
};

static inline void copy_id(char to[ID_MAX], const char *id)
{
    snprintf(to, ID_MAX, "%s", id);
}

/* One of `n` times; never when calm. */
bool world_fault(struct groups_world *world, uint64_t n);
int64_t world_random(struct groups_world *world, int64_t low, int64_t high);
void world_request(struct groups_world *world, const struct message *message);

void clients_start(struct groups_world *world);
void clients_act(struct groups_world *world);
void clients_answered(struct groups_world *world, const struct ticket *ticket,
                      const struct groups_effect *effect);
void clients_deliver(struct groups_world *world);

#endif
