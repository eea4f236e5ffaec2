/* news.c - ask the controller for changes, again and again, and publish what it says.
 *
 * The same request goes to ourselves when we are the controller, else over a channel to its
 * broker. Exactly one question is out at a time; it is dropped when we are to follow anew. Who
 * was registered asks from nothing first: that core/member waits for (M6). */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "proto/greeting.h"
#include "proto/head.h"
#include "server/runtime/peer.h"

enum { POLL_MS = 5000, ANSWER_SLACK_MS = 5000, RETRY_MS = 50, NO_LISTENER_RETRY_MS = 1000 };

struct news {
    struct control *control;
    struct timer *retry;
    int32_t broker;                       /* -1: nobody to ask */
    uint64_t turn;                        /* grows with every change of `broker` */
    struct peer *peer;                    /* to `broker`, when it is not us */
    uint64_t round;                       /* of the order to follow it */
    bool asking, looking_up;
    bool begun;                           /* what we know was heard since we were registered */
    struct channel_call call;
    struct question *question;            /* to ourselves */
    struct control_self self;
};

/* A question to ourselves outlives a change of controller: it is answered on its own. */
struct question {
    struct control_request request;
    struct news *news;                    /* NULL: dropped */
    Kairn__RequestHead head;
    Kairn__ChangesRequest body;
    Kairn__ResponseHead response;
    struct arena arena;
    uint64_t turn;
};

static void ask(struct news *news);

static void again(void *context)
{
    ask(context);
}

/* Requests that are on their way by it are answered, and look for another way. */
static void drop_peer(struct news *news)
{
    struct peer *peer = news->peer;
    news->peer = NULL;
    if (peer != NULL && news->asking)
        peer_cancel(peer, &news->call);
    peer_free(peer);
}

static void take(struct news *news, int code, const Kairn__ResponseHead *response)
{
    struct control *control = news->control;

    if (code == 0 && response->body_case != KAIRN__RESPONSE_HEAD__BODY_CHANGES)
        code = K_MALFORMED;
    if (code == 0)
        code = metadata_apply(control->options.cell, response->changes);
    if (code == K_CONNECTION_FAILED || code == K_RESOLVE_FAILED)
        drop_peer(news);          /* it may have come back somewhere else: look it up again */
    if (code != 0) {
        if (code != K_NOT_CONTROLLER && code != K_CLOSED)
            LOG_WARN("news-failed", "controller=%d code=%s", news->broker, k_error_name(code));
        timer_after(news->retry, RETRY_MS);
        return;
    }
    if (response->changes->controller_epoch <
        metadata_progress(control->options.cell).controller_epoch) {
        timer_after(news->retry, RETRY_MS);         /* it does not know that it is none any more */
        return;
    }
    news->begun = true;
    bool told = !response->changes->more;
    if (told) {
        control->options.changed(control->options.context);
        known_look(control);
    }
    ask(news);
    if (told)
        drive_member(control, &(struct member_event){ .type = MEMBER_TOLD,
                                                      .now_ms = control_boot_ms(control),
                                                      .told.round = news->round });
}

/* --- asking ourselves ------------------------------------------------------------------------- */

static void own_answer(struct control_request *request)
{
    struct question *question = LIST_OWNER(request, struct question, request);
    struct news *news = question->news;

    if (news != NULL)
        news->question = NULL;
    if (news != NULL && question->turn == news->turn) {
        news->asking = false;
        take(news, request->code, request->response);
    }
    arena_fini(&question->arena);
    free(question);
}

static void fill(struct news *news, Kairn__RequestHead *head, Kairn__ChangesRequest *body)
{
    kairn__request_head__init(head);
    kairn__changes_request__init(body);
    news->control->options.describe(news->control->options.context, &news->self);
    body->broker = news->control->broker_id;
    body->incarnation = head_bytes_of_uuid(&news->self.incarnation);
    struct metadata_progress known = { 0 };
    if (news->begun)
        known = metadata_progress(news->control->options.cell);
    body->controller_epoch = known.controller_epoch;
    body->sequence = known.sequence;
    body->partial = known.partial;
    body->max_wait_ms = POLL_MS;
    head->timeout_ms = POLL_MS + ANSWER_SLACK_MS;
    head->body_case = KAIRN__REQUEST_HEAD__BODY_CHANGES;
    head->changes = body;
}

static int ask_ourselves(struct news *news)
{
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return K_NOMEM;
    fill(news, &question->head, &question->body);
    arena_init(&question->arena, NULL, 0, SIZE_MAX);
    question->news = news;
    question->turn = news->turn;
    question->request.answer_to = loop_mail_target(news->control->options.loop);
    question->request.answered = own_answer;
    question->request.head = &question->head;
    question->request.arena = &question->arena;
    question->request.response = &question->response;
    kairn__response_head__init(&question->response);
    question->request.deadline_ms = control_now_ms(news->control) + POLL_MS + ANSWER_SLACK_MS;
    news->question = question;
    control_ask(news->control, &question->request);
    return 0;
}

/* --- asking another broker -------------------------------------------------------------------- */

static void peer_answered(struct channel_call *call, int code, struct slab *slab, uint8_t *bytes,
                          size_t size)
{
    struct news *news = LIST_OWNER(call, struct news, call);
    Kairn__ResponseHead *response = NULL;
    struct arena arena;

    (void)slab;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    news->asking = false;
    if (code == 0)
        code = peer_answer(bytes, size, &arena, &response);
    take(news, code, response);
    arena_fini(&arena);
}

static int ask_peer(struct news *news)
{
    Kairn__RequestHead head;
    Kairn__ChangesRequest body;

    fill(news, &head, &body);
    news->call = (struct channel_call){ .answer = peer_answered };
    return peer_ask(news->peer, &news->call, &head, head.timeout_ms);
}

/* Where does the controller's broker listen? Its registration says so. */
struct look_up {
    struct news *news;
    uint64_t turn;
};

static const struct znode_endpoint *choose_endpoint(const struct znode_broker *broker,
                                                    const char *listener)
{
    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}

static void looked_up(void *context, const struct zk_reply *reply)
{
    struct look_up *look_up = context;
    struct news *news = look_up->news;
    bool current = !news->control->closed && look_up->turn == news->turn;
    struct znode_broker broker;
    struct k_reason reason = { "" };
    struct arena arena;

    free(look_up);
    if (!current)
        return;
    news->looking_up = false;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    int error = reply->code;
    if (error == 0)
        error = znode_decode_broker(&arena, reply->data, reply->size, &broker, &reason);
    const struct znode_endpoint *endpoint =
        error == 0 ? choose_endpoint(&broker, news->control->listener) : NULL;
    if (endpoint != NULL)
        error = peer_new(news->control->options.loop, news->control->options.resolver,
                         endpoint->host, endpoint->port, news->control->cluster_id,
                         GREETING_ANY_LOOP, &news->peer);
    bool unreachable = error == 0 && endpoint == NULL;
    if (unreachable)
        LOG_ERROR("controller-unreachable", "controller=%d reason=\"it has no listener named %s\"",
                  news->broker, news->control->listener);
    arena_fini(&arena);
    if (news->peer == NULL) {
        timer_after(news->retry, unreachable ? NO_LISTENER_RETRY_MS : RETRY_MS);
        return;
    }
    requests_controller_known(news->control);
    ask(news);
}

static int look_up(struct news *news)
{
    char path[64];
    struct look_up *look_up = malloc(sizeof *look_up);
    if (look_up == NULL || news->control->session == NULL) {
        free(look_up);
        return K_NOMEM;
    }
    *look_up = (struct look_up){ news, news->turn };
    snprintf(path, sizeof path, "/brokers/ids/%d", news->broker);
    int error = zk_get(news->control->session, path, NULL, looked_up, look_up);
    if (error != 0)
        free(look_up);
    else
        news->looking_up = true;
    return error;
}

static void ask(struct news *news)
{
    int error = 0;

    if (news->broker < 0 || news->asking || news->looking_up || news->control->closed)
        return;
    if (news->broker == news->control->broker_id) {
        error = ask_ourselves(news);
    } else if (news->peer != NULL) {
        error = ask_peer(news);
    } else {
        if (look_up(news) != 0)
            timer_after(news->retry, RETRY_MS);
        return;
    }
    news->asking = error == 0;
    if (error != 0)
        timer_after(news->retry, RETRY_MS);
}

struct peer *news_peer(struct news *news)
{
    return news->peer;
}

static void forget_question(struct news *news)
{
    if (news->question != NULL)
        news->question->news = NULL;
    news->question = NULL;
}

void news_follow(struct news *news, int32_t broker, uint64_t round, bool anew)
{
    news->broker = broker;
    news->round = round;
    news->begun = !anew;
    news->turn++;
    news->looking_up = false;
    timer_stop(news->retry);
    forget_question(news);
    drop_peer(news);
    news->asking = false;
    ask(news);
}

int news_new(struct control *control, struct news **out)
{
    struct news *news = calloc(1, sizeof *news);
    if (news == NULL)
        return K_NOMEM;
    news->control = control;
    news->broker = -1;
    if (timer_new(control->options.loop, again, news, &news->retry) != 0) {
        free(news);
        return K_NOMEM;
    }
    *out = news;
    return 0;
}

void news_free(struct news *news)
{
    if (news == NULL)
        return;
    forget_question(news);
    peer_free(news->peer);
    timer_free(news->retry);
    free(news);
}
