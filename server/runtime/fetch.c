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

#include "common/arena.h"
#include "common/error.h"
#include "server/runtime/shard_state.h"

enum { OPENING_WAIT_MS = 1000 };

/* --- on the owner's shard --------------------------------------------------------------------- */

/* Read the whole part. True when it has to be answered now: enough bytes, or an error. */
static bool read_part(struct scatter_part *part, struct fetch_part *own)
{
    struct fetch *fetch = own->fetch;
    struct fetch_reader reader = {
        .shard = part->shard,
        .committed = fetch->committed,
        .aborted_room = FETCH_ABORTED_MAX / (size_t)part->scatter->part_count,
    };
    size_t found = 0;
    bool failed = false;

    own->opening = false;
    LIST_EACH(&part->entries, node) {
        struct fetch_entry *entry = LIST_OWNER(node, struct fetch_entry, node);
        size_t room = found < fetch->bytes_max ? fetch->bytes_max - found : 0;
        fetch_read(&reader, &entry->item, room, found == 0);
        found += entry->item.span.size;
        failed |= entry->item.outcome.code != 0 || entry->item.diverged;
        own->opening |= entry->item.opening;
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
        fetch_drop(&entry->item);
        struct partition *partition = partition_find(part->shard, &entry->item.key);
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
        bool known = fetch_find_stable(partition, &entry->item);
        int64_t end =
            entry->part->fetch->committed ? entry->item.last_stable : entry->item.high_watermark;
        if (!known || entry->item.offset < end || entry->item.offset > partition->replica.end ||
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
            counted = fetch_committed_bytes(partition, &entry->item, bytes);
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
    struct scatter_part *part = scatter_add(&fetch->scatter, &entry->item.key.topic_id,
                                            entry->item.key.index, &entry->node);
    list_init(&entry->watching);
    entry->part = &fetch->parts[part - fetch->scatter.parts];
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
