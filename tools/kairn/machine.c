#include "tools/kairn/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { TEXT_SIZE = 8192 };

/* The beginning of a small file as text; "" when it can not be read. */
static const char *read_text(const char *path, char *text)
{
    FILE *file = fopen(path, "re");
    size_t size = file != NULL ? fread(text, 1, TEXT_SIZE - 1, file) : 0;

    text[size] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

/* The number behind `name` at the begin of a line; -1: there is none. */
static int64_t number_behind(const char *text, const char *name)
{
    const size_t size = strlen(name);

    for (; text != NULL && *text != '\0'; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, name, size) == 0) {
            char *end;
            long long number = strtoll(text + size, &end, 10);
            return end != text + size ? number : -1;
        }
    }
    return -1;
}

static int64_t read_setting(const char *name)
{
    char path[128], text[TEXT_SIZE];

    snprintf(path, sizeof path, "/proc/sys/vm/%s", name);
    return number_behind(read_text(path, text), "");
}

void machine_read(struct facts_machine *out)
{
    char text[TEXT_SIZE];
    int64_t swap_kib = number_behind(read_text("/proc/meminfo", text), "SwapTotal:");

    *out = (struct facts_machine){
        .dirty_ratio = read_setting("dirty_ratio"),
        .dirty_bytes = read_setting("dirty_bytes"),
        .dirty_background_ratio = read_setting("dirty_background_ratio"),
        .swappiness = read_setting("swappiness"),
        .swap_bytes = swap_kib >= 0 ? swap_kib * 1024 : -1,
    };
}

/* The number may be that of another process by now, or of another container. */
int64_t machine_descriptors(long process)
{
    char path[64], text[TEXT_SIZE];

    snprintf(path, sizeof path, "/proc/%ld/comm", process);
    if (strcmp(read_text(path, text), "kairnd\n") != 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%ld/limits", process);
    return number_behind(read_text(path, text), "Max open files");
}

static bool is_ours(const struct facts_directory *directory, const char *cluster)
{
    char path[sizeof directory->path + 32], text[TEXT_SIZE], line[64];

    snprintf(path, sizeof path, "%s/meta.properties", directory->path);
    snprintf(line, sizeof line, "cluster.id=%.40s\n", cluster);
    return strstr(read_text(path, text), line) != NULL &&
           number_behind(text, "broker.id=") == directory->broker;
}

static void read_room(struct facts_directory *directory)
{
    struct statvfs room;
    struct stat status;

    if (statvfs(directory->path, &room) == 0) {
        directory->bytes = (uint64_t)room.f_blocks * room.f_frsize;
        directory->bytes_free = (uint64_t)room.f_bavail * room.f_frsize;
        directory->inodes = room.f_files;
        directory->inodes_free = room.f_favail;
        directory->read_only = (room.f_flag & ST_RDONLY) != 0;
    }
    if (stat(directory->path, &status) == 0)
        directory->device = status.st_dev;
}

long machine_directory(struct facts_directory *directory, const char *cluster)
{
    char path[sizeof directory->path + 32], text[TEXT_SIZE];

    if (!is_ours(directory, cluster))
        return 0;
    directory->local = true;
    read_room(directory);
    snprintf(path, sizeof path, "%s/.lock", directory->path);
    int64_t process = number_behind(read_text(path, text), "");
    return process > 0 ? (long)process : 0;
}
