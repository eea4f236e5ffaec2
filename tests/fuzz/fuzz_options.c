/* A configuration file holds what the fuzzer likes: it is accepted or refused with a reason, and
 * what was accepted is printed as something that is accepted again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "common/quantity.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

struct values {
    bool bool_;
    int32_t int_, enum_;
    int64_t long_, time, size;
    double double_;
    char *string;
};

static const struct option rows[] = {
    { "a.bool", OPTION_BOOL, offsetof(struct values, bool_), "false", 0, 0, NULL, 0, "", NULL },
    { "an.int", OPTION_INT, offsetof(struct values, int_), "7", -5, 100, NULL, 0, "", "number" },
    { "a.long", OPTION_LONG, offsetof(struct values, long_), "0", 0, 0, NULL, 0, "", NULL },
    { "a.double", OPTION_DOUBLE, offsetof(struct values, double_), "0.5", 0, 1, NULL, 0, "", NULL },
    { "a.string", OPTION_STRING, offsetof(struct values, string), NULL, 0, 0, NULL, 0, "", NULL },
    { "an.enum", OPTION_ENUM, offsetof(struct values, enum_), "x", 0, 0, "x|y|zed", 0, "", NULL },
    { "a.time.ms", OPTION_LONG, offsetof(struct values, time), "0", -1, OPTION_NO_MAX, NULL, 0, "",
      NULL },
    { "a.size.bytes", OPTION_LONG, offsetof(struct values, size), "0", 0, 0, NULL, 0, "", NULL },
    { "not.yet", OPTION_INT, 0, NULL, 0, 0, NULL, OPTION_NOT_YET, "", NULL },
    { "no.effect", OPTION_INT, 0, NULL, 0, 0, NULL, OPTION_NO_EFFECT, "", NULL },
};
static const struct option_table table = { rows, sizeof rows / sizeof *rows };

enum { TEXT_SIZE = 128 };

static void check_printed(const struct values *values)
{
    struct k_reason reason;
    for (size_t i = 0; i < table.count; i++) {
        char text[TEXT_SIZE];
        if ((rows[i].flags & (OPTION_NOT_YET | OPTION_NO_EFFECT)) != 0)
            continue;
        options_format(&rows[i], values, text, sizeof text);
        if (options_check(&table, rows[i].name, text, &reason) != 0)
            abort();
    }
}

/* What people are shown of a number means that number. */
static void check_shown(const char *name, int64_t number)
{
    enum quantity_unit unit = quantity_unit_of(name);
    char text[32];
    int64_t again;
    quantity_text(unit, number, text, sizeof text);
    if (text[0] != '\0' && !quantity_is_endless(text, strlen(text)) &&
        (!quantity_read(unit, text, strlen(text), &again) || again != number))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct k_reason reason = { "" };
    struct values values;
    uint8_t sources[sizeof rows / sizeof *rows];

    if (options_defaults(&table, &values, sources) != 0)
        abort();

    int error = options_read_file(&table, &values, sources, memory_file_with(data, size), &reason);
    if (error != 0 && reason.text[0] == '\0')
        abort();
    check_printed(&values);
    check_shown("a.time.ms", values.time);
    check_shown("a.size.bytes", values.size);

    options_fini(&table, &values);
    return 0;
}
