/* runtime/settings.h - what topics do not override, and how logs are compacted, as the broker is
 * configured at this moment.
 *
 * An immutable snapshot, shared by the shards and counted; each shard takes over a new one when its
 * turn comes, and applies it to all its partitions, some of them per turn. For the files of
 * runtime/ only; from outside: shards_configure(). Functions belong to the shard's loop unless they
 * say so. */
#ifndef RUNTIME_SETTINGS_H
#define RUNTIME_SETTINGS_H

#include <stdatomic.h>

#include "server/runtime/cleaner.h"
#include "server/runtime/topic_config.h"

struct shard;

struct settings {
    atomic_uint references;
    struct topic_config defaults;
    struct cleaner_options cleaner;     /* enabled and threads never change */
};

/* One reference; NULL when out of memory. Any thread. */
struct settings *settings_new(const struct topic_config *defaults,
                              const struct cleaner_options *cleaner);
struct settings *settings_ref(struct settings *settings);     /* any thread */
void settings_unref(struct settings *settings);               /* any thread; NULL is allowed */

/* The picture changed under the shard's feet: what is being applied is applied from the start. */
void settings_restart(struct shard *shard);

/* There was no memory to follow a topic: all of them are followed anew, a little later. */
void settings_retry(struct shard *shard);

void settings_init(struct shard *shard, struct settings *settings);   /* takes the reference */
void settings_fini(struct shard *shard);

#endif
