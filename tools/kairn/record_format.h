/* record_format.h - how kairn consume prints a record. */
#ifndef TOOLS_KAIRN_RECORD_FORMAT_H
#define TOOLS_KAIRN_RECORD_FORMAT_H

#include <stdio.h>

#include "client/klient.h"

struct record_format;

/* Parse a format once. NULL: *why says what is wrong with it. */
struct record_format *record_format_parse(const char *text, const char **why);

/* One JSON object a line. NULL when out of memory. */
struct record_format *record_format_json(void);

void record_format_print(const struct record_format *format, const klient_record_t *record,
                         FILE *out);
void record_format_free(struct record_format *format);      /* NULL is allowed */

#endif
