/* One fetch goes through at most two rounds:
 *
 *   look:    every part reads. A part that found too little (and no error) gives its spans back
 *            and watches its partitions instead.
 *   collect: once anybody has news, or the deadline came, the parts that watch stop and read.
 *
 * A log that is still being opened (it rested) is waited for even by who does not want to wait, for
 * a moment, unless there is something to answer already.
 *
 * Reading twice costs a look into an index; holding spans while parked would pin segments. */
#include "server/runtime/fetch.h"

#include <assert.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/error.h"
#include "server/runtime/replica_log.h"
#include "server/runtime/shard_state.h"
#include "server/storage/txn_index.h"

/* Aborted transactions that an answer names at most, so that they fit into its head. */
enum { ABORTED_MAX = 16384, OPENING_WAIT_MS = 1000 };

/* --- on the owner's shard --------------------------------------------------------------------- */

void fetch_drop(struct fetch_entry *entry)
{
    if (entry->span.segment != NULL)
        log_span_release(entry->span.segment);
    entry->span = (struct log_span){ .fd = -1 };
    free(entry->aborted);
    entry->aborted = NULL;
    entry->aborted_count = 0;
}

static int storage_code(int code)
{
    return code == K_CORRUPT || code == K_IO || code == K_DISK_FULL ? K_KAFKA_STORAGE_ERROR : code;
}

/* Read at most `most` bytes of what is committed. What has too many aborted transactions to name
 * is read in smaller pieces. */
static int read_committed(struct partition *partition, struct fetch_entry *entry, size_t most)
{
    for (;;) {
        int code = log_read(partition->log, entry->offset, entry->last_stable, most, &entry->span);
        if (code != 0 || entry->span.size == 0)
            return code;
        code = log_find_aborted(partition->log, entry->offset, entry->span.next, &entry->aborted,
                                &entry->aborted_count);
        if (code != 0)
            return storage_code(code);
        if (entry->aborted_count <= entry->part->aborted_room || most <= 1)
            break;
        most = most < entry->span.size ? most / 2 : entry->span.size / 2;
        fetch_drop(entry);
    }
    entry->part->aborted_room -= entry->aborted_count < entry->part->aborted_room
                                     ? entry->aborted_count
                                     : entry->part->aborted_room;
    return 0;
}

static int read_log(struct partition *partition, struct fetch_entry *entry, size_t most)
{
    bool committed = entry->part->fetch->committed;
    int code = log_stable_end(partition->log, entry->high_watermark, &entry->last_stable);
    if (code != 0 && committed)
        return storage_code(code);
    if (most == 0)
        return 0;
    return committed ? read_committed(partition, entry, most)
                     : log_read(partition->log, entry->offset, entry->high_watermark, most,
                                &entry->span);
}

/* Has the asker records that are no longer, or never were, in this log? Only an unclean election
 * makes it so for who reads what is committed. */
static bool diverges(struct partition *partition, struct fetch_entry *entry)
{
    int32_t epoch;
    int64_t end;

    entry->diverged = false;
    if (entry->last_epoch < 0 ||
        !replica_log_epoch(partition, entry->last_epoch, &epoch, &end) || end < 0 ||
        (epoch == entry->last_epoch && end >= entry->offset))
        return false;
    entry->diverged = true;
    entry->diverged_epoch = epoch;
    entry->diverged_end = end;
    return true;
}

/* Read one entry into at most `room` bytes; `first`: nothing else was read yet, so that one batch
 * is given whatever its size. */
static void read_entry(struct shard *shard, struct fetch_entry *entry, size_t room, bool first)
{
    struct partition *partition = partition_serving(shard, &entry->key, entry->leader_epoch,
                                                    ACCESS_READ, &entry->outcome);
    fetch_drop(entry);
    entry->high_watermark = entry->log_start = entry->last_stable = -1;
    entry->opening = partition != NULL && partition->state == PARTITION_OPENING;
    if (partition == NULL || partition->state != PARTITION_OPEN)
        return;

    entry->high_watermark = partition_high_watermark(partition);
    entry->log_start = log_start(partition->log);
    if (diverges(partition, entry))
        return;
    entry->outcome.code =
        read_log(partition, entry, entry->bytes_max < room ? entry->bytes_max : room);
    if (entry->outcome.code != 0 || entry->span.size == 0 || (entry->span.size > room && !first))
        fetch_drop(entry);
}

/* Read the whole part. True when it has to be answered now: enough bytes, or an error. */
static bool read_part(struct scatter_part *part, struct fetch_part *own)
{
    struct fetch *fetch = own->fetch;
    size_t found = 0;
    bool failed = false;

    own->opening = false;
    own->aborted_room = ABORTED_MAX / (size_t)part->scatter->part_count;
    LIST_EACH(&part->entries, node) {
        struct fetch_entry *entry = LIST_OWNER(node, struct fetch_entry, node);
        size_t room = found < fetch->bytes_max ? fetch->bytes_max - found : 0;
        read_entry(part->shard, entry, room, found == 0);
        found += entry->span.size;
        failed |= entry->outcome.code != 0 || entry->diverged;
        own->opening |= entry->opening;
    }
    own->found = found;
    return failed || (found >= fetch->bytes_min && (found > 0 || !own->opening));
}

/* Give back what was read and be told of more. Partitions that can not serve were an error, so
 * all of these exist. */
static void watch_part(struct scatter_part *part, struct fetch_part *own)
{
    own->watching = true;
    own->seen = own->found;
    LIST_EACH(&part->entries, node) {
        struct fetch_entry *entry = LIST_OWNER(node, struct fetch_entry, node);
        fetch_drop(entry);
        struct partition *partition = partition_find(part->shard, &entry->key);
        assert(partition != NULL);
        list_append(&partition->watchers, &entry->watching);
    }
}

static void stop_watching(struct scatter_part *part, struct fetch_part *own)
{
    own->watching = false;
    LIST_EACH(&part->entries, node)
        list_remove(&LIST_OWNER(node, struct fetch_entry, node)->watching);
}

static struct fetch_part *own_part(struct scatter_part *part)
{
    struct fetch *fetch = LIST_OWNER(part->scatter, struct fetch, scatter);

    return &fetch->parts[part - part->scatter->parts];
}

static void look(struct scatter_part *part)
{
    struct fetch_part *own = own_part(part);

    bool enough = read_part(part, own);
    if (!enough && (own->opening || shard_now_ms(part->shard) < own->fetch->deadline_ms))
        watch_part(part, own);
    scatter_part_done(part);
}

static void collect(struct scatter_part *part)
{
    struct fetch_part *own = own_part(part);

    if (own->watching) {
        stop_watching(part, own);
        read_part(part, own);
    }
    scatter_part_done(part);
}

static void woken_arrived(struct mail *mail)
{
    fetch_hurry(LIST_OWNER(mail, struct fetch_part, woken_mail)->fetch);
}

/* Tell the asker, once. Its collect comes after this mail on the same way back. */
static void tell_asker(struct fetch_part *part)
{
    struct fetch *fetch = part->fetch;

    if (part->told)
        return;
    part->told = true;
    if (part->shard == fetch->scatter.home) {
        fetch_hurry(fetch);
        return;
    }
    part->woken_mail.deliver = woken_arrived;
    mail_post(shard_mail_target(fetch->scatter.home), &part->woken_mail);
}

/* Move all watchers to a list of the caller's: whoever is told may go away, and others may come. */
static void take_watchers(struct partition *partition, struct list *watchers)
{
    list_init(watchers);
    list_move(watchers, &partition->watchers);
}

/* Where the reader of a watching entry must stop, looked up anew. False: it has to read again to
 * learn why that is not known. */
static bool find_stable(struct partition *partition, struct fetch_entry *entry)
{
    entry->high_watermark = partition_high_watermark(partition);
    return log_stable_end(partition->log, entry->high_watermark, &entry->last_stable) == 0;
}

/* How many of `bytes` new ones count for who reads only what is committed: none behind an open
 * transaction; all that waited behind one as soon as it ends. */
static size_t committed_bytes(struct partition *partition, struct fetch_entry *entry, size_t bytes)
{
    int64_t stable = entry->last_stable;
    bool held_back = stable < entry->high_watermark;
    if (!find_stable(partition, entry))
        return SIZE_MAX;
    if (entry->last_stable == stable)
        return 0;
    return held_back ? SIZE_MAX : bytes;
}

/* Who would have waited no longer than for the opening is told as well, whatever there is. */
void fetch_log_opened(struct partition *partition)
{
    int64_t moment_ends_ms = shard_now_ms(partition->shard) + OPENING_WAIT_MS;
    struct list watchers;

    take_watchers(partition, &watchers);
    while (!list_empty(&watchers)) {
        struct fetch_entry *entry = LIST_OWNER(list_first(&watchers), struct fetch_entry, watching);

        list_remove(&entry->watching);
        list_append(&partition->watchers, &entry->watching);
        bool known = find_stable(partition, entry);
        int64_t end =
            entry->part->fetch->committed ? entry->last_stable : entry->high_watermark;
        if (!known || entry->offset < end || entry->offset > partition->replica.end ||
            entry->part->fetch->deadline_ms < moment_ends_ms)
            tell_asker(entry->part);
    }
}

void fetch_wake(struct partition *partition, size_t bytes)
{
    struct list watchers;

    take_watchers(partition, &watchers);
    while (!list_empty(&watchers)) {
        struct fetch_entry *entry = LIST_OWNER(list_first(&watchers), struct fetch_entry, watching);
        struct fetch_part *part = entry->part;

        list_remove(&entry->watching);
        if (bytes != SIZE_MAX)
            list_append(&partition->watchers, &entry->watching);
        size_t counted = bytes;
        if (bytes != SIZE_MAX && part->fetch->committed)
            counted = committed_bytes(partition, entry, bytes);
        part->seen = counted == SIZE_MAX ? part->wanted : part->seen + counted;
        if (part->seen >= part->wanted)
            tell_asker(part);
    }
}

/* --- on the asker's shard --------------------------------------------------------------------- */

int fetch_init(struct fetch *fetch, struct shard *home, struct arena *arena)
{
    int count = shards_count(shard_owner(home));
    *fetch = (struct fetch){ .bytes_min = 0 };
    int code = scatter_init(&fetch->scatter, home, arena);
    if (code != 0)
        return code;

    fetch->parts = arena_calloc(arena, (size_t)count, sizeof *fetch->parts);
    if (fetch->parts == NULL)
        return K_NOMEM;
    for (int i = 0; i < count; i++) {
        fetch->parts[i].fetch = fetch;
        fetch->parts[i].shard = fetch->scatter.parts[i].shard;
    }
    return 0;
}

void fetch_add(struct fetch *fetch, struct fetch_entry *entry)
{
    struct scatter_part *part = scatter_add(&fetch->scatter, &entry->key.topic_id, entry->key.index,
                                            &entry->node);
    list_init(&entry->watching);
    entry->part = &fetch->parts[part - fetch->scatter.parts];
    entry->span = (struct log_span){ .fd = -1 };
    entry->aborted = NULL;
    entry->aborted_count = 0;
}

static void finish(struct scatter *scatter)
{
    struct fetch *fetch = LIST_OWNER(scatter, struct fetch, scatter);

    fetch->done(fetch);
}

static void start_collecting(struct fetch *fetch)
{
    fetch->waiting = false;
    shard_deadline_clear(fetch->scatter.home, &fetch->deadline);
    fetch->scatter.run = collect;
    fetch->scatter.done = finish;
    scatter_ask(&fetch->scatter);
}

void fetch_hurry(struct fetch *fetch)
{
    fetch->woken = true;
    if (fetch->waiting)
        start_collecting(fetch);
}

static void deadline_came(struct shard_deadline *deadline)
{
    start_collecting(LIST_OWNER(deadline, struct fetch, deadline));
}

/* Every part has looked. Park only when every part that has entries watches, or nothing is found
 * yet where something is being opened. */
static void looked(struct scatter *scatter)
{
    struct fetch *fetch = LIST_OWNER(scatter, struct fetch, scatter);
    size_t found = 0;
    int asked = 0, watching = 0;
    bool opening = false;

    for (int i = 0; i < scatter->part_count; i++) {
        opening |= fetch->parts[i].opening;
        asked += !list_empty(&scatter->parts[i].entries);
        watching += fetch->parts[i].watching;
        found += fetch->parts[i].found;
    }
    bool park = watching > 0 && !fetch->woken &&
                ((watching == asked && found < fetch->bytes_min) || (opening && found == 0));
    int64_t now = shard_now_ms(scatter->home), until = fetch->deadline_ms;
    if (opening && until < now + OPENING_WAIT_MS)
        until = now + OPENING_WAIT_MS;
    if (watching == 0) {
        finish(scatter);
    } else if (park && shard_deadline_set(scatter->home, &fetch->deadline, until) == 0) {
        fetch->waiting = true;
    } else {
        start_collecting(fetch);
    }
}

void fetch_start(struct fetch *fetch)
{
    struct scatter *scatter = &fetch->scatter;
    size_t asked = 0;

    for (int i = 0; i < scatter->part_count; i++)
        asked += !list_empty(&scatter->parts[i].entries);
    for (int i = 0; i < scatter->part_count; i++) {
        size_t share = asked == 0 ? 0 : fetch->bytes_min / asked;
        fetch->parts[i].wanted = share == 0 ? 1 : share;
    }
    shard_deadline_init(&fetch->deadline, deadline_came);
    scatter->run = look;
    scatter->done = looked;
    scatter_ask(scatter);
}

void fetch_aborted(const struct fetch_entry *entry, size_t index, int64_t *producer_id,
                   int64_t *first_offset)
{
    *producer_id = entry->aborted[index].producer_id;
    *first_offset = entry->aborted[index].first_offset;
}

int fetch_take(struct fetch_entry *entry, struct chain *chain)
{
    int code = chain_file(chain, entry->span.fd, entry->span.position, entry->span.size,
                          log_span_release, entry->span.segment);
    if (code == 0)
        entry->span.segment = NULL;
    return code;
}
