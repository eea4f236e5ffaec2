/* metrics.c - what a broker counts: asked of that broker. */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/error.h"
#include "common/error.h"

struct klient_metrics {
    Kairn__ResponseHead *head;          /* owned */
    const Kairn__DescribeMetricsResponse *body;
};

static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    klient_metrics_t *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        kairn__response_head__free_unpacked(head, NULL);
        return fail(error, K_NOMEM, NULL);
    }
    *metrics = (klient_metrics_t){ .head = head, .body = head->describe_metrics };
    *out = (struct product){ PRODUCT_METRICS, metrics };
    return KLIENT_OK;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, int32_t broker,
                           int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check(admin);

    if (code != 0 || broker < 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_DESCRIBE_METRICS,
                              &kairn__describe_metrics_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    ask->broker = broker;
    ask_call(ask, timeout_ms, make, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_describe_metrics(klient_admin_t *admin, int32_t broker,
                                            int64_t timeout_ms, klient_metrics_t **out,
                                            klient_error_t **error)
{
    struct call call;
    void *made;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin(&call, admin, broker, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return code;
}

klient_code_t klient_admin_describe_metrics_async(klient_admin_t *admin, int32_t broker,
                                                  int64_t timeout_ms, klient_queue_t *queue,
                                                  void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, broker, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

size_t klient_metrics_count(const klient_metrics_t *metrics)
{
    return metrics->body->n_metrics;
}

int64_t klient_metrics_time_us(const klient_metrics_t *metrics)
{
    return metrics->body->time_us;
}

/* What a later broker counts in another way is a number of this moment. */
static klient_metric_kind_t kind_of(Kairn__Metric__Kind kind)
{
    switch (kind) {
    case KAIRN__METRIC__KIND__COUNTER:
        return KLIENT_METRIC_COUNTER;
    case KAIRN__METRIC__KIND__HISTOGRAM:
        return KLIENT_METRIC_HISTOGRAM;
    default:
        return KLIENT_METRIC_GAUGE;
    }
}

klient_code_t klient_metrics_get(const klient_metrics_t *metrics, size_t index,
                                 klient_metric_t *out)
{
    if (index >= metrics->body->n_metrics || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__Metric *metric = metrics->body->metrics[index];
    *out = (klient_metric_t){
        .size = out->size,
        .name = metric->name,
        .text = metric->text,
        .kind = kind_of(metric->kind),
        .value = metric->value,
        .p50 = metric->p50,
        .p99 = metric->p99,
        .p999 = metric->p999,
        .max = metric->max,
    };
    return KLIENT_OK;
}

void klient_metrics_free(klient_metrics_t *metrics)
{
    if (metrics == NULL)
        return;
    kairn__response_head__free_unpacked(metrics->head, NULL);
    free(metrics);
}
