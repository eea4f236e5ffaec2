#include "client/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct klient_error {
    klient_code_t code;
    int32_t partition;
    int64_t skip_to;
    int detail;
    char *topic;                    /* owned; NULL: about no partition */
    char text[512];
};

static klient_error_t *error_new(int code)
{
    klient_error_t *error = calloc(1, sizeof *error);

    if (error == NULL)
        return NULL;
    error->code = (klient_code_t)code;
    error->partition = -1;
    error->skip_to = -1;
    return error;
}

klient_code_t fail(klient_error_t **out, int code, const char *format, ...)
{
    klient_error_t *error = out == NULL ? NULL : error_new(code);

    if (error != NULL && format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    } else if (error != NULL) {
        snprintf(error->text, sizeof error->text, "%s", k_error_text(code));
    }
    if (out != NULL)
        *out = error;
    return (klient_code_t)code;
}

klient_code_t fail_partition(klient_error_t **out, int code, const char *topic, int32_t partition,
                             int64_t skip_to, const char *text)
{
    if (text == NULL || text[0] == '\0')
        text = k_error_text(code);
    fail(out, code, "%s-%d: %s", topic, partition, text);
    if (out != NULL && *out != NULL) {
        (*out)->topic = strdup(topic);
        (*out)->partition = partition;
        (*out)->skip_to = skip_to;
    }
    return (klient_code_t)code;
}

void error_set_detail(klient_error_t *error, int detail)
{
    if (error != NULL)
        error->detail = detail;
}

const char *klient_version(void)
{
    return KAIRN_VERSION;
}

const char *klient_code_name(klient_code_t code)
{
    return k_error_name(code);
}

const char *klient_code_text(klient_code_t code)
{
    return k_error_text(code);
}

int klient_code_retriable(klient_code_t code)
{
    return k_error_retriable(code);
}

klient_code_t klient_error_code(const klient_error_t *error)
{
    return error == NULL ? KLIENT_OK : error->code;
}

const char *klient_error_text(const klient_error_t *error)
{
    return error == NULL ? k_error_text(K_OK) : error->text;
}

int klient_error_retriable(const klient_error_t *error)
{
    return error != NULL && k_error_retriable(error->code);
}

int klient_error_fatal(const klient_error_t *error)
{
    return error != NULL && k_error_fatal(error->code);
}

int klient_error_abort_transaction(const klient_error_t *error)
{
    (void)error;
    return 0;
}

const char *klient_error_topic(const klient_error_t *error)
{
    return error == NULL ? NULL : error->topic;
}

int32_t klient_error_partition(const klient_error_t *error)
{
    return error == NULL ? -1 : error->partition;
}

int64_t klient_error_skip_to(const klient_error_t *error)
{
    return error == NULL ? -1 : error->skip_to;
}

int klient_error_detail(const klient_error_t *error)
{
    return error == NULL ? 0 : error->detail;
}

void klient_error_free(klient_error_t *error)
{
    if (error == NULL)
        return;
    free(error->topic);
    free(error);
}
