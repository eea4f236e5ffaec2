/* consumer_commit.c - the application's side of committed offsets. */
#include <string.h>

#include "client/commits.h"
#include "client/committed.h"
#include "client/config.h"
#include "client/consumer.h"
#include "client/error.h"
#include "client/failures.h"
#include "client/group.h"
#include "client/offsets.h"
#include "client/survey.h"
#include "common/error.h"

void klient_offset_init(klient_offset_t *offset)
{
    *offset = (klient_offset_t){ .size = sizeof *offset, .offset = -1, .leader_epoch = -1 };
}

/* --- making a commit -------------------------------------------------------------------------- */

static void note_asked(struct klient_consumer *consumer, struct assigned *assigned, int64_t offset)
{
    spin_lock(&consumer->spin);
    progress_asked(&assigned->progress, offset);
    spin_unlock(&consumer->spin);
}

/* What is to be committed of a partition when the call names no offset; -1: nothing yet. */
static int64_t reached(struct klient_consumer *consumer, const struct assigned *assigned,
                       int32_t *epoch)
{
    bool returned = consumer->config->values.auto_offset_store;

    spin_lock(&consumer->spin);
    int64_t offset = returned ? assigned->position : assigned->progress.done;
    *epoch = returned ? assigned->position_epoch : assigned->progress.epoch;
    offset = progress_bounded(&assigned->progress, offset, epoch);
    spin_unlock(&consumer->spin);
    return offset;
}

static int set_all(struct klient_consumer *consumer, struct commit *commit)
{
    int code = 0;

    consumer_collect(consumer);     /* positions that were found meanwhile */
    commit->count = 0;
    for (size_t i = 0; code == 0 && i < consumer->assigned_count; i++) {
        struct assigned *assigned = consumer->assigned[i];
        klient_offset_t row = { .topic = assigned->topic, .partition = assigned->partition };
        row.offset = reached(consumer, assigned, &row.leader_epoch);
        if (row.offset < 0)
            continue;
        code = commit_set(commit, commit->count++, &row);
        note_asked(consumer, assigned, row.offset);
    }
    return code;
}

static int check_offset(struct klient_consumer *consumer, const klient_offset_t *offset)
{
    if (offset == NULL || offset->size < sizeof *offset || check_topic(offset->topic) != 0 ||
        offset->partition < 0 || offset->offset < 0)
        return K_INVALID_ARGUMENT;
    bool ours = consumer->mode != ASSIGNED_BY_GROUP ||
                consumer_find(consumer, offset->topic, offset->partition) != NULL;
    return ours ? 0 : K_NOT_ASSIGNED;
}

static int set_given(struct klient_consumer *consumer, struct commit *commit,
                     const klient_offset_t *const *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct assigned *assigned =
            consumer_find(consumer, offsets[i]->topic, offsets[i]->partition);
        klient_offset_t row = *offsets[i];
        if (assigned != NULL) {
            spin_lock(&consumer->spin);
            row.offset = progress_bounded(&assigned->progress, row.offset, &row.leader_epoch);
            spin_unlock(&consumer->spin);
        }
        int code = commit_set(commit, i, &row);
        if (code != 0)
            return code;
        if (assigned != NULL)
            note_asked(consumer, assigned, row.offset);
    }
    return 0;
}

static int make(struct klient_consumer *consumer, const klient_offset_t *const *offsets,
                size_t count, struct commit **out)
{
    if (consumer->group == NULL || consumer->stopped)
        return consumer->group == NULL ? K_INVALID_GROUP_ID : K_CLOSED;
    if (consumer->failures != NULL)
        failures_serve(consumer->failures);     /* what was settled meanwhile */
    for (size_t i = 0; offsets != NULL && i < count; i++) {
        int code = check_offset(consumer, offsets[i]);
        if (code != 0)
            return code;
    }
    struct commit *commit = commit_new(consumer->group, consumer->losses,
                                       offsets == NULL ? consumer->assigned_count : count);
    if (commit == NULL)
        return K_NOMEM;
    int code = offsets == NULL ? set_all(consumer, commit)
                               : set_given(consumer, commit, offsets, count);
    if (code != 0)
        task_unref(&commit->task);
    else
        *out = commit;
    return code;
}

static int commit_sync(struct klient_consumer *consumer, const klient_offset_t *const *offsets,
                       size_t count, int64_t deadline_ms)
{
    struct commit *commit;
    int code = make(consumer, offsets, count, &commit);

    if (code != 0)
        return code;
    commit->insists = true;
    commit->deadline_ms = deadline_ms;
    if (commit->count > 0) {
        commit_send(commit);
        code = consumer_wait(consumer, &commit->task, deadline_ms);
        if (code == 0)
            code = commit->task.code;
    }
    task_unref(&commit->task);
    return code;
}

klient_code_t klient_consumer_commit_sync(klient_consumer_t *consumer,
                                          const klient_offset_t *const *offsets, size_t count,
                                          int64_t timeout_ms, klient_error_t **error)
{
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    code = commit_sync(consumer, offsets, count, deadline_after(timeout_ms));
    consumer_tell_outcomes(consumer);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_commit_async(klient_consumer_t *consumer,
                                           const klient_offset_t *const *offsets, size_t count,
                                           klient_commit_fn done, void *context,
                                           klient_error_t **error)
{
    struct commit *commit;
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    code = make(consumer, offsets, count, &commit);
    if (code != 0)
        return consumer_leave(consumer, fail(error, code, NULL));
    commit->tells |= done != NULL;
    commit->done = done;
    commit->context = context;
    commit->deadline_ms = deadline_after(consumer->config->values.request_timeout_ms);
    commit_send(commit);
    task_unref(&commit->task);
    return consumer_leave(consumer, KLIENT_OK);
}

klient_code_t klient_consumer_store_offset(klient_consumer_t *consumer, const char *topic,
                                           int32_t partition, int64_t offset,
                                           klient_error_t **error)
{
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = consumer_find(consumer, topic, partition);
    if (consumer->config->values.auto_offset_store)
        return consumer_leave(consumer, fail(error, K_WRONG_STATE, "enable.auto.offset.store is "
                                             "true: offsets are stored by themselves"));
    if (assigned == NULL || offset < 0)
        return consumer_leave(consumer, fail(error, assigned == NULL ? K_NOT_ASSIGNED
                                                                     : K_INVALID_ARGUMENT, NULL));
    spin_lock(&consumer->spin);
    progress_store(&assigned->progress, offset);
    spin_unlock(&consumer->spin);
    return consumer_leave(consumer, KLIENT_OK);
}

/* --- what is committed ------------------------------------------------------------------------ */

struct item {
    struct answer answer;
    struct group *group;
    struct committed_ask ask;
    const char *metadata;           /* in the survey's arena */
};

static void told(struct committed_ask *ask, int code)
{
    struct item *item = LIST_OWNER(ask, struct item, ask);

    if (code == 0) {
        item->metadata = arena_strdup(&item->answer.survey->arena, ask->metadata);
        code = item->metadata == NULL ? K_NOMEM : 0;
    }
    survey_answered(&item->answer, code, NULL);
}

static void start(struct answer *answer)
{
    struct item *item = LIST_OWNER(answer, struct item, answer);

    item->ask = (struct committed_ask){ .topic = answer->topic,
                                        .partition = answer->partition,
                                        .deadline_ms = answer->survey->deadline_ms,
                                        .done = told };
    list_init(&item->ask.node);
    group_ask_committed(item->group, &item->ask);
}

static klient_code_t make_committed(struct task *task, struct product *out,
                                    klient_error_t **error)
{
    const struct survey *survey = survey_of(task);
    klient_offsets_t *offsets = offsets_new(survey->count);
    int code = offsets == NULL ? K_NOMEM : 0;

    for (size_t i = 0; code == 0 && i < survey->count; i++) {
        const struct item *item = survey_row(survey, i);
        const struct answer *answer = &item->answer;
        if (answer->code != 0) {
            klient_offsets_free(offsets);
            return fail_partition(error, answer->code, answer->topic, answer->partition, -1, NULL);
        }
        code = offsets_set(offsets, i,
                           &(klient_offset_t){ .topic = answer->topic,
                                               .partition = answer->partition,
                                               .offset = item->ask.offset,
                                               .leader_epoch = item->ask.epoch,
                                               .metadata = item->metadata });
    }
    if (code != 0) {
        klient_offsets_free(offsets);
        return fail(error, code, NULL);
    }
    *out = (struct product){ PRODUCT_OFFSETS, offsets };
    return KLIENT_OK;
}

static klient_code_t begin(struct call *call, struct klient_consumer *consumer,
                           const klient_topic_partition_t *partitions, size_t count,
                           int64_t timeout_ms, klient_error_t **error)
{
    int code = 0;

    if (consumer->group == NULL)
        code = K_INVALID_GROUP_ID;
    else if (consumer->stopped)
        code = K_CLOSED;
    else if (count == 0 || check_partitions(partitions, count) != 0)
        code = K_INVALID_ARGUMENT;
    struct survey *survey =
        code != 0 ? NULL
                  : survey_new(consumer->klient, partitions, count, sizeof(struct item), start,
                               deadline_after(timeout_ms));
    if (survey == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    for (size_t i = 0; i < count; i++)
        ((struct item *)survey_row(survey, i))->group = consumer->group;
    survey_call(survey, make_committed, call);
    call_wait_by(call, consumer_wait, consumer);
    call->limited = true;               /* a question that is under way is waited for */
    return KLIENT_OK;
}

klient_code_t klient_consumer_committed(klient_consumer_t *consumer,
                                        const klient_topic_partition_t *partitions, size_t count,
                                        int64_t timeout_ms, klient_offsets_t **out,
                                        klient_error_t **error)
{
    struct call call;
    void *made;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = out == NULL
                             ? fail(error, K_INVALID_ARGUMENT, NULL)
                             : begin(&call, consumer, partitions, count, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return consumer_leave(consumer, code);
}

klient_code_t klient_consumer_committed_async(klient_consumer_t *consumer,
                                              const klient_topic_partition_t *partitions,
                                              size_t count, int64_t timeout_ms,
                                              klient_queue_t *queue, void *opaque,
                                              klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = begin(&call, consumer, partitions, count, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_post(&call, queue, opaque, error);
    return consumer_leave(consumer, code);
}
