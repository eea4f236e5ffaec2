/* world.h - a cluster in one thread: brokers made of the real cores, and everything around them.
 *
 *   options.c       what a run is made of: drawn from a seed, or read from a script
 *   world.c         its life: begin, faults, healing, the end
 *   faults.c        what is done to it
 *   plots.c         and what has to wait for its moment
 *   broker.c        a process on a machine: start, death, pause, clock
 *   drive_member.c  session, registration, election around core/member
 *   drive_chair.c   loading and feeding core/controller, proposals, news
 *   drive_store.c   a DO_STORE as fenced multis, lost answers found out
 *   drive_drain.c   a broker that is to stop hands over what it leads
 *   drive_news.c    a broker's picture of the cluster
 *   drive_replica.c one partition on one broker around core/replica
 *   ends.c          where logs without a leader end, told to the controller
 *   fetches.c       what followers and leaders say to each other
 *   clients.c       producers and consumers
 *   truth.c         what must hold after every event
 *   lease.c         and what of leases
 *
 * The shells do what server/runtime does with threads and sockets. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/controller.h"
#include "server/core/member.h"
#include "server/core/replica.h"
#include "tests/sim/counters.h"
#include "tests/sim/disk.h"
#include "tests/sim/net.h"
#include "tests/sim/plan.h"
#include "tests/sim/sched.h"
#include "tests/sim/zk.h"

enum { CLIENTS_MAX = 6, FETCH_BATCH_MAX = 16, PARKED_MAX = SIM_BROKERS_MAX, PENDING_MAX = 64,
       CHAIR_STORES_MAX = 16, CHAIR_TICKETS_MAX = 64, OPERATIONS_MAX = 4096 };

struct world;
struct broker;

/* What brokers and clients say to each other. */
struct message {
    enum message_kind {
        MESSAGE_FETCH, MESSAGE_FETCHED, MESSAGE_CHANGES, MESSAGE_NEWS, MESSAGE_PROPOSAL,
        MESSAGE_VERDICT, MESSAGE_DRAIN, MESSAGE_DRAINED, MESSAGE_END,
        MESSAGE_PRODUCE, MESSAGE_PRODUCED, MESSAGE_READ, MESSAGE_WAS_READ
    } kind;
    int from, to;                       /* nodes of the net */
    uint64_t life;                      /* of the process that asked, and is answered */
    int partition;
    bool late;                          /* a copy of what came long ago */
    union {
        struct { struct replica_effect order; struct uuid incarnation; int64_t patience_ms;
               } fetch;
        struct {
            uint64_t round;
            int code;
            bool diverged;
            int32_t diverged_epoch;
            int64_t diverged_end, start, high_watermark, first;
            int count;
            struct record records[FETCH_BATCH_MAX];
        } fetched;
        struct { uint64_t turn; int32_t epoch; uint64_t sequence; struct uuid incarnation;
               } changes;
        struct {
            uint64_t turn, sequence;
            int code;
            int32_t epoch;
            bool full, brokers_told;
            bool told[SIM_PARTITIONS_MAX];
            struct partition_state states[SIM_PARTITIONS_MAX];
        } news;
        struct { struct replica_effect order; struct uuid incarnation; int32_t reign; } proposal;
        struct { uint64_t round; int code; } verdict;
        struct { struct uuid incarnation; } drain;
        struct { int code; int32_t remaining; } drained;
        struct { uint64_t round; struct uuid incarnation; bool lost, told; int32_t leader_epoch;
                 struct log_end end; } end;
        struct { int operation; int acks; struct record record; int32_t epoch; } produce;
        struct { int operation, code; int64_t offset; } produced;
        struct { int64_t offset; int32_t epoch; uint64_t round; } read;
        struct { uint64_t round; int code; int64_t offset, high_watermark; int32_t epoch;
                 int count; struct record records[FETCH_BATCH_MAX]; } was_read;
    };
};

/* --- one partition on one broker -------------------------------------------------------------- */

struct parked { bool used; uint64_t number; struct message question; };
struct pending { bool used; int64_t end; int from, operation; uint64_t life; };

struct host {                           /* of a replica */
    struct broker *broker;
    int partition;
    struct replica core;
    bool made, opened, failed;
    uint64_t timer;                     /* of the last TICK that was set; older ones do nothing */
    struct message answer;              /* whose records a DO_APPEND writes */
    struct parked parked[PARKED_MAX];   /* fetches that wait for news, by follower */
    int64_t told_watermark[SIM_BROKERS_MAX];
    int32_t led_epoch;                  /* the last one it was seen to lead */
    struct pending pending[PENDING_MAX];
    bool flushing, waking;
    bool expected;                      /* its partition was there before this process was */
    bool telling, was_lost;             /* ends.c: the controller hears of it, again and again */
    int64_t checked;                    /* below it the log was compared with what is committed */
    uint64_t parked_number;
    int32_t diverged_round;             /* divergences in a row */
    uint64_t log_turn;                  /* grows with each truncation: older flushes say nothing */
};

/* --- the controller on one broker ------------------------------------------------------------- */

struct store_run {
    uint64_t token;                     /* 0: free */
    int32_t epoch_version;
    uint64_t reign;
    size_t count, reads_left;
    bool resolving, read_failed, settled[SIM_PARTITIONS_MAX + 1];
    struct store_change changes[SIM_PARTITIONS_MAX + 1];
    struct controller_member checks[SIM_PARTITIONS_MAX + 1][SIM_BROKERS_MAX];
    struct partition_state states[SIM_PARTITIONS_MAX + 1];
    enum store_verdict verdicts[SIM_PARTITIONS_MAX + 1];
};

struct chair_ticket { uint64_t ticket; struct message question; };

struct chair {
    bool taken, loaded;
    uint64_t reign;                     /* grows with every change; older answers are dropped */
    int32_t epoch, epoch_version;
    struct controller *core;
    uint64_t timer;
    int reads_left;
    bool read_failed, live_again, reading_live;
    bool sound[SIM_BROKERS_MAX];        /* lives and is not lossy, as the core was told last */
    struct zk_node states[SIM_PARTITIONS_MAX], incarnations[SIM_BROKERS_MAX],
        records[SIM_BROKERS_MAX];
    struct store_run stores[CHAIR_STORES_MAX];
    struct chair_ticket tickets[CHAIR_TICKETS_MAX];
    uint64_t next_ticket;
};

/* --- a broker --------------------------------------------------------------------------------- */

struct registering { uint64_t round; int looks, left; bool failed, replaced;
                     struct zk_node nodes[4]; };
struct electing { uint64_t round; int32_t epoch, version; int64_t session; bool doubtful; };

struct broker {
    struct world *world;
    int id;
    struct disk disk;
    struct rand rand;

    bool up;
    uint64_t life;                      /* of the process; 0 has never been */
    int down_count;                     /* faults that keep it down: the last one starts it */
    int64_t ambush_ms;                  /* above 0: waits for it to be proposed; plots.c */
    int64_t untimely_session;           /* was ended by hand, whatever the lease says */
    int64_t paused_until_us;
    int64_t clock_offset_ms, drift_permille;
    struct uuid incarnation;
    bool lossy;
    bool replaced;                      /* its disk is not the one that was recorded */

    bool draining;                      /* it is to stop */
    int64_t drain_until_ms;
    int awake;                          /* TICKs at once, in a row */

    struct zk_client client;
    struct member member;
    uint64_t member_timer;
    struct registering registering;
    struct electing electing;
    struct chair chair;

    int followed;                       /* the controller's broker, -1: nobody known */
    uint64_t follow_round;              /* of the order to */
    uint64_t turn;                      /* of news: one question at a time */
    bool asking, heard;                 /* heard: everything, from whom it follows */
    int32_t known_epoch;                /* of the controller whose picture it is */
    uint64_t known_sequence;
    bool knows[SIM_PARTITIONS_MAX];
    struct partition_state states[SIM_PARTITIONS_MAX];
    struct host hosts[SIM_PARTITIONS_MAX];
    uint64_t ends_told;                 /* the last round */
};

/* --- clients ---------------------------------------------------------------------------------- */

enum operation_state { OPERATION_QUEUED, OPERATION_SENT, OPERATION_DONE, OPERATION_REFUSED,
                       OPERATION_UNKNOWN };
struct operation {
    int client, partition, acks;
    struct record record;               /* its epoch is the leader's */
    enum operation_state state;
    int tries;                          /* times that it was sent */
    bool may_be_stored;                 /* one of the tries may have been */
    bool committed;
    bool promised;                      /* a broker said so, whoever hears it */
    bool excused;                       /* acknowledged by who was replaced uncleanly */
    int64_t offset;
};

struct client {
    struct world *world;
    int id, node, acks;
    bool consumer, idempotent, stopped;
    int window;
    int32_t sequences[SIM_PARTITIONS_MAX];
    int32_t epochs[SIM_PARTITIONS_MAX]; /* the newest leader epoch it has heard of */
    int leaders[SIM_PARTITIONS_MAX];
    int64_t position[SIM_PARTITIONS_MAX], visible[SIM_PARTITIONS_MAX];
    int32_t producers[SIM_PARTITIONS_MAX];  /* the number under which it sends */
    int first_open;                         /* operations before it are done */
    uint64_t round;
    int reading;                            /* partition */
    struct rand rand;
};

/* --- what is true ----------------------------------------------------------------------------- */

enum { EPOCHS_MAX = 1024, PRODUCERS_MAX = 64, WRITTEN_KEPT = 6 };

struct truth {
    int64_t committed;                  /* end of what is */
    int64_t trimmed;                    /* below it records may be gone */
    struct record records[LOG_RECORDS_MAX];
    struct partition_state stored;
    bool impaired[SIM_BROKERS_MAX];     /* lost records, and is or may come into the set yet */
    bool lost[SIM_BROKERS_MAX];         /* lost records since the set was whole */
    int unclean;                        /* unclean elections so far */
    int8_t leader_of[EPOCHS_MAX];       /* -1: nobody was seen to lead that epoch */
    /* the newest epoch that another leads, stored while this broker was not registered */
    int32_t ousted[SIM_BROKERS_MAX];
    int32_t sequences[PRODUCERS_MAX];   /* the last committed one, -1: none */
    /* what was written at an offset, by epoch; the oldest goes */
    struct written { int32_t epoch; uint32_t id; } written[LOG_RECORDS_MAX][WRITTEN_KEPT];
    uint8_t written_next[LOG_RECORDS_MAX];
};

struct world {
    struct plan plan;
    struct sched sched;
    struct net net;
    struct zk zk;
    struct rand rand;
    bool verbose, healed;
    uint64_t trace;                     /* hash of the story */
    uint64_t uuids;
    struct counters counters;
    char violation[256];                /* "": none */
    bool nothing_more;                  /* a run that can prove nothing more: the log is full */

    struct broker brokers[SIM_BROKERS_MAX];
    struct client clients[CLIENTS_MAX];
    int client_count;
    struct operation operations[OPERATIONS_MAX];
    int operation_count, acknowledged;
    struct truth truths[SIM_PARTITIONS_MAX];
    struct partition_state assignment[SIM_PARTITIONS_MAX];
};

/* world.c */
struct world *world_new(const struct plan *plan, bool verbose);
void world_free(struct world *world);
/* True: no violation. */
bool world_run(struct world *world);
void world_violated(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Into the trace; and shown, when verbose. */
void world_say(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_note(struct world *world, uint64_t a, uint64_t b);
struct uuid world_uuid(struct world *world);

/* faults.c */
void faults_plan(struct world *world);
void faults_heal(struct world *world);
void faults_act(struct world *world, const struct decision *decision);
/* The same as a handler, unless all is healed. */
void faults_do(void *world, void *decision);
/* Its process has ended by itself: whoever looks after it starts it again. */
void faults_restart_later(struct broker *broker);

/* plots.c */
void plot_on_proposal(struct host *host, const struct replica_effect *order);
void plot_usurp(struct world *world, const struct decision *decision);
void plot_elect_unclean(struct world *world);
void plot_turns(struct world *world, const struct decision *decision);

/* broker.c */
void broker_init(struct world *world, int id);
void broker_start(struct broker *broker);
void broker_die(struct broker *broker);
void broker_pause(struct broker *broker, int64_t until_us);
int64_t broker_now_ms(const struct broker *broker);
bool broker_lease_holds(const struct broker *broker);
/* Call `handler` with this broker after `delay_us`, unless the process has died. */
typedef void (*broker_handler)(struct broker *broker, uint64_t a, uint64_t b);
void broker_later(struct broker *broker, int64_t delay_us, broker_handler handler, uint64_t a,
                  uint64_t b);
/* The same, at its own time of day. */
void broker_at_ms(struct broker *broker, int64_t at_ms, broker_handler handler, uint64_t a,
                  uint64_t b);
/* TICKs that order the next one at once do so only a few times. */
void broker_check_awake(struct broker *broker, bool tick, int64_t deadline_ms, const char *core);
/* To a broker or client; goes through the net. */
void message_send(struct world *world, const struct message *message);
/* An answer to it. */
struct message message_answer(const struct message *question, enum message_kind kind);

/* drive_member.c */
void member_drive(struct broker *broker, const struct member_event *event);
extern const struct zk_events broker_zk_events;

/* drive_chair.c */
void chair_take(struct broker *broker, int32_t epoch, int32_t epoch_version);
void chair_leave(struct broker *broker);
void chair_drive(struct broker *broker, struct controller_event *event);
void chair_list_changed(struct broker *broker);
void chair_on_message(struct broker *broker, const struct message *message);
/* Is `broker` sound, as the controller was told last, and has it its copy? */
bool chair_may_choose(const struct broker *controller, int partition, int32_t broker);

/* drive_store.c */
void store_begin(struct broker *broker, const struct controller_effect *effect);

/* drive_drain.c */
void drain_begin(struct broker *broker);
void drain_on_answer(struct broker *broker, const struct message *message);

/* drive_news.c */
void news_follow(struct broker *broker, int controller, uint64_t round, bool anew);
void news_on_message(struct broker *broker, const struct message *message);
bool state_is_newer(const struct partition_state *a, const struct partition_state *b);

/* drive_replica.c */
void host_make(struct broker *broker, int partition);
void host_end(struct host *host);
void host_told(struct host *host);      /* of another state: broker->states[] */
void host_step(struct host *host, struct replica_event *event, const struct message *question);
void host_disk_failed(struct host *host);
void host_configured(struct host *host);
void host_flush(struct host *host);
struct sim_log *host_log(const struct host *host);
void host_on_produce(struct host *host, const struct message *message);
void host_on_read(struct host *host, const struct message *message);
void host_trim(struct host *host, int64_t start);

/* ends.c */
void end_tell(struct host *host);       /* again and again, while nobody leads or it is lost */
bool end_is_lost(const struct host *host);      /* with the disk, and relied on */
/* A state was stored: of several lossy copies the longest leads. */
void end_check_longest(struct world *world, int partition, const struct partition_state *before,
                       const struct partition_state *after);

/* fetches.c */
void fetch_send(struct host *host, const struct replica_effect *order);
void fetch_on_question(struct host *host, const struct message *message);
void fetch_answer(struct host *host, const struct replica_effect *effect,
                  const struct message *question);
void fetch_on_answer(struct host *host, const struct message *message);
void fetch_wake(struct host *host);     /* there are records, or another watermark */
void propose_send(struct host *host, const struct replica_effect *order);
void propose_on_verdict(struct host *host, const struct message *message);

/* clients.c */
void clients_init(struct world *world);
void client_on_message(struct client *client, const struct message *message);
bool clients_settled(const struct world *world, char *why, size_t size);

/* truth.c */
/* A controller's order, before it is carried out. */
void truth_ordered(const struct broker *controller, const struct store_change *change);
void truth_init(struct world *world);
void truth_observe(void *observer, int node, const struct zk_node *before,
                   const struct zk_node *after);
void truth_appended(struct host *host, int64_t first);      /* a leader wrote, or a follower */
void truth_published(struct host *host);                    /* its watermark rose */
void truth_leads(struct host *host);                        /* it believes to lead an epoch */
void truth_truncated(struct host *host);
void truth_served(struct host *host);                       /* on the strength of its lease */
void truth_acknowledged(struct world *world, const struct operation *operation);
void truth_read(struct client *client, const struct message *message);
/* A state is stored: who is away, and does not lead by it? */
void lease_stored(struct world *world, int partition, const struct partition_state *before,
                  const struct partition_state *after);
bool truth_is_void(const struct host *host);
void truth_refused(struct world *world, const struct operation *operation);
int64_t truth_trimmable(const struct world *world, int partition);
bool truth_may_lose(const struct world *world, int broker, bool wipe);
void truth_lost(struct world *world, int broker, bool wipe);
/* All replicas the same, whole sets, everybody knows what is stored. */
void truth_final(struct world *world);
bool truth_converged(const struct world *world, char *why, size_t size);

#endif
