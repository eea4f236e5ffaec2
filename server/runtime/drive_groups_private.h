/* runtime/drive_groups_private.h - what the files of drive_groups share. Not for others.
 *
 *   drive_groups.c        who leads, steps, requests and their answers     (start here)
 *   group_load.c          the log is read when the partition was gained
 *   group_gone.c          offsets of topics that are no more
 *   group_store.c         what the core wants stored goes to the log, and what becomes of it */
#ifndef RUNTIME_DRIVE_GROUPS_PRIVATE_H
#define RUNTIME_DRIVE_GROUPS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/map.h"
#include "net/loop.h"
#include "server/core/groups.h"
#include "server/runtime/drive_groups.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"

struct group_mirror;
struct load_job;

enum coordinator_phase {
    COORDINATOR_ABSENT,           /* another leads, or nobody */
    COORDINATOR_GAINED,           /* we lead: the log is not known to be committed to its end */
    COORDINATOR_LOADING,
    COORDINATOR_SERVING,
    COORDINATOR_FAILED            /* it could not be loaded; later again */
};

/* What is read when a partition was gained. */
struct group_load {
    struct load_job *job;         /* a piece in the io pool; or NULL */
    int64_t next, end;            /* offsets */
    int64_t started_us;
    int64_t records, broken;
};

struct coordinator {
    struct list node;             /* in shard.coordinators */
    struct partition *partition;
    struct shard *shard;
    struct groups *groups;        /* owned */
    enum coordinator_phase phase;
    int32_t epoch;                /* unless ABSENT */
    bool stepping;
    bool starved;                 /* no memory for what must be: the epoch can not go on */
    struct turn_hook look;
    struct shard_deadline tick;
    int64_t tick_at_ms;           /* INT64_MAX: not set */
    struct list tickets;          /* struct group_ticket.node */
    struct partition_wait opening;          /* until the log is open */
    struct group_load load;
    struct shard_deadline retry;  /* FAILED */
    int32_t retry_ms;             /* after the next failure in a row */
    struct group_mirror *mirror;  /* owned; NULL: nothing is mirrored */
    struct list stores;           /* struct group_store.node, in the order of the tokens */
    struct list orphans;          /* of an epoch that is over, on their way into the log */
    struct groups_known known;    /* the newest that an offset of this epoch relies on */
    struct map suspects;          /* struct suspect, by itself: topics that may be gone; owned */
};

/* --- drive_groups.c --------------------------------------------------------------------------- */

/* Look when this turn ends. */
void coordinator_look_soon(struct coordinator *coordinator);
/* Step and carry out. */
void coordinator_step(struct coordinator *coordinator, struct groups_event *event);
/* It can not coordinate, though the partition is led here; a little later again. */
void coordinator_fail(struct coordinator *coordinator, int code);

/* --- group_load.c ----------------------------------------------------------------------------- */

/* GAINED, or LOADING: go on, if that is possible now. */
void group_load_go_on(struct coordinator *coordinator);
/* It is not ours to load any more; no-op when it is not being loaded. */
void group_load_stop(struct coordinator *coordinator);

/* --- group_gone.c ----------------------------------------------------------------------------- */

void group_gone_init(struct coordinator *coordinator);
/* An offset was loaded, or is to be stored. */
void group_gone_add(struct coordinator *coordinator, const struct groups_offset *offset);
/* Everything is loaded. */
void group_gone_begin(struct coordinator *coordinator);
/* Tell the core of the topics that are gone, as far as the picture says. */
void group_gone_look(struct coordinator *coordinator);
/* The epoch is over. */
void group_gone_clear(struct coordinator *coordinator);

/* --- group_store.c ---------------------------------------------------------------------------- */

void group_store_init(struct coordinator *coordinator);
/* A DO_STORE, within a step: into the log when this turn ends. */
void group_store_add(struct coordinator *coordinator, uint64_t token,
                     const struct groups_record *records, size_t count);
/* Tell the core of those whose outcome is known. */
void group_store_settle(struct coordinator *coordinator);
/* Nobody is to be told of those under way. */
void group_store_orphan(struct coordinator *coordinator);
/* Is any of them, of any epoch, still on its way into the log? */
bool group_store_under_way(const struct coordinator *coordinator);
/* The coordinator ends. */
void group_store_fini(struct coordinator *coordinator);

#endif
