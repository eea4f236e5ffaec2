/* core/controller_private.h - what the files of the controller share. Not for others.
 *
 *   controller.c      the step, the election, requests        (start here: the invariants)
 *   stores.c          decide, order writes, take verdicts
 *   alter.c           more partitions, other configuration
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
    struct settings *settings; /* STORE_PARTITIONS, STORE_CONFIG */
    struct store_change *changes;
    size_t change_count;
    struct partition_state *states; /* STORE_TOPIC, STORE_PARTITIONS: one per partition */
    struct partition *grown;        /* STORE_PARTITIONS: room for all, the new ones filled in */
    struct configs configs;         /* STORE_CONFIG: all that is written */
    struct store_target *targets;   /* one per partition that the order writes */
    size_t target_count;
};

struct store_target {
    struct partition *partition;
    uint64_t leader_life; /* what the decision was based on */
    uint64_t sequence;    /* announced when ordered; must not move before the verdict */
};

/* A ticket that waits for its turn in the line of a topic or broker. */
struct alteration {
    struct list link;
    uint64_t ticket;
    int tries;
    int32_t partitions; /* wanted in all; 0: the configuration is to be altered */
    struct replica_set *sets;
    int32_t set_count;
    struct controller_alteration *items; /* one block with all the text */
    int32_t item_count;
};

/* A broker that waits for news. */
struct asker {
    uint64_t ticket;
    int32_t broker, epoch;
    uint64_t sequence;
    bool partial;
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
    struct list pending;             /* partitions that need another state */
    struct list settings_todo;       /* whose first alteration can be ordered */
    struct list topics_later, later; /* the same, after STORE_RETRY_MS */
    int64_t retry_at_ms;             /* when the later ones come back; INT64_MAX: none */
    struct list stores;
    size_t store_count;
    uint64_t next_token;
    size_t repair_count; /* first verdicts that announcements wait for */

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
 * counts. */
void answer_taken(struct controller *controller, uint64_t ticket, int error,
                  const struct topic *topic, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

struct controller_effect *effects_add(struct controller *controller,
                                      enum controller_effect_type type);

/* --- stores.c --------------------------------------------------------------------------------- */

/* Empty, with room for so many; on no list. NULL when out of memory. */
struct store *store_new(enum store_kind kind, size_t change_count, size_t target_count);
void store_free(struct store *store);
void stores_init(struct controller *controller);
void stores_clear(struct controller *controller);

/* The state that the partition should have, when that is not the stored one; and which life of its
 * leader that is decided for. */
bool partition_decide(const struct controller *controller, const struct partition *partition,
                      struct partition_state *wanted, uint64_t *leader_life);

/* Queue the partition when it needs another state. */
void partition_review(struct controller *controller, struct partition *partition);
void topic_doom(struct controller *controller, struct topic *topic);

/* This is stored now, so it may be announced. */
void partition_adopt(struct controller *controller, struct partition *partition,
                     const struct partition_state *state, uint64_t leader_life,
                     uint64_t sequence);

/* Order as much as may be in flight. */
void stores_pump(struct controller *controller);
void stores_retry(struct controller *controller);

enum store_outcome { STORE_TAKEN, STORE_UNKNOWN_TOKEN, STORE_RESIGN, STORE_WAIT };
enum store_outcome stores_finish(struct controller *controller,
                                 const struct controller_event *event);

/* --- alter.c ---------------------------------------------------------------------------------- */

void alter_partitions(struct controller *controller, const struct controller_event *event);
void alter_config(struct controller *controller, const struct controller_event *event);
/* Of the first in settings_todo; NULL: it was refused and answered, or there is no memory. */
struct store *alteration_order(struct controller *controller, bool *no_memory);
void alteration_finish(struct controller *controller, struct store *store, bool stored,
                       const struct stored_config *found);
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
int64_t askers_deadline_ms(const struct controller *controller);

#endif
