/* What a cut of the power leaves. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scratch.h"
#include "tests/power/sim_disk_private.h"

enum { SECTOR = 512 };

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
            sim_put(bytes, change->position + (off_t)at, change->bytes + at, size);
        at += size;
    }
}

static struct bytes found_bytes(const struct luck *luck, const struct sim_node *node)
{
    struct bytes found = { NULL, 0 };
    size_t first = node->change_count == 0 ? 0 : rand_below(luck->rand, node->change_count + 1);

    if (node->sure.size > 0)
        sim_put(&found, 0, node->sure.at, node->sure.size);
    for (size_t i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];
        bool last = luck->files == CHANCE_FIRST && i == first;
        if (survives(luck, luck->files, i, first))
            sim_apply(&found, change);
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

    sim_names_copy(&found, &node->sure_names);
    for (size_t i = 0; i < node->move_count; i++) {
        if (!together)
            kept = survives(luck, luck->names, i, first);
        if (kept)
            sim_names_set(&found, &node->moves[i].bind);
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
        struct sim_node *copy = sim_node_new(disk, bind.node->directory);
        restore(disk, luck, bind.node, inner, copy);
        bind.node = copy;
        sim_names_set(&to->live, &bind);
        sim_names_set(&to->sure_names, &bind);
    }
    free(found.items);
}

void sim_disk_restart(struct sim_disk *disk, struct rand *rand)
{
    struct sim_disk before = { .nodes = disk->nodes };
    const struct sim_node *root = disk->root;
    const struct luck luck = { rand, (enum chance)rand_below(rand, CHANCES),
                               (enum chance)rand_below(rand, CHANCES) };

    scratch_clear(disk->path);
    disk->nodes = NULL;
    disk->root = sim_node_new(disk, true);
    restore(disk, &luck, root, disk->path, disk->root);
    sim_nodes_free(&before);
    disk->life++;
    disk->dead = false;
    disk->cut_at = 0;
}
