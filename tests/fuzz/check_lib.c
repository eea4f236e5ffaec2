/* check_lib.c - the two functions behind Check's assertions, for programs that use helpers of our
 * tests and are no tests of Check: a broken one ends the process, as a fuzzer wants it. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void _mark_point(const char *file, int line)
{
    (void)file;
    (void)line;
}

void _ck_assert_failed(const char *file, int line, const char *expression, const char *message, ...)
{
    va_list values;

    fprintf(stderr, "%s:%d: %s", file, line, expression);
    if (message != NULL) {
        fputs(": ", stderr);
        va_start(values, message);
        vfprintf(stderr, message, values);
        va_end(values);
    }
    fputc('\n', stderr);
    abort();
}
