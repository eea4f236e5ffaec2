/* ledger.h - which record was acknowledged at which offset, and whether that is what is stored.
 *
 * A record is a number; of it follow all bytes of its value. Whatever does not agree ends the
 * process. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stddef.h>
#include <stdint.h>

struct ledger {
    uint32_t partitions;
    uint64_t room;                      /* offsets of each partition */
    uint64_t *acknowledged;             /* number of the record + 1, 0: none */
    uint64_t *ends;                     /* one past the highest offset of each partition */
    uint64_t count, found;
};

void ledger_init(struct ledger *ledger, uint32_t partitions, uint64_t room);
void ledger_fini(struct ledger *ledger);

void ledger_value(uint64_t number, uint8_t *value, size_t size);

void ledger_acknowledge(struct ledger *ledger, uint32_t partition, int64_t offset, uint64_t number);
/* This is stored there: exactly what was acknowledged, and for the first time. */
void ledger_find(struct ledger *ledger, uint32_t partition, int64_t offset, const uint8_t *value,
                 size_t size);
/* Everything was found, and the partitions end where what was acknowledged does. */
void ledger_settle(const struct ledger *ledger);

#endif
