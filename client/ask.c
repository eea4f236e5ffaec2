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
static int copy(const Kairn__ResponseHead *head, uint8_t **bytes, size_t *size)
{
    *bytes = malloc(kairn__response_head__get_packed_size(head) + 1);
    if (*bytes == NULL)
        return K_NOMEM;
    *size = kairn__response_head__pack(head, *bytes);
    return 0;
}

static int keep(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error)
{
    struct ask *ask = LIST_OWNER(inquiry, struct ask, inquiry);
    int code = ask->judge == NULL ? 0 : ask->judge(head);

    (void)error;
    if (ask->asks_second)
        return copy(head, &ask->second_answer, &ask->second_size);
    if (code != 0 && inquiry->deadline_ms > mono_ms() + 1000)
        return code;
    if (ask->second != NULL)
        ask->broker = ask->second(head);
    return copy(head, &ask->answer, &ask->answer_size);
}

static void start(struct ask *ask, int64_t deadline_ms);

static void ask_second(struct ask *ask)
{
    int64_t deadline_ms = deadline_after(ask->second_ms);

    ask->asks_second = true;
    start(ask, deadline_ms < ask->deadline_ms ? deadline_ms : ask->deadline_ms);
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct ask *ask = LIST_OWNER(inquiry, struct ask, inquiry);

    if (ask->asks_second) {
        task_done(&ask->task, 0);
    } else if (code == 0 && ask->second != NULL && ask->broker >= 0) {
        ask_second(ask);
    } else {
        if (text != NULL && text[0] != '\0')
            k_reason_set(&ask->task.reason, code, "%s", text);
        task_done(&ask->task, code);
    }
}

static void start(struct ask *ask, int64_t deadline_ms)
{
    ask->inquiry.build = build;
    ask->inquiry.read = keep;
    ask->inquiry.done = done;
    ask->inquiry.once = ask->once;
    ask->inquiry.broker = ask->broker;
    inquiry_start(&ask->inquiry, ask->klient, NULL, 0, deadline_ms);
}

static void run(struct task *task)
{
    struct ask *ask = LIST_OWNER(task, struct ask, task);

    start(ask, ask->deadline_ms);
}

void ask_free(struct ask *ask)
{
    arena_fini(&ask->arena);
    free(ask->answer);
    free(ask->second_answer);
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

void ask_call(struct ask *ask, int64_t timeout_ms, product_maker make, struct call *out)
{
    ask->deadline_ms = deadline_after(timeout_ms);
    call_init(out, &ask->task, ask->klient, ask->deadline_ms, make);
}

static const struct ask *ask_of(const struct task *task)
{
    return (const struct ask *)((const char *)task - offsetof(struct ask, task));
}

klient_code_t ask_unpack(const struct task *task, Kairn__ResponseHead **out,
                         klient_error_t **error)
{
    const struct ask *ask = ask_of(task);

    *out = kairn__response_head__unpack(NULL, ask->answer_size, ask->answer);
    return *out == NULL ? fail(error, K_NOMEM, NULL) : KLIENT_OK;
}

Kairn__ResponseHead *ask_unpack_second(const struct task *task)
{
    const struct ask *ask = ask_of(task);

    return ask->second_answer == NULL
               ? NULL
               : kairn__response_head__unpack(NULL, ask->second_size, ask->second_answer);
}

const void *ask_body(const struct task *task)
{
    return ask_of(task)->body;
}
