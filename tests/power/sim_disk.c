/* The table of calls, and the account it keeps. */
#include "tests/power/sim_disk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/scratch.h"

static void *grow(void *array, size_t count, size_t size)
{
    void *grown = realloc(array, (count + 1) * size);
    if (grown == NULL)
        abort();
    return grown;
}

struct sim_node *sim_node_new(struct sim_disk *disk, bool directory)
{
    struct sim_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        abort();
    node->directory = directory;
    node->next = disk->nodes;
    disk->nodes = node;
    return node;
}

static void forget_changes(struct sim_node *node)
{
    for (size_t i = 0; i < node->change_count; i++)
        free(node->changes[i].bytes);
    node->change_count = 0;
}

void sim_nodes_free(struct sim_disk *disk)
{
    while (disk->nodes != NULL) {
        struct sim_node *node = disk->nodes;
        disk->nodes = node->next;
        forget_changes(node);
        free(node->changes);
        free(node->sure.at);
        free(node->live.items);
        free(node->sure_names.items);
        free(node->moves);
        free(node);
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static struct sim_node *names_get(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].name, name) == 0)
            return names->items[i].node;
    return NULL;
}

void sim_names_set(struct names *names, const struct binding *bind)
{
    size_t i = 0;
    while (i < names->count && strcmp(names->items[i].name, bind->name) != 0)
        i++;
    if (bind->node == NULL) {
        if (i < names->count)
            names->items[i] = names->items[--names->count];
        return;
    }
    if (i == names->count)
        names->items = grow(names->items, names->count++, sizeof *names->items);
    names->items[i] = *bind;
}

void sim_names_copy(struct names *to, const struct names *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        sim_names_set(to, &from->items[i]);
}

/* The directory that holds the last part of `path`, and that part; NULL when it is not ours. */
static struct sim_node *parent_of(const struct sim_disk *disk, const char *path, const char **name)
{
    size_t root = strlen(disk->path);
    if (strncmp(path, disk->path, root) != 0 || path[root] != '/')
        return NULL;
    const char *rest = path + root + 1, *slash;
    struct sim_node *parent = disk->root;
    while (parent != NULL && (slash = strchr(rest, '/')) != NULL) {
        char first[NAME_SIZE];
        snprintf(first, sizeof first, "%.*s", (int)(slash - rest), rest);
        parent = names_get(&parent->live, first);
        rest = slash + 1;
    }
    *name = rest;
    return parent;
}

static struct sim_node *find(const struct sim_disk *disk, const char *path)
{
    const char *name;
    if (strcmp(path, disk->path) == 0)
        return disk->root;
    struct sim_node *parent = parent_of(disk, path, &name);
    return parent == NULL ? NULL : names_get(&parent->live, name);
}

static void move(const struct sim_disk *disk, const char *path, struct sim_node *node,
                 bool with_next)
{
    struct move move = { .with_next = with_next };
    const char *name;
    struct sim_node *parent = parent_of(disk, path, &name);
    if (parent == NULL)
        return;
    snprintf(move.bind.name, sizeof move.bind.name, "%s", name);
    move.bind.node = node;
    sim_names_set(&parent->live, &move.bind);
    parent->moves = grow(parent->moves, parent->move_count, sizeof *parent->moves);
    parent->moves[parent->move_count++] = move;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void resize(struct bytes *bytes, size_t size)
{
    if (size > bytes->size) {
        bytes->at = realloc(bytes->at, size);
        if (bytes->at == NULL)
            abort();
        memset(bytes->at + bytes->size, 0, size - bytes->size);
    }
    bytes->size = size;
}

void sim_put(struct bytes *bytes, off_t position, const uint8_t *from, size_t size)
{
    if ((size_t)position + size > bytes->size)
        resize(bytes, (size_t)position + size);
    memcpy(bytes->at + position, from, size);
}

void sim_apply(struct bytes *bytes, const struct change *change)
{
    if (change->truncates)
        resize(bytes, (size_t)change->position);
    else
        sim_put(bytes, change->position, change->bytes, change->size);
}

static void note_change(struct sim_node *node, bool truncates, off_t position, size_t size,
                        uint8_t *bytes)
{
    node->changes = grow(node->changes, node->change_count, sizeof *node->changes);
    node->changes[node->change_count++] = (struct change){ truncates, position, size, bytes };
}

/* --- syncs ------------------------------------------------------------------------------------ */

static void sync_file(struct sim_node *node)
{
    for (size_t i = 0; i < node->change_count; i++)
        sim_apply(&node->sure, &node->changes[i]);
    forget_changes(node);
}

/* The file is as large as it should be, and what was written is not in it. */
static void lose_changes(struct sim_node *node)
{
    for (size_t i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];
        if (change->truncates)
            sim_apply(&node->sure, change);
        else if ((size_t)change->position + change->size > node->sure.size)
            resize(&node->sure, (size_t)change->position + change->size);
    }
    node->stale = node->stale || node->change_count > 0;
    forget_changes(node);
}

/* Is this the sync that fails, or one of them? */
static bool breaks(struct sim_disk *disk)
{
    disk->syncs++;
    bool now = disk->break_at > 0 && (disk->syncs == disk->break_at ||
                                      (disk->syncs > disk->break_at && disk->break_lasting));
    disk->failures += now;
    if (now)
        errno = EIO;
    return now;
}

static void sync_names(struct sim_node *node)
{
    sim_names_copy(&node->sure_names, &node->live);
    node->move_count = 0;
}

/* --- the table -------------------------------------------------------------------------------- */

/* Count a call; true when there is no power for it. */
static bool no_power(const struct io *io)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    disk->calls++;
    if (disk->cut_at > 0 && disk->calls >= disk->cut_at)
        disk->dead = true;
    if (disk->dead)
        errno = EIO;                    /* else as it was: the end of a listing is told by it */
    return disk->dead;
}

/* Is this the call that goes wrong, or one of them? */
static bool strikes(struct sim_disk *disk)
{
    bool now = disk->fail_at > 0 && (disk->calls == disk->fail_at ||
                                     (disk->calls > disk->fail_at && disk->fail_lasting));
    disk->failures += now;
    return now;
}

/* Does the call fail? `grows`: it needs space. */
static bool fails(const struct io *io, bool grows)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (no_power(io))
        return true;
    if (!strikes(disk) || disk->fail_code == 0 || (disk->fail_code == ENOSPC && !grows))
        return false;
    errno = disk->fail_code;
    return true;
}

static bool lost(const struct io *io)
{
    return fails(io, false);
}

/* A change of names or sizes that a disk with a failed sync may refuse. */
static bool frozen(const struct io *io)
{
    const struct sim_disk *disk = (const struct sim_disk *)io;
    if (!disk->break_freezes || disk->break_at == 0 || disk->failures == 0)
        return false;
    errno = EIO;
    return true;
}

static int sim_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (fails(io, (flags & O_CREAT) != 0) || ((flags & (O_CREAT | O_TRUNC)) != 0 && frozen(io)))
        return -1;
    int fd = io_system.open(io, path, flags, mode);
    if (fd < 0)
        return fd;
    if (fd >= SIM_FILES_MAX)
        abort();
    struct sim_node *node = find(disk, path);
    if (node == NULL) {
        node = sim_node_new(disk, false);
        move(disk, path, node, false);
    } else if ((flags & O_TRUNC) != 0) {
        note_change(node, true, 0, 0, NULL);
    }
    disk->open[fd] = node;
    return fd;
}

static int sim_close(const struct io *io, int fd)
{
    ((struct sim_disk *)io)->open[fd] = NULL;
    return io_system.close(io, fd);
}

static ssize_t sim_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (no_power(io))
        return -1;
    if (strikes(disk) && disk->fail_code != ENOSPC) {
        errno = disk->fail_code;
        return disk->fail_code != 0 ? -1
                                    : io_system.pread(io, fd, to, (size + 1) / 2, position);
    }
    return io_system.pread(io, fd, to, size, position);
}

static void note_write(struct sim_node *node, const struct iovec *from, int count, size_t left,
                       off_t position)
{
    for (int i = 0; i < count && left > 0; i++) {
        size_t size = from[i].iov_len < left ? from[i].iov_len : left;
        uint8_t *bytes = malloc(size + 1);
        if (bytes == NULL)
            abort();
        memcpy(bytes, from[i].iov_base, size);
        note_change(node, false, position, size, bytes);
        position += (off_t)size;
        left -= size;
    }
}

/* The write during which the power goes, or the disk breaks or is full, may get anywhere. */
static ssize_t sim_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                           off_t position)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    const struct iovec half = { from[0].iov_base, (from[0].iov_len + 1) / 2 };
    bool was_dead = disk->dead, dead = no_power(io);
    if (was_dead)
        return -1;
    bool struck = !dead && strikes(disk);
    ssize_t done = struck ? io_system.pwritev(io, fd, &half, 1, position)
                          : io_system.pwritev(io, fd, from, count, position);
    if (done > 0)
        note_write(disk->open[fd], from, count, (size_t)done, position);
    if (struck && disk->fail_code != 0)
        done = -1;
    errno = dead ? EIO : disk->fail_code;
    return dead ? -1 : done;
}

static int sim_truncate(const struct io *io, int fd, off_t size)
{
    if (lost(io) || frozen(io))
        return -1;
    note_change(((struct sim_disk *)io)->open[fd], true, size, 0, NULL);
    return io_system.truncate(io, fd, size);
}

/* Nothing that a power cut could bring back. */
static int sim_reserve(const struct io *io, int fd, off_t size)
{
    return lost(io) ? -1 : io_system.reserve(io, fd, size);
}

static int sim_sync(const struct io *io, int fd)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (lost(io))
        return -1;
    bool broken = breaks(disk);
    (broken ? lose_changes : sync_file)(disk->open[fd]);
    return broken ? -1 : 0;
}

/* The real file is the cache. */
static int sim_drop(const struct io *io, int fd)
{
    struct sim_node *node = ((struct sim_disk *)io)->open[fd];
    struct bytes seen = { NULL, 0 };
    char path[64];

    if (lost(io))
        return -1;
    if (!node->stale)
        return 0;
    if (node->sure.size > 0)
        sim_put(&seen, 0, node->sure.at, node->sure.size);
    for (size_t i = 0; i < node->change_count; i++)
        sim_apply(&seen, &node->changes[i]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int cache = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (cache < 0 || write(cache, seen.at, seen.size) != (ssize_t)seen.size)
        abort();
    close(cache);
    free(seen.at);
    node->stale = false;
    return 0;
}

static int sim_stat(const struct io *io, int fd, struct stat *out)
{
    return lost(io) ? -1 : io_system.stat(io, fd, out);
}

static int sim_stat_path(const struct io *io, const char *path, struct stat *out)
{
    return lost(io) ? -1 : io_system.stat_path(io, path, out);
}

static int sim_rename(const struct io *io, const char *from, const char *to)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (fails(io, true) || frozen(io) || io_system.rename(io, from, to) != 0)
        return -1;
    struct sim_node *node = find(disk, from);
    move(disk, from, NULL, true);
    move(disk, to, node, false);
    return 0;
}

static int sim_unlink(const struct io *io, const char *path)
{
    if (lost(io) || frozen(io) || io_system.unlink(io, path) != 0)
        return -1;
    move((struct sim_disk *)io, path, NULL, false);
    return 0;
}

static int sim_mkdir(const struct io *io, const char *path, mode_t mode)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (fails(io, true) || frozen(io) || io_system.mkdir(io, path, mode) != 0)
        return -1;
    move(disk, path, sim_node_new(disk, true), false);
    return 0;
}

static int sim_rmdir(const struct io *io, const char *path)
{
    if (lost(io) || io_system.rmdir(io, path) != 0)
        return -1;
    move((struct sim_disk *)io, path, NULL, false);
    return 0;
}

static DIR *sim_opendir(const struct io *io, const char *path)
{
    return lost(io) ? NULL : io_system.opendir(io, path);
}

static struct dirent *sim_readdir(const struct io *io, DIR *listing)
{
    return lost(io) ? NULL : io_system.readdir(io, listing);
}

static int sim_sync_directory(const struct io *io, const char *path)
{
    if (lost(io))
        return -1;
    struct sim_node *node = find((struct sim_disk *)io, path);
    if (node != NULL)
        sync_names(node);
    return 0;
}

static int sim_sync_filesystem(const struct io *io, int fd)
{
    (void)fd;
    if (lost(io))
        return -1;
    bool broken = breaks((struct sim_disk *)io);
    for (struct sim_node *node = ((struct sim_disk *)io)->nodes; node != NULL; node = node->next) {
        (broken ? lose_changes : sync_file)(node);
        sync_names(node);
    }
    return broken ? -1 : 0;
}

static void sim_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    (void)path;
    const struct sim_disk *disk = (const struct sim_disk *)io;
    snprintf(out, IO_LIFE_SIZE, "life %d.%d", disk->life, disk->ended);
}

static int sim_end_life(const struct io *io, const char *path)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    (void)path;
    if (disk->forgetful)
        return -1;
    disk->ended++;
    return 0;
}

static const struct io table = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwritev = sim_pwritev,
    .truncate = sim_truncate,
    .reserve = sim_reserve,
    .sync = sim_sync,
    .drop = sim_drop,
    .stat = sim_stat,
    .stat_path = sim_stat_path,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .rmdir = sim_rmdir,
    .opendir = sim_opendir,
    .readdir = sim_readdir,
    .sync_directory = sim_sync_directory,
    .sync_filesystem = sim_sync_filesystem,
    .life = sim_life,
    .end_life = sim_end_life,
};

/* --- life ------------------------------------------------------------------------------------- */

void sim_disk_init(struct sim_disk *disk)
{
    memset(disk, 0, sizeof *disk);
    disk->io = table;
    if (scratch_make(disk->path, sizeof disk->path, "power") != 0)
        abort();
    disk->root = sim_node_new(disk, true);
}

void sim_disk_fini(struct sim_disk *disk)
{
    scratch_remove(disk->path);
    sim_nodes_free(disk);
}

void sim_disk_cut_at(struct sim_disk *disk, long calls)
{
    disk->cut_at = disk->calls + calls;
}

void sim_disk_break_sync_at(struct sim_disk *disk, long syncs, bool lasting)
{
    disk->break_at = syncs > 0 ? disk->syncs + syncs : 0;
    disk->break_lasting = lasting;
    disk->failures = 0;
}

void sim_disk_fail_at(struct sim_disk *disk, long calls, int code, bool lasting)
{
    disk->fail_at = calls > 0 ? disk->calls + calls : 0;
    disk->fail_code = code;
    disk->fail_lasting = lasting;
    disk->failures = 0;
}
