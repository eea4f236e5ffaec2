/* core/groups_private.h - what the files of groups share. Not for others.
 *
 *   groups.c            the step, loading, time      (start here: invariants and state picture)
 *   groups_effects.c    tickets, answers, room for effects
 *   groups_members.c    groups and members as memory
 *   groups_join.c       who comes: new, known, static
 *   groups_rebalance.c  a rebalance begins and ends; who goes; heartbeats
 *   groups_sync.c       the leader's assignment, and storing what a group is
 *   groups_commit.c     offsets on their way to the topic and back
 *   groups_expiry.c     offsets and groups that are forgotten
 *   groups_forget.c     offsets that a client wants to be forgotten
 *   groups_gone.c       offsets of topics that are no more
 *   groups_offsets.c    the table of committed offsets
 *   groups_replay.c     loading, questions
 *   groups_check.c      the proof of the invariants */
#ifndef CORE_GROUPS_PRIVATE_H
#define CORE_GROUPS_PRIVATE_H

#include "common/heap.h"
#include "common/list.h"
#include "common/map.h"
#include "server/core/groups.h"

enum {
    GROUPS_PER_TICK = 64,         /* whose time has come; the rest at the next, which is due */
    PENDING_MAX = 1000,           /* ids given out and not yet used, of a group; then the oldest */
    PENDING_GRACE_MS = 500,       /* so long a rebalance waits for who was told its id */
    STORE_RETRY_MS = 100,         /* after a refused store of what a group is */
    GROUPS_PER_LOOK = 16,         /* in a tick: that are looked at for what is to be forgotten */
    TOMBSTONES_MAX = 1000         /* in one batch */
};

struct blob { void *data; size_t size; };       /* owned; NULL: empty */

struct protocols {
    struct groups_protocol *items;              /* owned, with all that they point to */
    size_t count;
};

enum member_waits {
    WAITS_NOT,
    WAITS_JOIN,                   /* for the rebalance that began */
    WAITS_SYNC,                   /* for the assignment, and that it is stored */
    WAITS_STORED                  /* back under a new id: that this is stored */
};

struct member {
    struct list link;             /* in the order in which they came */
    char *id, *client_id, *client_host;         /* in the memory of the member */
    char *instance;               /* or NULL */
    int32_t session_timeout_ms, rebalance_timeout_ms;
    struct protocols protocols;
    size_t told_max;              /* bytes of it in the answer to the leader, whatever is chosen */
    struct blob assignment;
    struct blob staged;           /* while an assignment is taken over */
    enum member_waits waits;
    uint64_t ticket;              /* of what waits */
    bool beating;                 /* a heartbeat is parked */
    uint64_t beat_ticket;
    int64_t beat_until_ms;
    bool synced;                  /* it has asked for its assignment in this generation */
    int64_t session_at_ms;        /* silent until then: gone. Not while it waits */
};

/* An id that was given out. */
struct pending {
    struct list link;
    int64_t grace_until_ms, until_ms;
    char id[];
};

struct offset_entry {
    int32_t partition, leader_epoch;
    int64_t offset;               /* -1: nothing committed */
    int64_t committed_ms;
    struct uuid topic_id;
    bool gone;                    /* the topic is: shown to nobody, and to be forgotten */
    char *metadata;               /* owned; NULL: empty */
    uint64_t token;               /* of the store that it is from */
    uint32_t pending;             /* stores under way */
};

struct topic_offsets {
    char *name;
    struct offset_entry *entries; /* by partition */
    size_t count, capacity;
};

struct group {
    struct list link;             /* of all */
    struct heap_node due;         /* when the clock has something to say, or earlier */
    char *name;
    enum group_state state;
    char *protocol_type;          /* NULL: it never had members */
    char *protocol;               /* room for the longest name of any member */
    size_t protocol_capacity;
    bool chosen;                  /* `protocol` is */
    int32_t generation;
    struct list members;
    struct map by_id, by_instance;
    size_t member_count;
    struct member *leader;
    struct list pending;
    size_t pending_count;
    int64_t since_ms;             /* wall clock */

    /* PREPARING */
    bool initial;                 /* the group was empty: more are expected until join_at_ms */
    bool more_came;               /* since the wait began */
    int64_t join_at_ms, join_until_ms;

    /* COMPLETING */
    bool assigned;
    int64_t sync_until_ms;        /* also STABLE: who did not ask by then is gone */

    /* Storing what the group is: one at a time. */
    uint64_t store_token;         /* under way; 0: none */
    struct list storing;          /* of those whose store is under way, by token */
    bool store_due;               /* and it has changed since */
    int64_t store_retry_ms;
    int64_t answer_by_ms;         /* who waits for it is answered then */
    bool recorded;                /* the topic holds a record of it */
    struct groups_record record;
    struct groups_member *views;  /* room for all members */
    size_t view_capacity;

    /* Offsets. */
    struct map topics;            /* struct topic_offsets */
    size_t entry_count;           /* also such with nothing committed yet */
    size_t order_count;           /* stores of offsets under way */
    struct list stale;            /* of those that have offsets to forget, of topics gone */
    uint64_t delete_ticket;       /* DEAD: who wants it */
    bool delete_asked;
};

/* A store of offsets under way. */
struct order_item {
    struct topic_offsets *topic;
    char *metadata;
    bool gone;                    /* the topic is, since this was accepted */
};
struct order {
    struct list link, waiting;
    struct group *group;
    uint64_t token, ticket;
    bool answered;
    bool last;                    /* with it, the group is gone */
    int64_t answer_by_ms;
    struct groups_record *records;      /* in the memory of the order, as `items` */
    struct order_item *items;
    size_t count;                 /* of offsets; the record of the group comes after them */
};

enum groups_phase { GROUPS_ABSENT, GROUPS_LOADING, GROUPS_SERVING };

struct groups {
    enum groups_phase phase;
    int32_t epoch;
    uint64_t seed, next_token;
    int64_t now_ms, wall_ms;
    struct groups_options options;
    struct list all;
    struct map by_name;
    struct heap due;
    struct list storing;          /* groups */
    struct list orders;           /* by token */
    struct list waiting;          /* orders with a ticket, by the time of the answer */
    int64_t expiry_at_ms;
    struct list stale;            /* groups */
    int64_t stale_at_ms;          /* when to look at them */
    struct list *expiry_next;     /* group to look at next; NULL: the round has not begun */
    struct groups_effect *effects;
    size_t effect_count, effect_capacity;
    size_t ticket_count;
};

/* --- groups_effects.c ------------------------------------------------------------------------- */

int groups_reserve(struct groups *groups, size_t tickets);
/* A ticket that waits has the room of its answer. 0 or K_NOMEM. */
int groups_ticket_take(struct groups *groups);
struct groups_effect *groups_effect_add(struct groups *groups, enum groups_effect_type type);
struct groups_effect *groups_answer(struct groups *groups, uint64_t ticket, int error,
                                    const char *reason);
struct groups_effect *groups_answer_taken(struct groups *groups, uint64_t ticket, int error,
                                          const char *reason);
/* End what a member waits for; nothing when it does not. */
void member_answer(struct groups *groups, struct member *member, int error, const char *reason);
void member_answer_beat(struct groups *groups, struct member *member, int error);
/* All of the members, for a record or an answer. */
const struct groups_member *group_views(struct group *group);

/* --- groups_members.c ------------------------------------------------------------------------- */

struct group *group_find(const struct groups *groups, const char *name);
struct group *group_make(struct groups *groups, const char *name);    /* NULL: out of memory */
void group_free(struct groups *groups, struct group *group);
/* Free a group of which nothing is left, and that left no trace. */
void group_free_void(struct groups *groups, struct group *group);
bool group_set_type(struct group *group, const char *protocol_type);  /* false: out of memory */

struct member *member_find(const struct group *group, const char *id);
struct member *member_of_instance(const struct group *group, const char *instance);
/* Not in the group yet; NULL: out of memory. */
struct member *member_new(const struct groups_member *like, const struct groups_protocol *items,
                          size_t count);
void member_free(struct member *member);
int group_add_member(struct group *group, struct member *member);     /* 0 or K_NOMEM */
/* `other` takes the place of `member`, which is freed. 0 or K_NOMEM: then nothing changed. */
int group_replace_member(struct group *group, struct member *member, struct member *other);
/* Gone; who waits is told. */
void group_drop_member(struct groups *groups, struct group *group, struct member *member,
                       int error, const char *reason);

/* Bytes of a member with these protocols in the answer to the leader, at most. */
size_t groups_told_max(const char *id, const char *instance, const struct groups_protocol *items,
                       size_t count);
int protocols_copy(struct protocols *out, const struct groups_protocol *items, size_t count);
const struct groups_protocol *protocols_find(const struct protocols *protocols, const char *name);
/* Room to choose any of them later. 0 or K_NOMEM. */
int group_reserve_protocols(struct group *group, const struct groups_protocol *items,
                            size_t count);

int group_add_pending(struct groups *groups, struct group *group, const char *id, int64_t life_ms);
struct pending *group_find_pending(const struct group *group, const char *id);
void group_drop_pending(struct group *group, struct pending *pending);

/* --- groups_join.c ---------------------------------------------------------------------------- */

void groups_join(struct groups *groups, const struct groups_event *event);
void member_answer_join(struct groups *groups, struct group *group, struct member *member,
                        bool skip_assignment);

/* --- groups_rebalance.c ----------------------------------------------------------------------- */

/* Who may ask in this group? NULL: *error and *reason say why not. */
struct member *group_asker(const struct group *group, const struct groups_asker *asker,
                           int *error, const char **reason);
void member_prove_life(struct groups *groups, struct member *member);
const char *group_choose_protocol(const struct group *group);
/* All are to join again. */
void group_prepare(struct groups *groups, struct group *group);
/* PREPARING: the join is complete, if all are there or time is up. */
void group_join_progress(struct groups *groups, struct group *group);
/* Members have gone. */
void group_shrunk(struct groups *groups, struct group *group);
void groups_heartbeat(struct groups *groups, const struct groups_event *event);
void groups_leave(struct groups *groups, const struct groups_event *event);
/* What the clock says; then the exact time of the next word is known. */
void group_tick(struct groups *groups, struct group *group);
void group_schedule(struct groups *groups, struct group *group);
void group_wake(struct groups *groups, struct group *group, int64_t at_ms);

/* --- groups_sync.c ---------------------------------------------------------------------------- */

void groups_sync(struct groups *groups, const struct groups_event *event);
/* Store what the group is, now or after the store that is under way. */
void group_store(struct groups *groups, struct group *group);
void group_stored(struct groups *groups, struct group *group, int code);

/* --- groups_commit.c, groups_expiry.c, groups_forget.c, groups_gone.c ------------------------- */

void groups_commit(struct groups *groups, const struct groups_event *event);
struct order *order_new(struct group *group, size_t count);           /* NULL: out of memory */
void order_free(struct order *order);
void order_send(struct groups *groups, struct order *order, size_t records);
/* Somebody waits for the order, with a ticket that is taken. */
void order_wait(struct groups *groups, struct order *order, uint64_t ticket);
void order_answer(struct groups *groups, struct order *order, int code, const char *reason);
bool groups_order_stored(struct groups *groups, uint64_t token, int code);
void groups_delete(struct groups *groups, const struct groups_event *event);
void groups_forget(struct groups *groups, const struct groups_event *event);
/* A tombstone of an entry, which is to be stored with the order. */
void order_bury(struct order *order, struct topic_offsets *topic, struct offset_entry *entry);
void group_expire(struct groups *groups, struct group *group);
void group_buried(struct groups *groups, struct group *group, bool last, int code);
void groups_expire_some(struct groups *groups);
void groups_topic_gone(struct groups *groups, const struct groups_event *event);
/* It may have offsets of topics that are gone, for which nothing is under way: look then. */
void group_stale(struct groups *groups, struct group *group, int64_t at_ms);
void groups_bury_gone(struct groups *groups);

/* --- groups_offsets.c ------------------------------------------------------------------------- */

struct topic_offsets *offsets_topic(const struct group *group, const char *topic);
struct topic_offsets *offsets_make_topic(struct group *group, const char *topic);
struct offset_entry *offsets_find(const struct topic_offsets *topic, int32_t partition);
/* NULL: out of memory. Moves entries: pointers to others end. */
struct offset_entry *offsets_make(struct group *group, struct topic_offsets *topic,
                                  int32_t partition);
/* Forget an entry that holds nothing and waits for nothing, and its topic if it was the last. */
void offsets_drop_void(struct group *group, struct topic_offsets *topic,
                       struct offset_entry *entry);
void offsets_clear(struct offset_entry *entry);
/* What may be shown of it. */
bool offsets_shown(const struct offset_entry *entry);
void offsets_free(struct group *group);

#endif
