/* admin_results.c - one outcome per item of a call (klient_results_t). */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/error.h"
#include "common/error.h"

int admin_judge(Kairn__TopicResult *const *rows, size_t count)
{
    int code = 0;

    for (size_t i = 0; i < count; i++) {
        code = head_error_code(rows[i]->error);
        if (code != K_NOT_CONTROLLER && code != K_BROKER_NOT_AVAILABLE)
            return 0;
    }
    return code;
}

static klient_code_t first_failure(Kairn__TopicResult *const *rows, size_t count,
                                   const int32_t *numbers, klient_error_t **error)
{
    for (size_t i = 0; i < count; i++) {
        const Kairn__Error *why = rows[i]->error;
        if (head_error_code(why) == 0)
            continue;
        const char *text = why->message[0] != '\0' ? why->message : k_error_text(why->code);
        return numbers == NULL ? fail(error, why->code, "%s: %s", rows[i]->name, text)
                               : fail(error, why->code, "%s-%d: %s", rows[i]->name,
                                      (int)numbers[i], text);
    }
    return KLIENT_OK;
}

klient_code_t admin_take_partitions(Kairn__ResponseHead *head, Kairn__TopicResult **rows,
                                    size_t count, size_t expected, void *made,
                                    const int32_t *numbers, struct product *out,
                                    klient_error_t **error)
{
    if (count != expected) {
        kairn__response_head__free_unpacked(head, NULL);
        free(made);
        return fail(error, K_MALFORMED, NULL);
    }
    klient_code_t code = first_failure(rows, count, numbers, error);
    klient_results_t *results = calloc(1, sizeof *results);
    if (results == NULL) {
        kairn__response_head__free_unpacked(head, NULL);
        free(made);
    } else {
        *results = (klient_results_t){ .head = head, .rows = rows, .count = count, .made = made,
                                       .numbers = numbers };
        *out = (struct product){ PRODUCT_RESULTS, results };
    }
    return code;
}

klient_code_t admin_take(Kairn__ResponseHead *head, Kairn__TopicResult **rows, size_t count,
                         size_t expected, void *made, struct product *out,
                         klient_error_t **error)
{
    return admin_take_partitions(head, rows, count, expected, made, NULL, out, error);
}

static Kairn__TopicResult *result_of(struct arena *arena, const struct answer *answer)
{
    Kairn__TopicResult *result = arena_alloc(arena, sizeof *result);
    Kairn__Error *why = arena_alloc(arena, sizeof *why);

    if (result == NULL || why == NULL)
        return NULL;
    kairn__topic_result__init(result);
    kairn__error__init(why);
    why->code = answer->code;
    if (answer->text != NULL)
        why->message = (char *)answer->text;
    result->name = (char *)answer->topic;
    result->error = why;
    return result;
}

klient_code_t admin_take_survey(struct survey *survey, struct product *out,
                                klient_error_t **error)
{
    return admin_take_answers(survey, survey->rows, survey->row_size, survey->count, out, error);
}

klient_code_t admin_take_answers(struct survey *survey, const void *answers, size_t size,
                                 size_t count, struct product *out, klient_error_t **error)
{
    Kairn__TopicResult **rows = arena_calloc(&survey->arena, count + 1, sizeof *rows);

    for (size_t i = 0; rows != NULL && i < count; i++) {
        rows[i] = result_of(&survey->arena,
                            (const struct answer *)((const char *)answers + i * size));
        if (rows[i] == NULL)
            rows = NULL;
    }
    if (rows == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t code = admin_take(NULL, rows, count, count, NULL, out, error);
    if (out->object != NULL) {
        ((klient_results_t *)out->object)->survey = survey;
        survey_ref(survey);
    }
    return code;
}

klient_code_t admin_wait_results(struct call *call, klient_results_t **results,
                                 klient_error_t **error)
{
    void *made;
    klient_code_t code = call_wait(call, &made, error);

    if (results == NULL)
        klient_results_free(made);
    else if (made != NULL)
        *results = made;
    return code;
}

void admin_tell_codes(klient_results_t *results, klient_code_t *codes)
{
    for (size_t i = 0; codes != NULL && results != NULL && i < results->count; i++)
        codes[i] = klient_results_code(results, i);
    klient_results_free(results);
}

size_t klient_results_count(const klient_results_t *results)
{
    return results->count;
}

const char *klient_results_name(const klient_results_t *results, size_t index)
{
    return index < results->count ? results->rows[index]->name : NULL;
}

klient_code_t klient_results_code(const klient_results_t *results, size_t index)
{
    return index < results->count ? (klient_code_t)head_error_code(results->rows[index]->error)
                                  : KLIENT_INVALID_ARGUMENT;
}

const char *klient_results_text(const klient_results_t *results, size_t index)
{
    klient_code_t code = klient_results_code(results, index);

    if (code == KLIENT_OK || index >= results->count)
        return k_error_text(code);
    const char *message = results->rows[index]->error->message;
    return message[0] != '\0' ? message : k_error_text(code);
}

int32_t klient_results_partition(const klient_results_t *results, size_t index)
{
    return index < results->count && results->numbers != NULL ? results->numbers[index] : -1;
}

int32_t klient_results_partitions(const klient_results_t *results, size_t index)
{
    return index < results->count ? (int32_t)results->rows[index]->partitions : -1;
}

int32_t klient_results_replication_factor(const klient_results_t *results, size_t index)
{
    return index < results->count ? (int32_t)results->rows[index]->replication_factor : -1;
}

void klient_results_free(klient_results_t *results)
{
    if (results == NULL)
        return;
    kairn__response_head__free_unpacked(results->head, NULL);
    free(results->made);
    if (results->survey != NULL)
        task_unref(&results->survey->task);
    free(results);
}
