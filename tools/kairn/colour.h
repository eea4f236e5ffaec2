/* colour.h - colours for what is wrong, on terminals only. */
#ifndef TOOLS_KAIRN_COLOUR_H
#define TOOLS_KAIRN_COLOUR_H

#include <stdbool.h>

enum colour {
    COLOUR_NONE,
    COLOUR_WARNING,                     /* it works, and should not stay so */
    COLOUR_BAD                          /* something does not work */
};

/* May there be colours? Not in a file or pipe, not with NO_COLOR set to anything, not on a terminal
 * that knows none. The variables may be NULL. Pure. */
bool colour_allowed(bool terminal, const char *no_color, const char *term);

/* What to print before and behind a coloured text on standard output; "" where none may be. */
const char *colour_begin(enum colour colour);
const char *colour_end(enum colour colour);

#endif
