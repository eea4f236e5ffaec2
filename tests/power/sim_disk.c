#include "tests/power/sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, NAME_SIZE = 256 };

/* A write, or a change of the size to `position`. */
struct change {
    bool truncates;
    off_t position;
    size_t size;
    uint8_t *bytes;                     /* owned */
};

struct bytes {
    uint8_t *at;                        /* owned */
    size_t size;
};

struct binding {
    char name[NAME_SIZE];
    struct sim_node *node;
};

struct names {
    struct binding *items;              /* owned */
    size_t count;
};

/* A name now means `node` (NULL: nothing); a rename is two that go together. */
struct move {
    struct binding bind;
    bool with_next;
};

struct sim_node {
    struct sim_node *next;              /* in disk.nodes */
    bool directory;
    struct bytes sure;                  /* a file's, on the disk */
    struct change *changes;             /* since; owned */
    size_t change_count;
    struct names live, sure_names;      /* a directory's */
    struct move *moves;                 /* since; owned */
    size_t move_count;
};

static void *grow(void *array, size_t count, size_t size)
{
    void *grown = realloc(array, (count + 1) * size);
    if (grown == NULL)
        abort();
    return grown;
}

static struct sim_node *new_node(struct sim_disk *disk, bool directory)
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

static void free_nodes(struct sim_disk *disk)
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

static void names_set(struct names *names, const struct binding *bind)
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

static void names_copy(struct names *to, const struct names *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        names_set(to, &from->items[i]);
}

/* The directory that holds the last part of `path`, and that part; NULL when it is not ours. */
static struct sim_node *parent_of(const struct sim_disk *disk, const char *path, const char **name)
{
    size_t root = strlen(disk->path);
    if (strncmp(path, disk->path, root) != 0 || path[root] != '/')
        return NULL;
    const char *rest = path + root + 1, *slash = strchr(rest, '/');
    if (slash == NULL) {
        *name = rest;
        return disk->root;
    }
    char first[NAME_SIZE];
    snprintf(first, sizeof first, "%.*s", (int)(slash - rest), rest);
    *name = slash + 1;
    return names_get(&disk->root->live, first);
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
    names_set(&parent->live, &move.bind);
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

static void put(struct bytes *bytes, off_t position, const uint8_t *from, size_t size)
{
    if ((size_t)position + size > bytes->size)
        resize(bytes, (size_t)position + size);
    memcpy(bytes->at + position, from, size);
}

static void apply(struct bytes *bytes, const struct change *change)
{
    if (change->truncates)
        resize(bytes, (size_t)change->position);
    else
        put(bytes, change->position, change->bytes, change->size);
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
        apply(&node->sure, &node->changes[i]);
    forget_changes(node);
}

static void sync_names(struct sim_node *node)
{
    names_copy(&node->sure_names, &node->live);
    node->move_count = 0;
}

/* --- the table -------------------------------------------------------------------------------- */

/* Count a call; true when there is no power for it. */
static bool lost(const struct io *io)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    disk->calls++;
    if (disk->cut_at > 0 && disk->calls >= disk->cut_at)
        disk->dead = true;
    errno = EIO;
    return disk->dead;
}

static int sim_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (lost(io))
        return -1;
    int fd = io_system.open(io, path, flags, mode);
    if (fd < 0)
        return fd;
    if (fd >= SIM_FILES_MAX)
        abort();
    struct sim_node *node = find(disk, path);
    if (node == NULL) {
        node = new_node(disk, false);
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
    return lost(io) ? -1 : io_system.pread(io, fd, to, size, position);
}

static ssize_t sim_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                           off_t position)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (lost(io) && disk->calls > disk->cut_at)
        return -1;
    /* The write during which the power goes may have got anywhere: it is one of the changes. */
    ssize_t done = io_system.pwritev(io, fd, from, count, position);
    size_t left = done > 0 ? (size_t)done : 0;
    for (int i = 0; i < count && left > 0; i++) {
        size_t size = from[i].iov_len < left ? from[i].iov_len : left;
        uint8_t *bytes = malloc(size + 1);
        if (bytes == NULL)
            abort();
        memcpy(bytes, from[i].iov_base, size);
        note_change(disk->open[fd], false, position, size, bytes);
        position += (off_t)size;
        left -= size;
    }
    errno = EIO;
    return disk->dead ? -1 : done;
}

static int sim_truncate(const struct io *io, int fd, off_t size)
{
    if (lost(io))
        return -1;
    note_change(((struct sim_disk *)io)->open[fd], true, size, 0, NULL);
    return io_system.truncate(io, fd, size);
}

static int sim_sync(const struct io *io, int fd)
{
    if (lost(io))
        return -1;
    sync_file(((struct sim_disk *)io)->open[fd]);
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
    if (lost(io) || io_system.rename(io, from, to) != 0)
        return -1;
    struct sim_node *node = find(disk, from);
    move(disk, from, NULL, true);
    move(disk, to, node, false);
    return 0;
}

static int sim_unlink(const struct io *io, const char *path)
{
    if (lost(io) || io_system.unlink(io, path) != 0)
        return -1;
    move((struct sim_disk *)io, path, NULL, false);
    return 0;
}

static int sim_mkdir(const struct io *io, const char *path, mode_t mode)
{
    struct sim_disk *disk = (struct sim_disk *)io;
    if (lost(io) || io_system.mkdir(io, path, mode) != 0)
        return -1;
    move(disk, path, new_node(disk, true), false);
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
    for (struct sim_node *node = ((struct sim_disk *)io)->nodes; node != NULL; node = node->next) {
        sync_file(node);
        sync_names(node);
    }
    return 0;
}

static void sim_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    (void)path;
    snprintf(out, IO_LIFE_SIZE, "life %d", ((const struct sim_disk *)io)->life);
}

static const struct io table = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwritev = sim_pwritev,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .stat = sim_stat,
    .stat_path = sim_stat_path,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .rmdir = sim_rmdir,
    .opendir = sim_opendir,
    .sync_directory = sim_sync_directory,
    .sync_filesystem = sim_sync_filesystem,
    .life = sim_life,
};

/* --- a cut ------------------------------------------------------------------------------------ */

enum chance { CHANCE_NOTHING, CHANCE_ALL, CHANCE_FIRST, CHANCE_ANY, CHANCES };

struct luck {
    struct rand *rand;
    enum chance files, names;
};

/* Of `count` changes, does the i-th survive? `first` of them do with CHANCE_FIRST. */
static bool survives(const struct luck *luck, enum chance chance, size_t i, size_t first)
{
    switch (chance) {
    case CHANCE_NOTHING: return false;
    case CHANCE_ALL: return true;
    case CHANCE_FIRST: return i < first;
    default: return rand_below(luck->rand, 2) == 0;
    }
}

/* Some sectors of a write. */
static void put_torn(const struct luck *luck, struct bytes *bytes, const struct change *change)
{
    for (size_t at = 0; at < change->size;) {
        size_t size = SECTOR - ((size_t)change->position + at) % SECTOR;
        if (size > change->size - at)
            size = change->size - at;
        if (rand_below(luck->rand, 3) != 0)
            put(bytes, change->position + (off_t)at, change->bytes + at, size);
        at += size;
    }
}

static struct bytes found_bytes(const struct luck *luck, const struct sim_node *node)
{
    struct bytes found = { NULL, 0 };
    size_t first = node->change_count == 0 ? 0 : rand_below(luck->rand, node->change_count + 1);

    put(&found, 0, node->sure.at == NULL ? (const uint8_t *)"" : node->sure.at, node->sure.size);
    for (size_t i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];
        bool last = luck->files == CHANCE_FIRST && i == first;
        if (survives(luck, luck->files, i, first))
            apply(&found, change);
        else if (!change->truncates && (last || luck->files == CHANCE_ANY))
            put_torn(luck, &found, change);
    }
    return found;
}

static struct names found_names(const struct luck *luck, const struct sim_node *node)
{
    struct names found = { NULL, 0 };
    size_t first = node->move_count == 0 ? 0 : rand_below(luck->rand, node->move_count + 1);
    bool together = false, kept = false;

    names_copy(&found, &node->sure_names);
    for (size_t i = 0; i < node->move_count; i++) {
        if (!together)
            kept = survives(luck, luck->names, i, first);
        if (kept)
            names_set(&found, &node->moves[i].bind);
        together = node->moves[i].with_next;
    }
    return found;
}

static void write_found(const char *path, const struct bytes *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, bytes->at, bytes->size) != (ssize_t)bytes->size)
        abort();
    close(fd);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

/* Put what is found of `node` at `path`; the new life's node is `to`. */
static void restore(struct sim_disk *disk, const struct luck *luck, const struct sim_node *node,
                    const char *path, struct sim_node *to)
{
    if (!node->directory) {
        to->sure = found_bytes(luck, node);
        write_found(path, &to->sure);
        return;
    }
    struct names found = found_names(luck, node);
    for (size_t i = 0; i < found.count; i++) {
        char inner[512];
        struct binding bind = found.items[i];
        snprintf(inner, sizeof inner, "%s/%s", path, bind.name);
        if (bind.node->directory && mkdir(inner, 0755) != 0)
            abort();
        struct sim_node *copy = new_node(disk, bind.node->directory);
        restore(disk, luck, bind.node, inner, copy);
        bind.node = copy;
        names_set(&to->live, &bind);
        names_set(&to->sure_names, &bind);
    }
    free(found.items);
}

void sim_disk_restart(struct sim_disk *disk, struct rand *rand)
{
    struct sim_disk before = { .nodes = disk->nodes };
    const struct sim_node *root = disk->root;
    const struct luck luck = { rand, (enum chance)rand_below(rand, CHANCES),
                               (enum chance)rand_below(rand, CHANCES) };

    nftw(disk->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    disk->nodes = NULL;
    disk->root = new_node(disk, true);
    restore(disk, &luck, root, disk->path, disk->root);
    free_nodes(&before);
    disk->life++;
    disk->dead = false;
    disk->cut_at = 0;
}

/* --- life ------------------------------------------------------------------------------------- */

void sim_disk_init(struct sim_disk *disk)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    memset(disk, 0, sizeof *disk);
    disk->io = table;
    snprintf(disk->path, sizeof disk->path, "%s/kairn-power-XXXXXX", parent);
    if (mkdtemp(disk->path) == NULL)
        abort();
    disk->root = new_node(disk, true);
}

void sim_disk_fini(struct sim_disk *disk)
{
    nftw(disk->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    rmdir(disk->path);
    free_nodes(disk);
}

void sim_disk_cut_at(struct sim_disk *disk, long calls)
{
    disk->cut_at = disk->calls + calls;
}
