/* admin_move.c - a log goes to another directory of its leader: asked for, then asked after. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/error.h"
#include "client/handle.h"
#include "client/inquiry.h"
#include "client/task.h"
#include "common/error.h"

struct moving {
    struct task task;
    struct inquiry inquiry;
    struct klient *klient;
    char *topic, *directory;            /* owned */
    int32_t partition;
    int64_t deadline_ms;
    bool begun;
    int refusal;                        /* why it is over, if it is not done */
};

static int build(struct inquiry *inquiry, struct request *request)
{
    struct moving *moving = LIST_OWNER(inquiry, struct moving, inquiry);
    Kairn__MoveLogRequest *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__LogPartition *partition = arena_alloc(&request->arena, sizeof *partition);

    if (body == NULL || partition == NULL)
        return K_NOMEM;
    kairn__log_partition__init(partition);
    partition->topic_id = head_bytes_of_uuid(&inquiry->topic->id);
    partition->partition = (uint32_t)inquiry->partition;
    kairn__move_log_request__init(body);
    body->partition = partition;
    body->directory = moving->directory;
    body->ask = moving->begun;
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_MOVE_LOG;
    request->head.move_log = body;
    return 0;
}

/* What the move came to is not asked again, whatever the code means elsewhere. */
static bool is_final(int code)
{
    return code == K_BUSY || code == K_DISK_FULL || code == K_NOMEM ||
           code == K_KAFKA_STORAGE_ERROR;
}

static int read_answer(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    struct moving *moving = LIST_OWNER(inquiry, struct moving, inquiry);
    int code = head_error_code(head->move_log->error);

    if (is_final(code)) {
        const char *text = head->move_log->error->message;
        moving->refusal = k_reason_set(&moving->task.reason, code, "%s",
                                       text[0] != '\0' ? text : k_error_text(code));
        return 0;
    }
    *error = head->move_log->error;
    if (code != 0 || !head->move_log->under_way)
        return code;
    moving->begun = true;
    inquiry->once = false;
    return K_BUSY;                      /* ask again in a while */
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct moving *moving = LIST_OWNER(inquiry, struct moving, inquiry);

    if (code == 0)
        code = moving->refusal;
    else if (code == K_REQUEST_TIMED_OUT && moving->begun)
        k_reason_set(&moving->task.reason, code, "the log is still on its way");
    else if (text != NULL && text[0] != '\0')
        k_reason_set(&moving->task.reason, code, "%s", text);
    task_done(&moving->task, code);
}

static void run(struct task *task)
{
    struct moving *moving = LIST_OWNER(task, struct moving, task);

    moving->inquiry.build = build;
    moving->inquiry.read = read_answer;
    moving->inquiry.done = done;
    moving->inquiry.once = true;
    inquiry_start(&moving->inquiry, moving->klient, moving->topic, moving->partition,
                  moving->deadline_ms);
}

static void dispose(struct task *task)
{
    struct moving *moving = LIST_OWNER(task, struct moving, task);

    free(moving->topic);
    free(moving->directory);
    free(moving);
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, const char *topic,
                           int32_t partition, const char *directory, int64_t timeout_ms,
                           klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || topic == NULL || directory == NULL || partition < 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    struct moving *moving = calloc(1, sizeof *moving);
    if (moving == NULL)
        return fail(error, K_NOMEM, NULL);
    task_init(&moving->task, run, dispose);
    moving->klient = admin->klient;
    moving->partition = partition;
    moving->deadline_ms = deadline_after(timeout_ms);
    moving->topic = strdup(topic);
    moving->directory = strdup(directory);
    if (moving->topic == NULL || moving->directory == NULL) {
        task_unref(&moving->task);
        return fail(error, K_NOMEM, NULL);
    }
    call_init(call, &moving->task, moving->klient, moving->deadline_ms, NULL);
    return KLIENT_OK;
}

klient_code_t klient_admin_move_log(klient_admin_t *admin, const char *topic, int32_t partition,
                                    const char *directory, int64_t timeout_ms,
                                    klient_error_t **error)
{
    struct call call;
    void *nothing;
    klient_code_t code = begin(&call, admin, topic, partition, directory, timeout_ms, error);

    return code != KLIENT_OK ? code : call_wait(&call, &nothing, error);
}

klient_code_t klient_admin_move_log_async(klient_admin_t *admin, const char *topic,
                                          int32_t partition, const char *directory,
                                          int64_t timeout_ms, klient_queue_t *queue, void *opaque,
                                          klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, topic, partition, directory, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
