#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct k_error_row rows[] = {
#define X(name, code, flags, text) { code, flags, #name, text },
    K_ERROR_TABLE(X)
#undef X
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

const struct k_error_row *k_error_rows(size_t *count)
{
    *count = ROW_COUNT;
    return rows;
}

const struct k_error_row *k_error_row(int code)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].code == code)
            return &rows[i];
    return k_error_row(K_UNKNOWN_SERVER_ERROR);
}

const char *k_error_name(int code) { return k_error_row(code)->name; }
const char *k_error_text(int code) { return k_error_row(code)->text; }
bool k_error_retriable(int code) { return (k_error_row(code)->flags & K_RETRIABLE) != 0; }
bool k_error_stale(int code) { return (k_error_row(code)->flags & K_STALE) == K_STALE; }
bool k_error_fatal(int code) { return (k_error_row(code)->flags & K_FATAL) != 0; }

int k_error_from_errno(int system_error)
{
    switch (system_error) {
    case ENOSPC:
    case EDQUOT:
        return K_DISK_FULL;
    case ENOMEM:
        return K_NOMEM;
    default:
        return K_IO;
    }
}

int k_reason_set(struct k_reason *reason, int code, const char *format, ...)
{
    if (reason != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reason->text, sizeof reason->text, format, arguments);
        va_end(arguments);
    }
    return code;
}
