/* checkup_machine.c - checks of kernels and disks, where they can be looked at from here. */
#include <inttypes.h>

#include "tools/kairn/bytes.h"
#include "tools/kairn/checkup.h"

enum {
    DESCRIPTORS_MIN = 65536,
    DIRTY_RATIO_MIN = 10,               /* percent of the memory */
    DIRTY_BYTES_MIN = 256 << 20,
    BACKGROUND_RATIO_MAX = 20,
    SWAPPINESS_MAX = 10,
    FULL_PERCENT = 5, LOW_PERCENT = 15, INODES_PERCENT = 10
};

/* Where so much is free, no share of a disk is little. */
#define FULL_BYTES (20ull << 30)
#define LOW_BYTES (200ull << 30)

void checkup_elsewhere(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->directory_count; i++) {
        const struct facts_directory *directory = &facts->directories[i];
        if (!directory->local && (i == 0 || directory[-1].broker != directory->broker))
            for (size_t b = 0; b < facts->broker_count; b++)
                if (facts->brokers[b].id == directory->broker)
                    checkup_add_broker(checkup, &facts->brokers[b], "broker %" PRId32 ", %s: %s",
                                       directory->broker, facts->brokers[b].host,
                                       directory->path);
    }
}

void checkup_descriptors(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->broker_count; i++) {
        const struct facts_broker *broker = &facts->brokers[i];
        if (broker->descriptors >= 0 && broker->descriptors < DESCRIPTORS_MIN)
            checkup_add_broker(checkup, broker, "broker %" PRId32 ": %" PRId64, broker->id,
                               broker->descriptors);
    }
}

/* --- the kernel ------------------------------------------------------------------------------- */

/* A limit in bytes, where there is one, counts instead of the one in percent, which is 0 then. */
void checkup_dirty(const struct facts *facts, struct checkup *checkup)
{
    const struct facts_machine *machine = &facts->machine;
    char size[32];

    if (!machine->has_broker)
        return;
    if (machine->dirty_bytes > 0 && machine->dirty_bytes < DIRTY_BYTES_MIN)
        checkup_add(checkup, "vm.dirty_ratio", "vm.dirty_bytes is %s",
                    bytes_text(size, sizeof size, machine->dirty_bytes));
    else if (machine->dirty_bytes <= 0 && machine->dirty_ratio >= 0 &&
             machine->dirty_ratio < DIRTY_RATIO_MIN)
        checkup_add(checkup, "vm.dirty_ratio", "vm.dirty_ratio is %" PRId64, machine->dirty_ratio);
}

void checkup_dirty_background(const struct facts *facts, struct checkup *checkup)
{
    if (facts->machine.has_broker &&
        facts->machine.dirty_background_ratio > BACKGROUND_RATIO_MAX)
        checkup_add(checkup, "vm.dirty_background_ratio",
                    "vm.dirty_background_ratio is %" PRId64,
                    facts->machine.dirty_background_ratio);
}

void checkup_swap(const struct facts *facts, struct checkup *checkup)
{
    char size[32];

    if (facts->machine.has_broker && facts->machine.swap_bytes > 0 &&
        facts->machine.swappiness > SWAPPINESS_MAX)
        checkup_add(checkup, "vm.swappiness", "vm.swappiness is %" PRId64 ", with %s of swap",
                    facts->machine.swappiness,
                    bytes_text(size, sizeof size, facts->machine.swap_bytes));
}

/* --- disks ------------------------------------------------------------------------------------ */

static bool is_under(uint64_t free, uint64_t all, unsigned percent, uint64_t enough)
{
    return all > 0 && free < enough && free < all / 100 * percent;
}

static bool is_full(const struct facts_directory *directory)
{
    return is_under(directory->bytes_free, directory->bytes, FULL_PERCENT, FULL_BYTES);
}

static void add_room(struct checkup *checkup, const struct facts_directory *directory)
{
    char left[32], all[32];

    checkup_add(checkup, directory->path, "broker %" PRId32 ", %s: %s of %s left",
                directory->broker, directory->path,
                bytes_text(left, sizeof left, (int64_t)directory->bytes_free),
                bytes_text(all, sizeof all, (int64_t)directory->bytes));
}

void checkup_disk_full(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->directory_count; i++) {
        if (is_full(&facts->directories[i]))
            add_room(checkup, &facts->directories[i]);
    }
}

void checkup_disk_low(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->directory_count; i++) {
        const struct facts_directory *directory = &facts->directories[i];
        if (!is_full(directory) &&
            is_under(directory->bytes_free, directory->bytes, LOW_PERCENT, LOW_BYTES))
            add_room(checkup, directory);
    }
}

void checkup_inodes(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->directory_count; i++) {
        const struct facts_directory *directory = &facts->directories[i];
        if (is_under(directory->inodes_free, directory->inodes, INODES_PERCENT, UINT64_MAX))
            checkup_add(checkup, directory->path,
                        "broker %" PRId32 ", %s: %" PRIu64 " of %" PRIu64 " left",
                        directory->broker, directory->path, directory->inodes_free,
                        directory->inodes);
    }
}

void checkup_read_only(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 0; i < facts->directory_count; i++) {
        const struct facts_directory *directory = &facts->directories[i];
        if (directory->read_only)
            checkup_add(checkup, directory->path, "broker %" PRId32 ", %s", directory->broker,
                        directory->path);
    }
}

void checkup_disk_shared(const struct facts *facts, struct checkup *checkup)
{
    for (size_t i = 1; i < facts->directory_count; i++) {
        const struct facts_directory *directory = &facts->directories[i], *before = directory - 1;
        if (directory->local && before->local && directory->broker == before->broker &&
            directory->device == before->device)
            checkup_add(checkup, directory->path, "broker %" PRId32 ": %s and %s",
                        directory->broker, before->path, directory->path);
    }
}
