#include "client/inquiry.h"

#include "client/config.h"
#include "client/handle.h"
#include "common/error.h"
#include "net/loop.h"

static void attempt(struct inquiry *inquiry);

void inquiry_end(struct inquiry *inquiry, int code, const char *text)
{
    struct cluster *cluster = inquiry->klient->cluster;

    list_remove(&inquiry->node);
    cluster_unobserve(&inquiry->observer);
    timer_free(inquiry->timer);
    inquiry->timer = NULL;
    if (inquiry->requested)
        request_cancel(&inquiry->request);
    struct topic *topic = inquiry->topic;
    inquiry->topic = NULL;

    /* The text may point into the answer, which request_fini() frees. */
    struct k_reason reason = { "" };
    if (text != NULL && text[0] != '\0')
        k_reason_set(&reason, code, "%s", text);
    if (inquiry->requested)
        request_fini(&inquiry->request);
    inquiry->requested = false;
    inquiry->done(inquiry, code, reason.text);
    cluster_release(cluster, topic);
}

/* Try again after a pause; the timer also ends it at its deadline. */
static void retry(struct inquiry *inquiry, int code)
{
    int64_t now = loop_now_ms(inquiry->klient->loop);

    inquiry->last_code = code;
    inquiry->backoff_ms = cluster_backoff(inquiry->klient->cluster, inquiry->backoff_ms);
    int64_t at = now + inquiry->backoff_ms;
    timer_at(inquiry->timer, at < inquiry->deadline_ms ? at : inquiry->deadline_ms);
}

static void answered(struct request *request, int code, const Kairn__ResponseHead *head,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    struct inquiry *inquiry = LIST_OWNER(request, struct inquiry, request);
    const Kairn__Error *error = head == NULL ? NULL : head->error;
    bool sent = code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT;

    (void)slab, (void)payload, (void)size;
    if (code == 0)
        code = inquiry->read(inquiry, head, &error);
    if (code != 0 && inquiry->topic != NULL && k_error_stale(code) &&
        inquiry->partition < inquiry->topic->count &&
        cluster_stale(inquiry->klient->cluster, inquiry->topic, inquiry->partition,
                      inquiry->epoch, error) &&
        inquiry->backoff_ms == 0) {
        inquiry->backoff_ms = 1;
        attempt(inquiry);
        return;
    }
    bool is_final = (sent && inquiry->once) ||
                    (inquiry->is_final != NULL && inquiry->is_final(inquiry, code));
    if (code != 0 && k_error_retriable(code) && !is_final)
        retry(inquiry, code);
    else
        inquiry_end(inquiry, code, error == NULL ? NULL : error->message);
}

static void ask(struct inquiry *inquiry, struct broker *broker, int64_t left_ms)
{
    int64_t limit = inquiry->klient->config->values.request_timeout_ms;

    if (inquiry->patience_ms > 0 && inquiry->patience_ms < limit)
        limit = inquiry->patience_ms;
    if (inquiry->requested)
        request_fini(&inquiry->request);
    request_init(&inquiry->request, answered);
    inquiry->requested = true;
    int code = inquiry->build(inquiry, &inquiry->request);
    if (code == 0)
        code = broker_ask(broker, &inquiry->request, NULL, left_ms < limit ? left_ms : limit, true);
    if (code != 0)
        inquiry_end(inquiry, code, NULL);
}

/* Out of time; the last obstacle is worth telling. */
static void end_in_time(struct inquiry *inquiry)
{
    struct k_reason reason = { "" };

    if (inquiry->last_code != 0)
        k_reason_set(&reason, K_REQUEST_TIMED_OUT, "no success in time; the last attempt: %s",
                     k_error_text(inquiry->last_code));
    inquiry_end(inquiry, K_REQUEST_TIMED_OUT, reason.text);
}

/* The picture that is asked for now names every live broker: see changed(). */
static void look_for_broker(struct inquiry *inquiry)
{
    struct k_reason reason = { "" };

    if (!inquiry->looked) {
        cluster_refresh(inquiry->klient->cluster);
        retry(inquiry, K_BROKER_NOT_AVAILABLE);
        return;
    }
    k_reason_set(&reason, K_BROKER_NOT_AVAILABLE, "there is no live broker %d",
                 (int)inquiry->broker);
    inquiry_end(inquiry, K_BROKER_NOT_AVAILABLE, reason.text);
}

static void attempt(struct inquiry *inquiry)
{
    struct cluster *cluster = inquiry->klient->cluster;
    int64_t left_ms = inquiry->deadline_ms - loop_now_ms(inquiry->klient->loop);
    struct broker *broker;

    if (inquiry->requested && inquiry->request.asked)
        return;
    if (left_ms <= 0) {
        end_in_time(inquiry);
        return;
    }
    if (inquiry->topic != NULL) {
        int code = cluster_topic_code(cluster, inquiry->topic);
        if (code == 0 && inquiry->partition >= inquiry->topic->count)
            code = K_UNKNOWN_TOPIC_OR_PARTITION;
        if (code != 0 && code != K_LEADER_NOT_AVAILABLE) {
            inquiry_end(inquiry, code, NULL);
            return;
        }
        broker = cluster_leader(cluster, inquiry->topic, inquiry->partition);
        if (broker == NULL) {
            if (code == 0)
                cluster_stale(cluster, inquiry->topic, inquiry->partition,
                              inquiry->topic->partitions[inquiry->partition].epoch, NULL);
            retry(inquiry, K_LEADER_NOT_AVAILABLE);
            return;
        }
        inquiry->epoch = inquiry->topic->partitions[inquiry->partition].epoch;
    } else if (inquiry->broker >= 0) {
        broker = cluster_broker(cluster, inquiry->broker);
        if (broker == NULL) {
            look_for_broker(inquiry);
            return;
        }
    } else {
        broker = cluster_any(cluster);
    }
    ask(inquiry, broker, left_ms);
}

static void fired(void *context)
{
    attempt(context);
}

/* News: what waited for a leader need not wait for its timer. */
static void changed(struct observer *observer)
{
    struct inquiry *inquiry = LIST_OWNER(observer, struct inquiry, observer);

    inquiry->looked = true;
    if (inquiry->topic != NULL || inquiry->broker >= 0)
        timer_at(inquiry->timer, loop_now_ms(inquiry->klient->loop));
}

void inquiry_start(struct inquiry *inquiry, struct klient *klient, const char *topic,
                   int32_t partition, int64_t deadline_ms)
{
    inquiry->klient = klient;
    inquiry->topic = NULL;
    inquiry->partition = partition;
    inquiry->deadline_ms = deadline_ms;
    inquiry->backoff_ms = 0;
    inquiry->last_code = 0;
    inquiry->requested = false;
    inquiry->looked = false;
    inquiry->timer = NULL;
    list_append(cluster_inquiries(klient->cluster), &inquiry->node);
    cluster_observe(klient->cluster, &inquiry->observer, changed);
    if (timer_new(klient->loop, fired, inquiry, &inquiry->timer) != 0) {
        inquiry_end(inquiry, K_NOMEM, NULL);
        return;
    }
    if (topic != NULL) {
        inquiry->topic = cluster_hold(klient->cluster, topic, false);
        if (inquiry->topic == NULL) {
            inquiry_end(inquiry, K_NOMEM, NULL);
            return;
        }
    }
    attempt(inquiry);
}
