/* broker_metrics.c - kairn broker metrics: what a broker counts, once or every second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"
#include "tools/kairn/watch.h"

static klient_metric_t metric_at(const klient_metrics_t *metrics, size_t index)
{
    klient_metric_t metric = { .size = sizeof metric };
    klient_metrics_get(metrics, index, &metric);
    return metric;
}

static bool is_wanted(const struct args *args, const klient_metric_t *metric)
{
    return !args_has(args, "--match") ||
           strstr(metric->name, args_value(args, "--match")) != NULL;
}

/* Seconds from one look to the next; 0: there was none before, or another process answered it. */
static double seconds_between(const klient_metrics_t *before, const klient_metrics_t *now)
{
    if (before == NULL || klient_metrics_count(before) != klient_metrics_count(now))
        return 0;
    int64_t us = klient_metrics_time_us(now) - klient_metrics_time_us(before);
    return us > 0 ? (double)us / 1e6 : 0;
}

/* How much more of it there was in a second. False: that can not be said. */
static bool change(const klient_metrics_t *before, const klient_metrics_t *now, size_t index,
                   double *out)
{
    double seconds = seconds_between(before, now);
    klient_metric_t metric = metric_at(now, index);

    if (seconds <= 0 || metric.kind == KLIENT_METRIC_GAUGE ||
        metric.value < metric_at(before, index).value)
        return false;
    *out = (double)(metric.value - metric_at(before, index).value) / seconds;
    return true;
}

static const char *kind_name(klient_metric_kind_t kind)
{
    return kind == KLIENT_METRIC_COUNTER ? "counter"
           : kind == KLIENT_METRIC_GAUGE ? "gauge"
                                         : "histogram";
}

static void print_json(const struct args *args, const klient_metrics_t *before,
                       const klient_metrics_t *now, int32_t broker)
{
    json_t *list = json_object();
    double a_second;

    for (size_t i = 0; i < klient_metrics_count(now); i++) {
        klient_metric_t metric = metric_at(now, i);
        bool histogram = metric.kind == KLIENT_METRIC_HISTOGRAM;
        if (!is_wanted(args, &metric))
            continue;
        json_t *object = json_pack("{s:s, s:I, s:s}", "kind", kind_name(metric.kind),
                                   histogram ? "count" : "value", (json_int_t)metric.value, "text",
                                   metric.text);
        if (histogram) {
            json_object_set_new(object, "p50", json_integer(metric.p50));
            json_object_set_new(object, "p99", json_integer(metric.p99));
            json_object_set_new(object, "p99.9", json_integer(metric.p999));
            json_object_set_new(object, "max", json_integer(metric.max));
        }
        if (change(before, now, i, &a_second))
            json_object_set_new(object, "per_second", json_real(a_second));
        json_object_set_new(list, metric.name, object);
    }
    json_line(json_pack("{s:i, s:I, s:o}", "broker", (int)broker, "time_us",
                        (json_int_t)klient_metrics_time_us(now), "metrics", list));
}

static void add_quantile(struct table *table, const klient_metric_t *metric, int64_t value)
{
    if (metric->kind == KLIENT_METRIC_HISTOGRAM && metric->value > 0)
        table_add(table, "%lld", (long long)value);
    else
        table_add(table, "%s", "");
}

static void print_table(const struct args *args, const klient_metrics_t *before,
                        const klient_metrics_t *now)
{
    bool watches = args_has(args, "--watch");
    struct table *table = table_new(watches ? "NAME >VALUE >PER-SECOND >P50 >P99 >P99.9 >MAX"
                                            : "NAME >VALUE >P50 >P99 >P99.9 >MAX COUNTS");
    double a_second;

    for (size_t i = 0; i < klient_metrics_count(now); i++) {
        klient_metric_t metric = metric_at(now, i);
        if (!is_wanted(args, &metric))
            continue;
        table_add(table, "%s", metric.name);
        table_add(table, "%lld", (long long)metric.value);
        if (watches && change(before, now, i, &a_second))
            table_add(table, "%.1f", a_second);
        else if (watches)
            table_add(table, "%s", "");
        add_quantile(table, &metric, metric.p50);
        add_quantile(table, &metric, metric.p99);
        add_quantile(table, &metric, metric.p999);
        add_quantile(table, &metric, metric.max);
        if (!watches)
            table_add(table, "%s", metric.text);
    }
    table_print(table);
}

/* What the looks have in common. */
struct looking {
    klient_admin_t *admin;
    int64_t timeout_ms;
    int32_t broker;
    klient_metrics_t *before;           /* of the last look; owned */
};

static int look(struct watch *watch, void *context)
{
    struct looking *looking = context;
    klient_metrics_t *now = NULL;
    klient_error_t *error = NULL;

    if (klient_admin_describe_metrics(looking->admin, looking->broker, looking->timeout_ms, &now,
                                      &error) != KLIENT_OK)
        return connect_failed(watch->args, error);
    watch_page(watch);
    if (args_json(watch->args))
        print_json(watch->args, looking->before, now, looking->broker);
    else
        print_table(watch->args, looking->before, now);
    klient_metrics_free(looking->before);
    looking->before = now;
    return EXIT_DONE;
}

int broker_metrics(const struct args *args)
{
    struct looking looking = { 0 };
    int status;

    if (!args_broker(args, 0, &looking.broker))
        return EXIT_USAGE;
    looking.admin = connect_admin(args, &looking.timeout_ms, &status);
    if (looking.admin == NULL)
        return status;
    status = watch_run(args, look, &looking);
    klient_metrics_free(looking.before);
    klient_admin_close(looking.admin);
    return status;
}
