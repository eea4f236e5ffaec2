#include "tests/proto/golden.h"

#include <check.h>
#include <stdio.h>

void golden_load(const char *name, struct buffer *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.bin", GOLDEN_DIRECTORY, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);

    buffer_init(out);
    size_t got;
    do {
        ck_assert_int_eq(buffer_reserve(out, 4096), 0);
        got = fread(out->bytes + out->size, 1, 4096, file);
        out->size += got;
    } while (got > 0);
    fclose(file);
    ck_assert_uint_gt(out->size, 0);
}
