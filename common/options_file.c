/* options_file.c - files in Java's properties form, line by line.
 *
 * A logical line is a natural line plus the ones it is continued on by a backslash at its end.
 * In it, a name ends at the first blank, = or : that is not escaped. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/options.h"

enum { LINE_MAX_SIZE = 64 * 1024 };     /* a logical line; longer ones are no configuration */

struct reader {
    FILE *file;
    const char *path;
    char *part;                 /* the last natural line; owned */
    size_t part_room;
    char *line;                 /* the logical line; owned, LINE_MAX_SIZE bytes */
    size_t size;                /* of `line`, without the zero at its end */
    unsigned part_number;       /* of the last natural line, from 1 */
    unsigned number;            /* of the first natural line of `line` */
};

static int fail(const struct reader *reader, int error, const char *what, struct k_reason *reason)
{
    return k_reason_set(reason, error, "%s:%u: %s", reader->path, reader->number, what);
}

static bool is_continued(const char *part, size_t size)
{
    size_t backslashes = 0;

    while (backslashes < size && part[size - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Add one natural line to the logical one; `*more` says whether another belongs to it. */
static int add_part(struct reader *reader, size_t size, bool *more, struct k_reason *reason)
{
    const char *part = reader->part;

    if (memchr(part, '\0', size) != NULL)
        return fail(reader, K_INVALID_CONFIG, "the line holds a zero byte", reason);
    while (size > 0 && (part[size - 1] == '\n' || part[size - 1] == '\r'))
        size--;
    for (; size > 0 && isspace((unsigned char)*part); size--)
        part++;
    /* A comment can not be continued, and looks like any text on a line that continues one. */
    bool comment = reader->size == 0 && (*part == '#' || *part == '!');
    *more = !comment && is_continued(part, size);
    if (comment)
        return 0;
    if (*more)
        size--;
    if (size >= LINE_MAX_SIZE - reader->size)
        return fail(reader, K_INVALID_CONFIG, "the line is too long", reason);
    memcpy(reader->line + reader->size, part, size);
    reader->size += size;
    reader->line[reader->size] = '\0';
    return 0;
}

/* The next logical line, empty for a comment; *end when there is none. */
static int read_line(struct reader *reader, bool *end, struct k_reason *reason)
{
    bool more = true;

    reader->size = 0;
    reader->line[0] = '\0';
    reader->number = reader->part_number + 1;
    *end = false;
    while (more) {
        errno = 0;
        ssize_t size = getline(&reader->part, &reader->part_room, reader->file);
        if (size < 0 && ferror(reader->file))
            return fail(reader, K_IO, strerror(errno), reason);
        if (size < 0 && errno == ENOMEM)
            return fail(reader, K_NOMEM, "out of memory", reason);
        if (size < 0) {
            *end = reader->part_number < reader->number;
            return 0;
        }
        reader->part_number++;
        int error = add_part(reader, (size_t)size, &more, reason);
        if (error != 0)
            return error;
    }
    return 0;
}

static bool read_code_point(const char *digits, unsigned *out)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)digits[i]))
            return false;
        int digit = tolower((unsigned char)digits[i]);
        value = value * 16 + (unsigned)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    *out = value;
    /* Zero would end our strings, and half a pair is no character. */
    return value != 0 && (value < 0xd800 || value > 0xdfff);
}

static char *put_utf8(char *at, unsigned code)
{
    if (code < 0x80) {
        *at++ = (char)code;
    } else if (code < 0x800) {
        *at++ = (char)(0xc0 | code >> 6);
        *at++ = (char)(0x80 | (code & 0x3f));
    } else {
        *at++ = (char)(0xe0 | code >> 12);
        *at++ = (char)(0x80 | (code >> 6 & 0x3f));
        *at++ = (char)(0x80 | (code & 0x3f));
    }
    return at;
}

/* Replace the escapes in `text`, in place: no escape is shorter than what it stands for. */
static bool unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        unsigned code;
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        switch (*from) {
        case '\0':
            from--;             /* a backslash at the end of the file escapes nothing */
            break;
        case 't':
            *to++ = '\t';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 'f':
            *to++ = '\f';
            break;
        case 'u':
            if (!read_code_point(from + 1, &code))
                return false;
            to = put_utf8(to, code);
            from += 4;
            break;
        default:
            *to++ = *from;
        }
    }
    *to = '\0';
    return true;
}

/* Cut the logical line into name and value; both point into it. */
static bool split(char *line, char **name, char **value)
{
    char *at = line;

    while (*at != '\0' && !isspace((unsigned char)*at) && *at != '=' && *at != ':')
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    char *end = at;
    while (isspace((unsigned char)*at))
        at++;
    if (*at == '=' || *at == ':')
        at++;
    while (isspace((unsigned char)*at))
        at++;
    *name = line;
    *value = at;
    /* The name's end may be the value's start only when both are the end of the line. */
    *end = '\0';
    return unescape(*name) && unescape(*value);
}

static int hand_on(struct reader *reader, option_line *line, void *context,
                   struct k_reason *reason)
{
    struct k_reason cause = { "" };
    char *name, *value;

    if (reader->size == 0)
        return 0;
    if (!split(reader->line, &name, &value))
        return fail(reader, K_INVALID_CONFIG,
                    "\\u must be followed by the four hexadecimal digits of a character", reason);
    int error = line(context, name, value, &cause);
    return error != 0 ? fail(reader, error, cause.text, reason) : 0;
}

int options_read_lines(const char *path, option_line *line, void *context,
                       struct k_reason *reason)
{
    struct reader reader = { .path = path };
    bool end = false;
    int error = 0;

    reader.file = fopen(path, "re");
    if (reader.file == NULL)
        return k_reason_set(reason, K_IO, "can not open %s: %s", path, strerror(errno));
    reader.line = malloc(LINE_MAX_SIZE);
    if (reader.line == NULL)
        error = k_reason_set(reason, K_NOMEM, "%s: out of memory", path);

    while (error == 0 && !end) {
        error = read_line(&reader, &end, reason);
        if (error == 0 && !end)
            error = hand_on(&reader, line, context, reason);
    }
    free(reader.line);
    free(reader.part);
    fclose(reader.file);
    return error;
}

struct target {
    const struct option_table *table;
    void *values;
    uint8_t *sources;
};

static int set_line(void *context, const char *name, const char *value, struct k_reason *reason)
{
    const struct target *target = context;

    return options_set(target->table, target->values, target->sources, OPTION_FROM_FILE, name,
                       value, reason);
}

int options_read_file(const struct option_table *table, void *values, uint8_t *sources,
                      const char *path, struct k_reason *reason)
{
    struct target target = { table, values, sources };

    return options_read_lines(path, set_line, &target, reason);
}
