/* The hot path of compaction. Records are taken in chunks, so that the places of their keys are on
 * the way into the cache while the rest of the chunk is read; neighbours that stay are copied as
 * one piece. The base timestamp of a batch stays, and the records' deltas with it, except when the
 * delete horizon takes its place: then every delta is written anew. */
#include "server/storage/clean_batch.h"

#include <assert.h>
#include <string.h>

#include "common/error.h"
#include "common/later.h"
#include "common/varint.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"

enum {
    CHUNK = 64,
    RECORD_MIN = 7,                     /* bytes of the smallest record */
    RECORD_GROWTH = VARLONG_MAX + VARINT_MAX,
    REBASE_MAX = INT32_MAX / 4          /* bytes of records: what they grow to is still a batch */
};

struct seen {
    const uint8_t *start, *end;
    int64_t offset, timestamp;
    struct clean_hash hash;
    bool keyed, valued;
};

/* One walk over the records of a batch. */
struct walk {
    const struct clean_rules *rules;
    struct batch_reader reader;
    bool keep_all;                      /* a marker */
    bool due;                           /* the horizon in the batch has passed */
    bool rebase;                        /* write deltas to `base` */
    int64_t base;
    uint8_t *at;                        /* where the next record goes */
    int32_t kept;
    bool tombstone;                     /* among what was kept */
    int64_t max_timestamp;
};

void clean_rules_fini(struct clean_rules *rules)
{
    buffer_fini(&rules->opened);
    buffer_fini(&rules->built);
}

/* Up to CHUNK records, their keys' places on the way. Returns how many, or an error below 0. */
static int next_chunk(struct batch_reader *reader, const struct clean_map *map,
                      struct seen seen[CHUNK], int *error)
{
    struct record_view record;
    int count = 0, more = 1;

    while (count < CHUNK) {
        const uint8_t *start = reader->next;
        more = batch_reader_next(reader, &record);
        if (more != 1)
            break;
        struct seen *one = &seen[count++];
        one->start = start;
        one->end = record.end;
        one->offset = record.offset;
        one->timestamp = record.timestamp;
        one->keyed = record.key != NULL;
        one->valued = record.value != NULL;
        if (one->keyed) {
            one->hash = clean_map_hash(map, record.key, (size_t)record.key_size);
            clean_map_prefetch(map, one->hash);
        }
    }
    *error = more == 1 ? 0 : more;
    return count;
}

static bool stays(const struct walk *walk, const struct seen *record)
{
    if (walk->keep_all || record->offset > walk->rules->latest)
        return true;
    if (!record->keyed || (!record->valued && walk->due))
        return false;
    return record->offset >= clean_map_get(walk->rules->map, record->hash);
}

static const uint8_t *after_varint(const uint8_t *at)
{
    while ((*at & 0x80) != 0)
        at++;
    return at + 1;
}

/* The record with its timestamp told from another base. */
static void put_rebased(struct walk *walk, const struct seen *record)
{
    const uint8_t *body = after_varint(record->start);
    const uint8_t *rest = after_varint(body + 1);
    int64_t delta = (int64_t)((uint64_t)record->timestamp - (uint64_t)walk->base);
    size_t rest_size = (size_t)(record->end - rest);

    walk->at = varint_put(walk->at, (int64_t)(1 + varint_size(delta) + rest_size));
    *walk->at++ = *body;
    walk->at = varint_put(walk->at, delta);
    memcpy(walk->at, rest, rest_size);
    walk->at += rest_size;
}

static void put_run(struct walk *walk, const uint8_t *start, const uint8_t *end)
{
    if (end == start)
        return;
    memcpy(walk->at, start, (size_t)(end - start));
    walk->at += end - start;
}

/* Write what stays at walk->at. */
static int walk_records(struct walk *walk)
{
    struct seen seen[CHUNK];
    const uint8_t *run = NULL, *run_end = NULL;
    int count, error;

    walk->kept = 0;
    walk->tombstone = false;
    walk->max_timestamp = -1;
    while ((count = next_chunk(&walk->reader, walk->rules->map, seen, &error)) > 0) {
        for (int i = 0; i < count; i++) {
            const struct seen *record = &seen[i];
            if (!stays(walk, record))
                continue;
            walk->kept++;
            walk->tombstone = walk->tombstone || (!record->valued && record->keyed);
            if (record->timestamp > walk->max_timestamp)
                walk->max_timestamp = record->timestamp;
            if (walk->rebase) {
                put_rebased(walk, record);
                continue;
            }
            if (record->start != run_end) {
                put_run(walk, run, run_end);
                run = record->start;
            }
            run_end = record->end;
        }
        if (error != 0)
            return error;
    }
    put_run(walk, run, run_end);
    return error;
}

/* --- the header ------------------------------------------------------------------------------- */

static void put_header(uint8_t *to, const uint8_t *batch, size_t size, uint16_t attributes,
                       int64_t base_timestamp, int64_t max_timestamp, int32_t count)
{
    memmove(to, batch, BATCH_HEADER_SIZE);
    store_u32(to + BATCH_LENGTH, (uint32_t)(size - BATCH_LENGTH_END));
    store_u16(to + BATCH_ATTRIBUTES, attributes);
    store_u64(to + BATCH_BASE_TIMESTAMP, (uint64_t)base_timestamp);
    store_u64(to + BATCH_MAX_TIMESTAMP, (uint64_t)max_timestamp);
    store_u32(to + BATCH_COUNT, (uint32_t)count);
    batch_seal_crc(to);
}

/* Nothing but offsets and the producer's state. */
static int put_empty(const uint8_t *batch, struct buffer *out)
{
    int error = buffer_reserve(out, BATCH_HEADER_SIZE);
    if (error != 0)
        return error;
    uint16_t attributes = batch_attributes(batch) &
                          (uint16_t)~(BATCH_CODEC_MASK | BATCH_DELETE_HORIZON);
    put_header(out->bytes + out->size, batch, BATCH_HEADER_SIZE, attributes, -1,
               batch_max_timestamp(batch), 0);
    out->size += BATCH_HEADER_SIZE;
    return 0;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static bool has_horizon(const uint8_t *batch)
{
    return (batch_attributes(batch) & BATCH_DELETE_HORIZON) != 0;
}

/* Walk the records into `to`, which gets room behind its `skip` bytes. */
static int rewrite(struct clean_rules *rules, const uint8_t *batch, struct walk *walk,
                   struct buffer *to, size_t skip)
{
    int error = batch_open(&walk->reader, batch, &rules->opened);
    if (error != 0)
        return error;
    size_t size = (size_t)(walk->reader.end - walk->reader.next), room = size;
    if (walk->rebase)
        room += (size / RECORD_MIN + 1) * RECORD_GROWTH;
    error = buffer_reserve(to, skip + room);
    if (error != 0)
        return error;
    walk->at = to->bytes + to->size + skip;
    return walk_records(walk);
}

/* The rewritten records stand behind the header's place, in `out` or compressed from `built`. */
static int finish(struct clean_rules *rules, const uint8_t *batch, const struct walk *walk,
                  struct buffer *out)
{
    size_t start = out->size;
    uint16_t attributes = batch_attributes(batch);
    int64_t max_timestamp =
        (attributes & BATCH_APPEND_TIME) != 0 ? batch_max_timestamp(batch) : walk->max_timestamp;

    if (batch_codec(batch) == CODEC_NONE) {
        out->size = (size_t)(walk->at - out->bytes);
    } else {
        int error = buffer_reserve(out, BATCH_HEADER_SIZE);
        if (error != 0)
            return error;
        out->size += BATCH_HEADER_SIZE;
        error = compress_bytes(batch_codec(batch), COMPRESS_LEVEL_DEFAULT, rules->built.bytes,
                               (size_t)(walk->at - rules->built.bytes), out);
        if (error != 0) {
            out->size = start;
            return error;
        }
    }
    if (walk->rebase)
        attributes |= BATCH_DELETE_HORIZON;
    put_header(out->bytes + start, batch, out->size - start, attributes,
               walk->rebase ? walk->base : batch_base_timestamp(batch), max_timestamp, walk->kept);
    return 0;
}

/* Where the records of the batch begin that was opened last. */
static const uint8_t *opened_start(const struct clean_rules *rules, const uint8_t *batch)
{
    return batch_codec(batch) == CODEC_NONE ? batch + BATCH_HEADER_SIZE : rules->opened.bytes;
}

static int open_and_rewrite(struct clean_rules *rules, const uint8_t *batch,
                            const struct clean_verdict *verdict, struct buffer *out)
{
    bool plain = batch_codec(batch) == CODEC_NONE, control =
        (batch_attributes(batch) & BATCH_CONTROL) != 0;
    struct walk walk = {
        .rules = rules, .keep_all = control,
        .due = has_horizon(batch) && batch_base_timestamp(batch) <= rules->now_ms };
    struct buffer *to = plain ? out : &rules->built;
    size_t skip = plain ? BATCH_HEADER_SIZE : 0;

    rules->built.size = 0;
    int error = rewrite(rules, batch, &walk, to, skip);
    if (error != 0)
        return error;
    if (walk.kept == 0)
        return verdict->keep_empty ? put_empty(batch, out) : 0;

    bool waits = !control && walk.tombstone && batch_last_offset(batch) <= rules->latest;
    if (!has_horizon(batch) && (waits || verdict->marker_idle) &&
        walk.reader.end - opened_start(rules, batch) <= REBASE_MAX) {
        walk.rebase = true;
        walk.base = later_ms(rules->now_ms, rules->delete_retention_ms);
        error = rewrite(rules, batch, &walk, to, skip);
        return error == 0 ? finish(rules, batch, &walk, out) : error;
    }
    if (walk.kept == batch_count(batch))
        return buffer_copy(out, batch, batch_size(batch));
    return finish(rules, batch, &walk, out);
}

int clean_batch(struct clean_rules *rules, const uint8_t *batch,
                const struct clean_verdict *verdict, struct buffer *out)
{
    if (verdict->discard)
        return verdict->keep_empty ? put_empty(batch, out) : 0;
    if (batch_base_offset(batch) > rules->latest)
        return buffer_copy(out, batch, batch_size(batch));
    if (batch_count(batch) == 0)
        return verdict->keep_empty ? buffer_copy(out, batch, batch_size(batch)) : 0;
    return open_and_rewrite(rules, batch, verdict, out);
}

int clean_batch_note(struct clean_map *map, const uint8_t *batch, int64_t from,
                     struct buffer *opened, int64_t *latest, bool *full)
{
    struct seen seen[CHUNK];
    struct batch_reader reader;
    int64_t covered = *latest;
    int count, error = batch_open(&reader, batch, opened);

    *full = false;
    while (error == 0 && (count = next_chunk(&reader, map, seen, &error)) > 0) {
        for (int i = 0; i < count; i++) {
            if (seen[i].offset < from)
                continue;
            if (seen[i].keyed && !clean_map_put(map, seen[i].hash, seen[i].offset)) {
                *full = true;
                *latest = covered;
                return 0;
            }
            covered = seen[i].offset;
        }
    }
    if (error == 0)
        *latest = batch_last_offset(batch);
    return error;
}
