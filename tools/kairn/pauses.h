/* pauses.h - how long acknowledgements of a partition paused while records waited for them. */
#ifndef TOOLS_KAIRN_PAUSES_H
#define TOOLS_KAIRN_PAUSES_H

#include <stdint.h>

enum { PAUSES_PARTITIONS_MAX = 1024 };  /* those beyond it share what is kept */

struct pauses {
    int64_t last_ns[PAUSES_PARTITIONS_MAX];     /* when each was last heard of */
    int64_t longest_ns;
    int32_t partition;                          /* whose it was; -1: none */
};

void pauses_init(struct pauses *pauses);

/* A record of `partition`, handed over at `sent_ns`, was acknowledged at `now_ns`: it waited since
 * then, or since the partition was last heard of. */
void pauses_note(struct pauses *pauses, int32_t partition, int64_t sent_ns, int64_t now_ns);

#endif
