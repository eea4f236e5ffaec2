/* storage/logdir_incarnation.c - kairn.properties: which starts of the broker used a directory.
 *
 * ZooKeeper says which incarnation registered last. A disk that does not know it is not the one
 * that the cluster relies on: an old copy, or one that was away for a while. A start writes its own
 * incarnation before it registers, and may end before it does; so the ones before it are kept until
 * it is known to have registered, or a broker that was started twice would take its own disk for a
 * foreign one. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/logdir_internal.h"

enum { LIST_SIZE = LOGDIR_INCARNATIONS * UUID_TEXT_SIZE };      /* with commas, or the end */

static const char *path_of(const struct logdir *directory, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/kairn.properties", directory->path);
    return path;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool parse_list(char *list, struct logdir_identity *identity)
{
    char *rest = list;
    for (char *text = strsep(&rest, ","); text != NULL; text = strsep(&rest, ",")) {
        if (identity->earlier_count == LOGDIR_INCARNATIONS ||
            !uuid_parse(text, &identity->earlier[identity->earlier_count]))
            return false;
        identity->earlier_count++;
    }
    return true;
}

static bool parse(const char *text, struct logdir_identity *identity)
{
    char value[UUID_TEXT_SIZE], list[LIST_SIZE];
    if (!properties_find(text, "incarnation", value, sizeof value) ||
        !uuid_parse(value, &identity->incarnation))
        return false;
    return !properties_find(text, "earlier", list, sizeof list) || parse_list(list, identity);
}

int logdir_load_incarnation(struct logdir *directory, struct k_reason *reason)
{
    struct logdir_identity *identity = &directory->identity;
    char path[PATH_MAX], *text;
    size_t size;
    int error = io_read_file(directory->io, path_of(directory, path), IDENTITY_FILE_MAX, &text,
                             &size);
    if (error == K_NOT_FOUND)
        return 0;
    if (error != 0 && error != K_CORRUPT)
        return k_reason_set(reason, error, "cannot read %s: %s", path, k_error_text(error));
    /* It says what is forgotten without harm: to who reads it, this is a first start. */
    if (error == K_CORRUPT || !parse(text, identity)) {
        LOG_WARN("incarnation-unknown", "file=%s reason=\"it is damaged\"", path);
        memset(&identity->incarnation, 0, sizeof identity->incarnation);
        identity->earlier_count = 0;
    }
    if (error == 0)
        free(text);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int save(struct logdir *directory, const struct logdir_identity *identity)
{
    char path[PATH_MAX], id[UUID_TEXT_SIZE], text[IDENTITY_TEXT_MAX];
    uuid_format(&identity->incarnation, id);
    int size = snprintf(text, sizeof text, "version=0\nincarnation=%s\n", id);
    for (size_t i = 0; i < identity->earlier_count; i++) {
        uuid_format(&identity->earlier[i], id);
        size += snprintf(text + size, sizeof text - (size_t)size, "%s%s",
                         i == 0 ? "earlier=" : ",", id);
    }
    if (identity->earlier_count > 0)
        size += snprintf(text + size, sizeof text - (size_t)size, "\n");
    return io_replace_file(directory->io, path_of(directory, path), text, (size_t)size, IO_DURABLE);
}

/* The oldest is the one that is known to have registered: when there are too many, the one after it
 * goes. */
static void remember(struct logdir_identity *identity)
{
    if (uuid_is_zero(&identity->incarnation))
        return;
    size_t kept = identity->earlier_count;
    if (kept == LOGDIR_INCARNATIONS) {
        identity->earlier[kept - 2] = identity->earlier[kept - 1];
        kept--;
    }
    memmove(identity->earlier + 1, identity->earlier, kept * sizeof *identity->earlier);
    identity->earlier[0] = identity->incarnation;
    identity->earlier_count = kept + 1;
}

int logdir_set_incarnation(struct logdir *directory, const struct uuid *incarnation)
{
    struct logdir_identity identity = directory->identity;
    remember(&identity);
    identity.incarnation = *incarnation;
    int error = save(directory, &identity);
    if (error == 0)
        directory->identity = identity;
    return error;
}

void logdir_incarnation_registered(struct logdir *directory)
{
    atomic_store(&directory->registered, true);
    logdir_loss_told(directory);
}

int logdir_save_registered(struct logdir *directory)
{
    struct logdir_identity identity = directory->identity;
    if (!atomic_load(&directory->registered) || identity.earlier_count == 0)
        return 0;
    identity.earlier_count = 0;
    int error = save(directory, &identity);
    if (error == 0)
        directory->identity.earlier_count = 0;
    return error;
}

/* --- what all of them know -------------------------------------------------------------------- */

static bool knows(const struct logdir_identity *identity, const struct uuid *incarnation)
{
    bool found = uuid_equal(&identity->incarnation, incarnation);
    for (size_t i = 0; i < identity->earlier_count; i++)
        found = found || uuid_equal(&identity->earlier[i], incarnation);
    return found;
}

static bool all_know(struct logdir *const *directories, size_t count,
                     const struct uuid *incarnation)
{
    for (size_t i = 0; i < count; i++)
        if (directories[i]->identity.broker_id >= 0 &&
            !knows(&directories[i]->identity, incarnation))
            return false;
    return true;
}

size_t logdir_known_incarnations(struct logdir *const *directories, size_t count,
                                 struct uuid known[LOGDIR_INCARNATIONS + 1])
{
    const struct logdir_identity *first = NULL;
    size_t found = 0;
    for (size_t i = 0; i < count && first == NULL; i++)
        if (directories[i]->identity.broker_id >= 0)        /* it was in use before */
            first = &directories[i]->identity;
    if (first == NULL || uuid_is_zero(&first->incarnation))
        return 0;
    if (all_know(directories, count, &first->incarnation))
        known[found++] = first->incarnation;
    for (size_t i = 0; i < first->earlier_count; i++)
        if (all_know(directories, count, &first->earlier[i]))
            known[found++] = first->earlier[i];
    return found;
}
