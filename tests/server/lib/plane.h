/* plane.h - a data plane without a network: loops, shards and logs in a directory of their own,
 * pictures published by hand, requests given to the handlers on any loop.
 *
 * Everything asserts by Check: a helper that returns has succeeded. */
#ifndef TESTS_SERVER_LIB_PLANE_H
#define TESTS_SERVER_LIB_PLANE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"
#include "proto/kairn.pb-c.h"
#include "server/api/api.h"
#include "server/api/request.h"
#include "server/config.h"

struct control_request;
struct dirs;
struct fetch_session;
struct io;
struct io_budget;
struct io_pool;
struct logdir;
struct loop;
struct metadata_cell;
struct metrics;
struct resolver;
struct shards;

enum { PLANE_LOOPS_MAX = 4, PLANE_BROKER = 1, PLANE_WAIT_MS = 20000 };

struct plane {
    char path[64];
    const struct io *io;                /* NULL: the system's */
    struct io_budget *files;            /* borrowed; from plane_restart() on; NULL: no bound */
    bool broken;                        /* the test broke the disk: logs are not closed clean */
    int loop_count;
    struct loop *loops[PLANE_LOOPS_MAX], *control;
    struct io_pool *pool;
    struct metrics *metrics;
    struct resolver *resolver;
    struct metadata_cell *cell;
    struct logdir *directory;
    struct dirs *dirs;
    struct shards *shards;
    struct fetch_session *sessions[PLANE_LOOPS_MAX];    /* of what would be one connection each */
    struct api api;
    struct feature_cell levels;             /* finalised; the lowest at first */
    _Atomic int64_t lease_until_ms;
    bool incomplete;                    /* one more directory can not be used; the same */
    uint64_t sequence;
    struct config config;               /* see plane_configure() */
    bool published;                     /* a picture, since the start */
    uint16_t leader_port;               /* where broker 2 listens, with one loop; 0: it is not */
    int32_t reigns;                     /* controllers before the one that publishes next */
    /* What shards ask of the controller: answer it, on their loops; NULL: NOT_CONTROLLER. */
    void (*controller)(struct control_request *request);
};

void plane_init(struct plane *plane, int loops);
/* The log directory's calls go through `io`, borrowed. */
void plane_init_on(struct plane *plane, int loops, const struct io *io);
/* The same, and the directory is in memory where the machine has a place for that. */
void plane_init_in_memory(struct plane *plane, int loops, const struct io *io);
/* Stop and start again over the same files; pictures start over. */
void plane_restart(struct plane *plane);
/* Configured like this, "name=value", as all brokers are, from the next plane_restart() on. At
 * first nothing happens by itself, and waiting has the patience of the tests. */
void plane_configure(struct plane *plane, const char *pair);
void plane_fini(struct plane *plane);
/* How many files and directories below the plane's directory match a pattern as a shell's. */
size_t plane_count_files(const struct plane *plane, const char *pattern);

/* What the next picture says of a topic. */
struct plane_topic {
    const char *name;
    struct uuid id;
    int32_t partitions, leader, leader_epoch;
    int32_t replicas, min_insync;                   /* brokers 1 to N, all in sync; 0: one, as is */
    int32_t insync;                                 /* only brokers 1 to this are; 0: all */
    int32_t version;                                /* of the state; 0: the epoch */
    const char *config_name, *config_value;         /* one override, or NULL */
    const char *config2_name, *config2_value;       /* another one */
};
/* Publish a picture that changes `topic`, and wait until every shard goes by it. */
void plane_publish(struct plane *plane, const struct plane_topic *topic);
/* One setting of a broker ("<default>": of all). */
void plane_publish_setting(struct plane *plane, const char *broker, const char *name,
                           const char *value);
void plane_publish_deletion(struct plane *plane, const struct uuid *id);
/* A full picture with nothing in it. */
void plane_publish_nothing(struct plane *plane);
/* The same, and that some topics could not be read. */
void plane_publish_unreadable(struct plane *plane);

/* The connection of a loop is lost, and its sessions with it. */
void plane_hang_up(struct plane *plane, int loop);

/* A request in work. */
struct asked {
    struct request request;
    struct plane *plane;
    int loop;
    sem_t finished;
    uint8_t *payload;                   /* owned */
    void *own;                          /* what the head is made of; owned, or NULL */
    bool hung_up, silent;
    Kairn__ResponseHead *head;          /* the answer; valid until asked_free() */
    uint8_t *batches;                   /* its payload, read from memory and files; owned */
    size_t batches_size;
};

/* Give a request to the handlers on a loop. `head` is borrowed until asked_free(). */
struct asked *plane_start(struct plane *plane, int loop, Kairn__RequestHead *head,
                          const void *payload, size_t size);
/* Wait for the answer, asserting that it comes. */
void asked_wait(struct asked *asked);
bool asked_is_finished(struct asked *asked);
void asked_free(struct asked *asked);
/* Start and wait. */
struct asked *plane_ask(struct plane *plane, int loop, Kairn__RequestHead *head,
                        const void *payload, size_t size);

/* One batch of `records` records whose values are `text`; keys too when `keyed`. Returns its
 * size. */
size_t plane_batch(uint8_t *to, size_t room, int records, const char *text, bool keyed);

/* The common cases: one partition, one batch or one offset. */
struct asked *plane_produce(struct plane *plane, int loop, const struct uuid *id, int32_t partition,
                            int32_t acks, const void *batch, size_t size);
struct asked *plane_produce_start(struct plane *plane, int loop, const struct uuid *id,
                                  int32_t partition, int32_t acks, const void *batch, size_t size);
struct asked *plane_fetch_start(struct plane *plane, int loop, const struct uuid *id,
                                int32_t partition, int64_t offset, uint32_t wait_ms);
struct asked *plane_fetch_committed_start(struct plane *plane, int loop, const struct uuid *id,
                                          int32_t partition, int64_t offset, uint32_t wait_ms);
/* The offset of a time, or of a negative one as Kafka has them (-2: the earliest); asserts that
 * there is no error. */
Kairn__ListOffsetsResult plane_list_offsets(struct plane *plane, int loop, const struct uuid *id,
                                            int32_t partition, int64_t timestamp,
                                            bool read_committed);
int64_t plane_earliest(struct plane *plane, const struct uuid *id, int32_t partition);
/* The loop that owns a partition, and one that does not (with more than one loop). */
int plane_owner(const struct plane *plane, const struct uuid *id, int32_t partition);
int plane_stranger(const struct plane *plane, const struct uuid *id, int32_t partition);

#endif
