#include "client/survey.h"

#include <stdlib.h>

#include "common/list.h"

struct survey *survey_of(struct task *task)
{
    return LIST_OWNER(task, struct survey, task);
}

void survey_ref(struct survey *survey)
{
    atomic_fetch_add(&survey->task.references, 1);
}

void survey_begin(struct survey *survey)
{
    size_t count = survey->count;

    if (count == 0)
        task_done(&survey->task, 0);
    /* The last to be answered frees it, maybe during the last start. */
    for (size_t i = 0; i < count; i++)
        survey->start(survey_row(survey, i));
}

static void run(struct task *task)
{
    survey_begin(survey_of(task));
}

static void dispose(struct task *task)
{
    struct survey *survey = survey_of(task);

    arena_fini(&survey->arena);
    free(survey);
}

bool survey_fill(struct survey *survey, const klient_topic_partition_t *partitions, size_t count)
{
    survey->rows = arena_calloc(&survey->arena, count + 1, survey->row_size);
    bool copied = survey->rows != NULL;
    for (size_t i = 0; copied && i < count; i++) {
        struct answer *answer = survey_row(survey, i);
        answer->survey = survey;
        answer->topic = arena_strdup(&survey->arena, partitions[i].topic);
        answer->partition = partitions[i].partition;
        copied = answer->topic != NULL;
    }
    survey->count = survey->left = copied ? count : 0;
    return copied;
}

struct survey *survey_new(struct klient *klient, const klient_topic_partition_t *partitions,
                          size_t count, size_t row_size, void (*start)(struct answer *answer),
                          int64_t deadline_ms)
{
    struct survey *survey = calloc(1, sizeof *survey);

    if (survey == NULL)
        return NULL;
    task_init(&survey->task, run, dispose);
    arena_init(&survey->arena, NULL, 0, SIZE_MAX);
    survey->klient = klient;
    survey->deadline_ms = deadline_ms;
    survey->row_size = row_size;
    survey->start = start;
    if (survey_fill(survey, partitions, count))
        return survey;
    task_unref(&survey->task);
    return NULL;
}

void survey_call(struct survey *survey, product_maker make, struct call *out)
{
    call_init(out, &survey->task, survey->klient, survey->deadline_ms, make);
}

void survey_answered(struct answer *answer, int code, const char *text)
{
    struct survey *survey = answer->survey;

    answer->code = code;
    if (code != 0 && text != NULL && text[0] != '\0')
        answer->text = arena_strdup(&survey->arena, text);
    if (--survey->left == 0)
        task_done(&survey->task, 0);
}
