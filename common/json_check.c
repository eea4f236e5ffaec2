#include "common/json_check.h"

#include <string.h>

#include "common/utf8.h"

/* What comes next. */
enum want {
    WANT_VALUE,
    WANT_FIRST_ITEM,                    /* or the end of an array */
    WANT_FIRST_NAME,                    /* or the end of an object */
    WANT_NAME,
    WANT_MORE                           /* after a value: a comma, or the end of what it is in */
};

struct scan {
    const uint8_t *at, *end;
    const char *what;                   /* why it stopped */
    enum want want;
    size_t depth;
    uint64_t objects[JSON_DEPTH_MAX / 64];      /* of each level: is it an object? */
};

static bool refuse(struct scan *scan, const char *what)
{
    scan->what = what;
    return false;
}

static bool take(struct scan *scan, uint8_t byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' ||
                                    *scan->at == '\t'))
        scan->at++;
}

static bool is_digit(const struct scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

/* --- arrays and objects ----------------------------------------------------------------------- */

static bool enter(struct scan *scan, bool object)
{
    uint64_t bit = UINT64_C(1) << scan->depth % 64;

    if (scan->depth == JSON_DEPTH_MAX)
        return refuse(scan, "arrays and objects are nested too deeply");
    if (object)
        scan->objects[scan->depth / 64] |= bit;
    else
        scan->objects[scan->depth / 64] &= ~bit;
    scan->depth++;
    scan->at++;
    scan->want = object ? WANT_FIRST_NAME : WANT_FIRST_ITEM;
    return true;
}

static bool is_in_object(const struct scan *scan)
{
    size_t level = scan->depth - 1;

    return (scan->objects[level / 64] >> level % 64 & 1) != 0;
}

static void leave(struct scan *scan)
{
    scan->depth--;
    scan->want = WANT_MORE;
}

/* --- texts, numbers, words -------------------------------------------------------------------- */

static bool escape(struct scan *scan)
{
    if (take(scan, 'u')) {
        for (int i = 0; i < 4; i++, scan->at++)
            if (scan->at == scan->end || strchr("0123456789abcdefABCDEF", *scan->at) == NULL ||
                *scan->at == '\0')
                return refuse(scan, "\\u takes four hexadecimal digits");
        return true;
    }
    if (scan->at == scan->end || *scan->at == '\0' || strchr("\"\\/bfnrt", *scan->at) == NULL)
        return refuse(scan, "there is no such escape");
    scan->at++;
    return true;
}

static bool string(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end) {
        uint8_t byte = *scan->at;
        if (byte == '"') {
            scan->at++;
            return true;
        }
        if (byte < ' ')
            return refuse(scan, "control characters must be escaped");
        if (byte == '\\') {
            scan->at++;
            if (!escape(scan))
                return false;
            continue;
        }
        size_t size = byte < 0x80 ? 1 : utf8_character(scan->at, (size_t)(scan->end - scan->at));
        if (size == 0)
            return refuse(scan, "that is no UTF-8");
        scan->at += size;
    }
    return refuse(scan, "a string does not end");
}

static bool digits(struct scan *scan)
{
    if (!is_digit(scan))
        return refuse(scan, "a digit was expected");
    while (is_digit(scan))
        scan->at++;
    return true;
}

static bool number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !digits(scan))
        return false;
    if (take(scan, '.') && !digits(scan))
        return false;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    if (!take(scan, '+'))
        take(scan, '-');
    return digits(scan);
}

static bool word(struct scan *scan, const char *text)
{
    for (; *text != '\0'; text++)
        if (!take(scan, (uint8_t)*text))
            return refuse(scan, "the words are true, false and null");
    return true;
}

/* --- what may stand where --------------------------------------------------------------------- */

static bool value(struct scan *scan)
{
    if (scan->at == scan->end)
        return refuse(scan, "a value is missing");
    scan->want = WANT_MORE;
    switch (*scan->at) {
    case '{':
        return enter(scan, true);
    case '[':
        return enter(scan, false);
    case '"':
        return string(scan);
    case 't':
        return word(scan, "true");
    case 'f':
        return word(scan, "false");
    case 'n':
        return word(scan, "null");
    default:
        return *scan->at == '-' || is_digit(scan) ? number(scan)
                                                  : refuse(scan, "a value was expected");
    }
}

static bool name(struct scan *scan)
{
    if (scan->at == scan->end || *scan->at != '"')
        return refuse(scan, "a name in quotes was expected");
    if (!string(scan))
        return false;
    skip_blanks(scan);
    if (!take(scan, ':'))
        return refuse(scan, "a colon was expected");
    scan->want = WANT_VALUE;
    return true;
}

static bool more(struct scan *scan)
{
    bool object = is_in_object(scan);

    if (take(scan, ','))
        scan->want = object ? WANT_NAME : WANT_VALUE;
    else if (take(scan, object ? '}' : ']'))
        leave(scan);
    else
        return refuse(scan, object ? "a comma or } was expected" : "a comma or ] was expected");
    return true;
}

static bool step(struct scan *scan)
{
    switch (scan->want) {
    case WANT_FIRST_ITEM:
        if (take(scan, ']')) {
            leave(scan);
            return true;
        }
        return value(scan);
    case WANT_FIRST_NAME:
        if (take(scan, '}')) {
            leave(scan);
            return true;
        }
        return name(scan);
    case WANT_NAME:
        return name(scan);
    case WANT_MORE:
        return more(scan);
    case WANT_VALUE:
        break;
    }
    return value(scan);
}

bool json_check(const uint8_t *bytes, size_t size, struct json_fault *fault)
{
    struct scan scan = { .at = bytes, .end = bytes + size, .want = WANT_VALUE };
    bool fine;

    do {
        skip_blanks(&scan);
        fine = step(&scan);
    } while (fine && (scan.depth > 0 || scan.want != WANT_MORE));
    if (fine) {
        skip_blanks(&scan);
#ifndef MUTANT_JSON_OPEN_END
        fine = scan.at == scan.end || refuse(&scan, "the text ends before this");
#endif
    }
    if (!fine)
        *fault = (struct json_fault){ (size_t)(scan.at - bytes), scan.what };
    return fine;
}
