#include "server/api/logs.h"

#include "common/error.h"
#include "server/api/key.h"
#include "server/api/request.h"

static void gathered(struct scatter *scatter)
{
    struct logs_question *question = LIST_OWNER(scatter, struct logs_question, scatter);

    question->answer(question);
}

void logs_ask(struct request *request, Kairn__LogPartition *const *partitions, size_t count,
              bool compact, enum operation operation,
              void (*answer)(struct logs_question *question))
{
    struct logs_question *question = arena_calloc(&request->arena, 1, sizeof *question);
    struct logs_entry *entries = arena_calloc(&request->arena, count + 1, sizeof *entries);

    if (question == NULL || entries == NULL ||
        scatter_init(&question->scatter, request->shard, &request->arena) != 0) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    question->request = request;
    question->count = count;
    question->entries = entries;
    question->answer = answer;
    for (size_t i = 0; i < count; i++) {
        entries[i].compact = compact;
        key_question(partitions[i]->topic_id, partitions[i]->partition, request->principal,
                     operation, &entries[i].question);
        question_add(&entries[i].question, &question->scatter);
    }
    question->scatter.run = logs_run;
    question->scatter.done = gathered;
    scatter_ask(&question->scatter);
}
