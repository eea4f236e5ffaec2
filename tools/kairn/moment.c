#include "tools/kairn/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t second_ms = 1000, minute_ms = 60000, hour_ms = 3600000, day_ms = 86400000;

/* --- times ------------------------------------------------------------------------------------ */

/* Exactly `count` digits; moves *text behind them. */
static bool take_digits(const char **text, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *out = 10 * *out + (**text - '0');
    }
    return true;
}

static bool take(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    ++*text;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01. */
static int64_t days_before(int year, int month, int day)
{
    int64_t past = year - 1, days = day - 1;

    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    return past * 365 + past / 4 - past / 100 + past / 400 - 719162 + days;
}

static bool take_date(const char **text, int64_t *ms)
{
    int year, month, day;

    if (!take_digits(text, 4, &year) || !take(text, '-') || !take_digits(text, 2, &month) ||
        !take(text, '-') || !take_digits(text, 2, &day) || year < 1970 || month < 1 ||
        month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ms = days_before(year, month, day) * day_ms;
    return true;
}

/* ":07.123" behind hours and minutes; seconds and their fraction may be left out. */
static bool take_seconds(const char **text, int64_t *ms)
{
    int seconds, digit;
    int64_t unit = 100;

    if (!take(text, ':'))
        return true;
    if (!take_digits(text, 2, &seconds) || seconds > 59)
        return false;
    *ms += seconds * second_ms;
    if (!take(text, '.'))
        return true;
    if (!take_digits(text, 1, &digit))
        return false;
    do {
        *ms += digit * unit;
        unit /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

static bool take_zone(const char **text, int64_t *ms)
{
    int hours, minutes;
    bool east = **text == '+';

    if (**text == '\0' || take(text, 'Z'))
        return true;
    if (!take(text, '+') && !take(text, '-'))
        return false;
    if (!take_digits(text, 2, &hours))
        return false;
    take(text, ':');
    if (!take_digits(text, 2, &minutes) || hours > 18 || minutes > 59)
        return false;
    int64_t ahead = hours * hour_ms + minutes * minute_ms;
    *ms += east ? -ahead : ahead;
    return true;
}

static bool read_number(const char *digits, int64_t *out)
{
    size_t size = strlen(digits);

    if (size == 0 || size > 18 || strspn(digits, "0123456789") != size)
        return false;
    *out = strtoll(digits, NULL, 10);
    return true;
}

bool moment_read(const char *text, int64_t *ms)
{
    int hours, minutes;
    int64_t found;

    if (text[0] == '@')
        return read_number(text + 1, ms);
    if (!take_date(&text, &found))
        return false;
    if (*text != '\0') {
        if (!take(&text, 'T') && !take(&text, ' '))
            return false;
        if (!take_digits(&text, 2, &hours) || !take(&text, ':') ||
            !take_digits(&text, 2, &minutes) || hours > 23 || minutes > 59)
            return false;
        found += hours * hour_ms + minutes * minute_ms;
        if (!take_seconds(&text, &found) || !take_zone(&text, &found) || *text != '\0')
            return false;
    }
    if (found < 0)
        return false;
    *ms = found;
    return true;
}

/* --- durations -------------------------------------------------------------------------------- */

struct unit {
    const char *name;               /* as people write it */
    const char *iso;                /* as ISO 8601 does; NULL: it can not */
    bool of_day;                    /* in ISO 8601 behind the T */
    int64_t ms;
};

static const struct unit units[] = {
    { "ms", NULL, false, 1 },           { "s", "S", true, 1000 },
    { "m", "M", true, 60000 },          { "min", NULL, false, 60000 },
    { "h", "H", true, 3600000 },        { "d", "D", false, 86400000 },
    { "w", "W", false, 604800000 },
};

enum { UNITS = sizeof units / sizeof *units };

/* What stands behind a number, moved behind; NULL: no unit. */
static const struct unit *take_unit(const char **text, bool iso, bool of_day)
{
    size_t size = iso ? 1 : strspn(*text, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = 0; i < UNITS; i++) {
        const char *name = iso ? units[i].iso : units[i].name;
        if (name == NULL || strlen(name) != size || strncmp(*text, name, size) != 0 ||
            (iso && units[i].of_day != of_day))
            continue;
        *text += size;
        return &units[i];
    }
    return NULL;
}

/* Larger units come first, each once. */
static bool take_amounts(const char **text, bool iso, bool of_day, int64_t *largest, double *ms)
{
    while (**text != '\0' && **text != 'T') {
        size_t size = strspn(*text, "0123456789.");
        char *end;
        double amount = strtod(*text, &end);
        if (size == 0 || size > 18 || end != *text + size)
            return false;
        *text = end;
        const struct unit *unit = take_unit(text, iso, of_day);
        if (unit == NULL || unit->ms >= *largest)
            return false;
        *largest = unit->ms;
        *ms += amount * (double)unit->ms;
        while (!iso && **text == ' ')
            ++*text;
    }
    return true;
}

bool moment_read_duration(const char *text, int64_t *ms)
{
    const double most = 3652425.0 * 86400000.0;
    int64_t largest = INT64_MAX;
    double found = 0;
    bool iso = text[0] == 'P';

    text += iso;
    if (!take_amounts(&text, iso, false, &largest, &found))
        return false;
    if (iso && take(&text, 'T') && (*text == '\0' || !take_amounts(&text, iso, true, &largest,
                                                                   &found)))
        return false;
    if (*text != '\0' || largest == INT64_MAX || found > most)
        return false;
    *ms = (int64_t)(found + 0.5);
    return true;
}

const char *moment_duration(char *text, size_t size, int64_t ms)
{
    long long seconds = (long long)(ms / second_ms), minutes = seconds / 60, hours = minutes / 60,
              days = hours / 24;

    if (seconds < 10)
        snprintf(text, size, "%.1fs", (double)ms / 1000);
    else if (minutes == 0)
        snprintf(text, size, "%llds", seconds);
    else if (hours == 0)
        snprintf(text, size, "%lldm %llds", minutes, seconds % 60);
    else if (days == 0)
        snprintf(text, size, "%lldh %lldm", hours, minutes % 60);
    else
        snprintf(text, size, "%lldd %lldh", days, hours % 24);
    return text;
}

/* --- places ----------------------------------------------------------------------------------- */

bool place_read(const char *text, bool current, struct place *out)
{
    static const struct {
        const char *word;
        enum place_kind kind;
    } words[] = {
        { "beginning", PLACE_BEGINNING }, { "earliest", PLACE_BEGINNING }, { "end", PLACE_END },
        { "latest", PLACE_END },          { "current", PLACE_CURRENT },
    };
    int64_t value = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) != 0 || (words[i].kind == PLACE_CURRENT && !current))
            continue;
        *out = (struct place){ .kind = words[i].kind };
        return true;
    }
    bool offset = read_number(text, &value);
    if (!offset && !moment_read(text, &value))
        return false;
    *out = (struct place){ .kind = offset ? PLACE_OFFSET : PLACE_TIME, .value = value };
    return true;
}
