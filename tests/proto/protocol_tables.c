/* protocol_tables.c - keeps the tables in docs/protocol.md equal to those in the code.
 *
 *   protocol_tables            fails, and says where, when the document differs
 *   protocol_tables --update   writes the document anew */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/error.h"
#include "proto/api_table.h"

#define BEGIN "<!-- table %s: written by tests/proto/protocol_tables --update -->\n"
#define END "<!-- end of table -->\n"

static void append(struct buffer *out, const char *text)
{
    if (buffer_copy(out, text, strlen(text)) != 0)
        abort();
}

static void print_apis(struct buffer *out)
{
    size_t count;
    const struct api_row *rows = api_rows(&count);

    append(out, "| body | request | versions |\n|---:|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        char line[256];
        snprintf(line, sizeof line, "| %u | %s | %u to %u |\n", rows[i].body, rows[i].name,
                 rows[i].lowest, rows[i].highest);
        append(out, line);
    }
}

static const char *advice(unsigned flags)
{
    if ((flags & K_FATAL) != 0)
        return "never";
    if ((flags & K_STALE) == K_STALE)
        return "after new metadata";
    return (flags & K_RETRIABLE) != 0 ? "yes" : "no";
}

static void print_errors(struct buffer *out)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);

    append(out, "| code | name | again? | meaning |\n|---:|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        char line[512];
        snprintf(line, sizeof line, "| %d | %s | %s | %s |\n", rows[i].code, rows[i].name,
                 advice(rows[i].flags), rows[i].text);
        append(out, line);
    }
}

static const struct { const char *name; void (*print)(struct buffer *out); } tables[] = {
    { "requests", print_apis }, { "errors", print_errors },
};

static void read_document(struct buffer *out)
{
    FILE *file = fopen(DOCUMENT, "r");
    if (file == NULL) {
        perror(DOCUMENT);
        exit(EXIT_FAILURE);
    }
    int byte;
    while ((byte = fgetc(file)) != EOF)
        append(out, (char[]){ (char)byte, '\0' });
    fclose(file);
    if (buffer_copy(out, "", 1) != 0)               /* a terminating zero */
        abort();
}

/* `document` with every table written anew. False when a table has no place in it. */
static bool renew(const char *document, struct buffer *out)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char begin[128];
        snprintf(begin, sizeof begin, BEGIN, tables[i].name);
        const char *start = strstr(document, begin);
        const char *end = start != NULL ? strstr(start, END) : NULL;
        if (end == NULL) {
            fprintf(stderr, "%s: no place for table %s, marked by\n%s%s", DOCUMENT, tables[i].name,
                    begin, END);
            return false;
        }
        if (buffer_copy(out, document, (size_t)(start - document)) != 0)
            abort();
        append(out, begin);
        tables[i].print(out);
        document = end;
    }
    append(out, document);
    return true;
}

static int write_document(const struct buffer *document)
{
    FILE *file = fopen(DOCUMENT, "w");
    if (file == NULL || fwrite(document->bytes, 1, document->size, file) != document->size ||
        fclose(file) != 0) {
        perror(DOCUMENT);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct buffer old, new;
    int status = EXIT_FAILURE;

    buffer_init(&old);
    buffer_init(&new);
    read_document(&old);
    if (!renew((const char *)old.bytes, &new))
        goto free_both;

    if (argc > 1 && strcmp(argv[1], "--update") == 0) {
        status = write_document(&new);
    } else if (new.size == old.size - 1 && memcmp(new.bytes, old.bytes, new.size) == 0) {
        status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "%s: a table differs from the code; run %s --update\n", DOCUMENT, argv[0]);
    }

free_both:
    buffer_fini(&old);
    buffer_fini(&new);
    return status;
}
