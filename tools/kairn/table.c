#include "tools/kairn/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16 };

struct cell {
    char *text;                 /* owned */
    enum colour colour;
};

struct table {
    struct cell *cells;         /* titles first */
    size_t count, capacity, columns;
    int right[COLUMNS_MAX];
};

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("kairn: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void add_text(struct table *table, const char *text)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity > 0 ? 2 * table->capacity : 64;
        table->cells = checked(realloc(table->cells, table->capacity * sizeof *table->cells));
    }
    table->cells[table->count++] = (struct cell){ .text = checked(strdup(text)) };
}

struct table *table_new(const char *columns)
{
    struct table *table = checked(calloc(1, sizeof *table));
    char *titles = checked(strdup(columns)), *rest = titles;

    for (char *title;
         table->columns < COLUMNS_MAX && (title = strtok_r(rest, " ", &rest)) != NULL;) {
        table->right[table->columns++] = title[0] == '>';
        add_text(table, title + (title[0] == '>'));
    }
    free(titles);
    return table;
}

void table_add(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    add_text(table, size < 0 ? checked(NULL) : text);
    free(text);
}

void table_colour(struct table *table, enum colour colour)
{
    table->cells[table->count - 1].colour = colour;
}

void table_print(struct table *table)
{
    int widths[COLUMNS_MAX] = { 0 };

    for (size_t i = 0; i < table->count; i++) {
        int width = (int)strlen(table->cells[i].text);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    /* Blanks are owed until something follows them: no line ends with any. */
    int owed = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        const struct cell *cell = &table->cells[i];
        int blanks = widths[column] - (int)strlen(cell->text);
        if (cell->text[0] != '\0')
            printf("%*s%s%s%s", owed + (table->right[column] ? blanks : 0), "",
                   colour_begin(cell->colour), cell->text, colour_end(cell->colour));
        owed = (cell->text[0] == '\0' ? owed + blanks : table->right[column] ? 0 : blanks) + 2;
        if (column + 1 == table->columns) {
            putchar('\n');
            owed = 0;
        }
        free(table->cells[i].text);
    }
    free(table->cells);
    free(table);
}
