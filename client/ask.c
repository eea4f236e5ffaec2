#include "client/ask.h"

#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/handle.h"
#include "common/error.h"

static int build(struct inquiry *inquiry, struct request *request)
{
    struct ask *ask = LIST_OWNER(inquiry, struct ask, inquiry);

    request->head.body_case = ask->body_case;
    /* All bodies are pointers in one union. */
    request->head.metadata = ask->body;
    return 0;
}

/* The answer lives in the loop's arena: take a copy to the other thread. */
static int keep(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    struct ask *ask = LIST_OWNER(inquiry, struct ask, inquiry);
    int code = ask->judge == NULL ? 0 : ask->judge(head);

    (void)error;
    if (code != 0 && inquiry->deadline_ms > mono_ms() + 1000)
        return code;
    size_t size = kairn__response_head__get_packed_size(head);
    ask->answer = malloc(size + 1);
    if (ask->answer == NULL)
        return K_NOMEM;
    ask->answer_size = kairn__response_head__pack(head, ask->answer);
    return 0;
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct ask *ask = LIST_OWNER(inquiry, struct ask, inquiry);

    if (text != NULL && text[0] != '\0')
        k_reason_set(&ask->task.reason, code, "%s", text);
    task_done(&ask->task, code);
}

static void run(struct task *task)
{
    struct ask *ask = LIST_OWNER(task, struct ask, task);

    ask->inquiry.build = build;
    ask->inquiry.read = keep;
    ask->inquiry.done = done;
    ask->inquiry.once = ask->once;
    ask->inquiry.broker = ask->broker;
    inquiry_start(&ask->inquiry, ask->klient, NULL, 0, ask->deadline_ms);
}

void ask_free(struct ask *ask)
{
    arena_fini(&ask->arena);
    free(ask->answer);
    free(ask);
}

static void dispose(struct task *task)
{
    ask_free(LIST_OWNER(task, struct ask, task));
}

struct ask *ask_new(struct klient *klient, Kairn__RequestHead__BodyCase body_case,
                    const ProtobufCMessageDescriptor *kind)
{
    struct ask *ask = calloc(1, sizeof *ask);

    if (ask == NULL)
        return NULL;
    ask->klient = klient;
    ask->broker = -1;
    ask->body_case = body_case;
    arena_init(&ask->arena, NULL, 0, SIZE_MAX);
    task_init(&ask->task, run, dispose);
    ask->body = arena_alloc(&ask->arena, kind->sizeof_message);
    if (ask->body == NULL) {
        ask_free(ask);
        return NULL;
    }
    protobuf_c_message_init(kind, ask->body);
    return ask;
}

klient_code_t ask_wait(struct ask *ask, int64_t timeout_ms, Kairn__ResponseHead **out,
                       klient_error_t **error)
{
    ask->deadline_ms = deadline_after(timeout_ms);
    klient_code_t code = task_await(&ask->task, ask->klient, ask->deadline_ms, error);
    if (code == KLIENT_OK) {
        *out = kairn__response_head__unpack(NULL, ask->answer_size, ask->answer);
        code = *out == NULL ? fail(error, K_NOMEM, NULL) : KLIENT_OK;
    }
    task_unref(&ask->task);
    return code;
}
