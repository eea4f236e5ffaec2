#include "server/storage/index_search.h"

#include <fcntl.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/io.h"

/* What of an entry is compared, and what is known of entries that are good. */
struct kind {
    size_t entry_size;
    int64_t (*key)(const uint8_t *entry);
    bool (*within)(const uint8_t *entry, const struct index_bounds *bounds);
    bool (*ascends)(const uint8_t *before, const uint8_t *entry);
};

/* --- offset indexes ----------------------------------------------------------------------- */

static int64_t relative_of(const uint8_t *entry)
{
    return index_offset_decode(entry).relative;
}

static int64_t position_of(const uint8_t *entry)
{
    return index_offset_decode(entry).position;
}

static bool offset_within(const uint8_t *at, const struct index_bounds *bounds)
{
    struct offset_entry entry = index_offset_decode(at);
    return entry.relative >= 0 && entry.position >= 0 && entry.relative < bounds->relative_end &&
           entry.position < bounds->size;
}

static bool offset_ascends(const uint8_t *before, const uint8_t *at)
{
    struct offset_entry last = index_offset_decode(before), entry = index_offset_decode(at);
    return entry.relative > last.relative && entry.position > last.position;
}

static const struct kind by_offset = { INDEX_OFFSET_ENTRY, relative_of, offset_within,
                                       offset_ascends };
static const struct kind by_position = { INDEX_OFFSET_ENTRY, position_of, offset_within,
                                         offset_ascends };

/* --- time indexes ------------------------------------------------------------------------- */

static int64_t timestamp_of(const uint8_t *entry)
{
    return index_time_decode(entry).timestamp;
}

static bool time_within(const uint8_t *at, const struct index_bounds *bounds)
{
    struct time_entry entry = index_time_decode(at);
    return entry.timestamp >= 0 && entry.relative >= 0 && entry.relative < bounds->relative_end;
}

/* Records that are older than others before them leave offsets as they are. */
static bool time_ascends(const uint8_t *before, const uint8_t *at)
{
    struct time_entry last = index_time_decode(before), entry = index_time_decode(at);
    return entry.timestamp > last.timestamp && entry.relative >= last.relative;
}

static const struct kind by_time = { INDEX_TIME_ENTRY, timestamp_of, time_within, time_ascends };

/* --- searching ---------------------------------------------------------------------------- */

struct search {
    const struct kind *kind;
    const struct io *io;
    const struct index_bounds *bounds;
    int fd;
    int64_t count;                  /* entries of the file */
    int64_t wanted;
};

enum { ENTRY_MAX = INDEX_TIME_ENTRY };

static int64_t per_page(const struct kind *kind)
{
    return INDEX_PAGE_SIZE / (int64_t)kind->entry_size;
}

static int read_entries(const struct search *search, int64_t first, int64_t count, uint8_t *to)
{
    size_t size = search->kind->entry_size;
    return io_read_all(search->io, search->fd, to, (size_t)count * size, first * (int64_t)size);
}

/* The first entry of a page. */
static int read_first(const struct search *search, int64_t number, uint8_t entry[ENTRY_MAX])
{
    int error = read_entries(search, number * per_page(search->kind), 1, entry);
    if (error == 0 && !search->kind->within(entry, search->bounds))
        error = K_CORRUPT;
    return error;
}

static int read_page(const struct search *search, int64_t number, struct index_page *page)
{
    const struct kind *kind = search->kind;
    int64_t first = number * per_page(kind), left = search->count - first;

    page->last = left <= per_page(kind);
    page->count = 0;                /* unless all of it is good */
    int64_t count = page->last ? left : per_page(kind);
    int error = read_entries(search, first, count, page->bytes);
    if (error != 0)
        return error;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *entry = page->bytes + (size_t)i * kind->entry_size;
        if (!kind->within(entry, search->bounds) ||
            (i > 0 && !kind->ascends(entry - kind->entry_size, entry)))
            return K_CORRUPT;
    }
    page->count = count;
    return 0;
}

static const uint8_t *entry_of(const struct kind *kind, const struct index_page *page, int64_t i)
{
    return page->bytes + (size_t)i * kind->entry_size;
}

/* Entries of the page with a key of at most `wanted`. */
static int64_t count_upto(const struct kind *kind, const struct index_page *page, int64_t wanted)
{
    int64_t low = 0, high = page->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (kind->key(entry_of(kind, page, middle)) <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of a page that begins with a key of at most the wanted one: the entry is there, unless it is of a
 * later page. */
static bool settles(const struct kind *kind, const struct index_page *page, int64_t wanted)
{
    int64_t upto = count_upto(kind, page, wanted);
    return upto > 0 && (upto < page->count || page->last);
}

/* The page that holds the entry, among those from 0 to `high` (exclusive), which begins with `end`.
 * The page just before is looked at first, for it is as good as always in the cache. */
static int find_page(const struct search *search, int64_t high, uint8_t end[ENTRY_MAX],
                     int64_t *number)
{
    uint8_t start[ENTRY_MAX], entry[ENTRY_MAX];
    int64_t low = 0, probe = high - 1;

    int error = read_first(search, 0, start);
    if (error != 0)
        return error;
    if (!search->kind->ascends(start, end))
        return K_CORRUPT;
    if (search->kind->key(start) > search->wanted)
        return K_NOT_FOUND;
    while (high - low > 1) {
        error = read_first(search, probe, entry);
        if (error != 0)
            return error;
        if (!search->kind->ascends(start, entry) || !search->kind->ascends(entry, end))
            return K_CORRUPT;
        if (search->kind->key(entry) <= search->wanted)
            low = probe, memcpy(start, entry, sizeof entry);
        else
            high = probe, memcpy(end, entry, sizeof entry);
        probe = low + (high - low) / 2;
    }
    *number = low;
    return 0;
}

static int search_pages(const struct search *search, struct index_page *page)
{
    const struct kind *kind = search->kind;
    uint8_t end[ENTRY_MAX];
    int64_t number = (search->count - 1) / per_page(kind);

    int error = read_page(search, number, page);
    if (error != 0 || kind->key(page->bytes) <= search->wanted)
        return error;
    if (number == 0)
        return K_NOT_FOUND;
    memcpy(end, page->bytes, kind->entry_size);
    error = find_page(search, number, end, &number);
    if (error == 0)
        error = read_page(search, number, page);
    if (error == 0 && !kind->ascends(entry_of(kind, page, page->count - 1), end))
        error = K_CORRUPT;
    return error;
}

static int search_file(struct search *search, const char *path, struct index_page *page)
{
    struct stat status;
    int64_t entry_size = (int64_t)search->kind->entry_size;
    search->fd = search->io->open(search->io, path, O_RDONLY, 0);
    int error = search->fd < 0 ? io_error() : 0;
    if (error != 0)
        return error == K_NOT_FOUND ? K_CORRUPT : error;
    if (search->io->stat(search->io, search->fd, &status) != 0)
        error = io_error();
    else if (status.st_size % entry_size != 0)
        error = K_CORRUPT;
    if (error == 0) {
        search->count = status.st_size / entry_size;
        error = search->count == 0 ? K_NOT_FOUND : search_pages(search, page);
    }
    (void)search->io->close(search->io, search->fd);
    return error;
}

/* *entry points into the page. */
static int search_for(struct search *search, const char *path, struct index_page *page,
                      const uint8_t **entry)
{
    if (!settles(search->kind, page, search->wanted)) {
        int error = search_file(search, path, page);
        if (error != 0) {
            page->count = 0;
            return error;
        }
    }
    *entry = entry_of(search->kind, page, count_upto(search->kind, page, search->wanted) - 1);
    return 0;
}

static int search_offsets(const struct kind *kind, const struct io *io, const char *path,
                          const struct index_bounds *bounds, int64_t wanted,
                          struct index_page *page, struct offset_entry *out)
{
    struct search search = { .kind = kind, .io = io, .bounds = bounds, .wanted = wanted };
    const uint8_t *entry;
    int error = search_for(&search, path, page, &entry);
    if (error == 0)
        *out = index_offset_decode(entry);
    return error;
}

int index_search_offset(const struct io *io, const char *path, const struct index_bounds *bounds,
                        int64_t relative, struct index_page *page, struct offset_entry *out)
{
    return search_offsets(&by_offset, io, path, bounds, relative, page, out);
}

int index_search_position(const struct io *io, const char *path, const struct index_bounds *bounds,
                          int64_t position, struct index_page *page, struct offset_entry *out)
{
    return search_offsets(&by_position, io, path, bounds, position, page, out);
}

int index_search_time(const struct io *io, const char *path, const struct index_bounds *bounds,
                      int64_t timestamp, struct time_entry *out)
{
    struct search search = { .kind = &by_time, .io = io, .bounds = bounds, .wanted = timestamp };
    struct index_page page;
    const uint8_t *entry;

    page.count = 0;
    int error = search_for(&search, path, &page, &entry);
    if (error == 0)
        *out = index_time_decode(entry);
    return error;
}
