/* hold - keeps memory from going back to the host of a virtual machine while a benchmark runs.
 *
 *   hold MEGABYTES
 *
 * A guest that reports free pages gives whole free blocks (2 MiB) back to its host after a moment.
 * The next file that is written there waits for the host to find and clear them, page by page,
 * which takes ten times as long as the write itself. So this takes that much memory, gives it back
 * but for one page of each block, and waits: what was given back lies in blocks too small to be
 * reported, and an allocator that takes the smallest block that will do takes those first. It says
 * `ready` and ends when its input does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK = 2 << 20, MEGABYTES_MAX = 1 << 20 };

/* Whole blocks. */
static int take(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("hold");
        return 1;
    }
    /* Refused where there are no huge pages: all the better. */
    (void)madvise(memory, bytes, MADV_NOHUGEPAGE);
    memset(memory, 1, bytes);
    for (size_t at = 0; at < bytes; at += BLOCK)
        if (madvise(memory + at + page, BLOCK - page, MADV_DONTNEED) != 0) {
            perror("hold");
            return 1;
        }
    return 0;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long megabytes = argc == 2 ? strtol(argv[1], &end, 10) : 0;
    char byte;

    if (megabytes < 1 || megabytes > MEGABYTES_MAX || *end != '\0') {
        fprintf(stderr, "usage: hold MEGABYTES (1 to %d)\n", MEGABYTES_MAX);
        return 2;
    }
    if (take((((size_t)megabytes << 20) + BLOCK - 1) / BLOCK * BLOCK) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
