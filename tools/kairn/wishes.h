/* wishes.h - what is to be set and unset: NAME=VALUE words and names. */
#ifndef TOOLS_KAIRN_WISHES_H
#define TOOLS_KAIRN_WISHES_H

#include <stdbool.h>
#include <stddef.h>

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/json.h"

struct wishes {
    char **texts;                   /* "name\0value" each; owned */
    const char **names, **values;   /* value NULL: unset */
    size_t count;
};

/* Words of the form NAME=VALUE: `flag`'s values, or the operands (flag NULL); and the names that
 * --unset gives. False: said, wrong usage. Free in both cases. */
bool wishes_read(const struct args *args, const char *flag, struct wishes *out);
void wishes_free(struct wishes *wishes);

/* As an alteration of the library, which borrows them. */
klient_alteration_t wishes_alteration(const struct wishes *wishes, klient_resource_t kind,
                                      const char *name);

/* "set": {...}, "unset": [...]. */
void wishes_json(const struct wishes *wishes, json_t *object);
/* One line for each: "name=value", "name unset". */
void wishes_print(const struct wishes *wishes);

#endif
