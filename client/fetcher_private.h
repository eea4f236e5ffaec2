/* fetcher_private.h - what fetcher.c (fetches), fetch_answers.c (their answers), fetch_start.c
 * (where to begin) and fetch_watch.c (leaders and topics) share. Belongs to the loop. */
#ifndef CLIENT_FETCHER_PRIVATE_H
#define CLIENT_FETCHER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/broker.h"
#include "client/cluster.h"
#include "client/config.h"
#include "client/consumer.h"
#include "client/statistics.h"
#include "common/list.h"
#include "net/loop.h"

/* Since it was opened. */
struct fetcher_counts {
    int64_t fetches, failed, bytes;
    int64_t bytes_before;           /* when the window of statistics began */
};

struct fetcher {
    struct klient_consumer *consumer;
    struct list partitions;         /* struct assigned, referenced */
    struct list lanes, fetches, finders;
    struct turn_hook hook;
    struct timer *timer;
    struct observer observer;
    struct statistics_source source;
    struct fetcher_counts counts;
    bool stopping;
};

struct lane {
    struct list node;
    struct link *link;              /* borrowed; lives as long as the cluster */
    unsigned in_flight;
    struct list due;                /* struct assigned; filled and emptied within a turn */
};

struct entry {
    struct assigned *assigned;      /* referenced */
    uint64_t generation;
    int64_t offset;
    int32_t epoch, last_epoch, loop;
    struct uuid topic_id;
};

struct fetch {
    struct list node;               /* in fetcher->fetches */
    struct fetcher *fetcher;
    struct lane *lane;
    struct request request;
    int64_t sent_ms;
    size_t count;
    struct entry entries[];
};

static inline const struct config_values *fetcher_values(const struct fetcher *fetcher)
{
    return &fetcher->consumer->config->values;
}

static inline struct klient *fetcher_klient(const struct fetcher *fetcher)
{
    return fetcher->consumer->klient;
}

/* NULL when out of memory. */
static inline struct topic *fetcher_hold(const struct fetcher *fetcher, const char *topic)
{
    return cluster_hold(fetcher_klient(fetcher)->cluster, topic,
                        fetcher_values(fetcher)->create_topics);
}

static inline int64_t fetcher_now_ms(const struct fetcher *fetcher)
{
    return loop_now_ms(fetcher_klient(fetcher)->loop);
}

/* --- fetcher.c -------------------------------------------------------------------------------- */

/* Look for what can be fetched at the end of this turn. */
void fetcher_pump_soon(struct fetcher *fetcher);

/* Tell the application: a position that was found (code 0), or trouble. */
void fetcher_tell(struct fetcher *fetcher, struct assigned *assigned, int code, int64_t position);

/* Try again after a pause. */
void fetcher_retry_later(struct fetcher *fetcher, struct assigned *assigned);

/* --- consumer_statistics.c -------------------------------------------------------------------- */

/* From now on it is among the handle's statistics, until statistics_remove(). */
void fetcher_count(struct fetcher *fetcher);

/* --- fetch_answers.c -------------------------------------------------------------------------- */

/* The request of a fetch is finished: act on its answer, and free it. */
void fetch_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                    struct slab *slab, const uint8_t *payload, size_t size);

/* Its partitions can be asked for again. */
void fetch_free(struct fetch *fetch);

/* --- fetch_start.c ---------------------------------------------------------------------------- */

/* Tell trouble and fetch no more until a seek. */
void fetcher_stick(struct fetcher *fetcher, struct assigned *assigned, int code);

/* Go where `offset` says: a real offset or a POSITION_... */
void fetch_start_at(struct fetcher *fetcher, struct assigned *assigned, int64_t offset);

/* Find the offset that POSITION_BEGINNING or POSITION_END stands for. */
void fetch_look_up(struct fetcher *fetcher, struct assigned *assigned, int64_t where);

/* The answer is not wanted any more. No-op without. */
void fetch_forget_look_up(struct assigned *assigned);

/* A leader says something that one who was deposed may say: for as long as news may take to
 * spread? */
bool fetch_leader_insists(struct fetcher *fetcher, struct assigned *assigned);

/* A leader refuses the next offset, as being out of range. When another leader had all before it,
 * and this one ends earlier, it was deposed and has not heard of it, and where reading begins by
 * policy would be a wrong answer. False once it has insisted for as long as news may take to
 * spread; without a result.
 *
 * Epochs alone can not tell. That the record before was written in a later epoch than the leader's
 * proves that it was deposed (fetch_answers.c asks that first), but the reverse is no proof of
 * anything: a record can be written in one epoch, be missed by the leader of the next, and be
 * committed by the one after. And many committed offsets come without an epoch. */
bool fetch_leader_is_behind(struct fetcher *fetcher, struct assigned *assigned,
                            const Kairn__FetchResult *result);

/* With enable.partition.eof: tell the application, once each time that what is read comes to the
 * end. */
void fetch_tell_end(struct fetcher *fetcher, struct assigned *assigned);

/* All of them. */
void fetch_forget_all(struct fetcher *fetcher);

/* --- fetch_watch.c ---------------------------------------------------------------------------- */

/* What do the metadata say of it now? */
void fetch_watch(struct fetcher *fetcher, struct assigned *assigned);
void fetch_metadata_changed(struct observer *observer);

/* Its leader refuses to be asked for it; it has answered, or is not asked any more. */
void fetch_refused(struct fetcher *fetcher, struct assigned *assigned, int code);
void fetch_unhindered(struct fetcher *fetcher, struct assigned *assigned);

#endif
