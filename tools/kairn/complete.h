/* complete.h - which words may come next, by the table of commands. Pure. */
#ifndef TOOLS_KAIRN_COMPLETE_H
#define TOOLS_KAIRN_COMPLETE_H

#include <stddef.h>

#include "tools/kairn/command.h"

/* What is to be written next. */
enum complete_kind {
    COMPLETE_WORD,                      /* one of those that were told, or nothing known */
    COMPLETE_TOPIC,
    COMPLETE_GROUP,
    COMPLETE_BROKER,
    COMPLETE_FILE
};

struct complete_line {
    const struct command *commands;
    size_t command_count;
    const char *const *words;           /* behind "kairn" */
    size_t word_count;                  /* at least 1: the last is being written, and may be "" */
};

/* Called with each word that the table knows, whether or not it begins like the last one. */
typedef void complete_tell(void *context, const char *word, size_t size);

enum complete_kind complete_line(const struct complete_line *line, complete_tell *tell,
                                 void *context);

/* Where in the last word that begins which is completed: behind the = of --name=. */
size_t complete_start(const char *word);

#endif
