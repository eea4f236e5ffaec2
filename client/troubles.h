/* troubles.h - the troubles of one handle, producer or consumer on their way to the queue that
 * klient_config_set_queue() named.
 *
 * Belongs to the handle's loop. Without a queue nothing is noted. What is
 * open when its owner is closed ends without a word. */
#ifndef CLIENT_TROUBLES_H
#define CLIENT_TROUBLES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/trouble.h"

struct klient;
struct klient_config;
struct klient_queue;
struct timer;

struct troubles {
    struct klient *klient;              /* borrowed */
    struct klient_queue *queue;         /* borrowed, the configuration's; NULL: nobody is told */
    struct timer *timer;                /* NULL without a queue */
    struct trouble_book book;
};

/* `config` outlives it. 0 or K_NOMEM. On the loop, or before it starts. */
int troubles_open(struct troubles *troubles, struct klient *klient,
                  const struct klient_config *config);
/* No-op for one that is all zero, or closed. */
void troubles_close(struct troubles *troubles);

/* Is any of the kind there? One load and a branch: for paths that are run often. */
static inline bool troubles_has(const struct troubles *troubles, enum trouble_kind kind)
{
    return trouble_is_there(&troubles->book, kind);
}

/* It is there, or still is: any number of times. `idle`: nobody waits for it. */
void troubles_begin(struct troubles *troubles, enum trouble_kind kind,
                    struct trouble_subject subject, int code, bool idle);

/* It is no more, if it ever was. */
void troubles_end(struct troubles *troubles, enum trouble_kind kind,
                  struct trouble_subject subject);

/* The same of what is mostly reported; ended for each answer that went well. */
void troubles_of_partition(struct troubles *troubles, enum trouble_kind kind, const char *topic,
                           int32_t partition, int code);
void troubles_end_of_partition(struct troubles *troubles, enum trouble_kind kind,
                               const char *topic, int32_t partition);
void troubles_of_group(struct troubles *troubles, enum trouble_kind kind, const char *group,
                       int code);
void troubles_end_of_group(struct troubles *troubles, enum trouble_kind kind, const char *group);

static inline void troubles_of_partition_over(struct troubles *troubles, enum trouble_kind kind,
                                              const char *topic, int32_t partition)
{
    if (troubles_has(troubles, kind))
        troubles_end_of_partition(troubles, kind, topic, partition);
}

static inline void troubles_of_group_over(struct troubles *troubles, enum trouble_kind kind,
                                          const char *group)
{
    if (troubles_has(troubles, kind))
        troubles_end_of_group(troubles, kind, group);
}

#endif
