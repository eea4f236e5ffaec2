/* core/controller_private.h - what the files of the controller share. Not for others.
 *
 *   controller.c      the step, the election, requests        (start here: the invariants)
 *   decide.c          what the state of a partition should be
 *   asks.c            what leaders and people ask of single partitions
 *   stores.c          order writes, take verdicts
 *   upkeep.c          what the controller looks after by itself
 *   alter.c           more partitions, other configuration
 *   config_plan.c     what a configuration becomes
 *   reassign.c        other replicas
 *   reports.c         copies that their brokers can not use, and where the others end
 *   announcements.c   who waits for news, what they are told
 *   effects.c         room for the answers of all tickets
 *   cluster.c         what is stored;  election.c, placement.c, topic_plan.c: pure choices */
#ifndef CORE_CONTROLLER_PRIVATE_H
#define CORE_CONTROLLER_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/list.h"
#include "server/core/cluster.h"
#include "server/core/controller.h"

enum {
    STORE_CHANGES_MAX = 500, /* of one order: one multi of the store carries them */
    STORES_IN_FLIGHT_MAX = 16,
    TICKETS_MAX = 8192, /* requests that wait, of all kinds */
    DELETIONS_KEPT_MAX = 1024,
    STORE_RETRY_MS = 1000 /* after a refusal that taught us nothing new */
};

enum controller_phase {
    PHASE_IDLE, /* not elected, deposed or resigned: every request is NOT_CONTROLLER */
    PHASE_LEADING,
    PHASE_LOST /* a write's outcome is unknown; tickets wait for DEPOSED */
};

/* One DO_STORE without verdict. */
struct store {
    struct list link;
    uint64_t token;
    enum store_kind kind;
    struct topic *topic;       /* all but STORE_STATE; NULL: of a broker */
    struct settings *settings; /* STORE_PARTITIONS, STORE_REASSIGN, STORE_CONFIG */
    struct store_change *changes;
    size_t change_count;
    struct partition_state *states; /* STORE_TOPIC, _PARTITIONS, _REASSIGN: one per partition */
    struct replica_moves *moves;    /* STORE_PARTITIONS, STORE_REASSIGN: beside them */
    struct partition *grown;        /* STORE_PARTITIONS: room for all, the new ones filled in */
    struct configs configs;         /* STORE_CONFIG: all that is written */
    struct store_target *targets;   /* one per partition that the order writes */
    size_t target_count;
};

struct store_target {
    struct partition *partition;
    uint64_t leader_life; /* what the decision was based on */
    struct controller_member leader; /* of a new epoch: must still be registered */
    uint64_t sequence;    /* announced when ordered; must not move before the verdict */
};

enum reassign_kind { REASSIGN_NOT, REASSIGN_BEGIN, REASSIGN_CANCEL, REASSIGN_END };

struct reassign {
    enum reassign_kind kind;
    int32_t partition;
    struct replica_set to; /* BEGIN */
};

/* A ticket that waits for its turn in the line of a topic or broker. */
struct alteration {
    struct list link;
    uint64_t ticket; /* 0: the controller's own idea */
    int tries;
    int32_t partitions; /* wanted in all; 0: the configuration is to be altered */
    struct replica_set *sets;
    int32_t set_count;
    struct controller_alteration *items; /* one block with all the text */
    int32_t item_count;
    struct reassign reassign; /* of another kind than NOT: other replicas */
};

/* A broker that waits for news. */
struct asker {
    uint64_t ticket;
    int32_t broker, epoch;
    struct uuid incarnation;
    uint64_t sequence;
    bool partial;
    uint64_t after_token; /* hears nothing before the stores below this one have their verdicts */
    int64_t deadline_ms;
};

struct deletion {
    uint64_t sequence;
    struct uuid id;
};

struct controller {
    int32_t broker_id;
    uint64_t seed;
    enum controller_phase phase;
    int32_t epoch;
    int64_t now_ms;
    struct cluster cluster;

    /* stores.c */
    struct list topics_todo;         /* topics whose creation or removal can be ordered */
    struct list electing;            /* partitions that need another leader: they go first */
    struct list pending;             /* partitions that need another state */
    struct list settings_todo;       /* whose first alteration can be ordered */
    struct list topics_later, later; /* the same, after STORE_RETRY_MS */
    int64_t retry_at_ms;             /* when the later ones come back; INT64_MAX: none */
    struct list stores;
    size_t store_count;
    uint64_t next_token;
    size_t repair_count; /* first verdicts that announcements wait for */

    /* upkeep.c */
    struct controller_options options;
    int64_t rebalance_at_ms; /* INT64_MAX: never */
    bool lossy_review;       /* a mark could perhaps be taken away */

    /* announcements.c */
    bool announcing;
    uint64_t sequence;                             /* of the newest change */
    struct deletion deletions[DELETIONS_KEPT_MAX]; /* ring, oldest at deletion_first */
    size_t deletion_first, deletion_count;
    uint64_t floor_sequence; /* news after an older one can not be told: full picture */
    struct asker *askers;
    size_t asker_count, asker_capacity;

    /* effects.c */
    struct controller_effect *effects;
    size_t effect_count, effect_capacity;
    size_t ticket_count; /* that wait: askers and waiters of topics */
};

/* --- effects.c -------------------------------------------------------------------------------- */

/* Make room for a step's effects while that many tickets wait. 0 or K_NOMEM. */
int effects_reserve(struct controller *controller, size_t tickets);

/* Take a ticket: from here on there is room for its answer. 0, K_NOMEM or K_BUSY (not taken). */
int tickets_take(struct controller *controller);

/* Answer at once a ticket that was not taken. The effect can be completed by the caller. */
struct controller_effect *answer_now(struct controller *controller, uint64_t ticket, int error,
                                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Answer a ticket that was taken, and give its place back; `topic` (may be NULL) tells id and
 * counts. The effect can be completed by the caller. */
struct controller_effect *answer_taken(struct controller *controller, uint64_t ticket, int error,
                                       const struct topic *topic, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

struct controller_effect *effects_add(struct controller *controller,
                                      enum controller_effect_type type);

/* --- decide.c --------------------------------------------------------------------------------- */

/* What the configurations of the topic and of all brokers say. Returns whether it differs from what
 * was known. */
bool topic_learn_rules(const struct controller *controller, struct topic *topic);

/* The state that the partition should have, when that is not the stored one; and which life of its
 * leader that is decided for. */
bool partition_decide(const struct controller *controller, const struct partition *partition,
                      struct partition_state *wanted, uint64_t *leader_life);

/* The same for what is asked of a partition for which partition_decide() is false. Another leader:
 * 0, ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE or ELIGIBLE_LEADERS_NOT_AVAILABLE. */
int partition_decide_leader(const struct controller *controller, const struct partition *partition,
                            enum elect_kind kind, struct partition_state *wanted,
                            uint64_t *leader_life);
/* Another in-sync set, of replicas, its leader among them. False: a member is not fit for it. */
bool partition_decide_isr(const struct controller *controller, const struct partition *partition,
                          const struct replica_set *isr, bool flush_on_ack,
                          struct partition_state *wanted, uint64_t *leader_life);

/* Other replicas: the state that goes with them, whatever it takes. */
void partition_decide_replicas(const struct controller *controller,
                               const struct partition *partition,
                               const struct replica_set *replicas, struct replica_moves moves,
                               struct partition_state *wanted, uint64_t *leader_life);

/* Could another in sync lead instead of this broker? */
bool partition_movable(const struct controller *controller, const struct partition *partition,
                       int32_t broker);
/* Does the stored state count on what this lossy broker may have lost? */
bool partition_relies_on(const struct controller *controller, const struct partition *partition,
                         int32_t broker);
/* C21: if it is lossy and the state counts on it, is no other such copy known to be longer? */
bool partition_is_longest(const struct controller *controller, const struct partition *partition,
                          int32_t broker);
/* Assert that this may be ordered to follow what is stored. */
void partition_check_wanted(const struct controller *controller,
                            const struct partition *partition,
                            const struct partition_state *wanted);

/* --- asks.c ----------------------------------------------------------------------------------- */

struct ask {
    struct ask *next;
    uint64_t ticket; /* 0: the controller's own idea */
    bool isr;        /* another in-sync set; else another leader: */
    enum elect_kind elect;
    int32_t broker; /* who asks for the set */
    struct uuid incarnation;
    int32_t leader_epoch, version;
    bool flush_on_ack;
    int32_t new_count; /* of the members, who stand first: who is not in sync yet */
    int32_t member_count;
    struct controller_member members[];
};

void asks_isr(struct controller *controller, const struct controller_event *event);
void asks_elect(struct controller *controller, const struct controller_event *event);
/* Put the preferred leader back, when nothing is asked of the partition already. */
void asks_add_preferred(struct controller *controller, struct partition *partition);

/* What the first of the asks wants, which is next to be stored; those that come to nothing are
 * answered. NULL: none is left. Only for partitions for which partition_decide() is false. */
const struct ask *asks_decide(struct controller *controller, struct partition *partition,
                              struct partition_state *wanted, uint64_t *leader_life);
/* The first one, which was ordered, has its verdict: `error` 0: it is stored. */
void asks_finish(struct controller *controller, struct partition *partition, int error);
/* Answer all but the one that is being stored. */
void asks_refuse(struct controller *controller, struct partition *partition, int error);
/* Answer everybody: we are no controller any more. */
void asks_clear(struct controller *controller);
void asks_drop(struct controller *controller); /* without an answer */

/* --- upkeep.c --------------------------------------------------------------------------------- */

void upkeep_begin(struct controller *controller); /* elected */
void upkeep_drain(struct controller *controller, const struct controller_event *event);
/* Marks that can be taken away, preferred leaders that are due. */
void upkeep_run(struct controller *controller);
/* The rules of one topic (NULL: of all) may have changed: partitions that need another state for it
 * are queued. */
void upkeep_rules(struct controller *controller, struct topic *topic);

/* --- stores.c --------------------------------------------------------------------------------- */

/* Empty, with room for so many; on no list. NULL when out of memory. */
struct store *store_new(enum store_kind kind, size_t change_count, size_t target_count);
void store_free(struct store *store);
void stores_init(struct controller *controller);
void stores_clear(struct controller *controller);

/* Queue the partition when it needs another state, or somebody asks for one. */
void partition_review(struct controller *controller, struct partition *partition);
void topic_doom(struct controller *controller, struct topic *topic);
/* What does not fit comes from records that nobody sane wrote: it counts as not there. */
void state_mend(struct partition_state *state);

/* This is stored now, so it may be announced. */
void partition_adopt(struct controller *controller, struct partition *partition,
                     const struct partition_state *state, uint64_t leader_life,
                     uint64_t sequence);

/* `found` is stored instead of `wanted`. */
void partition_stale(struct controller *controller, struct partition *partition,
                     const struct partition_state *wanted, uint64_t leader_life,
                     const struct partition_state *found);
/* Its verdict came: it is not in flight any more. */
void partition_landed(struct controller *controller, struct partition *partition);
/* The partition goes in flight with the state of `change`, if who begins to lead still lives. */
void store_aim_checked(struct controller *controller, struct store *store,
                       struct partition *partition, struct store_change *change,
                       uint64_t leader_life);

/* Is the verdict of a store open that was ordered before the one with this token? */
bool stores_open_before(const struct controller *controller, uint64_t token);

/* Order as much as may be in flight. */
void stores_pump(struct controller *controller);
void stores_retry(struct controller *controller);

enum store_outcome { STORE_TAKEN, STORE_UNKNOWN_TOKEN, STORE_RESIGN, STORE_WAIT };
enum store_outcome stores_finish(struct controller *controller,
                                 const struct controller_event *event);

/* --- config_plan.c ---------------------------------------------------------------------------- */

/* The whole configuration as it is to be stored: deep copy into `out`. 0, NOMEM, UNKNOWN_NAME or
 * INVALID_CONFIG. */
int config_plan(const struct settings *settings, const struct controller_alteration *items,
                int32_t item_count, struct configs *out, struct k_reason *reason);

/* --- alter.c ---------------------------------------------------------------------------------- */

void alter_partitions(struct controller *controller, const struct controller_event *event);
void alter_config(struct controller *controller, const struct controller_event *event);
/* Of the first in settings_todo; NULL: it was refused and answered, or there is no memory. */
struct store *alteration_order(struct controller *controller, bool *no_memory);
void alteration_finish(struct controller *controller, struct store *store,
                       const struct controller_event *event);
/* Takes the ticket, if it is one. 0, NOMEM or BUSY. */
int alteration_add_reassign(struct controller *controller, struct settings *settings,
                            uint64_t ticket, const struct reassign *wish);
/* Must the first in line wait, because its partition is in flight? */
bool alterations_blocked(const struct settings *settings);
/* A partition of the topic is not in flight any more. */
void alterations_resume(struct controller *controller, struct topic *topic);
/* Answer all who wait in the line but the one that is stored at this moment. */
void alterations_refuse(struct controller *controller, struct settings *settings, int error);
/* Answer everybody: we are no controller any more. */
void alterations_clear(struct controller *controller);
void alterations_drop(struct controller *controller); /* without an answer */
void alterations_drop_line(struct settings *settings);
/* Somebody else wrote the configuration of a topic or broker. 0 or K_NOMEM. */
int settings_told(struct controller *controller, enum entity_kind kind,
                  const struct controller_entity *entity);
int alteration_copy(struct alteration *alteration, const struct controller_alteration *items,
                    int32_t count); /* 0 or K_NOMEM */
void alteration_free(struct alteration *alteration); /* NULL is allowed */

/* --- reassign.c ------------------------------------------------------------------------------- */

void reassign_ask(struct controller *controller, const struct controller_event *event);
/* Is it complete, and nobody ends it? */
bool reassign_is_due(const struct controller *controller, const struct partition *partition);
/* Queue the end of one that is due. 0 or NOMEM. */
int reassign_review(struct controller *controller, struct partition *partition);
/* Its partition is not in flight. 0 and *out NULL: it is so already. Or why not, or NOMEM. */
int reassign_order(struct controller *controller, struct topic *topic,
                   const struct alteration *alteration, struct store **out,
                   struct k_reason *reason);
enum reassign_end { REASSIGN_STORED, REASSIGN_AGAIN, REASSIGN_REFUSED };
enum reassign_end reassign_finish(struct controller *controller, struct store *store,
                                  struct alteration *alteration,
                                  const struct controller_event *event);
struct replica_moves reassign_mend(const struct replica_set *replicas, struct replica_moves moves);

/* --- reports.c -------------------------------------------------------------------------------- */

/* What a broker last said of its copy of a partition. It counts for that incarnation only, whether
 * it is registered at this moment or not. */
struct report {
    struct report *next;
    struct controller_member from;
    uint64_t round;
    bool lost;
    int32_t told_epoch; /* the leader epoch in which it told the end of its log; -1: in none */
    struct log_end end;
};

void reports_take(struct controller *controller, const struct controller_event *event);
/* Did this broker say that it can not use its copy? */
bool reports_lost(const struct partition *partition, int32_t broker);
struct replica_set reports_set(const struct partition *partition); /* all who said so */
/* Where the log of this broker ends. False: it has not said so since nobody leads. */
bool reports_end(const struct partition *partition, int32_t broker, struct log_end *end);
/* Other brokers are registered now: forget what former processes of them said. */
void reports_expire(struct controller *controller, struct partition *partition);
/* Forget what others than its replicas said. */
void reports_prune(struct partition *partition);
void reports_free(struct partition *partition);
int reports_copy(struct partition *copy, const struct partition *partition); /* 0 or K_NOMEM */

/* --- announcements.c -------------------------------------------------------------------------- */

void announcements_clear(struct controller *controller);
uint64_t announce_next(struct controller *controller); /* the sequence of a new change */
void announce_deletion(struct controller *controller, const struct uuid *id);
void askers_add(struct controller *controller, const struct controller_event *event);
void askers_drop(struct controller *controller, uint64_t ticket);
void askers_refuse(struct controller *controller, int error);
/* Start announcing once repairs are done; answer everybody for whom there is news or whose time
 * has come. */
void announcements_flush(struct controller *controller);
/* May it not hear the news yet? */
bool asker_is_held(const struct controller *controller, const struct asker *asker);
int64_t askers_deadline_ms(const struct controller *controller);

#endif
