/* slow_disk.h - io_system where the syncs of segments and of the file system wait until they are
 * let go, are counted, and may fail.
 *
 * Thread-safe: storage calls it from loops and from the io pool. */
#ifndef TESTS_SERVER_LIB_SLOW_DISK_H
#define TESTS_SERVER_LIB_SLOW_DISK_H

#include <pthread.h>
#include <stdbool.h>

#include "server/storage/io.h"

struct slow_disk {
    struct io io;                       /* first: pass &disk.io */
    pthread_mutex_t lock;               /* guards all below */
    pthread_cond_t changed;
    bool held;                          /* syncs wait */
    bool broken;                        /* syncs fail */
    int waiting;                        /* syncs that wait now */
    int files, filesystems;             /* syncs of segments and of all, so far */
};

void slow_disk_init(struct slow_disk *disk);
/* From now on syncs wait until slow_disk_let_go(). */
void slow_disk_hold(struct slow_disk *disk);
void slow_disk_let_go(struct slow_disk *disk);
void slow_disk_break(struct slow_disk *disk);
/* Until at least one sync waits; asserts that it happens. */
void slow_disk_wait_for_sync(struct slow_disk *disk);
/* How many syncs of segments and of the whole file system there were. */
int slow_disk_files(struct slow_disk *disk);
int slow_disk_filesystems(struct slow_disk *disk);

#endif
