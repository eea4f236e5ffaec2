/* offsets.h - what a group has committed, as it is handed to the application. Any thread. */
#ifndef CLIENT_OFFSETS_H
#define CLIENT_OFFSETS_H

#include <stddef.h>

#include "client/klient.h"
#include "common/arena.h"

struct klient_offsets {
    struct arena arena;                 /* of all that follows */
    klient_offset_t *items;
    size_t count;
};

/* `count` of them, to be set. NULL when out of memory. Freed with klient_offsets_free(). */
struct klient_offsets *offsets_new(size_t count);

/* Copy one, `index` below count. 0 or K_NOMEM. */
int offsets_set(struct klient_offsets *offsets, size_t index, const klient_offset_t *from);

/* What stands in them, into arrays of as many. Both may be NULL. */
void offsets_tell(const struct klient_offsets *offsets, int64_t *values, klient_code_t *codes);

/* By topic and partition. */
void offsets_sort(struct klient_offsets *offsets);

#endif
