/* fake_describe.c - what a fake broker says of its logs, and of what it counts. */
#include "common/error.h"
#include "tests/client/fake_private.h"

/* --- logs ------------------------------------------------------------------------------------- */

/* Broker 7 lacks the last two records; of broker 8 something is said that nobody knows yet. */
static int add_followers(struct arena *arena, const struct fake_partition *partition,
                         Kairn__LogInfo *info)
{
    static const Kairn__FollowerInfo__State states[] = { KAIRN__FOLLOWER_INFO__STATE__BEHIND,
                                                         (Kairn__FollowerInfo__State)1000 };

    info->followers = arena_calloc(arena, 2, sizeof *info->followers);
    for (int i = 0; info->followers != NULL && i < 2; i++) {
        Kairn__FollowerInfo *follower = arena_alloc(arena, sizeof *follower);
        if (follower == NULL)
            return K_NOMEM;
        kairn__follower_info__init(follower);
        follower->broker = 7 + i;
        follower->state = states[i];
        follower->end = i == 0 ? partition->end - 2 : -1;
        follower->lag = 2;
        follower->behind_ms = 1500;
        follower->silent_ms = 20;
        info->followers[info->n_followers++] = follower;
    }
    return info->followers == NULL ? K_NOMEM : 0;
}

static void describe_logs(struct fake *fake, const Kairn__DescribeLogsRequest *question,
                          Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__DescribeLogsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__describe_logs_response__init(body);
    body->results = arena_calloc(arena, question->n_partitions, sizeof *body->results);
    body->n_results = question->n_partitions;
    for (size_t i = 0; i < question->n_partitions; i++) {
        const Kairn__LogPartition *row = question->partitions[i];
        const struct fake_partition *partition =
            fake_partition_by_id(fake, row->topic_id, row->partition);
        Kairn__LogInfo *info = body->results[i] = arena_alloc(arena, sizeof *info);
        kairn__log_info__init(info);
        info->directory = (char *)"/fake";
        if (partition == NULL) {
            info->error = head_error(arena, K_UNKNOWN_TOPIC_OR_PARTITION, NULL);
            continue;
        }
        info->log_start = partition->start;
        info->log_end = info->high_watermark = partition->end;
        if (add_followers(arena, partition, info) != 0)
            info->error = head_error(arena, K_NOMEM, NULL);
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_LOGS;
    head->describe_logs = body;
}

/* --- metrics ---------------------------------------------------------------------------------- */

/* One of each kind, and one of a kind that nobody knows yet. */
static void describe_metrics(struct fake_broker *broker, Kairn__ResponseHead *head)
{
    static const struct {
        const char *name;
        Kairn__Metric__Kind kind;
        int64_t value;
    } rows[] = {
        { "asked_total", KAIRN__METRIC__KIND__COUNTER, 12 },
        { "open", KAIRN__METRIC__KIND__GAUGE, -3 },
        { "took_us", KAIRN__METRIC__KIND__HISTOGRAM, 100 },
        { "later", (Kairn__Metric__Kind)1000, 5 },
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    struct arena *arena = &broker->fake->arena;
    Kairn__DescribeMetricsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__describe_metrics_response__init(body);
    body->broker = broker->id + 1;
    body->time_us = 1000000;
    body->metrics = arena_calloc(arena, COUNT, sizeof *body->metrics);
    for (size_t i = 0; i < COUNT; i++) {
        Kairn__Metric *metric = body->metrics[i] = arena_alloc(arena, sizeof *metric);
        kairn__metric__init(metric);
        metric->name = (char *)rows[i].name;
        metric->text = (char *)"what a fake counts";
        metric->kind = rows[i].kind;
        metric->value = rows[i].value;
        if (rows[i].kind != KAIRN__METRIC__KIND__HISTOGRAM)
            continue;
        metric->p50 = 10;
        metric->p99 = 90;
        metric->p999 = 95;
        metric->max = 99;
    }
    body->n_metrics = COUNT;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_METRICS;
    head->describe_metrics = body;
}

bool fake_describe(struct fake_broker *broker, const Kairn__RequestHead *request,
                   Kairn__ResponseHead *head)
{
    switch (request->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_LOGS:
        describe_logs(broker->fake, request->describe_logs, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_METRICS:
        describe_metrics(broker, head);
        return true;
    default:
        return false;
    }
}
