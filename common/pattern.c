#include "common/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

/* A name has at most 249 characters: an honest expression needs a fraction of this. */
enum {
    LENGTH_MAX = 4096,              /* of the expression */
    NESTING_MAX = 100,
    STEPS_MAX = 100000,             /* calls of the matcher's inner function */
    DEPTH_MAX = 1000,
    HEAP_KIB_MAX = 1024
};

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static int compile(struct pattern *pattern, const char *text, struct k_reason *reason)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    PCRE2_SIZE place = 0;
    int error = 0;

    if (context == NULL)
        return K_NOMEM;
    pcre2_set_max_pattern_length(context, LENGTH_MAX);
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                  PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                                      PCRE2_NEVER_BACKSLASH_C,
                                  &error, &place, context);
    pcre2_compile_context_free(context);
    if (pattern->code != NULL)
        return 0;
    if (error == PCRE2_ERROR_HEAP_FAILED)
        return K_NOMEM;
    PCRE2_UCHAR message[160] = "";
    pcre2_get_error_message(error, message, sizeof message);
    return k_reason_set(reason, K_INVALID_REGULAR_EXPRESSION, "%s, at character %zu",
                        (const char *)message, (size_t)place + 1);
}

int pattern_new(const char *text, struct pattern **out, struct k_reason *reason)
{
    struct pattern *pattern = calloc(1, sizeof *pattern);
    int code = K_NOMEM;

    if (pattern == NULL)
        return code;
    code = compile(pattern, text, reason);
    if (code != 0)
        goto free_pattern;
    code = K_NOMEM;
    pattern->match = pcre2_match_data_create(1, NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (pattern->match == NULL || pattern->limits == NULL)
        goto free_pattern;
    pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_KIB_MAX);
    *out = pattern;
    return 0;

free_pattern:
    pattern_free(pattern);
    return code;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern);
}

int pattern_matches(struct pattern *pattern, const char *name, bool *out)
{
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0, pattern->match,
                            pattern->limits);

    if (found == PCRE2_ERROR_NOMEMORY)
        return K_NOMEM;
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        return K_INVALID_REGULAR_EXPRESSION;
    *out = found >= 0;
    return 0;
}
