/* ask.h - an application asks any broker a question whose whole answer it wants.
 *
 *   struct ask *ask = ask_new(klient, body case, descriptor of the body);
 *   ... fill ask->body, what it points to allocated in ask->arena ...
 *   ask_call(ask, timeout_ms, make, call);         // see call.h; make() calls ask_unpack()
 *
 * Any thread. */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/call.h"
#include "client/inquiry.h"
#include "client/klient.h"
#include "client/task.h"
#include "common/arena.h"
#include "proto/head.h"

struct ask {
    struct task task;
    struct inquiry inquiry;
    struct klient *klient;
    struct arena arena;                 /* of the question */
    Kairn__RequestHead__BodyCase body_case;
    void *body;                         /* Kairn__...Request, in the arena */
    int64_t deadline_ms;
    int32_t broker;                     /* whom to ask; -1: any */
    bool once;                          /* do not repeat what may have been carried out */
    /* Should the question be asked again because of this answer? Returns the code that says why, or
     * 0. May be NULL. */
    int (*judge)(const Kairn__ResponseHead *head);
    /* Which broker may have a better answer than this one? It is asked, too, as a favour, which may
     * fail: for `second_ms` only. -1: none. May be NULL. */
    int32_t (*second)(const Kairn__ResponseHead *head);
    int64_t second_ms;
    bool asks_second;
    uint8_t *answer, *second_answer;    /* owned; packed copies, or NULL */
    size_t answer_size, second_size;
};

/* With an initialised body of that kind. NULL when out of memory. */
struct ask *ask_new(struct klient *klient, Kairn__RequestHead__BodyCase body_case,
                    const ProtobufCMessageDescriptor *kind);
void ask_free(struct ask *ask);

/* The call that it is for. */
void ask_call(struct ask *ask, int64_t timeout_ms, product_maker make, struct call *out);

/* The answer to a task that is an ask's, which was successful. *out is to be freed with
 * kairn__response_head__free_unpacked(). */
klient_code_t ask_unpack(const struct task *task, Kairn__ResponseHead **out,
                         klient_error_t **error);

/* The second answer to it; NULL: there is none. */
Kairn__ResponseHead *ask_unpack_second(const struct task *task);

/* The body of the question. */
const void *ask_body(const struct task *task);

#endif
