/* runtime/question.h - what a request asks of one partition whose log is open, as the part of a
 * scatter. Embedded in the entry of each such request; append and fetch, which gather and park,
 * have their own way.
 *
 * The asker owns the question and keeps it until scatter.done(); from scatter_ask() until then only
 * the loop of the part's shard touches it. Nothing here blocks or allocates. */
#ifndef RUNTIME_QUESTION_H
#define RUNTIME_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "server/runtime/partition.h"
#include "server/runtime/scatter.h"

struct question;

/* The log of `partition` is open. Fills in the answer and `question->outcome`. Returns true, or
 * false when the answer comes later: then question_answered() once. */
typedef bool question_answer(struct question *question, struct partition *partition);

struct question {
    struct list node;                   /* in its part */
    struct partition_key key;           /* set by the asker, as is the epoch */
    int32_t leader_epoch;               /* -1: not checked */
    struct outcome outcome;             /* OUTCOME_NONE, or why it is not asked */

    /* question.c's, from question_run() on */
    struct partition_wait wait;         /* while the log is opening */
    struct scatter_part *part;
    enum partition_access access;
    question_answer *answer;
};

/* On the asker's shard: join the scatter, unless the outcome is known already. */
void question_add(struct question *question, struct scatter *scatter);

/* For scatter.run, where the node of every entry is that of a question. Outcomes of partitions that
 * can not serve: those of partition_serving(), and CLOSED. */
void question_run(struct scatter_part *part, enum partition_access access,
                  question_answer *answer);

/* On the part's shard: the answer that was to come later is there. */
void question_answered(struct question *question);

#endif
