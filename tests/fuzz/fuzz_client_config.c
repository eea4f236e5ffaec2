/* A file of properties as an application gives it to libklient: it is taken or refused with a
 * reason, and a copy of what was taken says the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/klient.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

static void print(klient_config_t *config, char **text)
{
    size_t size;
    FILE *out = open_memstream(text, &size);

    if (out == NULL)
        abort();
    klient_config_print(config, out);
    if (fclose(out) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    char *text, *again;

    if (config == NULL)
        abort();
    if (klient_config_load(config, memory_file_with(data, size), &error) != KLIENT_OK) {
        if (error == NULL || klient_error_text(error)[0] == '\0')
            abort();
        klient_error_free(error);
    }
    klient_config_t *copy = klient_config_copy(config);
    if (copy == NULL)
        abort();
    print(config, &text);
    print(copy, &again);
    if (strcmp(text, again) != 0)
        abort();
    free(text);
    free(again);
    klient_config_free(copy);
    klient_config_free(config);
    return 0;
}
