/* Looking something up in an index file of several pages, a few bytes of which the fuzzer likes:
 * it ends in a typed error, or with an entry that the file has and that is not beyond what was
 * asked for; while the file is good, with the very entry that a search of all of it finds.
 *
 * Input: kind, what is asked for (u16), entries (u16), then (u16 position, u8 byte) each. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "common/endian.h"
#include "common/error.h"
#include "server/storage/index_search.h"
#include "server/storage/io.h"
#include "tests/fuzz/target.h"

enum { ENTRIES_MAX = 2500, STEP = 3, BYTES = 100, HEAD = 5, PATCH = 3 };

static uint8_t file[ENTRIES_MAX * INDEX_TIME_ENTRY];
static size_t file_size;
static const struct index_bounds bounds = { ENTRIES_MAX * BYTES + BYTES, ENTRIES_MAX * STEP };

static int memory_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    (void)io, (void)path, (void)flags, (void)mode;
    return 0;
}

static int memory_close(const struct io *io, int fd)
{
    (void)io, (void)fd;
    return 0;
}

static int memory_stat(const struct io *io, int fd, struct stat *out)
{
    (void)io, (void)fd;
    *out = (struct stat){ .st_size = (off_t)file_size };
    return 0;
}

static ssize_t memory_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    (void)io, (void)fd;
    assert(position >= 0 && (size_t)position <= file_size);
    if (size > file_size - (size_t)position)
        size = file_size - (size_t)position;
    memcpy(to, file + position, size);
    return (ssize_t)size;
}

static const struct io io = { .open = memory_open, .close = memory_close, .stat = memory_stat,
                              .pread = memory_pread };

static void make(size_t count, size_t entry_size)
{
    file_size = count * entry_size;
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = file + i * entry_size;
        if (entry_size == INDEX_TIME_ENTRY)
            store_u64(at, BYTES * (i + 1));
        else
            store_u32(at + 4, (uint32_t)(BYTES * (i + 1)));
        store_u32(at + (entry_size == INDEX_TIME_ENTRY ? 8 : 0), (uint32_t)(STEP * i));
    }
}

/* All of it in memory. */
static struct index whole(size_t entry_size)
{
    size_t count = file_size / entry_size;
    return (struct index){ .bytes = file, .entry_size = entry_size, .count = count };
}

static bool has(const uint8_t *entry, size_t entry_size)
{
    for (size_t at = 0; at < file_size; at += entry_size)
        if (memcmp(file + at, entry, entry_size) == 0)
            return true;
    return false;
}

static void check_offsets(int64_t wanted, bool by_position)
{
    struct index index = whole(INDEX_OFFSET_ENTRY);
    struct index_page page = { .count = 0 };
    struct offset_entry found, expected = { 0, 0 };
    uint8_t bytes[INDEX_OFFSET_ENTRY];
    bool good = file_size % INDEX_OFFSET_ENTRY == 0 &&
                index_offset_valid(&index, bounds.size, bounds.relative_end);

    for (int again = 0; again < 2; again++) {           /* the second time from the page */
        int error = by_position
                        ? index_search_position(&io, "", &bounds, wanted, &page, &found)
                        : index_search_offset(&io, "", &bounds, wanted, &page, &found);
        if (good) {
            bool there = by_position ? index_offset_find_position(&index, wanted, &expected)
                                     : index_offset_find(&index, wanted, &expected);
            assert(error == (there ? 0 : K_NOT_FOUND));
        }
        if (error != 0) {
            assert(error == K_NOT_FOUND || error == K_CORRUPT);
            continue;
        }
        assert(!good ||
               (found.relative == expected.relative && found.position == expected.position));
        assert((by_position ? found.position : found.relative) <= wanted);
        store_u32(bytes, (uint32_t)found.relative);
        store_u32(bytes + 4, (uint32_t)found.position);
        assert(has(bytes, sizeof bytes));
    }
}

static void check_times(int64_t wanted)
{
    struct index index = whole(INDEX_TIME_ENTRY);
    struct time_entry found, expected = { 0, 0 };
    uint8_t bytes[INDEX_TIME_ENTRY];
    bool good =
        file_size % INDEX_TIME_ENTRY == 0 && index_time_valid(&index, bounds.relative_end);

    int error = index_search_time(&io, "", &bounds, wanted, &found);
    if (good)
        assert(error == (index_time_find(&index, wanted, &expected) ? 0 : K_NOT_FOUND));
    if (error != 0) {
        assert(error == K_NOT_FOUND || error == K_CORRUPT);
        return;
    }
    assert(!good ||
           (found.timestamp == expected.timestamp && found.relative == expected.relative));
    assert(found.timestamp <= wanted);
    store_u64(bytes, (uint64_t)found.timestamp);
    store_u32(bytes + 8, (uint32_t)found.relative);
    assert(has(bytes, sizeof bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    size_t kind = data[0] % 3, count = load_u16(data + 3) % ENTRIES_MAX;
    int64_t wanted = load_u16(data + 1);
    wanted = kind == 0 ? wanted % (ENTRIES_MAX * STEP) : wanted * 4;
    make(count, kind == 2 ? INDEX_TIME_ENTRY : INDEX_OFFSET_ENTRY);
    for (size_t at = HEAD; at + PATCH <= size && file_size > 0; at += PATCH)
        file[load_u16(data + at) % file_size] = data[at + 2];
    file_size -= data[0] >= 192 && file_size > 0;       /* cut off in an entry */
    if (kind == 2)
        check_times(wanted);
    else
        check_offsets(wanted, kind == 1);
    return 0;
}
