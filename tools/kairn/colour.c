#include "tools/kairn/colour.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_allowed(bool terminal, const char *no_color, const char *term)
{
    return terminal && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
           term[0] != '\0' && strcmp(term, "dumb") != 0;
}

static bool is_shown(enum colour colour)
{
    return colour != COLOUR_NONE &&
           colour_allowed(isatty(STDOUT_FILENO), getenv("NO_COLOR"), getenv("TERM"));
}

const char *colour_begin(enum colour colour)
{
    if (!is_shown(colour))
        return "";
    return colour == COLOUR_BAD ? "\033[31m" : "\033[33m";
}

const char *colour_end(enum colour colour)
{
    return is_shown(colour) ? "\033[0m" : "";
}
