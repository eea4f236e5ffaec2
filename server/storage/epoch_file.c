/* storage/epoch_file.c - the leader epochs of a log. */
#include "server/storage/epoch_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/checkpoint.h"
#include "server/storage/io.h"

void epoch_file_init(struct epoch_file *epochs)
{
    *epochs = (struct epoch_file){ .saved = false };
}

void epoch_file_fini(struct epoch_file *epochs)
{
    free(epochs->entries);
    epoch_file_init(epochs);
}

static int add(struct epoch_file *epochs, struct epoch_entry entry)
{
    if (epochs->count == epochs->capacity) {
        size_t capacity = epochs->capacity == 0 ? 4 : 2 * epochs->capacity;
        struct epoch_entry *entries = realloc(epochs->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return K_NOMEM;
        epochs->entries = entries;
        epochs->capacity = capacity;
    }
    epochs->entries[epochs->count++] = entry;
    epochs->saved = false;
    return 0;
}

static int parse_row(void *context, const struct checkpoint_field *fields)
{
    struct epoch_file *epochs = context;
    int64_t epoch, start;

    if (!checkpoint_number(fields[0], 0, INT32_MAX, &epoch) ||
        !checkpoint_number(fields[1], 0, INT64_MAX, &start))
        return K_CORRUPT;
    if (epochs->count > 0) {
        const struct epoch_entry *last = &epochs->entries[epochs->count - 1];
        if (epoch <= last->epoch || start <= last->start)
            return K_CORRUPT;
    }
    return add(epochs, (struct epoch_entry){ (int32_t)epoch, start });
}

int epoch_file_parse(struct epoch_file *epochs, const char *text, size_t size)
{
    epochs->count = 0;
    int error = checkpoint_parse(text, size, 2, parse_row, epochs);
    if (error != 0)
        epochs->count = 0;
    return error;
}

int epoch_file_load(struct epoch_file *epochs, const struct io *io, const char *path)
{
    char *text;
    size_t size;
    int error = io_read_file(io, path, CHECKPOINT_FILE_MAX, &text, &size);
    if (error != 0)
        return error;
    error = epoch_file_parse(epochs, text, size);
    epochs->saved = error == 0;
    free(text);
    return error;
}

int epoch_file_save(struct epoch_file *epochs, const struct io *io, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    if (epochs->saved)
        return 0;

    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return K_NOMEM;
    fprintf(out, "0\n%zu\n", epochs->count);
    for (size_t i = 0; i < epochs->count; i++)
        fprintf(out, "%" PRId32 " %" PRId64 "\n", epochs->entries[i].epoch,
                epochs->entries[i].start);
    int error = fclose(out) == 0 ? 0 : K_NOMEM;
    if (error == 0)
        error = io_replace_file(io, path, text, size, IO_LAZY);
    epochs->saved = error == 0;
    free(text);
    return error;
}

int epoch_file_assign(struct epoch_file *epochs, int32_t epoch, int64_t start)
{
    if (epoch <= epoch_file_last(epochs))
        return 0;
    epoch_file_cut(epochs, start);
    return add(epochs, (struct epoch_entry){ epoch, start });
}

void epoch_file_cut(struct epoch_file *epochs, int64_t end)
{
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start >= end) {
        epochs->count--;
        epochs->saved = false;
    }
}

void epoch_file_raise(struct epoch_file *epochs, int64_t start)
{
    size_t gone = 0;
    while (gone + 1 < epochs->count && epochs->entries[gone + 1].start <= start)
        gone++;
    if (gone > 0) {
        epochs->count -= gone;
        memmove(epochs->entries, epochs->entries + gone, epochs->count * sizeof *epochs->entries);
        epochs->saved = false;
    }
    if (epochs->count > 0 && epochs->entries[0].start < start) {
        epochs->entries[0].start = start;
        epochs->saved = false;
    }
}

int32_t epoch_file_last(const struct epoch_file *epochs)
{
    return epochs->count == 0 ? -1 : epochs->entries[epochs->count - 1].epoch;
}

int32_t epoch_file_at(const struct epoch_file *epochs, int64_t offset)
{
    size_t i = epochs->count;
    while (i > 0 && epochs->entries[i - 1].start > offset)
        i--;
    return i == 0 ? -1 : epochs->entries[i - 1].epoch;
}

int64_t epoch_file_end(const struct epoch_file *epochs, int32_t epoch, int64_t log_end,
                       int32_t *found)
{
    size_t larger = 0;
    while (larger < epochs->count && epochs->entries[larger].epoch <= epoch)
        larger++;

    if (epochs->count == 0 || epoch < 0) {
        *found = -1;
        return -1;
    }
    *found = larger == 0 ? epoch : epochs->entries[larger - 1].epoch;
    return larger == epochs->count ? log_end : epochs->entries[larger].start;
}
