/* deletions.c - topics that were deleted, remembered below /kairn/deleted.
 *
 * A broker that was away at the deletion has their logs still. It may delete them only if it hears
 * that this was wanted: what the cluster merely does not know is set aside and kept. Records are
 * made with the removal (store_build.c), as sequential nodes whose names hold the topic's id, and
 * read by whoever becomes controller. Nobody needs to know who is still to come: the newest
 * METADATA_DELETED_MAX are kept, which is what brokers keep, too. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "zk/fence.h"

enum {
    DIGITS = 10,
    NAME_SIZE = UUID_TEXT_SIZE + DIGITS,
    TRIM_EACH = 256                     /* deletions */
};

struct record {
    int64_t number;                     /* grows */
    struct uuid id;
    const char *name;
};

/* False: somebody else's node. */
static bool parse(const char *name, struct record *out)
{
    char id[UUID_TEXT_SIZE];

    if (strlen(name) != NAME_SIZE || name[UUID_TEXT_SIZE - 1] != '-' ||
        strspn(name + UUID_TEXT_SIZE, "0123456789") != DIGITS)
        return false;
    memcpy(id, name, UUID_TEXT_SIZE - 1);
    id[UUID_TEXT_SIZE - 1] = '\0';
    out->number = strtoll(name + UUID_TEXT_SIZE, NULL, 10);
    out->name = name;
    return uuid_parse(id, &out->id);
}

static int by_number(const void *a, const void *b)
{
    int64_t left = ((const struct record *)a)->number, right = ((const struct record *)b)->number;

    return (left > right) - (left < right);
}

/* Oldest first; their names are the reply's. NULL when out of memory. */
static struct record *sorted(const struct zk_reply *children, size_t *count)
{
    struct record *records = calloc(children->child_count + 1, sizeof *records);

    *count = 0;
    for (size_t i = 0; records != NULL && i < children->child_count; i++)
        *count += parse(children->children[i], &records[*count]);
    if (records != NULL)
        qsort(records, *count, sizeof *records, by_number);
    return records;
}

int deletions_read(struct arena *arena, const struct zk_reply *children, struct uuid **out,
                   size_t *count)
{
    size_t found;
    struct record *records = sorted(children, &found);
    struct uuid *ids = arena_calloc(arena, METADATA_DELETED_MAX, sizeof *ids);

    if (records == NULL || ids == NULL) {
        free(records);
        return K_NOMEM;
    }
    size_t first = found > METADATA_DELETED_MAX ? found - METADATA_DELETED_MAX : 0;
    for (size_t i = first; i < found; i++)
        ids[i - first] = records[i].id;
    free(records);
    *out = ids;
    *count = found - first;
    return 0;
}

/* --- not too many ----------------------------------------------------------------------------- */

struct trim { struct control *control; uint64_t life; };

/* What could not be removed is found again by the next one. */
static void removed(void *context, const struct zk_reply *reply)
{
    (void)context;
    (void)reply;
}

static void listed(void *context, const struct zk_reply *reply)
{
    struct trim *trim = context;
    struct control *control = trim->control;
    struct arena arena;
    struct zk_op drops[ZK_FENCED_OPS_MAX];
    size_t count = 0, found;
    struct record *records;

    bool wanted = reply->code == 0 && trim->life == control->life &&
                  reply->child_count > METADATA_DELETED_MAX;
    free(trim);
    if (!wanted)
        return;
    records = sorted(reply, &found);
    arena_init(&arena, NULL, 0, SIZE_MAX);
    while (records != NULL && count + METADATA_DELETED_MAX < found && count < ZK_FENCED_OPS_MAX) {
        char *path = znode_path(&arena, ZNODE_KAIRN_DELETED_ID, records[count].name);
        if (path == NULL)
            break;
        drops[count++] = (struct zk_op){ .kind = ZK_OP_DELETE, .path = path, .version = -1 };
    }
    if (count > 0)
        zk_fenced(control->session, control->chair.epoch_version, drops, count, removed, NULL);
    arena_fini(&arena);
    free(records);
}

void deletions_trim(struct control *control)
{
    struct trim *trim = malloc(sizeof *trim);

    if (trim == NULL)
        return;                         /* some more stand there until the next time */
    *trim = (struct trim){ control, control->life };
    if (zk_children(control->session, "/kairn/deleted", NULL, listed, trim) != 0)
        free(trim);
}

void deletions_grew(struct control *control)
{
    if (++control->chair.deletions % TRIM_EACH == 0)
        deletions_trim(control);
}
