#include "bench/proc_memory.h"

#include <stdio.h>
#include <string.h>

#include "bench/loopback.h"

/* The number behind `name:`, in KiB there. */
static int64_t read_bytes(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    long long kib = -1;

    if (file == NULL)
        bench_die(path);
    while (kib < 0 && fgets(line, sizeof line, file) != NULL) {
        size_t size = strlen(name);
        if (strncmp(line, name, size) != 0 || line[size] != ':' ||
            sscanf(line + size + 1, "%lld", &kib) != 1)
            kib = -1;
    }
    fclose(file);
    if (kib < 0)
        bench_die(path);
    return kib * 1024;
}

int64_t proc_memory_of(int pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    return read_bytes(path, "Anonymous");
}

int64_t proc_memory_of_kernel(void)
{
    return read_bytes("/proc/meminfo", "Slab");
}
