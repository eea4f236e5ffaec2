#include "tools/kairn/ailments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/health.h"

enum { ANSWER_MS = 1000, TEXT_MAX = 256 };

/* 0 is what an older broker says of what it does not know. */
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

static void note(struct ailments *ailments, int32_t broker, const klient_metrics_t *metrics)
{
    const struct recovery recovery = {
        .broker = broker,
        .logs_left = value_of(metrics, "recovery_logs_left"),
        .found = value_of(metrics, "recovery_found_bytes_total"),
        .checked = value_of(metrics, "recovery_checked_bytes_total"),
    };

    if (value_of(metrics, "zookeeper_away") > 0)
        ailments->cut_off[ailments->cut_off_count++] = broker;
    if (value_of(metrics, "log_directories_full") > 0)
        ailments->full[ailments->full_count++] = broker;
    if (recovery.logs_left > 0)
        ailments->recoveries[ailments->recovery_count++] = recovery;
}

void ailments_ask(klient_admin_t *admin, const klient_metadata_t *metadata, struct ailments *out)
{
    size_t brokers = klient_metadata_broker_count(metadata);

    *out = (struct ailments){ .brokers = brokers,
                              .cut_off = calloc(brokers + 1, sizeof *out->cut_off),
                              .full = calloc(brokers + 1, sizeof *out->full),
                              .recoveries = calloc(brokers + 1, sizeof *out->recoveries) };
    if (out->cut_off == NULL || out->full == NULL || out->recoveries == NULL)
        return;
    for (size_t i = 0; i < brokers; i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metrics_t *metrics;
        klient_metadata_broker(metadata, i, &broker);
        if (klient_admin_describe_metrics(admin, broker.id, ANSWER_MS, &metrics, NULL) !=
            KLIENT_OK)
            continue;
        note(out, broker.id, metrics);
        klient_metrics_free(metrics);
    }
}

void ailments_free(struct ailments *ailments)
{
    free(ailments->cut_off);
    free(ailments->full);
    free(ailments->recoveries);
}

size_t ailments_count(const struct ailments *ailments)
{
    return ailments->cut_off_count + ailments->full_count + ailments->recovery_count;
}

void ailments_print(const struct ailments *ailments)
{
    char text[TEXT_MAX];

    if (ailments_count(ailments) > 0)
        putchar('\n');
    if (ailments->cut_off_count > 0)
        printf("%sno ZooKeeper server answers%s broker %s: %s; see kairn cluster doctor\n",
               colour_begin(COLOUR_BAD), colour_end(COLOUR_BAD),
               health_ids(text, sizeof text, ailments->cut_off, ailments->cut_off_count),
               ailments->cut_off_count == ailments->brokers
                   ? "nobody is elected, nothing is made or changed"
                   : "others take over what they can");
    for (size_t i = 0; i < ailments->full_count; i++)
        printf("broker %d %srefuses records, a disk is full%s: make room; "
               "kairn broker log-dirs %d says what lies there\n",
               (int)ailments->full[i], colour_begin(COLOUR_BAD), colour_end(COLOUR_BAD),
               (int)ailments->full[i]);
    for (size_t i = 0; i < ailments->recovery_count; i++) {
        recovery_explain(&ailments->recoveries[i], text, sizeof text);
        printf("%s\n", text);
    }
}
