/* table.h - rows for people: columns as wide as their widest cell, numbers to the right. */
#ifndef TOOLS_KAIRN_TABLE_H
#define TOOLS_KAIRN_TABLE_H

#include <stddef.h>

#include "tools/kairn/colour.h"

struct table;

/* `columns`: titles separated by blanks; a title that starts with '>' is aligned to the right.
 * Exits the process when out of memory, as all of these. */
struct table *table_new(const char *columns);

/* One cell after the other, row by row. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The colour of the cell that was added last, where there may be any. */
void table_colour(struct table *table, enum colour colour);

/* Print to standard output and free. */
void table_print(struct table *table);

#endif
