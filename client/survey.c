#include "client/survey.h"

#include <stdlib.h>

#include "common/list.h"

static void run(struct task *task)
{
    struct survey *survey = LIST_OWNER(task, struct survey, task);
    size_t count = survey->count;

    /* The last to be answered frees it, maybe during the last start. */
    for (size_t i = 0; i < count; i++)
        survey->start(survey_row(survey, i));
}

static void dispose(struct task *task)
{
    struct survey *survey = LIST_OWNER(task, struct survey, task);

    arena_fini(&survey->arena);
    free(survey);
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
    survey->count = survey->left = count;
    survey->row_size = row_size;
    survey->start = start;
    survey->rows = arena_calloc(&survey->arena, count, row_size);
    bool copied = survey->rows != NULL;
    for (size_t i = 0; copied && i < count; i++) {
        struct answer *answer = survey_row(survey, i);
        answer->survey = survey;
        answer->topic = arena_strdup(&survey->arena, partitions[i].topic);
        answer->partition = partitions[i].partition;
        copied = answer->topic != NULL;
    }
    if (copied)
        return survey;
    task_unref(&survey->task);
    return NULL;
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
