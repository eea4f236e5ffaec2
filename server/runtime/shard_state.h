/* runtime/shard_state.h - what a shard is made of; for the files of runtime/ only. */
#ifndef RUNTIME_SHARD_STATE_H
#define RUNTIME_SHARD_STATE_H

#include <stdatomic.h>

#include "common/map.h"
#include "common/rand.h"
#include "net/loop.h"
#include "server/core/replica.h"
#include "server/runtime/metadata.h"
#include "server/runtime/offsets_topic.h"
#include "server/runtime/purge.h"
#include "server/runtime/quota.h"
#include "server/runtime/retain.h"
#include "server/runtime/settings.h"
#include "server/runtime/shard.h"
#include "server/runtime/wanted_topics.h"
#include "server/storage/log.h"

struct cleaner;
struct cleaner_shard;

struct shard {
    struct shards *shards;
    struct loop *loop;
    int index;
    const struct metadata *picture;         /* reference */
    struct map partitions;                  /* struct partition_key to struct partition; owned */

    struct replica_effects effects;         /* of the step under way; see drive_replica.c */
    bool stepping;
    struct list sessions;                   /* struct replica_session.node; owned */
    size_t session_count;
    struct list consumer_sessions;          /* struct fetch_session.node: of its connections */
    size_t consumer_questions;              /* of these; see fetch_session.h */
    struct rand rand;                       /* for the numbers of sessions */
    struct list fetchers;                   /* struct fetcher.node; owned */
    struct list unplaced;                   /* struct follow.node: nobody knows whom to ask */
    struct list proposals;                  /* struct proposal.node: to be sent at the turn's end */
    struct turn_hook proposing;
    bool unheard;                           /* the last ones had no answer */

    struct list losses;                     /* struct partition.losing; see lost_copies.c */
    struct turn_hook tell_losses;
    struct shard_deadline tell_again;
    bool telling;                           /* a request is on its way, or its time has to come */
    bool losses_unheard;                    /* the last one had no answer */
    int32_t reign;                          /* epoch of the controller that is told, and asked */

    struct offsets_topic offsets_topic;
    struct wanted_topics wanted_topics;
    struct list coordinators;               /* struct coordinator.node; see drive_groups.c */

    struct turn_hook flush;                 /* writes what the turn brought */
    struct list dirty;                      /* struct partition.dirty: appends wait */
    struct log_append *appends;             /* scratch of one flush; owned */
    size_t append_capacity;

    struct list unprepared;                 /* struct partition.unprepared; see recompress.h */
    int jobs;                               /* of recompress.c: under way */

    struct cleaner_shard *cleaner;          /* owned */
    struct list touched;                    /* struct partition.touched; see upkeep.c */
    struct shard_deadline upkeep;

    struct list awake;                      /* struct partition.awake; see rest.c */
    struct list drowsy;                     /* the same, of those without a descriptor */
    struct shard_deadline resting;
    struct retain retain;
    struct purge purge;

    struct heap deadlines;                  /* struct shard_deadline.node */
    size_t deadlines_held;                  /* at most so many are set by shard_deadline_hold() */
    struct timer *timer;
    struct list watches;                    /* struct shard_watch.node */

    struct settings *settings;              /* reference; see settings.c */
    struct mail settings_mail;              /* in transit while settings_posted: */
    size_t settings_topic;                  /* they are applied from this topic of the picture on */
    bool settings_posted;
    struct shard_deadline settings_again;   /* all of them, as one found no memory */

    struct mail picture_mail;               /* in transit while picture_posted */
    _Atomic bool picture_posted;
    struct mail fenced_mail;                /* in transit while fenced_posted */
    _Atomic bool fenced_posted;
    bool closed;
};

struct shards {
    struct cleaner *cleaner;                /* owned; what the shards' cleaners share */
    struct shards_options options;          /* loops: see shard.loop */
    struct quota leader_quota, follower_quota;      /* of all shards; see replica_throttle.h */
    _Atomic uint64_t losses_told;           /* the last round; see lost_copies.c */
    int count;
    struct shard items[];
};

static inline const struct shards_options *shard_options(const struct shard *shard)
{
    return &shard->shards->options;
}

/* --- reconcile.c --- */
/* Make the shard's partitions what `picture` says; takes over the reference. */
void shard_reconcile(struct shard *shard, const struct metadata *picture);

/* Make the partitions of one topic what the picture and the settings say. */
void shard_follow_topic(struct shard *shard, const struct metadata_topic *topic);

/* --- append.c --- */
void shard_flush(struct turn_hook *hook);

#endif
