/* storage/checkpoint.c - parse Kafka's text checkpoints. */
#include "server/storage/checkpoint.h"

#include <string.h>

#include "common/error.h"

struct lines {
    const char *next, *end;
};

/* Cut the next line into words at single blanks. Returns their number, 0 at the end of the text,
 * or -1 when there are more than `limit`. An empty line is one empty word. */
static int next_words(struct lines *lines, struct checkpoint_field *words, int limit)
{
    if (lines->next == lines->end)
        return 0;
    const char *newline = memchr(lines->next, '\n', (size_t)(lines->end - lines->next));
    const char *end = newline == NULL ? lines->end : newline;
    const char *at = lines->next;
    int count = 0;

    for (;;) {
        if (count == limit)
            return -1;
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank == NULL ? end : blank;
        words[count++] = (struct checkpoint_field){ at, (size_t)(stop - at) };
        if (blank == NULL)
            break;
        at = blank + 1;
    }
    lines->next = newline == NULL ? end : newline + 1;
    return count;
}

bool checkpoint_number(struct checkpoint_field field, int64_t min, int64_t max, int64_t *out)
{
    bool negative = field.size > 0 && field.text[0] == '-';
    int64_t value = 0;

    if (field.size == (negative ? 1u : 0u))
        return false;
    for (size_t i = negative; i < field.size; i++) {
        char c = field.text[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, c - '0', &value))
            return false;
    }
    value = negative ? -value : value;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

int checkpoint_parse(const char *text, size_t size, size_t field_count,
                     int (*row)(void *context, const struct checkpoint_field *fields),
                     void *context)
{
    struct lines lines = { text, text + size };
    struct checkpoint_field words[CHECKPOINT_FIELDS];
    int64_t version, count;

    /* Every writer ends the last line: without that, the last number may be a part of it. */
    if (size == 0 || text[size - 1] != '\n')
        return K_CORRUPT;
    if (next_words(&lines, words, 1) != 1 || !checkpoint_number(words[0], 0, 0, &version) ||
        next_words(&lines, words, 1) != 1 || !checkpoint_number(words[0], 0, INT32_MAX, &count))
        return K_CORRUPT;
    while (count-- > 0) {
        if (next_words(&lines, words, (int)field_count) != (int)field_count)
            return K_CORRUPT;
        int error = row(context, words);
        if (error != 0)
            return error;
    }
    return lines.next == lines.end ? 0 : K_CORRUPT;
}
