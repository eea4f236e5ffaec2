/* storage/io_life.h - is the page cache of a directory still the one that was written to?
 *
 * It is while the kernel's boot and the directory's mount are the same; unless writing to the disk
 * failed, for then Linux marks what it could not write as clean and goes on to show it. Whoever
 * hears of that ends the directory's life. That is remembered by a file in memory (/dev/shm), which
 * is there as long as the boot: the disk may refuse to have it written down.
 *
 * As struct io's calls of these names. Any thread. */
#ifndef STORAGE_IO_LIFE_H
#define STORAGE_IO_LIFE_H

#include "server/storage/io.h"

void io_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE]);
int io_end_life(const struct io *io, const char *path);

#endif
