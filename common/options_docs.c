/* options_docs.c - the table of options as people read it, on pages and in manuals. */
#include "common/options.h"

static void format_choices(const struct option *row, char *text, size_t size)
{
    size_t used = 0;

    for (const char *at = row->choices; *at != '\0' && used + 3 < size; at++) {
        if (*at == '|')
            text[used++] = ',';
        text[used++] = *at == '|' ? ' ' : *at;
    }
    text[used] = '\0';
}

void options_format_range(const struct option *row, char *text, size_t size)
{
    if (row->type == OPTION_BOOL)
        snprintf(text, size, "true, false");
    else if (row->type == OPTION_ENUM)
        format_choices(row, text, size);
    else if (row->type == OPTION_PAIRS)
        snprintf(text, size, "number:number,... or *");
    else if (!option_has_range(row))
        snprintf(text, size, "%s", "");
    else if (row->max >= OPTION_NO_MAX)
        snprintf(text, size, "at least %.15g", row->min);
    else
        snprintf(text, size, "%.15g to %.15g", row->min, row->max);
}

static const char *type_name(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL:
        return "boolean";
    case OPTION_INT:
        return "int";
    case OPTION_LONG:
        return "long";
    case OPTION_DOUBLE:
        return "double";
    case OPTION_STRING:
        return "string";
    case OPTION_ENUM:
        return "choice";
    case OPTION_PAIRS:
        return "list";
    }
    return "";
}

/* A bar would end the cell of a markdown table. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static const char *when_set(const struct option *row)
{
    return (row->flags & (OPTION_RUNTIME | OPTION_PER_TOPIC)) != 0 ? "while running" : "at start";
}

static bool is_per_topic(const struct option *row)
{
    return (row->flags & (OPTION_PER_TOPIC | OPTION_TOPIC_AT_START)) != 0;
}

static void print_row(const struct option *row, FILE *out)
{
    char range[256];

    fprintf(out, "| `%s`", row->name);
    if (row->alias != NULL)
        fprintf(out, " (or `%s`)", row->alias);
    fprintf(out, " | %s | ", type_name(row->type));
    print_cell(out, row->fallback != NULL ? row->fallback : "");
    options_format_range(row, range, sizeof range);
    fprintf(out, " | %s | %s%s | ", range, when_set(row), is_per_topic(row) ? ", per topic" : "");
    print_cell(out, row->text);
    if ((row->flags & OPTION_NO_EFFECT) != 0)
        fputs(" *Accepted, without effect.*", out);
    if ((row->flags & OPTION_NOT_YET) != 0)
        fputs(" *Not supported yet.*", out);
    fputs(" |\n", out);
}

void options_print_docs(const struct option_table *table, FILE *out)
{
    fputs("| Name | Type | Default | Values | Set | Meaning |\n"
          "|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < table->count; i++)
        print_row(&table->rows[i], out);
}

/* --- manuals ---------------------------------------------------------------------------------- */

/* Text of a paragraph, of which a backslash would be read as a command. */
static void print_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
    }
}

/* "(int, 1 to 10; default 5; set at start)" */
static void print_facts(const struct option *row, FILE *out)
{
    char range[256];

    options_format_range(row, range, sizeof range);
    fprintf(out, "\n(%s%s%s", type_name(row->type), range[0] != '\0' ? ", " : "", range);
    if (row->fallback != NULL && row->fallback[0] != '\0') {
        fputs("; default ", out);
        print_text(out, row->fallback);
    }
    fprintf(out, "; set %s%s)\n", when_set(row), is_per_topic(row) ? ", per topic" : "");
}

static void print_item(const struct option *row, FILE *out)
{
    fprintf(out, ".It Va %s", row->name);
    if (row->alias != NULL)
        fprintf(out, " , %s", row->alias);
    fputc('\n', out);
    print_text(out, row->text);
    if ((row->flags & OPTION_NO_EFFECT) != 0)
        fputs("\nAccepted, without effect.\n", out);
    else if ((row->flags & OPTION_NOT_YET) != 0)
        fputs("\nNot supported yet.\n", out);
    else
        print_facts(row, out);
}

void options_print_man(const struct option_table *table, FILE *out)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < table->count; i++)
        print_item(&table->rows[i], out);
    fputs(".El\n", out);
}
