/* runtime/rest.h - logs that nobody uses are closed, and opened again when somebody does.
 *
 * A partition at rest costs neither a descriptor nor the memory of its segments and indexes. It
 * goes to rest after shards_options.idle_close_ms without a request, when all of its log is synced
 * and nobody waits for it: what is closed then needs no more attention, not even after a crash. For
 * the files of runtime/ only. */
#ifndef RUNTIME_REST_H
#define RUNTIME_REST_H

struct partition;
struct shard;

void rest_init(struct shard *shard);

/* The partition was used. Cheap: for every request. */
void rest_touch(struct partition *partition);

/* When the logs hold more files than they should, those of this shard not used for longest give
 * theirs back. Cheap when they do not. */
void rest_make_room(struct shard *shard);

/* Its log is not open any more, or not to be closed. */
void rest_forget(struct partition *partition);

#endif
