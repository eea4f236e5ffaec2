/* sim_disk.h - a disk that forgets: an io table over a real directory that knows what was synced.
 *
 * Of every file it keeps the bytes that are on the disk for sure and the writes since; of every
 * directory the names that are and the changes since. A cut of the power leaves what is sure and
 * a random part of the rest: writes and renames are lost in any order, writes torn at sectors.
 * That is worse than most file systems are, and all that POSIX promises. One thread. */
#ifndef TESTS_POWER_SIM_DISK_H
#define TESTS_POWER_SIM_DISK_H

#include <stdbool.h>

#include "common/rand.h"
#include "server/storage/io.h"

struct sim_node;

enum { SIM_FILES_MAX = 4096 };          /* descriptors */

struct sim_disk {
    struct io io;                       /* first: pass &disk.io */
    char path[64];                      /* the directory; made and removed by init and fini */
    struct sim_node *root;              /* owned */
    struct sim_node *nodes;             /* all of this life; owned */
    struct sim_node *open[SIM_FILES_MAX];
    int life;
    int ended;                          /* lives of the cache, in this one of the machine */
    bool forgetful;                     /* the machine has no memory for that */
    long calls;
    long cut_at;                        /* this call and all later ones fail; 0: never */
    bool dead;
    long fail_at;                       /* this call fails while the power is there; 0: none */
    int fail_code;                      /* errno; 0: transfers are cut short instead */
    bool fail_lasting;                  /* and all later ones */
    long syncs, break_at;               /* this sync fails; 0: none */
    bool break_lasting;                 /* and all later ones */
    bool break_freezes;                 /* from then on no name or size can be changed */
    long failures;                      /* so far, of both kinds */
};

void sim_disk_init(struct sim_disk *disk);
void sim_disk_fini(struct sim_disk *disk);

/* The power is gone at the n-th call from now. */
void sim_disk_cut_at(struct sim_disk *disk, long calls);

/* The n-th call from now fails with `code` (0: a transfer is cut short instead), when `lasting`
 * all later ones too. A full disk (ENOSPC) fails only what needs space. 0 calls: all is well. */
void sim_disk_fail_at(struct sim_disk *disk, long calls, int code, bool lasting);

/* The n-th sync of bytes from now fails, when `lasting` all later ones too, as Linux does it: what
 * was to be written is not and never will be; it can be read until it is dropped from the cache,
 * and the next sync knows nothing of it. 0 syncs: all is well. */
void sim_disk_break_sync_at(struct sim_disk *disk, long syncs, bool lasting);

/* The power is gone now if it was not; put into the directory what a machine would find when it is
 * back. Nothing of it may be open. */
void sim_disk_restart(struct sim_disk *disk, struct rand *rand);

#endif
