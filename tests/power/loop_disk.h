/* loop_disk.h - a real file system whose power is cut: ext4 on a block device, mounted for each
 * life and shut down by FS_IOC_SHUTDOWN without flushing its journal.
 *
 * An io table passes everything on to the system and counts. Before the cut some dirty ranges are
 * pushed out, so that states occur where a later write is on the disk and an earlier one is not.
 * Needs root. One thread. */
#ifndef TESTS_POWER_LOOP_DISK_H
#define TESTS_POWER_LOOP_DISK_H

#include <stdbool.h>

#include "common/rand.h"
#include "server/storage/io.h"

enum { LOOP_FILES_MAX = 4096 };         /* descriptors */

struct loop_disk {
    struct io io;                       /* first: pass &disk.io */
    const char *device, *path;          /* borrowed: what is mounted where */
    struct rand *rand;                  /* borrowed */
    bool open[LOOP_FILES_MAX];
    int life;
    long calls, cut_at;                 /* the power goes at this call; 0: not by itself */
    bool dead;
};

/* Mount. 0, or an errno. */
int loop_disk_init(struct loop_disk *disk, const char *device, const char *path,
                   struct rand *rand);
/* Unmount. */
void loop_disk_fini(struct loop_disk *disk);

void loop_disk_cut_at(struct loop_disk *disk, long calls);
/* The power goes now, if it has not. */
int loop_disk_cut(struct loop_disk *disk);
/* Shut the file system at `path` down, as if its power had gone. 0, or an errno. */
int loop_disk_shut_down(const char *path);
/* Unmount and mount, which replays the journal. Nothing may be open. 0, or an errno. */
int loop_disk_restart(struct loop_disk *disk);
/* Remove all files, for good. */
void loop_disk_clear(struct loop_disk *disk);

#endif
