/* json.h - JSON for programs, through jansson. */
#ifndef TOOLS_KAIRN_JSON_H
#define TOOLS_KAIRN_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Print on one line of standard output, and give the value back. Ends the process when out of
 * memory (value NULL). */
void json_line(json_t *value);
void json_line_to(FILE *out, json_t *value);

/* Set `name` to the bytes as text, or `name`_base64 when they are no UTF-8; null for NULL bytes. */
void json_set_bytes(json_t *object, const char *name, const void *bytes, size_t size);

json_t *json_ids(const int32_t *ids, size_t count);

#endif
