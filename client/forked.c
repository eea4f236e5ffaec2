#include "client/forked.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

forked_page *forked_page_new(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
        munmap(page, size);
        return NULL;
    }
    page[0] = 1;
    return page;
}

void forked_page_free(forked_page *page)
{
    if (page != NULL)
        munmap((void *)page, (size_t)sysconf(_SC_PAGESIZE));
}
