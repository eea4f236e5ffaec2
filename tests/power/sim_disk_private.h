/* sim_disk_private.h - what the two files of the simulated disk share. */
#ifndef TESTS_POWER_SIM_DISK_PRIVATE_H
#define TESTS_POWER_SIM_DISK_PRIVATE_H

#include <stdint.h>

#include "tests/power/sim_disk.h"

enum { NAME_SIZE = 256 };

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
    bool stale;                         /* the cache shows what neither `sure` nor `changes` do */
    struct names live, sure_names;      /* a directory's */
    struct move *moves;                 /* since; owned */
    size_t move_count;
};

struct sim_node *sim_node_new(struct sim_disk *disk, bool directory);
void sim_nodes_free(struct sim_disk *disk);
void sim_names_set(struct names *names, const struct binding *bind);
void sim_names_copy(struct names *to, const struct names *from);
void sim_put(struct bytes *bytes, off_t position, const uint8_t *from, size_t size);
void sim_apply(struct bytes *bytes, const struct change *change);

#endif
