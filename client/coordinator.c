#include "client/coordinator.h"

#include "client/cluster.h"
#include "client/config.h"
#include "client/find_coordinator.h"
#include "client/handle.h"
#include "client/troubles.h"
#include "common/error.h"
#include "common/later.h"
#include "net/loop.h"

enum { PATIENCE_MS = 5000 };        /* any broker knows: then another one is asked */

static int64_t now_ms(const struct coordinator *coordinator)
{
    return loop_now_ms(coordinator->klient->loop);
}

/* --- troubles --------------------------------------------------------------------------------- */

static bool is_missing(int code)
{
    return coordinator_is_elsewhere(code) || code == K_COORDINATOR_LOAD_IN_PROGRESS;
}

static void note_missing(struct coordinator *coordinator, int code)
{
    troubles_of_group(coordinator->troubles, TROUBLE_COORDINATOR_MISSING, coordinator->group,
                      code);
}

/* --- calls ------------------------------------------------------------------------------------ */

void coordinator_call_init(struct coordinator_call *call,
                           int (*build)(struct coordinator_call *call, struct request *request),
                           void (*answer)(struct coordinator_call *call, int code,
                                          const Kairn__ResponseHead *head))
{
    list_init(&call->node);
    call->coordinator = NULL;
    call->requested = call->parked = false;
    call->build = build;
    call->answer = answer;
}

static void finish(struct coordinator_call *call, int code, const Kairn__ResponseHead *head)
{
    list_remove(&call->node);
    coordinator_judge(call->coordinator, code);
    call->answer(call, code, head);
}

static void answered(struct request *request, int code, const Kairn__ResponseHead *head,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    struct coordinator_call *call = LIST_OWNER(request, struct coordinator_call, request);

    (void)slab, (void)payload, (void)size;
    if (head != NULL && !is_missing(code))
        coordinator_not_needed(call->coordinator);
    finish(call, code, head);
}

static void forget_request(struct coordinator_call *call)
{
    if (!call->requested)
        return;
    request_cancel(&call->request);
    request_fini(&call->request);
    call->requested = false;
}

/* It waits, and the coordinator is known. */
static void send(struct coordinator_call *call, struct broker *broker)
{
    struct coordinator *coordinator = call->coordinator;

    forget_request(call);
    request_init(&call->request, answered);
    call->requested = true;
    call->request.parked = call->parked;
    list_remove(&call->node);
    list_append(&coordinator->flying, &call->node);
    int code = call->build(call, &call->request);
    int64_t left_ms = call->deadline_ms - now_ms(coordinator);
    if (code == 0)
        code = broker_ask(broker, &call->request, NULL, left_ms, true);
    if (code != 0)
        finish(call, code, NULL);
}

/* --- the search ------------------------------------------------------------------------------- */

static int build_find(struct inquiry *inquiry, struct request *request)
{
    return find_coordinator_build(LIST_OWNER(inquiry, struct coordinator, inquiry)->group, request);
}

static int read_find(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                     const Kairn__Error **error)
{
    struct coordinator *coordinator = LIST_OWNER(inquiry, struct coordinator, inquiry);
    int code = find_coordinator_read(coordinator->klient, head, &coordinator->broker, error);

    if (code != 0)
        note_missing(coordinator, code);
    return code;
}

static void deal_with_waiting(struct coordinator *coordinator, int code);

static void search_over(struct inquiry *inquiry, int code, const char *text)
{
    struct coordinator *coordinator = LIST_OWNER(inquiry, struct coordinator, inquiry);
    bool tells = coordinator->tells;

    (void)text;
    coordinator->finding = false;
    if (code == K_CLOSED)
        return;                     /* we are going */
    if (code != 0)
        note_missing(coordinator, code);
    coordinator->tells = false;
    deal_with_waiting(coordinator, code);
    if (tells)
        coordinator->found(coordinator->context, code);
}

static void look(struct coordinator *coordinator)
{
    struct klient *klient = coordinator->klient;

    if (coordinator->finding)
        return;
    coordinator->finding = true;
    coordinator->broker = -1;
    coordinator->inquiry.build = build_find;
    coordinator->inquiry.read = read_find;
    coordinator->inquiry.done = search_over;
    coordinator->inquiry.once = false;
    coordinator->inquiry.broker = -1;
    coordinator->inquiry.patience_ms = PATIENCE_MS;
    inquiry_start(&coordinator->inquiry, klient, NULL, 0,
                  now_ms(coordinator) + klient->config->values.request_timeout_ms);
}

/* Those that wait are sent, or fail with the search; those whose time is over fail in any case. */
static void deal_with_waiting(struct coordinator *coordinator, int code)
{
    struct broker *broker = coordinator->broker < 0 || coordinator->finding
                                ? NULL
                                : cluster_broker(coordinator->klient->cluster, coordinator->broker);
    int64_t now = now_ms(coordinator), next = INT64_MAX;
    struct list due;

    list_init(&due);
    list_move(&due, &coordinator->waiting);
    for (struct list *node; (node = list_first(&due)) != NULL;) {
        struct coordinator_call *call = LIST_OWNER(node, struct coordinator_call, node);
        if (call->deadline_ms <= now) {
            finish(call, K_REQUEST_TIMED_OUT, NULL);
        } else if (broker != NULL) {
            send(call, broker);
        } else if (code != 0 && code != K_REQUEST_TIMED_OUT) {
            finish(call, code, NULL);
        } else {
            list_remove(node);
            list_append(&coordinator->waiting, node);
            next = call->deadline_ms < next ? call->deadline_ms : next;
        }
    }
    if (list_empty(&coordinator->waiting)) {
        timer_stop(coordinator->timer);
        return;
    }
    look(coordinator);
    timer_at(coordinator->timer, next < now ? now : next);
}

static void fired(void *context)
{
    deal_with_waiting(context, 0);
}

void coordinator_find(struct coordinator *coordinator)
{
    coordinator->tells = true;
    look(coordinator);
}

bool coordinator_is_elsewhere(int code)
{
    switch (code) {
    case K_NOT_COORDINATOR:
    case K_COORDINATOR_NOT_AVAILABLE:
    case K_NETWORK_EXCEPTION:
    case K_CONNECTION_FAILED:
    case K_RESOLVE_FAILED:
    case K_REQUEST_TIMED_OUT:
        return true;
    default:
        return false;
    }
}

bool coordinator_judge(struct coordinator *coordinator, int code)
{
    if (is_missing(code))
        note_missing(coordinator, code);
    if (!coordinator_is_elsewhere(code))
        return false;
    coordinator->broker = -1;
    return true;
}

void coordinator_not_needed(struct coordinator *coordinator)
{
    troubles_of_group_over(coordinator->troubles, TROUBLE_COORDINATOR_MISSING,
                           coordinator->group);
}

void coordinator_ask(struct coordinator *coordinator, struct coordinator_call *call,
                     int64_t limit_ms)
{
    int64_t now = now_ms(coordinator);

    call->coordinator = coordinator;
    call->deadline_ms = later_ms(now, limit_ms);
    list_append(&coordinator->waiting, &call->node);
    timer_at(coordinator->timer, now);
}

void coordinator_cancel(struct coordinator_call *call)
{
    list_remove(&call->node);
    forget_request(call);
}

/* --- life ------------------------------------------------------------------------------------- */

int coordinator_init(struct coordinator *coordinator, struct klient *klient,
                     struct troubles *troubles, const char *group,
                     void (*found)(void *context, int code), void *context)
{
    *coordinator = (struct coordinator){ .klient = klient,
                                         .troubles = troubles,
                                         .group = group,
                                         .broker = -1,
                                         .found = found,
                                         .context = context };
    list_init(&coordinator->waiting);
    list_init(&coordinator->flying);
    return timer_new(klient->loop, fired, coordinator, &coordinator->timer);
}

static void drop_all(struct list *calls)
{
    for (struct list *node; (node = list_first(calls)) != NULL;)
        coordinator_cancel(LIST_OWNER(node, struct coordinator_call, node));
}

void coordinator_fini(struct coordinator *coordinator)
{
    drop_all(&coordinator->waiting);
    drop_all(&coordinator->flying);
    coordinator->tells = false;
    if (coordinator->finding)
        inquiry_end(&coordinator->inquiry, K_CLOSED, NULL);
    timer_free(coordinator->timer);
}
