/* world_private.h - what the parts of the world share, and nobody else:
 *
 *   world.c            its life, and the names of things in it
 *   world_events.c     what happens around the controller
 *   world_hear.c       what the controller says to it, judged
 *   world_store.c      the store, which carries out orders
 *   world_reports.c    copies that brokers can not use
 *   world_replicas.c   who has all that is committed, and what is asked of single partitions
 */
#ifndef TESTS_WORLD_PRIVATE_H
#define TESTS_WORLD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rand.h"
#include "server/core/controller.h"
#include "tests/server/core/world.h"

enum {
    BROKERS = 5,
    NAMES = 6,
    PARTITIONS = 6,
    CREATED_MAX = 4, /* partitions of a new topic */
    KEYS = 4,        /* that requests alter; the one behind them a person writes */
    KEY_MIN = 2,     /* of these: min.insync.replicas, 1 to 3 */
    KEY_UNCLEAN = 3, /* unclean.leader.election.enable: */
    UNCLEAN_TRUE = 1,
    ENTITIES = 2,    /* brokers and the default */
    RECORDS_MAX = 1024, /* topics that ever exist in one life */
    ORDERS_MAX = 64,
    TICKETS = 4096,
    ASKERS = 3
};

#define EXPECT(world, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_fail(world, #condition, __FILE__, __LINE__);                                     \
    } while (0)

/* A stored configuration: a value per key, 0 when it is not set. */
struct settings_record {
    int32_t version;
    int values[KEYS + 1];
};

/* Where a log ends, as it was told in an epoch without a leader; epoch -1: it was not. */
struct told_end { int32_t epoch; struct log_end end; };

/* What is true of a partition, whatever anybody believes. The leader commits as the stored state
 * lets it: then whoever is not in the set, nor proposed for it, lacks something. */
struct truth {
    bool whole[BROKERS]; /* has all that is committed */
    bool doubt[BROKERS]; /* proposed by the leader of this version: it counts them already */
    uint32_t leader_incarnation;
    uint32_t lost[BROKERS]; /* the incarnation that said, and was heard, that it has no copy */
    struct { uint32_t incarnation; uint64_t round; struct told_end told; } reported[BROKERS];
};

/* A topic in the store, or in a picture; the place in the array is its id. */
struct record {
    bool exists, doomed;
    struct settings_record settings;
    int name;
    int32_t partition_count;
    struct partition_state partitions[PARTITIONS];
    struct replica_moves moves[PARTITIONS];
    struct truth truths[PARTITIONS];
    bool unclean;  /* an unclean leader was asked for, or allowed, at some time */
    bool deleting; /* somebody wanted to: who leads it does not matter any more */
};

/* An order of the controller that the store has not carried out yet; owned copy. */
struct change {
    enum store_kind kind;
    int record, partition;
    struct partition_state state, states[PARTITIONS];
    struct replica_moves moves[PARTITIONS];
    struct controller_member checks[REPLICAS_MAX];
    int32_t check_count;
    int32_t partition_count, name;
    int entity; /* STORE_CONFIG of a broker; -1: of a topic */
    struct settings_record settings;
};
struct order {
    uint64_t token;
    int32_t epoch;
    size_t count;
    struct change *changes;
};

enum ticket_kind {
    TICKET_NONE,
    TICKET_CREATE,
    TICKET_DELETE,
    TICKET_PREVIEW,
    TICKET_ADD,
    TICKET_ALTER,
    TICKET_ISR,
    TICKET_ELECT,
    TICKET_DRAIN,
    TICKET_REASSIGN,
    TICKET_REPORT
};

/* What an ADD, ALTER, ISR or ELECT asked for, or a REPORT says (of broker `key`: `value`, lost). */
struct wish {
    int partition;
    int32_t version;
    struct replica_set set;
    enum elect_kind elect;
    int entity; /* -1: of the topic in ticket_records */
    int key, value;
    int32_t partitions;
    uint64_t round;
    struct told_end told;
};

struct asker {
    uint64_t ticket; /* 0: not asking */
    int32_t epoch;
    uint64_t sequence;
    bool partial; /* of the last news, more is to come */
    bool is_broker; /* it asked as one */
    struct record records[RECORDS_MAX];
    struct settings_record entities[ENTITIES];
    int current; /* while news is read */
    bool live[BROKERS];
    uint32_t incarnations[BROKERS];
};

struct world {
    uint64_t seed;
    struct rand rand;
    struct controller *controller;
    bool elected;  /* as the shell sees it */
    bool lost;     /* a write was lost: DEPOSED is due */
    int32_t epoch; /* the store's controller epoch */
    int64_t now_ms;
    int turn;

    bool live[BROKERS];
    uint32_t incarnations[BROKERS];
    bool lossy[BROKERS];          /* marked so */
    uint32_t drained[BROKERS];    /* the incarnation that asked to; 0: none */
    bool told_live[BROKERS], told_lossy[BROKERS];
    uint32_t told_incarnations[BROKERS];
    bool unclean; /* allowed for all topics, at some time */
    bool brokers_changed; /* not told yet */
    bool overwritten;     /* by somebody else since the last election: it need not know */

    struct record store[RECORDS_MAX];
    struct settings_record entities[ENTITIES];
    int record_count;
    struct order orders[ORDERS_MAX];
    size_t order_count;

    enum ticket_kind tickets[TICKETS];
    int ticket_records[TICKETS];
    struct wish wishes[TICKETS];
    uint64_t next_ticket, next_round;
    struct asker askers[ASKERS];
};

struct config_room {
    struct controller_config configs[KEYS + 1];
    char texts[KEYS + 1][16];
};

/* --- world.c ---------------------------------------------------------------------------------- */

void world_fail(const struct world *world, const char *what, const char *file, int line);
bool world_chance(struct world *world, unsigned percent);
/* Below `bound`. */
int world_pick(struct world *world, int bound);

struct uuid world_id_of(int record);
int world_record_of(const struct uuid *id);
const char *world_name_of(int name);
int world_name_index(const char *text);
bool world_states_equal(const struct partition_state *a, const struct partition_state *b);

const char *world_entity_name(int entity);
int world_entity_index(const char *name);
const char *world_key_name(int key);
/* One that the key can have, of any number. */
int world_fit_value(int key, int value);
void world_print_value(int key, int value, char text[16]);
void world_read_configs(const struct controller_config *configs, int32_t count, int *values);
/* As the shell reads it; returns the count. */
int32_t world_list_configs(const struct settings_record *settings, struct config_room *room);
/* Those of a broker or the default; entity -1: of the topic in a record. */
struct settings_record *world_settings(struct world *world, int record, int entity);

/* --- world_hear.c ----------------------------------------------------------------------------- */

/* Tell the controller an event, and judge what it answers. */
void world_step(struct world *world, struct controller_event *event);

/* --- world_events.c --------------------------------------------------------------------------- */

void world_tell_brokers(struct world *world);
void world_elect(struct world *world);
void world_depose(struct world *world);
void world_broker_flaps(struct world *world);
void world_ask_create(struct world *world);
void world_ask_add(struct world *world);
void world_ask_alter(struct world *world);
void world_ask_delete(struct world *world);
void world_ask_changes(struct world *world);
/* What stands in the store of a topic (entity -1) or a broker. */
void world_tell_config(struct world *world, int record, int entity);
/* With zkCli. Sometimes the controller hears of it at once, sometimes at the very end. */
void world_write_config_by_hand(struct world *world);
/* Somebody else writes a state: an operator with zkCli, a store restored from a backup. */
void world_foreign_write(struct world *world);

/* Any that exists, if there are some. */
int world_pick_record(struct world *world);
uint64_t world_ticket_new(struct world *world, enum ticket_kind kind, int record);

/* --- world_replicas.c ------------------------------------------------------------------------- */

void world_commit(struct world *world);
void world_ask_isr(struct world *world);
void world_ask_elect(struct world *world);
void world_ask_drain(struct world *world);
void world_ask_reassign(struct world *world);
/* A topic's record is about to say so: may it? */
void world_judge_moves(struct world *world, const struct change *change);
/* It restarted, and lost what was not on its disks. */
void world_loses(struct world *world, int broker);
/* The controller counts stored leaders that live, and are not lossy, as of their present life. */
void world_trust_leaders(struct world *world);
void world_clear_lossy(struct world *world, const struct controller_member *member);
/* Is the change, which was just ordered, allowed? */
void world_judge_order(struct world *world, const struct change *change);
/* Is it still what `before` led to? Carried out: what is true now. */
bool world_checks_hold(const struct world *world, const struct change *change);
void world_carried_out(struct world *world, int record, int partition,
                       const struct partition_state *before, const struct change *change);
void world_new_partitions(struct world *world, int record, int32_t first);
void world_judge_isr(struct world *world, const struct controller_effect *effect);
void world_judge_elect(struct world *world, const struct controller_effect *effect);
/* At the end: what a partition must be like. */
void world_judge_settled(struct world *world, const struct partition_state *state,
                         const struct truth *truth);

/* --- world_reports.c -------------------------------------------------------------------------- */

void world_report(struct world *world);
void world_judge_report(struct world *world, const struct controller_effect *effect);
/* As the controller has heard. */
bool world_is_lost(const struct world *world, const struct truth *truth, int32_t broker);
/* Of several copies, all lossy: each has said where it ends since nobody leads, none is longer. */
bool world_is_longest(const struct partition_state *stored, const struct truth *truth,
                      int32_t leader);
/* A new controller heard nothing. */
void world_forget_reports(struct world *world);

/* --- world_store.c ---------------------------------------------------------------------------- */

/* One order, any of those in flight: orders do not wait for each other. */
void world_store_answers(struct world *world, bool faults);

#endif
