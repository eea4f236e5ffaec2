/* runtime/shard.h - one loop and the partitions it owns; a broker's data plane is all its shards.
 *
 * A partition belongs to the shard metadata_loop_of() names, for as long as the process lives.
 * Shards share nothing: they learn of partitions from the published picture and of work from
 * requests, which reach them through scatter.h. Functions belong to the shard's loop unless they
 * say so. */
#ifndef RUNTIME_SHARD_H
#define RUNTIME_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/heap.h"
#include "common/list.h"
#include "common/mail.h"
#include "common/uuid.h"
#include "server/core/groups.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/topic_config.h"

struct dirs;
struct feature_cell;
struct io_budget;
struct io_pool;
struct loop;
struct metadata;
struct metadata_cell;
struct control_request;
struct metrics;
struct mirror_parcel;
struct resolver;
struct shard;
struct shards;

/* How replicas of the same partitions on other brokers are found, asked and waited for. */
struct replication {
    int64_t lag_max_ms;                     /* replica.lag.time.max.ms */
    int64_t wait_max_ms;                    /* replica.fetch.wait.max.ms */
    int64_t backoff_ms;                     /* replica.fetch.backoff.ms */
    uint32_t fetch_max_bytes;               /* replica.fetch.max.bytes, of a partition */
    uint32_t response_max_bytes;            /* replica.fetch.response.max.bytes */
    struct resolver *resolver;              /* borrowed */
    const char *cluster_id;                 /* borrowed */
    const char *listener;                   /* that brokers use among themselves; borrowed */
    struct uuid incarnation;                /* ours */
    const struct feature_cell *levels;      /* that the cluster has finalised; borrowed */
    /* control_relay(): in-sync sets go to the controller; any thread. */
    void (*relay)(void *context, struct control_request *request);
    void *relay_context;
};

/* What __consumer_offsets is made, and written, with. */
struct offsets_topic_options {
    int32_t partitions, replication_factor, segment_bytes;      /* offsets.topic.* */
    int32_t codec;                          /* what is written there: enum compress_codec */
};

/* Copies of committed offsets in ZooKeeper; see offset_mirror.h. */
struct mirror_options {
    int64_t interval_ms;                    /* offsets.zookeeper.mirror.interval.ms; 0: none */
    void (*send)(void *context, struct mirror_parcel *parcel);  /* control_mirror(); any thread */
    void *context;
};

struct shards_options {
    struct loop *const *loops;              /* borrowed; the array is copied */
    int count;
    int32_t broker_id;
    struct metadata_cell *cell;             /* borrowed */
    struct dirs *dirs;                      /* borrowed */
    struct io_pool *pool;                   /* borrowed */
    struct metrics *metrics;                /* borrowed */
    struct io_budget *files;                /* borrowed; NULL: they may be open without bound */
    int64_t idle_close_ms;                  /* a log that nobody used for so long is closed */
    struct cleaner_options cleaner;
    struct topic_config defaults;           /* what topics do not override, at first */
    int64_t producer_expiration_ms;         /* producer.id.expiration.ms */
    int64_t retention_check_ms;             /* 0: nothing is deleted by age or size */
    bool fenced_by_lease;                   /* leader.fencing=lease */
    int64_t (*lease_until_ms)(const void *context);     /* CLOCK_BOOTTIME; any thread */
    const void *lease_context;
    struct replication replication;
    struct groups_options groups;
    struct offsets_topic_options offsets_topic;
    struct mirror_options mirror;
};

/* Before the loops start. Returns 0 or K_NOMEM. */
int shards_new(const struct shards_options *options, struct shards **out);
/* After the loops have ended and shards_close_logs() was called on each. NULL is allowed. */
void shards_free(struct shards *shards);

int shards_count(const struct shards *shards);                        /* any thread */
struct shard *shards_at(const struct shards *shards, int index);      /* any thread */

/* A new picture was published: every shard looks at it. Any thread. */
void shards_picture_changed(struct shards *shards);

/* A log directory went out of use: its partitions go offline, on every shard. Any thread. */
void shards_directory_fenced(struct shards *shards);

/* From now on topics have these defaults and are compacted like this (but for `enabled` and
 * `threads`): every shard applies it to all its partitions, soon. Returns 0 or K_NOMEM (nothing
 * changes). Any thread. */
int shards_configure(struct shards *shards, const struct topic_config *defaults,
                     const struct cleaner_options *cleaner);

/* The most bytes a second that replicas which their topics call throttled are sent by this broker,
 * and that it copies for its own; INT64_MAX: no limit, as at first. Any thread. */
void shards_throttle(struct shards *shards, int64_t leader_rate, int64_t follower_rate);

/* Take no more pictures, and let everything that waits for a deadline finish now. */
void shard_stop(struct shard *shard);

/* After shard_stop(). Close every log of this shard so that the next start needs no recovery.
 * Nothing may be asked of the shard afterwards. Blocks on the disk. Returns false when a log could
 * not be closed cleanly. */
bool shard_close_logs(struct shard *shard);

int shard_index(const struct shard *shard);                           /* any thread */
struct shards *shard_owner(const struct shard *shard);                /* any thread */
struct mail_target *shard_mail_target(struct shard *shard);           /* any thread */
struct loop *shard_loop(const struct shard *shard);                   /* any thread */

/* The picture this shard goes by; valid during the turn. */
const struct metadata *shard_picture(const struct shard *shard);

/* What topics do not override; any thread. */
const struct topic_config *shard_defaults(const struct shard *shard);

int64_t shard_now_ms(const struct shard *shard);                      /* monotonic, of this turn */
int64_t shard_now_us(const struct shard *shard);                      /* of this moment */
int64_t shard_wall_ms(const struct shard *shard);                     /* wall clock */

/* --- waiting ---------------------------------------------------------------------------------- */

/* Fires once unless cleared. */
struct shard_deadline {
    struct heap_node node;
    void (*fire)(struct shard_deadline *deadline);
};
void shard_deadline_init(struct shard_deadline *deadline,
                         void (*fire)(struct shard_deadline *deadline));
/* Returns 0 or K_NOMEM (it will not fire). */
int shard_deadline_set(struct shard *shard, struct shard_deadline *deadline, int64_t at_ms);
void shard_deadline_clear(struct shard *shard, struct shard_deadline *deadline);

/* Deadlines that can not be missed: those of which a shard has one (upkeep, retention, ...), and
 * those that room was made for. */
int shard_deadline_make_room(struct shard *shard);      /* 0 or K_NOMEM */
/* Clear it, and give back the room that was made for it. */
void shard_deadline_drop(struct shard *shard, struct shard_deadline *deadline);
/* As shard_deadline_set(), which has room left. */
void shard_deadline_hold(struct shard *shard, struct shard_deadline *deadline, int64_t at_ms);

/* Told of every new picture until cancelled; may cancel from within. */
struct shard_watch {
    struct list node;
    void (*changed)(struct shard_watch *watch, const struct metadata *picture);
};
void shard_watch_start(struct shard *shard, struct shard_watch *watch);
void shard_watch_stop(struct shard_watch *watch);

#endif
