/* replay.c - the main function of fuzz targets where libFuzzer is missing: run files through the
 * target, as they are and cut at every byte of their first kilobyte (with REPLAY_WHOLE only as they
 * are: the input is a script that takes its time).
 *
 *   fuzz_X [FILE|DIRECTORY]...     without arguments: the corpus of this target */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

enum { INPUT_SIZE_MAX = 1 << 20, CUTS_MAX = 1024 };
#ifdef REPLAY_WHOLE
static const bool cut_too = false;
#else
static const bool cut_too = true;
#endif

/* In memory of exactly its size, so that a sanitizer sees every byte too far. */
static void run_input(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_SIZE_MAX);
    if (file == NULL || bytes == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    size_t size = fread(bytes, 1, INPUT_SIZE_MAX, file);
    fclose(file);

    run_input(bytes, size);
    for (size_t cut = 0; cut_too && cut < size && cut < CUTS_MAX; cut++)
        run_input(bytes, cut);
    free(bytes);
    return 1;
}

/* Returns the number of files run. */
static int run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return run_file(path);

    DIR *directory = opendir(path);
    if (directory == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(EXIT_FAILURE);
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char inner[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        count += run_path(inner);
    }
    closedir(directory);
    return count;
}

/* The corpus of the program .../fuzz_X is FUZZ_CORPUS/X. */
static int run_corpus(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = strstr(slash != NULL ? slash : program, "fuzz_");
    char path[4096];

    if (name == NULL)
        return 0;
    snprintf(path, sizeof path, "%s/%s", FUZZ_CORPUS, name + strlen("fuzz_"));
    return run_path(path);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? 0 : run_corpus(argv[0]);

    for (int i = 1; i < argc; i++)
        count += run_path(argv[i]);
    printf("%d inputs survived\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
