/* record_input.h - records from lines of JSON, as kairn consume --json prints them. No clock, no
 * I/O. */
#ifndef TOOLS_KAIRN_RECORD_INPUT_H
#define TOOLS_KAIRN_RECORD_INPUT_H

#include <jansson.h>

#include "client/klient.h"
#include "common/arena.h"

struct record_input {
    json_t *line;                       /* the last one; owned */
    struct arena arena;                 /* what was made of it */
    const klient_header_t *common;      /* headers of every record, behind its own; borrowed */
    size_t common_count;
    char why[160];
};

void record_input_init(struct record_input *input, const klient_header_t *common,
                       size_t common_count);
void record_input_fini(struct record_input *input);

/* Set key, value, headers, and where the line has them, partition and timestamp of *record. They
 * live until the next call. NULL: done. Else what is wrong with the line, for people, until the
 * next call. */
const char *record_input_read(struct record_input *input, const char *line, size_t size,
                              klient_record_t *record);

#endif
