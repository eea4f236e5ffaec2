/* setting_text.h - the value of a setting for people. Pure. */
#ifndef TOOLS_KAIRN_SETTING_TEXT_H
#define TOOLS_KAIRN_SETTING_TEXT_H

#include <stddef.h>

/* "1209600000 (14d)" of a time or size, as its name tells; the value itself where that says no
 * more, and "-" of none. Returns `text`. */
const char *setting_text(char *text, size_t size, const char *name, const char *value);

#endif
