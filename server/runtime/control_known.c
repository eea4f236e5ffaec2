/* control_known.c - who hears that a topic was made or deleted finds it so in our picture.
 *
 * The controller answers and announces in one step, but the news comes another way, and may be on
 * its way still. An answer that is here first waits for it: at the controller's broker and at the
 * one that relayed the request. Not for long, because the answer is true without it. */
#include "server/runtime/control_internal.h"

#include "proto/head.h"
#include "server/runtime/control_tickets.h"

enum { PATIENCE_MS = 1000 };

static bool result_known(const struct metadata *picture, const Kairn__TopicResult *result,
                         bool deleted)
{
    struct uuid id;

    if (head_error_code(result->error) != 0 || head_uuid(result->topic_id, &id) != 0)
        return true;
    const struct metadata_topic *topic = metadata_topic_by_id(picture, &id);
    if (deleted)
        return topic == NULL;
    return topic != NULL && topic->partition_count >= (int32_t)result->partitions;
}

static bool all_known(const struct metadata *picture, Kairn__TopicResult *const *results,
                      size_t count, bool deleted)
{
    for (size_t i = 0; i < count; i++)
        if (!result_known(picture, results[i], deleted))
            return false;
    return true;
}

/* Nothing is made. */
static bool only_validates(const Kairn__RequestHead *head)
{
    return (head->body_case == KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS &&
            head->create_topics->validate_only) ||
           (head->body_case == KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS &&
            head->create_partitions->validate_only);
}

/* Is what the answer tells in our picture? */
static bool is_known(const struct control_request *request, const struct metadata *picture)
{
    const Kairn__ResponseHead *response = request->response;

    if (request->code != 0 || only_validates(request->head))
        return true;
    switch (response->body_case) {
    case KAIRN__RESPONSE_HEAD__BODY_CREATE_TOPICS:
        return all_known(picture, response->create_topics->results,
                         response->create_topics->n_results, false);
    case KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS:
        return all_known(picture, response->create_partitions->results,
                         response->create_partitions->n_results, false);
    case KAIRN__RESPONSE_HEAD__BODY_DELETE_TOPICS:
        return all_known(picture, response->delete_topics->results,
                         response->delete_topics->n_results, true);
    default:
        return true;
    }
}

/* They are in the order in which their time is over. */
static void set_timer(struct control *control)
{
    if (list_empty(&control->unknown))
        timer_stop(control->unknown_timer);
    else
        timer_at(control->unknown_timer,
                 LIST_OWNER(list_first(&control->unknown), struct control_request, node)
                     ->known_by_ms);
}

void known_send(struct control_request *request)
{
    struct control *control = request->control;
    const struct metadata *picture = metadata_get(control->options.cell);
    int64_t until_ms = control_now_ms(control) + PATIENCE_MS;

    bool now = control->closed || request->deadline_ms < until_ms || is_known(request, picture);
    metadata_put(picture);
#ifdef MUTANT_ANSWER_BEFORE_NEWS
    now = true;
#endif
    if (now) {
        request_send(request);
        return;
    }
    request->known_by_ms = until_ms;
    list_append(&control->unknown, &request->node);
    set_timer(control);
}

void known_look(struct control *control)
{
    const struct metadata *picture = metadata_get(control->options.cell);
    int64_t now_ms = control_now_ms(control);

    LIST_EACH_SAFE(&control->unknown, node, after) {
        struct control_request *request = LIST_OWNER(node, struct control_request, node);
        if (control->closed || now_ms >= request->known_by_ms || is_known(request, picture)) {
            list_remove(node);
            request_send(request);
        }
    }
    set_timer(control);
    metadata_put(picture);
}

static void tick(void *context)
{
    known_look(context);
}

int known_init(struct control *control)
{
    list_init(&control->unknown);
    return timer_new(control->options.loop, tick, control, &control->unknown_timer);
}

void known_fini(struct control *control)
{
    timer_free(control->unknown_timer);
}
