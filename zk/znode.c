#include "zk/znode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/arena.h"

static const struct znode_row rows[] = {
#define X(name, path, made, data, text) { path, made, data, text },
    ZNODE_TABLE(X)
#undef X
};

const struct znode_row *znode_row(enum znode node)
{
    return &rows[node];
}

bool znode_name_fits(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

char *znode_path(struct arena *arena, enum znode node, ...)
{
    const char *pattern = rows[node].pattern;
    va_list arguments, again;
    char *path = NULL;

    va_start(arguments, node);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, pattern, arguments);
    if (length >= 0)
        path = arena_alloc(arena, (size_t)length + 1);
    if (path != NULL)
        vsnprintf(path, (size_t)length + 1, pattern, again);
    va_end(again);
    va_end(arguments);
    return path;
}
