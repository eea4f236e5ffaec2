#include "bench/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/loopback.h"
#include "common/endian.h"

enum { VALUE_MAX = 4096 };

static void __attribute__((format(printf, 1, 2), noreturn)) quit(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void ledger_init(struct ledger *ledger, uint32_t partitions, uint64_t room)
{
    *ledger = (struct ledger){ .partitions = partitions, .room = room };
    ledger->acknowledged = calloc(partitions * room, sizeof *ledger->acknowledged);
    ledger->ends = calloc(partitions, sizeof *ledger->ends);
    if (ledger->acknowledged == NULL || ledger->ends == NULL)
        bench_die("ledger");
}

void ledger_fini(struct ledger *ledger)
{
    free(ledger->acknowledged);
    free(ledger->ends);
}

void ledger_value(uint64_t number, uint8_t *value, size_t size)
{
    uint64_t word = number;

    for (size_t at = 0; at + 8 <= size; at += 8) {
        store_u64(value + at, word);
        word = word * 6364136223846793005u + 1442695040888963407u;
    }
    memset(value + size / 8 * 8, 0xa5, size % 8);
}

static uint64_t *place(struct ledger *ledger, uint32_t partition, int64_t offset)
{
    if (partition >= ledger->partitions || offset < 0 || (uint64_t)offset >= ledger->room)
        quit("partition %" PRIu32 ", offset %" PRId64 ": nothing was to be there", partition,
             offset);
    return &ledger->acknowledged[partition * ledger->room + (uint64_t)offset];
}

void ledger_acknowledge(struct ledger *ledger, uint32_t partition, int64_t offset, uint64_t number)
{
    uint64_t *at = place(ledger, partition, offset);

    if (*at != 0)
        quit("partition %" PRIu32 ", offset %" PRId64 ": acknowledged to two", partition, offset);
    *at = number + 1;
    ledger->count++;
    if (ledger->ends[partition] <= (uint64_t)offset)
        ledger->ends[partition] = (uint64_t)offset + 1;
}

void ledger_find(struct ledger *ledger, uint32_t partition, int64_t offset, const uint8_t *value,
                 size_t size)
{
    uint64_t *at = place(ledger, partition, offset);
    uint8_t expected[VALUE_MAX];

    if (*at == 0 || size > sizeof expected)
        quit("partition %" PRIu32 ", offset %" PRId64 ": stored without a word, or read twice",
             partition, offset);
    ledger_value(*at - 1, expected, size);
    if (memcmp(expected, value, size) != 0)
        quit("partition %" PRIu32 ", offset %" PRId64 ": not what was acknowledged", partition,
             offset);
    *at = 0;
    ledger->found++;
}

void ledger_settle(const struct ledger *ledger)
{
    uint64_t ends = 0;

    for (uint32_t i = 0; i < ledger->partitions; i++)
        ends += ledger->ends[i];
    if (ledger->found != ledger->count || ends != ledger->count)
        quit("%" PRIu64 " were acknowledged, %" PRIu64 " are there, the partitions end at %" PRIu64
             " in sum",
             ledger->count, ledger->found, ends);
}
