/* json_text.h - a JSON text, written from its beginning to its end on one line.
 *
 * Who runs out of memory goes on in vain: json_text_end() says so. Names are ours and need no
 * escapes; texts are escaped, and what is no UTF-8 in them is replaced. */
#ifndef CLIENT_JSON_TEXT_H
#define CLIENT_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct json_text {
    struct buffer buffer;
    bool comma, failed;
};

void json_text_begin(struct json_text *json);

/* The text, terminated and owned by the caller, who frees it; NULL when out of memory. */
char *json_text_end(struct json_text *json);

/* `name` NULL: an element of an array, or the whole. `bracket` is '{' or '[', then '}' or ']'. */
void json_text_open(struct json_text *json, const char *name, char bracket);
void json_text_close(struct json_text *json, char bracket);
void json_text_number(struct json_text *json, const char *name, int64_t number);
void json_text_bool(struct json_text *json, const char *name, bool value);
void json_text_null(struct json_text *json, const char *name);
void json_text_string(struct json_text *json, const char *name, const char *text);  /* NULL: null */
void json_text_sized(struct json_text *json, const char *name, const char *text, size_t size);
void json_text_base64(struct json_text *json, const char *name, const uint8_t *bytes, size_t size);

#endif
