#include "client/identity.h"

#include "client/handle.h"
#include "common/error.h"
#include "net/loop.h"

enum { PATIENCE_MS = 60 * 1000 };       /* then whoever still waits asks again */

void identity_init(struct identity *identity, struct klient *klient, bool wanted,
                   void (*settled)(struct identity *identity, int code))
{
    identity->state = wanted ? IDENTITY_MISSING : IDENTITY_UNUSED;
    identity->id = -1;
    identity->klient = klient;
    identity->settled = settled;
}

static int build(struct inquiry *inquiry, struct request *request)
{
    Kairn__ProducerIdRequest *body = arena_alloc(&request->arena, sizeof *body);

    (void)inquiry;
    if (body == NULL)
        return K_NOMEM;
    kairn__producer_id_request__init(body);
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCER_ID;
    request->head.producer_id = body;
    return 0;
}

static int read_answer(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                       const Kairn__Error **error)
{
    struct identity *identity = LIST_OWNER(inquiry, struct identity, inquiry);

    (void)error;
    if (head->producer_id->producer_id < 0)
        return K_MALFORMED;
    identity->id = head->producer_id->producer_id;
    return 0;
}

static void done(struct inquiry *inquiry, int code, const char *text)
{
    struct identity *identity = LIST_OWNER(inquiry, struct identity, inquiry);

    (void)text;
    identity->state = code == 0 ? IDENTITY_KNOWN : IDENTITY_MISSING;
    identity->settled(identity, code);
}

bool identity_ready(struct identity *identity)
{
    if (identity->state == IDENTITY_MISSING) {
        identity->state = IDENTITY_ASKED;
        identity->inquiry = (struct inquiry){ .broker = -1, .build = build,
                                               .read = read_answer, .done = done };
        inquiry_start(&identity->inquiry, identity->klient, NULL, -1,
                      loop_now_ms(identity->klient->loop) + PATIENCE_MS);
    }
    return identity->state == IDENTITY_UNUSED || identity->state == IDENTITY_KNOWN;
}

void identity_renew(struct identity *identity)
{
    if (identity->state == IDENTITY_KNOWN)
        identity->state = IDENTITY_MISSING;
}

void identity_stop(struct identity *identity)
{
    if (identity->state == IDENTITY_ASKED)
        inquiry_end(&identity->inquiry, K_CLOSED, NULL);
}
