/* state.h - a small group with its coordinator as a few hundred bytes, so that millions of them can
 * be looked at.
 *
 * Three processes that consume three partitions, the real core/groups, the offsets topic, and the
 * messages between them. Time does not pass: what a deadline brings about can happen at any moment,
 * or never. A request stays when it has arrived, and can arrive again, also late. Everything that
 * no future can depend on is zero. */
#ifndef TESTS_EXPLORE_GROUPS_STATE_H
#define TESTS_EXPLORE_GROUPS_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PROCESSES = 3, PARTITIONS = 3, SLOTS = 2, MEMBERS = 6, STORES = 3, ACTION_ARGUMENTS = 8 };

/* How far exploring goes: leaderships, generations, ids that are given out, crashes of each
 * process, commits in all, changes of mind, deletions; how many processes are static; and whether
 * it begins with a group of all three, or with nothing. */
struct bounds { int epochs, generations, ids, crashes, commits, changes, deletions, statics,
                formed; };

enum ask { ASK_NONE, ASK_JOIN, ASK_SYNC, ASK_BEAT, ASK_LEAVE, ASK_COMMIT };
enum phase { PHASE_OUT, PHASE_JOINING, PHASE_SYNCING, PHASE_IN };

struct process {
    uint8_t up, phase, crashes, version, id, owns, open;    /* open: what it waits for */
    uint8_t former;                     /* the group that it is in was forgotten since */
    int8_t generation, position[PARTITIONS];                /* position -1: not known */
};

struct request {
    uint8_t ask, arrived, id, version, partition, count, ids[MEMBERS], shares[MEMBERS];
    int8_t generation, offset;
};

struct answer {
    uint8_t ask, error, id, share, leads, skip, count, ids[MEMBERS];
    int8_t generation;
};

/* What the topic says of a group. */
struct stored_member { uint8_t id, is_static, process, version, share; };
struct record {
    uint8_t there, typed, leader, count;
    struct stored_member members[MEMBERS];
    int8_t generation;
};

enum store_kind { STORE_NONE, STORE_GROUP, STORE_OFFSET, STORE_TOMBSTONES };

struct store {
    uint8_t kind, committed, waiter;    /* waiter: as of a member */
    uint8_t partition, share, last;     /* share: of tombstones; last: the group's among them */
    int8_t offset;
    struct record record;
};

/* Who waits: a process, nobody any more, somebody who looks after groups. Also their tickets. */
enum waiter { WAITER_NONE, WAITER_FIRST, WAITER_STALE = WAITER_FIRST + PROCESSES, WAITER_ADMIN };

struct core_member {
    uint8_t id, is_static, version, process, has_share, share, waits, waiter, beater, synced;
};

struct core {
    uint8_t phase, there, state, typed, chosen, leader, count;      /* leader: 1 + its place */
    uint8_t recorded, assigned, storing, store_due, retrying, answering, sync_until, deleting;
    int8_t epoch, generation, offsets[PARTITIONS];                  /* offset -1: none */
    struct core_member members[MEMBERS];
};

struct state {
    struct process processes[PROCESSES];
    struct request requests[PROCESSES][SLOTS];      /* the newest first */
    struct answer answers[PROCESSES];
    struct core core;
    struct store stores[STORES];                    /* under way, the oldest first */
    struct record stored;
    int8_t offsets[PARTITIONS], heard[PARTITIONS];  /* committed; known to be, by the coordinator */
    uint8_t next_id, commits, changes, deletions;
};

enum action_kind {
    ACTION_JOIN,        /* a: it asks to join */
    ACTION_BEAT,        /* a */
    ACTION_COMMIT,      /* a: what it has read of partition b */
    ACTION_FETCH,       /* a: it asks for its position in b, and is answered at once */
    ACTION_CHANGE,      /* a: it wants something else, and joins again */
    ACTION_LEAVE,       /* a: it says farewell and ends */
    ACTION_CRASH,       /* a */
    ACTION_START,       /* a: again */
    ACTION_GIVE_UP,     /* a: the answer that it waits for */
    ACTION_ARRIVE,      /* a: its request b reaches the coordinator; and stays */
    ACTION_HEAR,        /* a: the answer reaches it */
    ACTION_SESSION,     /* a: a member (by place) is silent for too long */
    ACTION_WAITED,      /* a: the parked heartbeat of a member ends */
    ACTION_JOIN_ENDS,   /* who has not joined by now is late */
    ACTION_SYNC_ENDS,   /* who has not asked for its assignment by now is late */
    ACTION_ANSWER_ENDS, /* who waits for the topic has waited long enough */
    ACTION_RETRY,       /* a refused store is tried again */
    ACTION_EXPIRE,      /* retention is over */
    ACTION_DELETE,      /* somebody wants the group to be forgotten */
    ACTION_COMMITTED,   /* the next store is committed */
    ACTION_TOLD,        /* and the coordinator hears it */
    ACTION_REFUSED,     /* b: a store is refused */
    ACTION_MOVE,        /* the coordinator is told that it is none; b stores more are committed */
    ACTION_DIE,         /* the same, without a word */
    ACTION_GAIN,        /* there is a coordinator again */
    ACTION_LOADED,
    ACTION_KINDS
};

void state_init(struct state *state);
/* All three become members, and what they own is stored. */
void state_form(struct state *state, const struct bounds *bounds);
/* Do it. False: it can not happen in this state. *why is set when a rule is broken. */
bool state_act(struct state *state, const struct bounds *bounds, enum action_kind kind, int a,
               int b, const char **why);
/* What must hold in every state; NULL, or what does not. */
const char *state_check(const struct state *state);
/* Let everything work from here on: does it become whole? NULL, or why not. */
const char *state_settle(const struct state *from, const struct bounds *bounds);
void state_say(const struct state *state, FILE *file);
void action_say(enum action_kind kind, int a, int b, FILE *file);

/* --- topic.c: parts of state_act() ------------------------------------------------------------ */

enum core_phase { PHASE_ABSENT, PHASE_LOADING, PHASE_SERVING };

int topic_stores(const struct state *state);            /* under way */
bool topic_commit_next(struct state *state, const char **why);
/* The coordinator hears what became of a store: 0, or that it was refused. */
bool topic_tell_stored(struct state *state, const struct bounds *bounds, int place, int code,
                       const char **why);
bool topic_move(struct state *state, int kept, const char **why);
bool topic_die(struct state *state, int kept, const char **why);
bool topic_gain(struct state *state, const struct bounds *bounds, const char **why);
bool topic_load(struct state *state, const char **why);

/* --- machine.c: a step of the real core ------------------------------------------------------- */

struct groups;
struct groups_event;

enum due { DUE_NOTHING, DUE_SESSION, DUE_BEAT, DUE_JOIN, DUE_SYNC, DUE_ANSWER, DUE_RETRY,
           DUE_EXPIRY };

/* What the step is about, beside the event. */
struct machine_input {
    struct groups_event *event;
    enum due due;                       /* which deadline has passed, */
    int place;                          /* of which member */
    bool told;                          /* the event tells that the oldest store is committed */
};

/* False: there is no room for what comes of it. */
bool machine_step(struct state *state, const struct machine_input *input, const char **why);
/* A request arrives; `sends`: the process waits for its answer. */
bool machine_request(struct state *state, int process, const struct request *request, bool sends,
                     const char **why);
/* Everything is replayed, and loaded. */
bool machine_load(struct state *state, const char **why);
/* The committed offset as the coordinator shows it; -2: it does not. */
int machine_offset(const struct state *state, int partition);

#endif
