/* core/groups.h - consumer groups and committed offsets: all of one partition of the offsets
 * topic. Pure: event in, effects out.
 *
 * The step contract (HACKING.md, "Pure cores") holds. What members say of themselves and what
 * their leader assigns are opaque bytes. Deadlines are on the monotonic clock (`now_ms`); only
 * retention, which outlives a coordinator, is on the wall clock (`wall_ms`).
 *
 * What the shell owes:
 *  - It asks here only for groups that belong to this partition, and answers clients only while it
 *    may read as the partition's leader (replica_may_read()).
 *  - A DO_STORE is one batch, appended in the order of the tokens. STORED tells that it is
 *    committed, in that order, or that it was refused: not written, and never will be;
 *    INVALID_COMMIT_OFFSET_SIZE says that it is too large, whoever tries. An outcome that is not
 *    known is not told: it becomes known, or the partition is LOST. So what is shown as committed
 *    is what a successor will load.
 *  - Loading is GAINED, groups_replay() for every record up to the watermark, LOADED. */
#ifndef CORE_GROUPS_H
#define CORE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"

/* Zero: never, none, no bound. */
struct groups_options {
    int64_t initial_delay_ms;             /* group.initial.rebalance.delay.ms */
    int32_t session_min_ms, session_max_ms;   /* group.{min,max}.session.timeout.ms */
    int32_t size_max;                     /* group.max.size */
    int64_t told_max;                     /* bytes that the leader may be told of the members */
    int32_t metadata_max;                 /* offset.metadata.max.bytes */
    int64_t store_timeout_ms;             /* offsets.commit.timeout.ms: who waits hears by then */
    int64_t retention_ms;                 /* offsets.retention.minutes */
    int64_t retention_check_ms;           /* offsets.retention.check.interval.ms */
};

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE, GROUP_DEAD };

struct groups_span { const void *data; size_t size; };

/* A way to assign that a member knows, and what it tells the leader for it. */
struct groups_protocol { const char *name; struct groups_span metadata; };

struct groups_member {
    const char *id, *client_id, *client_host;
    const char *instance;                 /* group.instance.id; NULL: none */
    int32_t session_timeout_ms, rebalance_timeout_ms;
    struct groups_span metadata;          /* under the chosen protocol */
    struct groups_span assignment;
};

/* What the shell knew of the cluster when it let a commit in: who knows less can not say that the
 * topic is no more. Zero: not told. */
struct groups_known { int32_t epoch; uint64_t sequence; };

struct groups_offset {
    const char *topic;
    struct uuid topic_id;                 /* another topic may get its name; zero: not known */
    struct groups_known known;            /* of a commit and its record; not kept */
    int32_t partition;
    int64_t offset;                       /* the next one to read; -1: none */
    int32_t leader_epoch;                 /* of the record before it; -1: not known */
    const char *metadata;                 /* never NULL */
    int64_t committed_ms;                 /* wall clock; of a commit: stamped by the core */
};

enum groups_record_type { GROUPS_RECORD_GROUP, GROUPS_RECORD_OFFSET };

/* What the offsets topic holds: a key, and a value unless it is a tombstone. */
struct groups_record {
    enum groups_record_type type;
    bool tombstone;
    const char *group;
    union {
        struct {
            const char *protocol_type;    /* "": only offsets were ever committed */
            const char *protocol, *leader;    /* NULL: none */
            int32_t generation;
            int64_t since_ms;             /* wall clock: of the last change of state */
            const struct groups_member *members;
            size_t member_count;
        } state;
        struct groups_offset offset;
    };
};

enum groups_event_type {
    GROUPS_GAINED,        /* we lead the partition, in this epoch: now it is loaded */
    GROUPS_LOADED,        /* every record was replayed */
    GROUPS_LOST,          /* we lead it no more, or can not load it */
    GROUPS_CONFIGURED,
    GROUPS_JOIN,
    GROUPS_SYNC,
    GROUPS_HEARTBEAT,
    GROUPS_LEAVE,
    GROUPS_COMMIT,
    GROUPS_DELETE,        /* a client wants the group to be forgotten */
    GROUPS_FORGET,        /* the same, some of its offsets; nobody needs them, says the shell */
    GROUPS_TOPIC_GONE,    /* a topic is no more, or another has its name, says the shell */
    GROUPS_STORED,        /* the records of `token` are committed, or refused */
    GROUPS_TICK           /* only time has passed */
};

/* Who asks: common to the requests. */
struct groups_asker {
    uint64_t ticket;
    const char *group;
    const char *member;                   /* "": it has no id (yet) */
    const char *instance;                 /* NULL: none */
    int32_t generation;                   /* -1: not a member */
};

struct groups_event {
    enum groups_event_type type;
    int64_t now_ms, wall_ms;
    struct groups_asker asker;            /* of a request */
    union {
        struct { int32_t epoch; } gained, loaded, lost;
        const struct groups_options *configured;
        struct {
            const char *new_id;           /* for who has none: random, by the shell */
            bool known_only;              /* it can be told its id and come again (KIP-394) */
            const char *client_id, *client_host, *protocol_type;
            int32_t session_timeout_ms, rebalance_timeout_ms;
            const struct groups_protocol *protocols;     /* as preferred */
            size_t protocol_count;
        } join;
        struct {
            const char *protocol_type, *protocol;        /* NULL: not said */
            const struct groups_member *assignments;     /* the leader's: id and assignment */
            size_t assignment_count;
        } sync;
        struct { int64_t wait_ms; } heartbeat;           /* may be parked so long; 0: answer now */
        /* To forget: topic and partition. */
        struct { const struct groups_offset *offsets; size_t count; } commit, forget;
        /* What was committed of the topic under this id is forgotten; zero: under none. */
        struct { const char *topic; struct uuid id; } topic_gone;
        struct { uint64_t token; int code; } stored;
    };
};

enum groups_effect_type { GROUPS_DO_STORE, GROUPS_DO_ANSWER };

struct groups_effect {
    enum groups_effect_type type;
    union {
        struct { uint64_t token; const struct groups_record *records; size_t count; } store;
        struct {
            uint64_t ticket;
            int error;
            const char *reason;           /* for people: a literal; NULL: none */
            /* A join, done or told its id; a sync: */
            const char *member, *protocol_type, *protocol, *leader;
            int32_t generation;
            bool skip_assignment;         /* the leader returned; what it assigned still counts */
            const struct groups_member *members;         /* a join's answer to the leader */
            size_t member_count;
            struct groups_span assignment;
        } answer;
    };
};

struct groups_effects { size_t count; const struct groups_effect *items; };

struct groups;

/* Allocates what groups, members, offsets and waiting tickets need, and refuses with NOMEM whoever
 * asked for what there is no room for; nothing that time or a store's outcome brings about needs
 * memory. `seed` keeps hostile names from choosing their buckets. NULL when out of memory. */
struct groups *groups_new(uint64_t seed);
void groups_free(struct groups *groups);              /* NULL is allowed */

struct groups_effects groups_step(struct groups *groups, const struct groups_event *event);

/* One record of the partition, in order, between GAINED and LOADED. 0, K_NOMEM (then it can not be
 * loaded: LOST) or K_CORRUPT: the record contradicts itself, and the group has no members. */
int groups_replay(struct groups *groups, const struct groups_record *record);

/* When to send the next TICK at the latest; INT64_MAX: never. */
int64_t groups_deadline_ms(const struct groups *groups);

/* --- questions; no step. What they return is valid until the next one ------------------------- */

/* May questions be answered? 0, NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
int groups_ready(const struct groups *groups);

/* How many groups there are. */
size_t groups_count(const struct groups *groups);

/* The committed offset: 0 (offset -1: there is none) or as groups_ready(). */
int groups_committed(const struct groups *groups, const char *group, const char *topic,
                     int32_t partition, struct groups_offset *out);

/* Has the group committed an offset of any partition of this topic? Call when groups_ready(). */
bool groups_topic_known(const struct groups *groups, const char *group, const char *topic);

/* Visit all committed offsets of a group, or (NULL) of all; none of topics that are gone. As
 * groups_ready(). */
int groups_offsets(const struct groups *groups, const char *group,
                   void (*visit)(void *context, const char *group,
                                 const struct groups_offset *offset),
                   void *context);

struct groups_description {
    const char *group, *protocol_type, *protocol, *leader;
    enum group_state state;
    int32_t generation;
    const struct groups_member *members;
    size_t member_count;
};

/* Visit a group, or (NULL) all. As groups_ready(). */
int groups_describe(const struct groups *groups, const char *group,
                    void (*visit)(void *context, const struct groups_description *description),
                    void *context);

/* Prove the invariants (groups.c); aborts when one is broken. Slow: for tests. */
void groups_check(const struct groups *groups);

#endif
