/* options.c - find a row, parse text against it, keep the value. */
#include "common/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/pairs.h"
#include "common/quantity.h"

enum { NAME_MAX_SIZE = 96, SHOWN_MAX = 120 };

/* A piece of text that nobody copied. */
struct span {
    const char *text;
    size_t size;
};

union parsed {
    bool flag;
    int64_t number;             /* OPTION_INT, OPTION_LONG, OPTION_ENUM */
    double real;
    struct span span;           /* OPTION_STRING */
};

static const struct option *find(const struct option_table *table, const char *name, size_t size)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (strncmp(row->name, name, size) == 0 && row->name[size] == '\0')
            return row;
        if (row->alias != NULL && strncmp(row->alias, name, size) == 0 && row->alias[size] == '\0')
            return row;
    }
    return NULL;
}

const struct option *options_find(const struct option_table *table, const char *name)
{
    return find(table, name, strlen(name));
}

static bool has_value(const struct option *row)
{
    return row->type != OPTION_PAIRS &&
           (row->flags & (OPTION_NO_EFFECT | OPTION_NOT_YET)) == 0;
}

static void *field_of(const struct option *row, void *values)
{
    return (char *)values + row->offset;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many characters must be put in, left out or changed to make one name of the other. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[NAME_MAX_SIZE + 1];

    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            diagonal = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_size];
}

size_t options_name_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);

    if (a_size > NAME_MAX_SIZE || b_size > NAME_MAX_SIZE)
        return SIZE_MAX;
    return edit_distance(a, a_size, b, b_size);
}

/* The served name most like `name`; NULL when nothing comes near. */
static const char *nearest_name(const struct option_table *table, const char *name, size_t size)
{
    const char *nearest = NULL;
    size_t best = size / 3 + 2;

    if (size > NAME_MAX_SIZE)
        return NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        size_t row_size = strlen(row->name);
        if (!has_value(row) || row_size > NAME_MAX_SIZE)
            continue;
        size_t distance = edit_distance(name, size, row->name, row_size);
        if (distance < best) {
            best = distance;
            nearest = row->name;
        }
    }
    return nearest;
}

static int refuse_name(const struct option_table *table, const char *name, size_t size,
                       struct k_reason *reason)
{
    const char *nearest = nearest_name(table, name, size);
    int shown = (int)smaller(size, SHOWN_MAX);

    if (nearest == NULL)
        return k_reason_set(reason, K_UNKNOWN_NAME, "unknown name \"%.*s\"", shown, name);
    return k_reason_set(reason, K_UNKNOWN_NAME, "unknown name \"%.*s\"; did you mean \"%s\"?",
                        shown, name, nearest);
}

/* The value is left out where it is a secret. */
static int refuse_value(const struct option *row, struct span value, const char *expected,
                        struct k_reason *reason)
{
    if ((row->flags & OPTION_SECRET) != 0)
        return k_reason_set(reason, K_INVALID_CONFIG, "%s: expected %s", row->name, expected);
    return k_reason_set(reason, K_INVALID_CONFIG, "%s: expected %s, not \"%.*s\"", row->name,
                        expected, (int)smaller(value.size, SHOWN_MAX), value.text);
}

static struct span trimmed(const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)*text))
        text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    return (struct span){ text, size };
}

static int parse_bool(const struct option *row, struct span value, bool *out,
                      struct k_reason *reason)
{
    if (value.size == 4 && strncasecmp(value.text, "true", 4) == 0)
        *out = true;
    else if (value.size == 5 && strncasecmp(value.text, "false", 5) == 0)
        *out = false;
    else
        return refuse_value(row, value, "true or false", reason);
    return 0;
}

static int refuse_number(const struct option *row, struct span value, const char *kind,
                         struct k_reason *reason)
{
    char range[64], expected[160];

    options_format_range(row, range, sizeof range);
    const char *between = range[0] == '\0' ? "" : strchr(kind, ',') != NULL ? "; " : ", ";
    snprintf(expected, sizeof expected, "%s%s%s", kind, between, range);
    return refuse_value(row, value, expected, reason);
}

/* A copy that ends where the number must end; false when it can not be a number at all. */
static bool copy_number(struct span value, char *copy, size_t size)
{
    if (value.size == 0 || value.size >= size)
        return false;
    memcpy(copy, value.text, value.size);
    copy[value.size] = '\0';
    return true;
}

/* The largest bounds are of no use but as "no bound at all". */
#define ENDLESS_FROM 9e15

/* What stands for no end among the values of a row; false: nothing. */
static bool endless_value(const struct option *row, int64_t *out)
{
    bool least = row->min <= -1 && row->min >= -1;

    if (quantity_unit_of(row->name) == QUANTITY_PLAIN || row->type == OPTION_DOUBLE ||
        (!least && row->max < ENDLESS_FROM))
        return false;
    *out = least ? -1 : row->max >= OPTION_NO_MAX ? INT64_MAX : (int64_t)row->max;
    return true;
}

/* The number, in the unit of the row. */
static bool read_quantity(const struct option *row, struct span value, int64_t *out)
{
    int64_t endless;

    if (quantity_is_endless(value.text, value.size) && endless_value(row, &endless)) {
        *out = endless;
        return true;
    }
    return quantity_read(quantity_unit_of(row->name), value.text, value.size, out);
}

static int parse_integer(const struct option *row, struct span value, int64_t *out,
                         struct k_reason *reason)
{
    int64_t number, endless;
    const char *kind = quantity_expected(quantity_unit_of(row->name), endless_value(row, &endless));

    if (!read_quantity(row, value, &number))
        return refuse_number(row, value, kind, reason);
    if (row->type == OPTION_INT && (number < INT32_MIN || number > INT32_MAX))
        return refuse_number(row, value, "an integer of 32 bits", reason);
    if (option_has_range(row) && ((double)number < row->min || (double)number > row->max))
        return refuse_number(row, value, kind, reason);
    *out = number;
    return 0;
}

static int parse_double(const struct option *row, struct span value, double *out,
                        struct k_reason *reason)
{
    enum quantity_unit unit = quantity_unit_of(row->name);
    const char *kind = unit != QUANTITY_PLAIN ? quantity_expected(unit, false) : "a number";
    int64_t whole;
    char copy[64], *end;

    if (!copy_number(value, copy, sizeof copy))
        return refuse_number(row, value, kind, reason);
    double number = strtod(copy, &end);
    if (*end != '\0' && unit != QUANTITY_PLAIN && read_quantity(row, value, &whole)) {
        number = (double)whole;
        end = copy + value.size;
    }
    if (*end != '\0' || end == copy || !isfinite(number) ||
        (option_has_range(row) && (number < row->min || number > row->max)))
        return refuse_number(row, value, kind, reason);
    *out = number;
    return 0;
}

static int parse_enum(const struct option *row, struct span value, int64_t *out,
                      struct k_reason *reason)
{
    char choices[224], expected[256];
    int64_t index = 0;

    for (const char *at = row->choices;; at++, index++) {
        size_t size = strcspn(at, "|");
        if (size == value.size && memcmp(at, value.text, size) == 0) {
            *out = index;
            return 0;
        }
        at += size;
        if (*at == '\0')
            break;
    }
    options_format_range(row, choices, sizeof choices);
    snprintf(expected, sizeof expected, "one of %s", choices);
    return refuse_value(row, value, expected, reason);
}

static int parse(const struct option *row, const char *text, size_t size, union parsed *out,
                 struct k_reason *reason)
{
    /* Blanks around a value are a slip, except in a password. */
    struct span value = (row->flags & OPTION_SECRET) != 0 ? (struct span){ text, size }
                                                          : trimmed(text, size);

    switch (row->type) {
    case OPTION_BOOL:
        return parse_bool(row, value, &out->flag, reason);
    case OPTION_INT:
    case OPTION_LONG:
        return parse_integer(row, value, &out->number, reason);
    case OPTION_DOUBLE:
        return parse_double(row, value, &out->real, reason);
    case OPTION_ENUM:
        return parse_enum(row, value, &out->number, reason);
    case OPTION_STRING:
        out->span = value;
        return 0;
    case OPTION_PAIRS:
        return pairs_is_list(value.text, value.size)
                   ? 0
                   : refuse_value(row, value, "number:number,... or *", reason);
    }
    assert(!"an option has one of these types");
    return K_INVALID_CONFIG;
}

static int store(const struct option *row, void *values, const union parsed *parsed)
{
    void *field = field_of(row, values);

    switch (row->type) {
    case OPTION_BOOL:
        *(bool *)field = parsed->flag;
        break;
    case OPTION_INT:
    case OPTION_ENUM:
        *(int32_t *)field = (int32_t)parsed->number;
        break;
    case OPTION_LONG:
        *(int64_t *)field = parsed->number;
        break;
    case OPTION_DOUBLE:
        *(double *)field = parsed->real;
        break;
    case OPTION_STRING: {
        char *copy = strndup(parsed->span.text, parsed->span.size);
        if (copy == NULL)
            return K_NOMEM;
        free(*(char **)field);
        *(char **)field = copy;
        break;
    }
    case OPTION_PAIRS:
        break;
    }
    return 0;
}

static void clear(const struct option *row, void *values)
{
    void *field = field_of(row, values);

    switch (row->type) {
    case OPTION_BOOL:
        *(bool *)field = false;
        break;
    case OPTION_INT:
    case OPTION_ENUM:
        *(int32_t *)field = 0;
        break;
    case OPTION_LONG:
        *(int64_t *)field = 0;
        break;
    case OPTION_DOUBLE:
        *(double *)field = 0;
        break;
    case OPTION_STRING:
        *(char **)field = NULL;
        break;
    case OPTION_PAIRS:
        break;
    }
}

int options_defaults(const struct option_table *table, void *values, uint8_t *sources)
{
    for (size_t i = 0; i < table->count; i++) {
        if (has_value(&table->rows[i]))
            clear(&table->rows[i], values);
        if (sources != NULL)
            sources[i] = OPTION_FROM_DEFAULT;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        union parsed parsed;
        if (!has_value(row) || row->fallback == NULL)
            continue;
        int error = parse(row, row->fallback, strlen(row->fallback), &parsed, NULL);
        assert(error == 0);         /* a default is valid, or the table is wrong */
        error = store(row, values, &parsed);
        if (error != 0) {
            options_fini(table, values);
            return error;
        }
    }
    return 0;
}

/* Everything but the storing: the row that `name` names, and what `text` means there. */
static int examine(const struct option_table *table, const char *name, size_t name_size,
                   const char *text, const struct option **row, union parsed *parsed,
                   struct k_reason *reason)
{
    *row = find(table, name, name_size);
    if (*row == NULL)
        return refuse_name(table, name, name_size, reason);
    if (((*row)->flags & OPTION_NOT_YET) != 0)
        return k_reason_set(reason, K_NOT_SUPPORTED_YET, "%s is not supported yet", (*row)->name);
    return parse(*row, text, strlen(text), parsed, reason);
}

#ifdef MUTANT_OPTION_IGNORED
/* KAIRN_OPTION_IGNORED=ROW:NAME: the option NAME, of the table that has the option ROW, too; unset:
 * all of them. */
static bool is_ignored(const struct option_table *table, const struct option *row)
{
    const char *wanted = getenv("KAIRN_OPTION_IGNORED");
    const char *name = wanted != NULL ? strchr(wanted, ':') : NULL;

    return name == NULL || (strcmp(name + 1, row->name) == 0 &&
                            find(table, wanted, (size_t)(name - wanted)) != NULL);
}
#endif

static int set(const struct option_table *table, void *values, uint8_t *sources,
               enum option_source source, struct span name, const char *text,
               struct k_reason *reason)
{
    const struct option *row;
    union parsed parsed;
    int error = examine(table, name.text, name.size, text, &row, &parsed, reason);

    if (error != 0)
        return error;
#ifdef MUTANT_OPTION_IGNORED
    if (is_ignored(table, row))
        return 0;
#endif
    if (has_value(row)) {
        error = store(row, values, &parsed);
        if (error != 0)
            return k_reason_set(reason, error, "%s: %s", row->name, k_error_text(error));
    } else if ((row->flags & OPTION_NO_EFFECT) != 0) {
        LOG_WARN("option-without-effect", "name=%s reason=\"accepted for compatibility only\"",
                 row->name);
    }
    if (sources != NULL)
        sources[row - table->rows] = (uint8_t)source;
    return 0;
}

int options_set(const struct option_table *table, void *values, uint8_t *sources,
                enum option_source source, const char *name, const char *text,
                struct k_reason *reason)
{
    return set(table, values, sources, source, (struct span){ name, strlen(name) }, text, reason);
}

int options_set_pair(const struct option_table *table, void *values, uint8_t *sources,
                     enum option_source source, const char *pair, struct k_reason *reason)
{
    const char *equals = strchr(pair, '=');

    if (equals == NULL)
        return k_reason_set(reason, K_INVALID_CONFIG, "\"%.*s\" is not of the form name=value",
                            SHOWN_MAX, pair);
    return set(table, values, sources, source, trimmed(pair, (size_t)(equals - pair)), equals + 1,
               reason);
}

int options_check(const struct option_table *table, const char *name, const char *text,
                  struct k_reason *reason)
{
    const struct option *row;
    union parsed parsed;

    return examine(table, name, strlen(name), text, &row, &parsed, reason);
}

bool options_plain(const struct option *row, const char *text, char *plain, size_t size)
{
    struct span value = trimmed(text, strlen(text));
    union parsed parsed;
    int64_t number;

    if ((row->type != OPTION_INT && row->type != OPTION_LONG && row->type != OPTION_DOUBLE) ||
        strspn(value.text, "+-.0123456789eE") >= value.size ||
        parse(row, text, strlen(text), &parsed, NULL) != 0 || !read_quantity(row, value, &number))
        return false;
    snprintf(plain, size, "%" PRId64, number);
    return true;
}

static void format_double(double number, char *text, size_t size)
{
    /* As short as a person would write it, unless that is another number. */
    snprintf(text, size, "%g", number);
    if (strtod(text, NULL) < number || strtod(text, NULL) > number)
        snprintf(text, size, "%.17g", number);
}

static void format_choice(const struct option *row, int32_t index, char *text, size_t size)
{
    const char *at = row->choices;

    for (; index > 0; index--)
        at += strcspn(at, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(at, "|"), at);
}

void options_format(const struct option *row, const void *values, char *text, size_t size)
{
    const void *field = (const char *)values + row->offset;

    if (!has_value(row)) {
        snprintf(text, size, "%s", row->fallback != NULL ? row->fallback : "");
        return;
    }
    if ((row->flags & OPTION_SECRET) != 0) {
        snprintf(text, size, "[hidden]");
        return;
    }
    switch (row->type) {
    case OPTION_BOOL:
        snprintf(text, size, "%s", *(const bool *)field ? "true" : "false");
        break;
    case OPTION_INT:
        snprintf(text, size, "%" PRId32, *(const int32_t *)field);
        break;
    case OPTION_LONG:
        snprintf(text, size, "%" PRId64, *(const int64_t *)field);
        break;
    case OPTION_DOUBLE:
        format_double(*(const double *)field, text, size);
        break;
    case OPTION_ENUM:
        format_choice(row, *(const int32_t *)field, text, size);
        break;
    case OPTION_STRING: {
        const char *string = *(char *const *)field;
        snprintf(text, size, "%s", string != NULL ? string : "");
        break;
    }
    case OPTION_PAIRS:
        break;
    }
}

void options_fini(const struct option_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (!has_value(row) || row->type != OPTION_STRING)
            continue;
        free(*(char **)field_of(row, values));
        *(char **)field_of(row, values) = NULL;
    }
}
