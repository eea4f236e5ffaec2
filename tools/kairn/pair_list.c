#include "tools/kairn/pair_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_all(const char *list)
{
    return strcmp(list, "*") == 0;
}

/* The pair at *at, and *at behind it; size 0: there is no other. */
static size_t next_pair(const char **at, const char **pair)
{
    *pair = *at + strspn(*at, ", ");
    size_t size = strcspn(*pair, ", ");

    *at = *pair + size;
    return size;
}

static bool has(const char *list, const char *wanted, size_t wanted_size)
{
    const char *pair;
    size_t size;

    if (is_all(list))
        return true;
    while ((size = next_pair(&list, &pair)) > 0)
        if (size == wanted_size && memcmp(pair, wanted, size) == 0)
            return true;
    return false;
}

/* Behind what is there already, of `list` what is not in `but`. */
static void print(FILE *out, bool *first, const char *list, const char *but)
{
    const char *pair;
    size_t size;

    while ((size = next_pair(&list, &pair)) > 0) {
        if (has(but, pair, size))
            continue;
        fprintf(out, "%s%.*s", *first ? "" : ",", (int)size, pair);
        *first = false;
    }
}

static char *put_together(const char *list, const char *list_but, const char *more,
                          const char *more_but)
{
    char *text = NULL;
    size_t size;
    bool first = true;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    print(out, &first, list, list_but);
    print(out, &first, more, more_but);
    return fclose(out) == 0 ? text : NULL;
}

char *pair_list_with(const char *list, const char *more)
{
    return is_all(list) || is_all(more) ? strdup("*") : put_together(list, "", more, list);
}

char *pair_list_without(const char *list, const char *less)
{
    return put_together(list, less, "", "");
}
