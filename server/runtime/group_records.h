/* runtime/group_records.h - what the groups core stores, as a batch of the offsets topic, and back.
 *
 * No state; any thread. Nothing blocks. */
#ifndef RUNTIME_GROUP_RECORDS_H
#define RUNTIME_GROUP_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "server/core/groups.h"

struct arena;
struct record_view;

/* Append one batch of these records (at least one), all of the time `wall_ms`, compressed by
 * `codec` (enum compress_codec) if that makes it smaller. 0, NOMEM, INVALID_RECORD (a text is
 * longer than the format has room for) or MESSAGE_TOO_LARGE; after an error the buffer holds a
 * part. */
int group_records_encode(const struct groups_record *records, size_t count, int64_t wall_ms,
                         int codec, struct buffer *out);

/* What a record says; all that *out points to is in the arena. 1, or 0: it is of something else;
 * or CORRUPT (not what Kafka or we would have written) or NOMEM. */
int group_records_decode(const struct record_view *record, struct arena *arena,
                         struct groups_record *out);

#endif
