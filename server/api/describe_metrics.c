/* DescribeMetrics: what this broker counts, as common/metric_table.h names it. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/request.h"
#include "server/runtime/census.h"
#include "server/runtime/shard.h"

struct metrics_question {
    struct census census;
    struct request *request;
};

static const Kairn__Metric__Kind kinds[] = {
    [METRIC_COUNTER] = KAIRN__METRIC__KIND__COUNTER,
    [METRIC_GAUGE] = KAIRN__METRIC__KIND__GAUGE,
    [METRIC_HISTOGRAM] = KAIRN__METRIC__KIND__HISTOGRAM,
};

static void fill(const struct metrics *metrics, enum metric_id id, Kairn__Metric *out)
{
    const struct metric_row *row = metric_row(id);

    kairn__metric__init(out);
    out->kind = kinds[row->kind];
    out->name = (char *)row->name;
    out->text = (char *)row->text;
    out->value = metric_value(metrics, id);
    if (row->kind != METRIC_HISTOGRAM)
        return;
    out->p50 = metric_quantile(metrics, id, 0.5);
    out->p99 = metric_quantile(metrics, id, 0.99);
    out->p999 = metric_quantile(metrics, id, 0.999);
    out->max = metric_max(metrics, id);
}

static void answer(struct census *census)
{
    struct request *request = LIST_OWNER(census, struct metrics_question, census)->request;
    void **pointers;
    Kairn__DescribeMetricsResponse *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__Metric *metrics = request_messages(request, METRIC_COUNT, sizeof *metrics, &pointers);

    if (body == NULL || metrics == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    for (enum metric_id id = 0; id < METRIC_COUNT; id++)
        fill(request->api->metrics, id, &metrics[id]);
    kairn__describe_metrics_response__init(body);
    body->broker = request->api->broker_id;
    body->time_us = shard_now_us(request->shard);
    body->n_metrics = METRIC_COUNT;
    body->metrics = (Kairn__Metric **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_METRICS;
    request->response.describe_metrics = body;
    request_finish(request);
}

void api_describe_metrics(struct request *request)
{
    int code = authorise_cluster(request->principal, OPERATION_DESCRIBE);
    struct metrics_question *question = arena_calloc(&request->arena, 1, sizeof *question);

    if (code == 0 && question == NULL)
        code = K_NOMEM;
    if (code == 0) {
        question->request = request;
        question->census.done = answer;
        code = census_take(&question->census, request->shard, &request->arena);
    }
    if (code != 0)
        request_fail(request, code, NULL);
}
