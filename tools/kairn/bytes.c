#include "tools/kairn/bytes.h"

#include <stdio.h>

const char *bytes_text(char *text, size_t size, int64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double amount = (double)bytes;
    size_t unit = 0;

    for (; amount >= 1024 && unit < sizeof units / sizeof units[0] - 1; unit++)
        amount /= 1024;
    snprintf(text, size, "%.*f %s", unit > 0 ? 1 : 0, amount, units[unit]);
    return text;
}
