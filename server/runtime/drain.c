/* drain.c - before a broker stops it asks the controller to move what it leads, until that is done
 * and its own picture says so, or its time is over. The controller's broker asks itself. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>

#include "common/log.h"
#include "proto/head.h"

enum { STEP_MS = 20 };

struct drain {
    struct control *control;
    struct timer *timer;
    int64_t since_ms, until_ms;
    bool asking;
    uint32_t remaining, unmovable;          /* as the controller said last */
    struct control_request request;
    Kairn__RequestHead head;
    Kairn__DrainRequest body;
    Kairn__ResponseHead response;
    struct control_self self;
    struct arena arena;
    void (*done)(void *context);
    void *context;
};

static void finish(struct drain *drain)
{
    struct control *control = drain->control;
    void (*done)(void *) = drain->done;
    void *context = drain->context;

    LOG_INFO("broker-drained", "remaining=%u unmovable=%u ms=%lld", drain->remaining,
             drain->unmovable, (long long)(control_now_ms(control) - drain->since_ms));
    control->drain = NULL;
    drain_free(drain);
    done(context);
}

void drain_free(struct drain *drain)
{
    if (drain == NULL)
        return;
    timer_free(drain->timer);
    arena_fini(&drain->arena);
    free(drain);
}

/* Do we lead, as far as we know, what others in sync could lead? */
static bool still_leads(const struct control *control)
{
    const struct metadata *picture = metadata_get(control->options.cell);
    bool leads = false;

    for (size_t t = 0; t < picture->topic_count && !leads; t++)
        for (int32_t p = 0; p < picture->topics[t]->partition_count && !leads; p++) {
            const struct metadata_partition *partition = &picture->topics[t]->partitions[p];
            leads = partition->leader == control->broker_id && partition->isr_count > 1;
        }
    metadata_put(picture);
    return leads;
}

static void answered(struct control_request *request)
{
    struct drain *drain = LIST_OWNER(request, struct drain, request);
    struct control *control = drain->control;
    bool said = request->code == 0 &&
                drain->response.body_case == KAIRN__RESPONSE_HEAD__BODY_DRAIN;

    drain->asking = false;
    if (said) {
        drain->remaining = drain->response.drain->remaining;
        drain->unmovable = drain->response.drain->unmovable;
    }
    bool refused = request->code != 0 && request->code != K_NOT_CONTROLLER &&
                   request->code != K_REQUEST_TIMED_OUT;
    if ((said && drain->remaining == 0 && !still_leads(control)) || refused || control->closed ||
        control_now_ms(control) >= drain->until_ms)
        finish(drain);
    else
        timer_after(drain->timer, STEP_MS);
}

static void ask(void *context)
{
    struct drain *drain = context;
    struct control *control = drain->control;

    arena_fini(&drain->arena);
    arena_init(&drain->arena, NULL, 0, SIZE_MAX);
    kairn__request_head__init(&drain->head);
    kairn__drain_request__init(&drain->body);
    kairn__response_head__init(&drain->response);
    control->options.describe(control->options.context, &drain->self);
    drain->body.broker = control->broker_id;
    drain->body.incarnation = head_bytes_of_uuid(&drain->self.incarnation);
    drain->head.body_case = KAIRN__REQUEST_HEAD__BODY_DRAIN;
    drain->head.drain = &drain->body;
    drain->request = (struct control_request){
        .answer_to = loop_mail_target(control->options.loop),
        .answered = answered,
        .head = &drain->head,
        .deadline_ms = drain->until_ms,
        .arena = &drain->arena,
        .response = &drain->response,
    };
    drain->asking = true;
    control_relay(control, &drain->request);
}

void control_drain(struct control *control, int32_t limit_ms, void (*done)(void *context),
                   void *context)
{
    struct drain *drain = NULL;

    if (control->member.state == MEMBER_SERVING && control->session != NULL &&
        zk_session_state(control->session) == ZK_CONNECTED && control->drain == NULL)
        drain = calloc(1, sizeof *drain);
    if (drain == NULL || timer_new(control->options.loop, ask, drain, &drain->timer) != 0) {
        free(drain);
        done(context);          /* nobody knows us, or nobody could be told */
        return;
    }
    drain->control = control;
    drain->since_ms = control_now_ms(control);
    drain->until_ms = drain->since_ms + limit_ms;
    drain->done = done;
    drain->context = context;
    arena_init(&drain->arena, NULL, 0, SIZE_MAX);
    control->drain = drain;
    ask(drain);
}
