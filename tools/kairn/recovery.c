#include "tools/kairn/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/bytes.h"

enum { ANSWER_MS = 1000, BYTES_TEXT = 32 };

static int64_t value_of(const klient_metrics_t *metrics, const char *name)
{
    for (size_t i = 0; i < klient_metrics_count(metrics); i++) {
        klient_metric_t metric = { .size = sizeof metric };
        klient_metrics_get(metrics, i, &metric);
        if (strcmp(metric.name, name) == 0)
            return metric.value;
    }
    return 0;
}

struct recovery recovery_of(int32_t broker, const klient_metrics_t *metrics)
{
    return (struct recovery){
        .broker = broker,
        .logs_left = value_of(metrics, "recovery_logs_left"),
        .found = value_of(metrics, "recovery_found_bytes_total"),
        .checked = value_of(metrics, "recovery_checked_bytes_total"),
    };
}

struct recovery *recovery_ask(klient_admin_t *admin, const klient_metadata_t *metadata,
                              size_t *count)
{
    size_t brokers = klient_metadata_broker_count(metadata);
    struct recovery *found = calloc(brokers + 1, sizeof *found);

    *count = 0;
    for (size_t i = 0; i < brokers && found != NULL; i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metrics_t *metrics;
        klient_error_t *error = NULL;
        klient_metadata_broker(metadata, i, &broker);
        if (klient_admin_describe_metrics(admin, broker.id, ANSWER_MS, &metrics, &error) !=
            KLIENT_OK) {
            klient_error_free(error);
            continue;
        }
        found[*count] = recovery_of(broker.id, metrics);
        *count += found[*count].logs_left > 0;
        klient_metrics_free(metrics);
    }
    if (*count > 0)
        return found;
    free(found);
    return NULL;
}

void recovery_explain(const struct recovery *recovery, char *text, size_t size)
{
    char checked[BYTES_TEXT], found[BYTES_TEXT];

    snprintf(text, size,
             "broker %d checks its logs after a crash: %lld %s left, %s of the %s found so far are "
             "checked",
             (int)recovery->broker, (long long)recovery->logs_left,
             recovery->logs_left == 1 ? "is" : "are",
             bytes_text(checked, sizeof checked, recovery->checked),
             bytes_text(found, sizeof found, recovery->found));
}

json_t *recovery_json(const struct recovery *recoveries, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:I}", "broker",
                                              (int)recoveries[i].broker, "logs_left",
                                              (json_int_t)recoveries[i].logs_left, "found_bytes",
                                              (json_int_t)recoveries[i].found, "checked_bytes",
                                              (json_int_t)recoveries[i].checked));
    return list;
}
