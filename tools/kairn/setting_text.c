#include "tools/kairn/setting_text.h"

#include <stdio.h>
#include <string.h>

#include "common/quantity.h"

const char *setting_text(char *text, size_t size, const char *name, const char *value)
{
    enum quantity_unit unit = quantity_unit_of(name);
    int64_t number;
    char readable[32] = "";

    if (quantity_read(QUANTITY_PLAIN, value, strlen(value), &number))
        quantity_text(unit, number, readable, sizeof readable);
    if (readable[0] != '\0')
        snprintf(text, size, "%s (%s)", value, readable);
    else
        snprintf(text, size, "%s", value[0] != '\0' ? value : "-");
    return text;
}
