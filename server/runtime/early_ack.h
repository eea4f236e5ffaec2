/* runtime/early_ack.h - the mutant "ack-before-write": confirms appends before they are written.
 *
 * Only built with --enable-mutant=ack-before-write, to prove that the crash tests notice a broker
 * that breaks its first promise. In every other build early_ack() is false and costs nothing. */
#ifndef RUNTIME_EARLY_ACK_H
#define RUNTIME_EARLY_ACK_H

#include <stdbool.h>
#include <stddef.h>

struct log_append;
struct partition;

#ifdef MUTANT_ACK_BEFORE_WRITE
/* Fill in the results that the write is going to have, and write a while later. False: could
 * not; write now. */
bool early_ack(struct partition *partition, struct log_append *appends, size_t count);
#else
static inline bool early_ack(struct partition *partition, struct log_append *appends, size_t count)
{
    (void)partition;
    (void)appends;
    (void)count;
    return false;
}
#endif

#endif
