/* core/controller.h - who leads which partition. Pure: event in, effects out.
 *
 * Decide, store, then announce: the picture that brokers see changes only in the step that learns
 * that the conditional write succeeded. The step contract (HACKING.md, "Pure cores") holds: no
 * clock, no I/O, no threads; events are facts and carry the time; effects are orders and valid
 * until the next step; whoever waits is a ticket. Speaks of versioned records, never of znodes. */
#ifndef CORE_CONTROLLER_H
#define CORE_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"
#include "server/core/partition_state.h"
#include "server/core/topic_policy.h"

enum { PARTITIONS_PER_TOPIC_MAX = 10000, TOPIC_NAME_MAX = 249 };

struct controller_broker {
    int32_t id;
    struct uuid incarnation;
    char rack[64];                        /* "": none */
    bool lossy;                           /* what was not synced may be gone from its disks, */
    bool incomplete;                      /* or even what was: a disk is not there any more */
    bool mute;                            /* an older one: it never tells where its logs end */
};

/* A broker as somebody saw it. */
struct controller_member { int32_t id; struct uuid incarnation; };

/* What counts where the stored configuration of topics and brokers says nothing, what the
 * controller does by itself, and what it refuses. Zero: 1, false, never, nothing. */
struct controller_options {
    int32_t min_insync;                   /* min.insync.replicas */
    bool unclean;                         /* unclean.leader.election.enable */
    int64_t rebalance_interval_ms;        /* how often preferred leaders are put back */
    int32_t imbalance_percent;            /* of a broker's, that others may lead before that */
    struct topic_policy policy;           /* create.topic.policy.* */
    bool deletes_nothing;                 /* not delete.topic.enable */
};

/* One override as it is stored. A value that can not be served is `ignored`: kept in the store, and
 * never told; `instead` (NULL: nothing) is told in its place. */
struct controller_config { const char *name, *value; bool ignored; const char *instead; };

/* What has a stored configuration. A broker's name is its id as text, or "<default>" for what
 * counts for all brokers. */
enum entity_kind { ENTITY_TOPIC, ENTITY_BROKER };

struct controller_entity {
    const char *name;
    int32_t version;                      /* of the stored record; -1: there is none */
    const struct controller_config *configs;
    int32_t config_count;
};

/* One wish for a configuration. */
struct controller_alteration {
    const char *name;
    const char *value;                    /* NULL: no override any more */
    bool unknown;                         /* no such option: it can only be taken out */
};

/* One stored topic, as loaded at election; borrowed during the step. */
/* Of a partition that is being reassigned: which places in its replicas are new, and which go once
 * all others are in sync. 0, twice: nothing is under way. */
struct replica_moves { uint16_t adding, removing; };

struct controller_topic {
    const char *name;
    struct uuid id;
    int32_t partition_count;
    const struct partition_state *partitions;
    const struct replica_moves *moves;    /* beside them; NULL: none */
    const struct controller_config *configs;
    int32_t config_count;
    int32_t config_version;               /* -1: no configuration is stored */
    bool doomed;                          /* a delete request is stored */
};

enum elect_kind {
    ELECT_PREFERRED,             /* the first replica, if it is in sync */
    ELECT_UNCLEAN                /* where nobody leads: any live replica, if need be */
};

enum controller_event_type {
    CONTROLLER_ELECTED,          /* we won; carries the whole stored state */
    CONTROLLER_DEPOSED,          /* session lost, or somebody else's chair */
    CONTROLLER_BROKERS,          /* the set of live brokers, whenever it may have changed */
    CONTROLLER_CREATE_TOPIC,     /* a client asks */
    CONTROLLER_DELETE_TOPIC,     /* a client, or a stored delete request (ticket 0), asks */
    CONTROLLER_ADD_PARTITIONS,   /* a client wants a topic to have more partitions */
    CONTROLLER_ALTER_CONFIG,     /* a client asks */
    CONTROLLER_CONFIG_CHANGED,   /* a topic's or broker's stored configuration is now this */
    CONTROLLER_ISR_ASKED,        /* a leader wants another in-sync set */
    CONTROLLER_ELECT_ASKED,      /* a client wants another leader for a partition */
    CONTROLLER_DRAIN_ASKED,      /* a broker is about to stop */
    CONTROLLER_REPORTED,         /* a broker says what is with its copy of a partition */
    CONTROLLER_REASSIGN_ASKED,   /* a client wants other replicas for a partition */
    CONTROLLER_CHANGES_ASKED,    /* a broker waits for news after (epoch, sequence) */
    CONTROLLER_CHANGES_DROPPED,  /* it no longer waits */
    CONTROLLER_STORED,           /* a DO_STORE finished */
    CONTROLLER_TICK              /* only time has passed */
};

enum store_verdict {
    STORE_OK,
    STORE_STALE,                 /* the record had another version: state carries what is stored */
    STORE_EXISTS,                /* create: somebody made it first */
    STORE_ABSENT,                /* a broker among the checks is gone: nothing was written */
    STORE_FENCED,                /* a newer controller exists: resign */
    STORE_LOST                   /* session lost: outcome unknown; DEPOSED follows */
};

/* What stands in the place of a configuration that could not be written. */
struct stored_config {
    int32_t version;             /* -1: nothing */
    bool broken;                 /* it can not be read: what was known stays */
    const struct controller_config *configs;
    int32_t config_count;
};

struct controller_event {
    enum controller_event_type type;
    int64_t now_ms;              /* monotonic */
    union {
        struct { int32_t epoch; const struct controller_topic *topics; size_t topic_count;
                 const struct controller_broker *brokers; size_t broker_count;
                 const struct controller_entity *entities;            /* brokers' configurations */
                 size_t entity_count;
                 /* Topics that were deleted, oldest first: who was away has yet to hear of them. */
                 const struct uuid *deleted; size_t deleted_count;
                 struct controller_options options; } elected;
        struct { const struct controller_broker *brokers; size_t broker_count; } brokers;
        struct { uint64_t ticket; const char *name; struct uuid id;   /* id: random, by the shell */
                 int32_t partitions, replication_factor;
                 const struct replica_set *assignment; int32_t assignment_count;  /* 0: we place */
                 const struct controller_config *configs; int32_t config_count;
                 bool validate_only; uint64_t seed;                   /* start of placement */
                 bool own;                  /* the cluster's own topic: no policy counts */
                 const char *pattern; } create;    /* of the policy, if the name is not like it */
        struct { uint64_t ticket; const char *name; struct uuid id; } remove; /* name NULL: by id */
        struct { uint64_t ticket; const char *name;
                 int32_t partitions;                     /* in all; never fewer than there are */
                 const struct replica_set *assignment;   /* of the new ones */
                 int32_t assignment_count;               /* 0: we place */
                 bool validate_only; } add;
        struct { uint64_t ticket; enum entity_kind kind; const char *name;
                 const struct controller_alteration *items; int32_t count;
                 bool validate_only; } alter;
        struct { enum entity_kind kind; struct controller_entity entity; } config;
        struct { uint64_t ticket; int32_t broker; struct uuid incarnation;   /* who asks */
                 struct uuid topic; int32_t partition;
                 int32_t leader_epoch, version;     /* of the state that it is meant to follow */
                 uint64_t round;    /* grows with each of the leader in its epoch; 0: not counted */
                 int32_t reign;     /* the controller epoch that the leader knew; 0: not told */
                 bool flush_on_ack;
                 /* the wanted set; who is new in it as the leader saw it, else only the id */
                 const struct controller_member *members; int32_t member_count;
                 bool more; } isr;                  /* the next event follows at once: order then */
        struct { uint64_t ticket; const char *name; int32_t partition;
                 enum elect_kind kind; bool more; } elect;
        struct { uint64_t ticket; int32_t broker; struct uuid incarnation; } drain;
        struct { uint64_t ticket; int32_t broker; struct uuid incarnation;   /* who says it */
                 struct uuid topic; int32_t partition;
                 uint64_t round;    /* grows with each of this incarnation */
                 bool lost;         /* its copy can not be used; else it can be used, and, */
                 bool told;         /* when this is set, ended so as the epoch without a leader */
                 int32_t leader_epoch;              /* began; it does not change before the next */
                 struct log_end end;
                 bool more; } report;               /* as of isr */
        struct { uint64_t ticket; const char *name; int32_t partition;
                 bool cancel;             /* back to what it was; replicas are not read */
                 struct replica_set replicas; } reassign;
        struct { uint64_t ticket; int32_t broker; struct uuid incarnation;
                 int32_t epoch;    /* 0: from nothing; told when what is ordered has its verdict */
                 uint64_t sequence; bool partial;   /* so far it has but a part of the news */
                 int64_t deadline_ms; } changes;
        struct { uint64_t token; const enum store_verdict *verdicts;     /* one per change */
                 const struct partition_state *states; size_t count;
                 const struct stored_config *config; } stored;  /* of a stale STORE_CONFIG */
    };
};

enum controller_effect_type {
    CONTROLLER_DO_STORE,          /* conditional writes, fenced by the controller epoch */
    CONTROLLER_DO_ANSWER,         /* to a ticket of anything but CHANGES_ASKED */
    /* to a CHANGES_ASKED ticket: controller_changes() has the content */
    CONTROLLER_DO_ANSWER_CHANGES,
    /* Nothing stored relies any longer on what a lossy broker has lost: take the mark away, if its
     * incarnation is still the recorded one; then BROKERS, also when that failed. */
    CONTROLLER_DO_CLEAR_LOSSY,
    CONTROLLER_DO_RESIGN          /* a fence failed: stop at once */
};

enum store_kind {
    STORE_TOPIC,                /* create topic with assignment, configs and first states: atomic */
    STORE_STATE,                 /* one partition's state at `state.version` */
    STORE_PARTITIONS,            /* a topic's assignment, and states from `partition` on */
    STORE_REASSIGN,              /* a topic's assignment, and the state of `partition`: atomic */
    STORE_CONFIG,                /* a configuration at `version`, and a note of the change */
    STORE_REMOVE                 /* topic, its states, configs and delete request */
};

struct store_change {
    enum store_kind kind;
    const char *topic;           /* valid until the next step, as all of the effect */
    struct uuid id;
    int32_t partition;           /* STORE_STATE; STORE_PARTITIONS: the first new one */
    struct partition_state state;                          /* STORE_STATE: what to write, */
    const struct controller_member *checks;                /* if these are still registered */
    int32_t check_count;
    const struct partition_state *states;                  /* STORE_TOPIC, STORE_PARTITIONS, */
    int32_t partition_count;                               /* _REASSIGN: one each; STORE_REMOVE */
    const struct replica_moves *moves;                     /* beside the states; NULL: none */
    const struct controller_config *configs;               /* STORE_TOPIC, STORE_CONFIG */
    int32_t config_count;
    enum entity_kind entity;                               /* STORE_CONFIG: whose, by the name in */
    int32_t version;                                       /* `topic`; -1: nothing is stored */
};

struct controller_effect {
    enum controller_effect_type type;
    union {
        struct {
            uint64_t token;
            int32_t epoch;
            const struct store_change *changes;
            size_t count;
        } store;
        struct { uint64_t ticket; int error; char message[200];
                 struct uuid id; int32_t partitions, replication_factor;
                 int32_t version;                   /* ISR: of the state that is stored */
                 int32_t remaining, unmovable;      /* DRAIN: see the protocol */
               } answer;
        struct controller_member clear_lossy;
        struct {
            uint64_t ticket;
            int error;
            int32_t after_epoch;
            uint64_t after_sequence;      /* 0: everything */
            bool full;                    /* a picture from nothing */
            bool whole;                   /* topics are told whole, for who heard only a part */
        } changes;
    };
};

struct controller_effects { size_t count; const struct controller_effect *items; };

struct controller;

/* broker_id  who we are, for messages to people
 * seed       keeps hostile topic names from choosing their hash buckets; changes no decision
 *
 * What it may allocate is bounded by what is stored, plus the constants in controller_private.h
 * (tickets, stores in flight, kept deletions). Returns NULL when out of memory. */
struct controller *controller_new(int32_t broker_id, uint64_t seed);
void controller_free(struct controller *controller);       /* NULL is allowed */

struct controller_effects controller_step(struct controller *controller,
                                          const struct controller_event *event);

/* When to send the next TICK at the latest; INT64_MAX: never. */
int64_t controller_deadline_ms(const struct controller *controller);

/* --- what brokers may know: the announced picture --------------------------------------------- */

struct controller_announcement {
    int32_t epoch;               /* controller epoch, 0: not elected */
    uint64_t sequence;
};
struct controller_announcement controller_announced(const struct controller *controller);

/* Visit everything announced after `sequence`: of each topic what changed since then, or all of it
 * when `whole`. Pointers are valid during the call. Topics and deletions come in the order of
 * their sequence; a full picture carries the deletions that are kept, too, so that who was away
 * can remove those logs. Returns the sequence up to which everything was visited: the announced
 * one, unless `enough` ended the visit earlier. Then the rest is what was announced after the one
 * returned, and is to be visited whole: by then a topic may have moved behind news of its own that
 * was skipped. */
struct controller_visitor {
    void *context;
    void (*brokers)(void *context, const struct controller_broker *brokers, size_t count);
    void (*topic)(void *context, const char *name, const struct uuid *id, int32_t partition_count,
                  const struct controller_config *configs, int32_t config_count,
                  bool configs_changed);
    /* The overrides of a broker (or "<default>"), when they changed; all that it has. */
    void (*settings)(void *context, const char *broker, const struct controller_config *configs,
                     int32_t config_count);
    /* of the topic just visited */
    void (*partition)(void *context, int32_t partition, const struct partition_state *state);
    /* Of the partition just visited: the brokers that can not use their copies, if there are any.
     * May be NULL. */
    void (*lost)(void *context, const struct replica_set *lost);
    void (*deleted)(void *context, const struct uuid *id);
    /* Asked between topics: true ends the visit here. May be NULL. */
    bool (*enough)(void *context);
};
uint64_t controller_changes(const struct controller *controller, uint64_t sequence, bool whole,
                            const struct controller_visitor *visitor);

/* Is every broker live that some partition names as a replica? Looks at all of them. */
bool controller_is_complete(const struct controller *controller);

/* What is known to be stored of an entity; NULL and 0: nothing. Valid until the next step. */
const struct controller_config *controller_configs(const struct controller *controller,
                                                   enum entity_kind kind, const char *name,
                                                   int32_t *count);

/* Visit what is being reassigned. Pointers are valid during the call. */
void controller_reassignments(const struct controller *controller, void *context,
                              void (*visit)(void *context, const char *topic, int32_t partition,
                                            const struct partition_state *state,
                                            struct replica_moves moves));

/* Prove all invariants (numbered in controller.c) on everything that is held; aborts when one is
 * broken. A step checks what it touched; this is for tests, which call it after every event. */
void controller_check(const struct controller *controller);

/* Save and restore, for the explorer and for transcripts: a copy that shares nothing. */
struct controller *controller_copy(const struct controller *controller);

#endif
