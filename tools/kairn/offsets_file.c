#include "tools/kairn/offsets_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 4 };

/* Split in place at commas that stand outside of quotes; "" within quotes is one. Returns how many
 * fields there are, more than `max` or 0: it can not be split. */
static size_t split(char *line, char **fields, size_t max)
{
    size_t count = 0;
    char *to = line;

    for (char *from = line;; from++) {
        if (count == max)
            return max + 1;
        fields[count++] = to;
        bool quoted = *from == '"';
        for (from += quoted; quoted || (*from != ',' && *from != '\0'); *to++ = *from++) {
            if (*from == '\0')
                return 0;
            if (!quoted || *from != '"' || *++from == '"')
                continue;
            if (*from != ',' && *from != '\0')
                return 0;
            break;
        }
        bool last = *from == '\0';
        *to++ = '\0';
        if (last)
            return count;
    }
}

static bool read_number(const char *text, int64_t most, int64_t *out)
{
    size_t size = strlen(text);

    if (size == 0 || size > 18 || strspn(text, "0123456789") != size)
        return false;
    *out = strtoll(text, NULL, 10);
    return *out <= most;
}

/* NULL: it was taken, or is none of ours. */
static const char *take(struct offsets_file *file, char *line, const char *group)
{
    char *fields[FIELDS_MAX];
    int64_t partition, offset;
    size_t count = split(line, fields, FIELDS_MAX);

    if (count != 3 && count != 4)
        return "it is not topic,partition,offset or group,topic,partition,offset";
    char **of_topic = fields + (count - 3);
    if (of_topic[0][0] == '\0')
        return "it names no topic";
    if (!read_number(of_topic[1], INT32_MAX, &partition))
        return "its partition is no number";
    if (!read_number(of_topic[2], INT64_MAX, &offset))
        return "its offset is no number from 0 on";
    if (count == 4 && strcmp(fields[0], group) != 0)
        return NULL;
    for (size_t i = 0; i < file->count; i++)
        if (file->lines[i].partition == partition &&
            strcmp(file->lines[i].topic, of_topic[0]) == 0)
            return "its partition has been named before";
    struct offsets_line *grown =
        realloc(file->lines, (file->count + 1) * sizeof *file->lines);
    if (grown == NULL)
        return "out of memory";
    file->lines = grown;
    grown[file->count] = (struct offsets_line){ strdup(of_topic[0]), (int32_t)partition, offset };
    return grown[file->count++].topic == NULL ? "out of memory" : NULL;
}

size_t offsets_file_read(FILE *in, const char *group, struct offsets_file *out, const char **why)
{
    struct offsets_file file = { 0 };
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t size;

    *why = NULL;
    while (*why == NULL && (size = getline(&line, &capacity, in)) >= 0) {
        number++;
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            line[--size] = '\0';
        if (size > 0)
            *why = strlen(line) == (size_t)size ? take(&file, line, group)
                                                : "it has a zero byte in it";
    }
    free(line);
    if (*why == NULL && ferror(in)) {
        *why = "it can not be read";
        number++;
    }
    if (*why != NULL) {
        offsets_file_free(&file);
        return number;
    }
    *out = file;
    return 0;
}

void offsets_file_free(struct offsets_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->lines[i].topic);
    free(file->lines);
    *file = (struct offsets_file){ 0 };
}

void offsets_file_print(FILE *out, const char *topic, int32_t partition, int64_t offset)
{
    fprintf(out, "%s,%" PRId32 ",%" PRId64 "\n", topic, partition, offset);
}
