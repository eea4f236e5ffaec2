/* offsets_file.h - offsets of partitions as lines of text, as kafka-consumer-groups writes and
 * reads them: topic,partition,offset or group,topic,partition,offset. Pure. */
#ifndef TOOLS_KAIRN_OFFSETS_FILE_H
#define TOOLS_KAIRN_OFFSETS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct offsets_line {
    char *topic;                    /* owned */
    int32_t partition;
    int64_t offset;
};

struct offsets_file {
    struct offsets_line *lines;
    size_t count;
};

/* Read all of `in`; of lines that name a group only those of `group`. Empty lines are left out.
 * Returns 0 and *out, to be freed; or the number of the line that is wrong, with *why, a constant.
 * A line that can not be kept for lack of memory is wrong, too. */
size_t offsets_file_read(FILE *in, const char *group, struct offsets_file *out, const char **why);
void offsets_file_free(struct offsets_file *file);

/* One line. Names of topics need no quotes. */
void offsets_file_print(FILE *out, const char *topic, int32_t partition, int64_t offset);

#endif
