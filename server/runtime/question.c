#include "server/runtime/question.h"

#include "common/error.h"
#include "server/runtime/shard_state.h"

void question_add(struct question *question, struct scatter *scatter)
{
    if (question->outcome.code == 0)
        scatter_add(scatter, &question->key.topic_id, question->key.index, &question->node);
}

static void release(struct scatter_part *part)
{
    if (--part->left == 0)
        scatter_part_done(part);
}

void question_answered(struct question *question)
{
    release(question->part);
}

static void put(struct question *question)
{
    struct shard *shard = question->part->shard;
    struct partition *partition = partition_serving(shard, &question->key, question->leader_epoch,
                                                    question->access, &question->outcome);

    if (partition != NULL && shard->closed) {
        question->outcome.code = K_CLOSED;
    } else if (partition != NULL && partition->state == PARTITION_OPENING) {
        list_append(&partition->waiting, &question->wait.node);
        return;
    } else if (partition != NULL && !question->answer(question, partition)) {
        return;
    }
    question_answered(question);
}

static void put_again(struct partition_wait *wait)
{
    put(LIST_OWNER(wait, struct question, wait));
}

void question_run(struct scatter_part *part, enum partition_access access,
                  question_answer *answer)
{
    part->left++;                       /* see append_run() */
    LIST_EACH_SAFE(&part->entries, node, after) {
        struct question *question = LIST_OWNER(node, struct question, node);
        question->part = part;
        question->access = access;
        question->answer = answer;
        question->wait.run = put_again;
        list_init(&question->wait.node);
        put(question);
    }
    release(part);
}
