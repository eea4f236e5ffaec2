/* club.h - groups of consumers and what coordinates them, in one thread.
 *
 *   options.c            what a life is made of: drawn from a seed
 *   club.c               its course: begin, faults, healing, the end
 *   faults.c             what is done to it
 *   topic.c              one partition of the offsets topic: who leads, what is committed
 *   desk.c               a broker that leads it: the shell around core/groups
 *   message.c            what consumers and coordinators say to each other
 *   consumer.c           a process that consumes: when it asks what
 *   consumer_hear.c      what it makes of the answers
 *   consumer_assign.c    what it says of itself, and, as a leader, decides: client/assignor
 *   facts.c              what the topic says, and what must hold of what is written there
 *   watch.c              what must hold of a coordinator after every step
 *   watch_answers.c      and of what it answers and loads
 *
 * The core and the assignors are the very objects of kairnd and libklient; the shells do what
 * server/runtime and the client do with threads and sockets. */
#ifndef TESTS_SIM_GROUPS_CLUB_H
#define TESTS_SIM_GROUPS_CLUB_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/groups.h"
#include "tests/server/core/groups_log.h"
#include "tests/sim/groups/counters.h"
#include "tests/sim/net.h"
#include "tests/sim/plan.h"
#include "tests/sim/sched.h"

enum { DESKS_MAX = 3, CONSUMERS_MAX = 6, GROUPS_MAX = 2, TOPICS = 2, WIDTH_MAX = 8,
       NAME_SIZE = 24, TOLD_MAX = 320, MEMBERS_MAX = 24, TICKETS_MAX = 128,
       GENERATIONS_MAX = 512 };

struct club;

/* --- messages --------------------------------------------------------------------------------- */

enum ask { ASK_JOIN, ASK_SYNC, ASK_HEARTBEAT, ASK_LEAVE, ASK_COMMIT, ASK_FETCH, ASK_DELETE, ASKS };

/* Partitions of the topics, as bits. */
struct share { uint32_t of[TOPICS]; };

/* A protocol with its metadata, a member with its metadata or its assignment. */
struct told { char name[NAME_SIZE], instance[NAME_SIZE]; uint32_t size; uint8_t bytes[TOLD_MAX]; };

struct message {
    bool answer;
    bool careless;                      /* a commit of what may be somebody else's by now */
    enum ask ask;
    int from, to, group;                /* from, to: nodes of the net */
    uint64_t life, number;              /* of the process that asks; and of its question */
    char member[NAME_SIZE], instance[NAME_SIZE];
    int32_t generation;
    struct share share;                 /* of a commit or a fetch: which */
    int64_t offsets[TOPICS][WIDTH_MAX]; /* -1: none */
    /* of an answer */
    int error;
    int32_t epoch;                      /* of the coordinator's leadership: for the rules only, */
    uint32_t forgotten;                 /* as this: how often the group had been deleted */
    bool skip;
    char leader[NAME_SIZE], protocol[NAME_SIZE];
    int told_count;                     /* only so many are sent along */
    struct told told[MEMBERS_MAX];
};

/* --- the offsets topic ------------------------------------------------------------------------ */

struct topic {
    struct groups_log log;
    int leader;                         /* desk, -1: nobody */
    int32_t epoch;
    int64_t due_us, told_us;            /* when the last store ends, and its leader hears it */
    int64_t stalled_until_us, refused_until_us;
    int election;                       /* elections so far: older ones do not take place */
    size_t begins;                      /* the first order of this epoch */
    size_t heard;                       /* orders that the leader knows to be committed */
};

/* --- a broker --------------------------------------------------------------------------------- */

/* Who waits; with what was asked. */
struct desk_ticket {
    bool used;
    uint64_t ticket, token;             /* token: of the store that its commit became, 0: none */
    int64_t since_ms;
    struct message *question;           /* owned; without room for what is told */
};

/* What was seen of a member in the last step. */
struct seen_member {
    char id[NAME_SIZE], instance[NAME_SIZE];
    int64_t alive_ms;                   /* when it proved life */
    bool synced;
};

struct seen_group {
    bool there;
    enum group_state state;
    int32_t generation;
    char leader[NAME_SIZE], protocol[NAME_SIZE];
    int64_t since_ms;                   /* of the state */
    int64_t began_ms;                   /* of the generation */
    int count;
    struct seen_member members[MEMBERS_MAX];
};

struct desk {
    struct club *club;
    int id;
    bool up;
    uint64_t life;
    int down_count;                     /* faults that keep it down */
    int64_t paused_until_us;
    int64_t clock_ms, wall_ms;          /* by how much its clocks differ */
    struct groups *core;
    int32_t epoch;                      /* of the leadership that it was told of; -1: none */
    bool lease;                         /* nobody else can lead yet */
    bool loading;
    size_t loaded;                      /* orders of the log */
    uint64_t timer;                     /* of the last TICK that was set */
    int awake;                          /* TICKs at once, in a row */
    uint64_t next_ticket;
    struct desk_ticket tickets[TICKETS_MAX];
    struct seen_group seen[GROUPS_MAX];
    int64_t heard[GROUPS_MAX][TOPICS][WIDTH_MAX];   /* offsets that it knows to be committed, */
    int heard_of[GROUPS_MAX][TOPICS][WIDTH_MAX];    /* and of which topic: see club.former */
    int gone[TOPICS];                   /* the core was told of so many */
};

/* --- a consumer ------------------------------------------------------------------------------- */

enum consumer_phase { CONSUMER_OUT, CONSUMER_JOINING, CONSUMER_SYNCING, CONSUMER_IN };

struct consumer {
    struct club *club;
    int id, node, group;
    char own_instance[NAME_SIZE];       /* "": none */
    uint32_t own_topics;                /* that it wants, as bits */
    bool up;
    uint64_t life;
    int down_count;
    int64_t paused_until_us;

    /* of the process */
    char instance[NAME_SIZE];
    uint32_t topics, joined_topics;     /* that it wants; that it said when it joined */
    enum consumer_phase phase;
    char member[NAME_SIZE];             /* "": none yet */
    int32_t generation;
    int32_t epoch;                      /* of the coordinator that told the generation, */
    uint32_t forgotten;                 /* and how often the group had been deleted by then */
    int desk;                           /* whom it asks; -1: it does not know */
    uint64_t number;                    /* of its last question */
    uint64_t open[ASKS];                /* questions that wait for an answer; 0: none */
    int64_t asked_us[ASKS];
    int64_t join_at_us, beat_at_us, commit_at_us, look_at_us;
    struct share owns;                  /* it acts on these */
    bool gave_up;                       /* since it joined, what it said it owns */
    struct share had;                   /* its latest assignment, */
    int32_t had_generation;             /* of this generation, */
    uint32_t had_forgotten;             /* when the group had been deleted so often */
    int commits;                        /* that wait for an answer */
    struct share known;                 /* where it knows the position */
    int64_t positions[TOPICS][WIDTH_MAX];
    bool leads;
    int used_width[TOPICS];             /* of the topics, in its last assignment */
};

/* --- what is true ----------------------------------------------------------------------------- */

/* offset -1: none */
struct known_offset { int64_t offset, committed_ms; int of; };     /* of: see club.former */
struct known_member { char id[NAME_SIZE], instance[NAME_SIZE]; struct share share; };

/* What the committed records of the topic say of a group. */
struct known_group {
    bool recorded;
    uint32_t forgotten;                 /* how often it was deleted */
    int32_t generation;
    char leader[NAME_SIZE];
    bool typed;                         /* it had members once */
    int64_t since_ms;
    int count;
    struct known_member members[MEMBERS_MAX];
    struct known_offset offsets[TOPICS][WIDTH_MAX];
    int offset_count;
    /* since the group was last forgotten: who has what in which generation */
    char owners[GENERATIONS_MAX][TOPICS][WIDTH_MAX][NAME_SIZE];
};

struct club {
    struct plan plan;
    struct sched sched;
    struct net net;
    struct rand rand;
    bool verbose, healed;
    uint64_t trace;                     /* hash of the story */
    struct club_counters counters;
    char violation[256];                /* "": none */
    uint32_t ids;                       /* of members, given out so far */
    int width[TOPICS];                  /* partitions that there are */
    int former[TOPICS];                 /* topics that had the name before */
    struct topic topic;
    struct desk desks[DESKS_MAX];
    struct consumer consumers[CONSUMERS_MAX];
    struct known_group known[GROUPS_MAX];
    /* whose commit was accepted last: the network may turn round what one process says */
    struct writer { int from; uint64_t life, number; } writers[GROUPS_MAX][TOPICS][WIDTH_MAX];
};

static inline int share_size(struct share share)
{
    return __builtin_popcount(share.of[0]) + __builtin_popcount(share.of[1]);
}
static inline struct share share_without(struct share a, struct share b)
{
    return (struct share){{a.of[0] & ~b.of[0], a.of[1] & ~b.of[1]}};
}
static inline struct share share_both(struct share a, struct share b)
{
    return (struct share){{a.of[0] & b.of[0], a.of[1] & b.of[1]}};
}
static inline bool share_has(struct share share, int topic, int partition)
{
    return share.of[topic] >> partition & 1;
}

/* club.c */
struct club *club_new(const struct plan *plan, bool verbose);
void club_free(struct club *club);
/* True: no violation. */
bool club_run(struct club *club);
void club_violated(struct club *club, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void club_say(struct club *club, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Into the trace. */
void club_note(struct club *club, uint64_t a, uint64_t b);
int64_t club_draw(struct club *club, int64_t low, int64_t high);
/* One of n times, and never after the healing. */
bool club_fault(struct club *club, uint64_t n);
const char *club_group(int group);              /* its name */
int club_group_number(const char *name);
extern const char *const club_topics[TOPICS];
/* The id of the topic that had `former` before it, and back. */
struct uuid club_topic_id(int former);
int club_topic_former(const struct uuid *id);

/* options.c, faults.c */
extern const struct plan_form club_form;
extern const struct life_kind sim_club;
void faults_begin(struct club *club);
int64_t faults_end(struct club *club);
/* A consumer's process has ended by itself. */
void faults_restart(struct consumer *consumer);

/* message.c */
int club_admin(const struct club *club);        /* the node of whoever looks after groups */
void message_post(struct club *club, const struct message *message);
const char *ask_name(enum ask ask);

/* topic.c */
void topic_append(struct desk *desk, const struct groups_effect *store);
void topic_move(struct club *club, int to, int64_t told_after_ms);
void topic_stall(struct club *club, int64_t length_ms);
void topic_compact(struct club *club, bool tombstones);
/* The order of this leadership with this token; NULL: there is none. */
const struct groups_log_order *topic_find(const struct topic *topic, uint64_t token,
                                          bool *committed);
/* The last offset that is written of the topic as it is now, committed or not; -1: none. */
int64_t topic_last_written(const struct club *club, const char *group, int topic, int partition);

/* desk.c */
void desk_start(struct desk *desk);
void desk_die(struct desk *desk);
void desk_pause(struct desk *desk, int64_t until_us);
void desk_jump(struct desk *desk, int64_t by_ms);
int64_t desk_now_ms(const struct desk *desk);
int64_t desk_wall_ms(const struct desk *desk);
void desk_hear(struct desk *desk, const struct message *message);
/* A topic was made anew: it hears so a little later. */
void desk_hear_of_topic(struct desk *desk, int topic);
/* It is told, unless its process has died: it leads (true) or not; a store's outcome. */
void desk_told_leads(struct desk *desk, int32_t epoch, bool leads);
void desk_told_stored(struct desk *desk, uint64_t token, int code);

/* consumer.c */
void consumer_start(struct consumer *consumer, const char *instance, uint32_t topics);
void consumer_die(struct consumer *consumer);
void consumer_leave(struct consumer *consumer);
void consumer_pause(struct consumer *consumer, int64_t until_us);
void consumer_resubscribe(struct consumer *consumer, uint32_t topics);
/* Join again: at once or a little later; `lost`: what it had is not its any more; `forget`: as
 * somebody new. */
void consumer_go_out(struct consumer *consumer, bool lost, bool forget);
/* What it had is not its any more. */
void consumer_lose(struct consumer *consumer);
void consumer_ask(struct consumer *consumer, enum ask ask, struct message *message);
void consumer_sync(struct consumer *consumer, const struct message *answer);
void consumer_commit(struct consumer *consumer, struct share share, bool careless);
void consumer_break(struct consumer *consumer);

/* consumer_hear.c */
void consumer_hear(struct consumer *consumer, const struct message *answer);

/* consumer_assign.c */
bool consumer_cooperates(const struct consumer *consumer);
int assign_tell(const struct consumer *consumer, struct told told[MEMBERS_MAX]);
/* As a leader: who gets what, of those that the answer names. */
int assign_all(const struct consumer *consumer, const struct message *answer,
               struct told told[MEMBERS_MAX], int *withheld);
/* What an assignment says. */
struct share assign_share(const void *bytes, size_t size);

/* facts.c */
void facts_begin(struct club *club);
/* `question`: what the commit came from; NULL: none did. */
void facts_ordered(struct desk *desk, const struct groups_effect *store,
                   const struct message *question);
void facts_committed(struct club *club, const struct groups_log_order *order);
/* `gained`: what it did not own before. */
void facts_assigned(struct consumer *consumer, struct share gained);
int club_topic_number(const char *name);
struct known_member *facts_member(struct known_group *known, const char *id);
bool facts_is_whole(struct club *club, char *why, size_t size);
void facts_final(struct club *club);

/* watch.c, watch_answers.c */
/* The member of that id; NULL: none. */
struct seen_member *club_seen(struct seen_group *group, const char *id);
/* Around a step: the stores were ordered, the answers not given. */
void watch_step(struct desk *desk, const struct groups_event *event, const struct message *question,
                const struct groups_effects *effects);
void watch_answer(struct desk *desk, const struct desk_ticket *ticket,
                  const struct groups_effect *effect);
void watch_loaded(struct desk *desk);

#endif
