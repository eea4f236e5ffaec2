#include "server/storage/file_name.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/checkpoint.h"
#include "server/storage/io.h"

enum { DIGITS = 20 };

bool file_name_ends(const char *name, const char *suffix)
{
    size_t size = strlen(name), suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

int64_t file_name_offset(const char *name, const char *suffix)
{
    int64_t offset;
    if (strlen(name) != DIGITS + strlen(suffix) || strcmp(name + DIGITS, suffix) != 0 ||
        !checkpoint_number((struct checkpoint_field){ name, DIGITS }, 0, INT64_MAX, &offset))
        return -1;
    return offset;
}

bool file_name_is_leftover(const char *name)
{
    return file_name_ends(name, ".tmp") || file_name_ends(name, ".deleted") ||
           file_name_ends(name, ".cleaned");
}

void file_offsets_fini(struct file_offsets *offsets)
{
    free(offsets->at);
    *offsets = (struct file_offsets){ .at = NULL };
}

int file_offsets_add(struct file_offsets *offsets, int64_t offset)
{
    if (offsets->count == offsets->capacity) {
        size_t capacity = offsets->capacity == 0 ? 16 : 2 * offsets->capacity;
        int64_t *at = realloc(offsets->at, capacity * sizeof *at);
        if (at == NULL)
            return K_NOMEM;
        offsets->at = at;
        offsets->capacity = capacity;
    }
    offsets->at[offsets->count++] = offset;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int file_offsets_list(const struct io *io, const char *directory, const char *suffix,
                      struct file_offsets *out)
{
    struct dirent *entry;
    int error = 0;
    *out = (struct file_offsets){ .at = NULL };
    DIR *listing = io->opendir(io, directory);
    if (listing == NULL)
        return io_error();
    while (error == 0 && (entry = io_next_entry(io, listing, &error)) != NULL) {
        int64_t offset = file_name_offset(entry->d_name, suffix);
        if (offset >= 0)
            error = file_offsets_add(out, offset);
    }
    closedir(listing);
    if (out->count > 1)
        qsort(out->at, out->count, sizeof *out->at, ascending);
    return error;
}
