/* crew_private.h - what the parts of the crew share, and nobody else:
 *
 *   crew.c           its life: turns, how it settles
 *   crew_broker.c    a broker: log, disk, orders of its replica, clients
 *   crew_network.c   messages
 *   crew_control.c   the controller and what is stored
 *   crew_judge.c     what must hold */
#ifndef TESTS_CREW_PRIVATE_H
#define TESTS_CREW_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rand.h"
#include "server/core/replica.h"
#include "tests/server/core/crew.h"

enum {
    CREW_BROKERS = 5,
    OFFSETS = 256,
    EPOCHS = 128,
    BATCH = 4,
    OPS = 64,
    MESSAGES = 96,
    WAITING = 256,
    CONTROLLER = -1
};

#define CREW_EXPECT(crew, condition)                                                               \
    do {                                                                                           \
        if (!(condition))                                                                          \
            crew_fail(crew, #condition, __FILE__, __LINE__);                                       \
    } while (0)

struct record {
    int32_t epoch;
    int16_t id;
};

struct crew_log {
    int64_t start, end, flushed;
    struct record at[OFFSETS];
};

/* What the disk has still to do, in order. */
enum op_kind { OP_OPEN, OP_APPEND, OP_WRITTEN, OP_TRUNCATE, OP_RESET, OP_TRIM, OP_FLUSH };
struct op {
    enum op_kind kind;
    int64_t first, end;
    struct record records[BATCH];
};

struct crew_broker {
    bool up;
    int life;              /* of the process; counts */
    int registered;        /* the life that the store knows; 0: none */
    bool lossy;            /* it was registered as one that may have lost records */
    bool lost;             /* it did, and some set may still count on it */
    bool cut;              /* a life that the controller has not seen ended with a power cut */
    bool lease;
    bool opened;
    struct replica replica;
    int64_t published;     /* its watermark as it said */
    int64_t checkpoint;    /* on its disk */
    struct crew_log log;
    struct op ops[OPS];
    int op_count;
    int64_t waiting[WAITING]; /* ends of produces with acks=all */
    int waiting_count;
};

enum message_kind { SAYS_FETCH, SAYS_RECORDS, SAYS_PROPOSE, SAYS_VERDICT, SAYS_NEWS };
struct message {
    enum message_kind kind;
    int from, from_life, to, to_life;
    uint64_t order; /* SAYS_PROPOSE: in one stream, that can break and not reorder */
    struct replica_effect said;   /* FETCH, RECORDS, PROPOSE: the effect that is sent */
    uint64_t round;
    int code;
    int64_t first, end;
    struct record records[BATCH];
    struct partition_state state;
};

struct crew {
    uint64_t seed;
    int turn;
    struct rand rand;
    int64_t now_ms;
    int brokers;
    bool settling, flush, unclean_allowed;
    int loss, crashes; /* percent */
    struct crew_broker broker[CREW_BROKERS];
    struct message messages[MESSAGES];
    int message_count;
    const struct message *heard; /* while it is delivered */
    int32_t learned, epoch; /* watermark_epoch and epoch of the replica before this step */
    struct replica_effect answer;
    int answers;
    int16_t next_id;

    /* the store and its controller */
    struct partition_state stored;
    int leader_life;
    int known[CREW_BROKERS]; /* lives, as the controller knows them */
    bool marked[CREW_BROKERS]; /* lossy */
    uint64_t proposals, proposals_seen[CREW_BROKERS];

    /* the judge */
    int64_t committed_end;
    bool unclean; /* the winner of an unclean election does not lead yet */
    int16_t committed[OFFSETS];
    int16_t written[EPOCHS][OFFSETS];
    int32_t latest_epoch; /* in which a client saw... */
    int64_t latest;
    uint64_t sights[CREW_SIGHT_COUNT];
};

void crew_fail(const struct crew *crew, const char *what, const char *file, int line)
    __attribute__((noreturn));
bool crew_chance(struct crew *crew, int percent);
int crew_pick(struct crew *crew, int bound);
void crew_see(struct crew *crew, enum crew_sight sight);

/* --- crew_broker.c ---------------------------------------------------------------------------- */

struct uuid life_id(int life);
int life_of(const struct uuid *id);
void broker_start(struct crew *crew, int id);
void broker_crash(struct crew *crew, int id, bool power);
void broker_step(struct crew *crew, int id, struct replica_event *event);
void broker_tell_written(struct crew *crew, int id);
void broker_disk(struct crew *crew, int id); /* the next op, if there is one */
void broker_order(struct crew *crew, int id, enum op_kind kind, int64_t end);
void broker_produce(struct crew *crew, int id, bool all);
/* Of our log: the largest epoch up to `epoch` and its end; -1 and the start: none. */
void log_epoch(const struct crew_log *log, int32_t epoch, int32_t *found, int64_t *end);
int32_t log_last_epoch(const struct crew_log *log);

/* --- crew_network.c --------------------------------------------------------------------------- */

/* A message to fill in, or NULL: it is lost. */
struct message *network_send(struct crew *crew, enum message_kind kind, int from, int to);
void network_deliver(struct crew *crew, int place, bool keep);
void network_drop(struct crew *crew, int place);
bool network_has_question(const struct crew *crew, int id);

/* --- crew_control.c --------------------------------------------------------------------------- */

void control_init(struct crew *crew);
/* See who lives, repair what is stored. */
void control_look(struct crew *crew);
/* Another leader, or another epoch of the same, without need. */
void control_move(struct crew *crew);
void control_tell(struct crew *crew, int id);
void control_on_proposal(struct crew *crew, const struct message *message);

/* --- crew_judge.c ----------------------------------------------------------------------------- */

void judge_written(struct crew *crew, int id, int64_t offset);
void judge_published(struct crew *crew, int id, int64_t from, int64_t to);
void judge_step(struct crew *crew, int id, enum replica_role before);
void judge_stored(struct crew *crew, bool elected);
void judge_unclean(struct crew *crew);
void judge_clients(struct crew *crew, int id);
void judge_pairs(struct crew *crew);
bool judge_settled(const struct crew *crew);

#endif
