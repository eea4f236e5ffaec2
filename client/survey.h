/* survey.h - something is asked about many partitions at once, for an application thread.
 *
 *   struct survey *survey = survey_new(klient, partitions, count, sizeof(struct mine), start,
 *                                      deadline_ms);
 *   ... fill in what is asked in survey_row(survey, i), which begins with a struct answer ...
 *   survey_call(survey, make, call);    // see call.h; make() reads the rows
 *
 * The application thread's until its task is started and again once that is done, the loop's
 * meanwhile. A caller that gives up touches nothing of it any more. */
#ifndef CLIENT_SURVEY_H
#define CLIENT_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/call.h"
#include "client/klient.h"
#include "client/task.h"
#include "common/arena.h"

struct survey;

struct answer {
    struct survey *survey;
    const char *topic;
    int32_t partition;
    int code;                           /* outcome: 0 or an error */
    const char *text;                   /* why it failed, for people; NULL: no more than the code */
};

struct survey {
    struct task task;
    struct klient *klient;              /* borrowed */
    struct arena arena;                 /* of everything that goes with the survey */
    int64_t deadline_ms;                /* of mono time; to be kept by what is started */
    size_t count, left;
    size_t row_size;
    char *rows;
    void (*start)(struct answer *answer);
    void *context;                      /* the asker's */
};

/* `count` rows of `row_size` bytes, which are 0 after their answer. `start` runs on the loop for
 * each of them; then or later survey_answered() ends it, exactly once. NULL when out of memory. */
struct survey *survey_new(struct klient *klient, const klient_topic_partition_t *partitions,
                          size_t count, size_t row_size, void (*start)(struct answer *answer),
                          int64_t deadline_ms);

/* Of one that has no rows yet, whose task's `run` is the asker's: the rows, and then start them.
 * False: out of memory. On the loop. */
bool survey_fill(struct survey *survey, const klient_topic_partition_t *partitions, size_t count);
void survey_begin(struct survey *survey);

/* The call that it is for. */
void survey_call(struct survey *survey, product_maker make, struct call *out);

/* That a task belongs to. */
struct survey *survey_of(struct task *task);

/* Keep it for longer than its call: one more task_unref() frees it. */
void survey_ref(struct survey *survey);

/* The row at `index`, below count. */
static inline void *survey_row(const struct survey *survey, size_t index)
{
    return survey->rows + index * survey->row_size;
}

/* On the loop: what became of it. `text` (may be NULL) is copied. The last one ends the task: the
 * survey may be gone afterwards. */
void survey_answered(struct answer *answer, int code, const char *text);

#endif
