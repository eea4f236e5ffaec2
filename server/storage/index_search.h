/* storage/index_search.h - look something up in an index file without reading all of it.
 *
 * A sealed segment's index may be megabytes, of which a lookup needs a few entries. The file's last
 * pages come first: most readers are near the end, and what is looked at every time is in the page
 * cache. Otherwise one entry of each page on the way is read, and then one page. The file is open
 * only meanwhile; who reads on keeps the page of the offset index that was found, and needs no file
 * for what comes next.
 *
 * Whatever is read has to ascend, and lie within the segment: an index that was damaged is found
 * out as far as it was looked at. What is returned is still to be held against the batch it names.
 * Any thread; blocks. */
#ifndef STORAGE_INDEX_SEARCH_H
#define STORAGE_INDEX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"

struct io;

/* What an entry must lie below: of the segment. */
struct index_bounds {
    int64_t size;                   /* bytes of its log */
    int64_t relative_end;           /* offsets, from its base */
};

enum { INDEX_PAGE_SIZE = 4096 };

/* Neighbouring entries of an index file, as they were when they were read. */
struct index_page {
    uint8_t bytes[INDEX_PAGE_SIZE];
    int64_t count;                  /* entries; 0: nothing was read yet */
    bool last;                      /* no entry follows */
};

/* The last entry of an offset index with a relative offset (or a position) of at most the one that
 * is asked for: of `page`, if it is certain to be there, else of the file, and `page` becomes what
 * was read. 0, NOT_FOUND (none has), CORRUPT (the file is damaged, or missing), IO, NOMEM. */
int index_search_offset(const struct io *io, const char *path, const struct index_bounds *bounds,
                        int64_t relative, struct index_page *page, struct offset_entry *out);
int index_search_position(const struct io *io, const char *path, const struct index_bounds *bounds,
                          int64_t position, struct index_page *page, struct offset_entry *out);

/* The last entry of a time index with a timestamp of at most the one that is asked for. As above;
 * of the bounds, the size does not matter. */
int index_search_time(const struct io *io, const char *path, const struct index_bounds *bounds,
                      int64_t timestamp, struct time_entry *out);

#endif
