/* runtime/recompress.h - the stage before the append for what takes long: batches that must be
 * opened, or stored in another codec, go through the io pool. For the files of runtime/ only.
 *
 * Invariants
 *   R1  entries leave the stage in the order in which they came in, and while one of a partition
 *       is in it, the partition's later ones go through it, too: appends keep their order
 *   R2  one job per partition and a few per shard are under way, each with a bounded number of
 *       bytes; a job counts until the last of its entries has been appended or refused, so what
 *       was made for it can not pile up in memory
 *   R3  a partition that stops to serve leaves its job behind: the entries are refused when it
 *       comes back, and the partition may be freed before
 *   R4  nothing is started unless the partition's log is open and the shard is not closed */
#ifndef RUNTIME_RECOMPRESS_H
#define RUNTIME_RECOMPRESS_H

#include <stdbool.h>

struct append_entry;
struct partition;
struct shard;

void recompress_init(struct shard *shard);
void recompress_init_partition(struct partition *partition);

/* Must the entry go through the stage? If not, it may be appended now. */
bool recompress_wanted(const struct partition *partition, const struct append_entry *entry);

/* Take it in. It goes on with append_admitted() or append_refuse(), later. */
void recompress_admit(struct partition *partition, struct append_entry *entry);

/* The log is open now. */
void recompress_resume(struct partition *partition);

/* Refuse what waits now, and what is under way when it comes back. */
void recompress_refuse_all(struct partition *partition, int code);

/* The entry was appended or refused: free what was made for it. Any entry will do. */
void recompress_release(struct append_entry *entry);

#endif
