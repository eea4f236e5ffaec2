#include "common/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How names end, and what those count. */
static const struct {
    const char *end;
    enum quantity_unit unit;
} name_ends[] = {
    { ".ms", QUANTITY_MS },
    { ".seconds", QUANTITY_SECONDS },
    { ".minutes", QUANTITY_MINUTES },
    { ".hours", QUANTITY_HOURS },
    { ".bytes", QUANTITY_BYTES },
    { ".bytes.per.second", QUANTITY_BYTES },
    { ".throttled.rate", QUANTITY_BYTES },
    { ".buffer.size", QUANTITY_BYTES },
    { "buffer.memory", QUANTITY_BYTES },
    { "batch.size", QUANTITY_BYTES },
    { "max.request.size", QUANTITY_BYTES },
};

struct scale {
    const char *name;
    int64_t amount;             /* in milliseconds, or in bytes */
};

/* Small ones first. */
static const struct scale times[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};
static const struct scale sizes[] = {
    { "B", 1 },
    { "KiB", INT64_C(1) << 10 },
    { "MiB", INT64_C(1) << 20 },
    { "GiB", INT64_C(1) << 30 },
    { "TiB", INT64_C(1) << 40 },
};
static const struct scale decimal_sizes[] = {
    { "kB", 1000 },
    { "MB", 1000000 },
    { "GB", 1000000000 },
    { "TB", INT64_C(1000000000000) },
};

enum { TIMES = sizeof times / sizeof *times, SIZES = sizeof sizes / sizeof *sizes };
enum { DECIMAL_SIZES = sizeof decimal_sizes / sizeof *decimal_sizes };

enum quantity_unit quantity_unit_of(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < sizeof name_ends / sizeof *name_ends; i++) {
        size_t end = strlen(name_ends[i].end);
        if (size >= end && strcmp(name + size - end, name_ends[i].end) == 0)
            return name_ends[i].unit;
    }
    return QUANTITY_PLAIN;
}

/* Milliseconds, or bytes, of one. */
static int64_t amount_of(enum quantity_unit unit)
{
    switch (unit) {
    case QUANTITY_SECONDS:
        return 1000;
    case QUANTITY_MINUTES:
        return 60000;
    case QUANTITY_HOURS:
        return 3600000;
    case QUANTITY_PLAIN:
    case QUANTITY_MS:
    case QUANTITY_BYTES:
        break;
    }
    return 1;
}

typedef int compare_names(const char *a, const char *b, size_t size);

static const struct scale *find_scale(const struct scale *scales, size_t count,
                                      compare_names *compare, const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(scales[i].name) == size && compare(scales[i].name, name, size) == 0)
            return &scales[i];
    }
    return NULL;
}

/* What is called so, of times or of sizes. An M is a month to some: times are written small. */
static const struct scale *scale_named(enum quantity_unit unit, const char *name, size_t size)
{
    if (unit == QUANTITY_PLAIN)
        return NULL;
    if (unit != QUANTITY_BYTES)
        return find_scale(times, TIMES, strncmp, name, size);
    const struct scale *scale = find_scale(sizes, SIZES, strncasecmp, name, size);
    return scale != NULL ? scale
                         : find_scale(decimal_sizes, DECIMAL_SIZES, strncasecmp, name, size);
}

/* The digits at the start, with a sign; how many bytes those are, 0 when they are no number. */
static size_t take_number(const char *text, size_t size, int64_t *out)
{
    bool negative = size > 0 && text[0] == '-';
    size_t first = size > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0, at = first;
    int64_t number = 0;

    /* Counted below zero, where there is room for one more. */
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, text[at] - '0', &number))
            return 0;
    }
    if (at == first || (!negative && number == INT64_MIN))
        return 0;
    *out = negative ? number : -number;
    return at;
}

bool quantity_read(enum quantity_unit unit, const char *text, size_t size, int64_t *out)
{
    int64_t number, amount;
    size_t at = take_number(text, size, &number);

    if (at == 0)
        return false;
    if (at == size) {
        *out = number;
        return true;
    }
    while (at < size && text[at] == ' ')
        at++;
    const struct scale *scale = scale_named(unit, text + at, size - at);
    /* Less than nothing is a plain number with a meaning of its own, not a time. */
    if (scale == NULL || text[0] == '-' || __builtin_mul_overflow(number, scale->amount, &amount) ||
        amount % amount_of(unit) != 0)
        return false;
    *out = amount / amount_of(unit);
    return true;
}

bool quantity_is_endless(const char *text, size_t size)
{
    return (size == 7 && strncasecmp(text, "forever", size) == 0) ||
           (size == 9 && strncasecmp(text, "unlimited", size) == 0);
}

#define TIME_EXPECTED(what, end) "a number of " what ", or one with ms, s, m, h or d" end
#define SIZE_EXPECTED(end) "a number of bytes, or one with B, KiB, MiB, GiB, kB, MB or GB" end

const char *quantity_expected(enum quantity_unit unit, bool endless)
{
    switch (unit) {
    case QUANTITY_PLAIN:
        break;
    case QUANTITY_MS:
        return endless ? TIME_EXPECTED("milliseconds", ", or forever")
                       : TIME_EXPECTED("milliseconds", "");
    case QUANTITY_SECONDS:
        return endless ? TIME_EXPECTED("seconds", ", or forever") : TIME_EXPECTED("seconds", "");
    case QUANTITY_MINUTES:
        return endless ? TIME_EXPECTED("minutes", ", or forever") : TIME_EXPECTED("minutes", "");
    case QUANTITY_HOURS:
        return endless ? TIME_EXPECTED("hours", ", or forever") : TIME_EXPECTED("hours", "");
    case QUANTITY_BYTES:
        return endless ? SIZE_EXPECTED(", or unlimited") : SIZE_EXPECTED("");
    }
    return "an integer";
}

const char *quantity_text(enum quantity_unit unit, int64_t number, char *text, size_t size)
{
    const struct scale *scales = unit == QUANTITY_BYTES ? sizes : times;
    size_t count = unit == QUANTITY_BYTES ? SIZES : TIMES;
    int64_t amount;

    text[0] = '\0';
    if (unit == QUANTITY_PLAIN)
        return text;
    if (number == -1 || number == INT64_MAX) {
        snprintf(text, size, "%s", unit == QUANTITY_BYTES ? "unlimited" : "forever");
        return text;
    }
    if (number <= 0 || __builtin_mul_overflow(number, amount_of(unit), &amount))
        return text;
    while (count > 0 && amount % scales[count - 1].amount != 0)
        count--;
    /* In the unit of the option itself it is what stands there already. */
    if (count > 0 && scales[count - 1].amount > amount_of(unit))
        snprintf(text, size, "%" PRId64 "%s", amount / scales[count - 1].amount,
                 scales[count - 1].name);
    return text;
}
