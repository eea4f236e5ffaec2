#include "tools/kairn/pauses.h"

#include <string.h>

void pauses_init(struct pauses *pauses)
{
    memset(pauses, 0, sizeof *pauses);
    pauses->partition = -1;
}

void pauses_note(struct pauses *pauses, int32_t partition, int64_t sent_ns, int64_t now_ns)
{
    int64_t *last_ns = &pauses->last_ns[(uint32_t)partition % PAUSES_PARTITIONS_MAX];
    int64_t waited_ns = now_ns - (*last_ns > sent_ns ? *last_ns : sent_ns);

    if (waited_ns > pauses->longest_ns) {
        pauses->longest_ns = waited_ns;
        pauses->partition = partition;
    }
    *last_ns = now_ns;
}
