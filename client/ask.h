/* ask.h - an application thread asks any broker a question and waits for the whole answer.
 *
 *   struct ask *ask = ask_new(klient, body case, descriptor of the body);
 *   ... fill ask->body, what it points to allocated in ask->arena ...
 *   code = ask_wait(ask, timeout_ms, &answer, error);      // consumes ask
 *
 * Any thread. */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

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
    uint8_t *answer;                    /* owned; a packed copy */
    size_t answer_size;
};

/* With an initialised body of that kind. NULL when out of memory. */
struct ask *ask_new(struct klient *klient, Kairn__RequestHead__BodyCase body_case,
                    const ProtobufCMessageDescriptor *kind);
void ask_free(struct ask *ask);

/* *out is to be freed with kairn__response_head__free_unpacked(). */
klient_code_t ask_wait(struct ask *ask, int64_t timeout_ms, Kairn__ResponseHead **out,
                       klient_error_t **error);

#endif
