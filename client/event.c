#include "client/event.h"

#include <stdlib.h>

#include "client/task.h"

void product_free(struct product *product)
{
    void *object = product->object;

    switch (product->kind) {
    case PRODUCT_NONE:
        break;
    case PRODUCT_GROUPS:
        klient_groups_free(object);
        break;
    case PRODUCT_LOGS:
        klient_logs_free(object);
        break;
    case PRODUCT_METADATA:
        klient_metadata_free(object);
        break;
    case PRODUCT_METRICS:
        klient_metrics_free(object);
        break;
    case PRODUCT_OFFSETS:
        klient_offsets_free(object);
        break;
    case PRODUCT_REASSIGNMENTS:
        klient_reassignments_free(object);
        break;
    case PRODUCT_RESULTS:
        klient_results_free(object);
        break;
    case PRODUCT_SETTINGS:
        klient_settings_free(object);
        break;
    }
    *product = (struct product){ PRODUCT_NONE, NULL };
}

struct klient_event *queue_event_new(klient_event_kind_t kind, void *opaque)
{
    struct klient_event *event = calloc(1, sizeof *event);

    if (event == NULL)
        return NULL;
    event->kind = kind;
    event->opaque = opaque;
    return event;
}

void queue_event_complete(struct klient_event *event)
{
    struct task *task = event->task;

    if (task == NULL)
        return;
    event->task = NULL;
    event->code = task_outcome(task, event->make, &event->product, &event->error);
    task_unref(task);
}

/* --- for the application ---------------------------------------------------------------------- */

klient_event_kind_t klient_event_kind(const klient_event_t *event)
{
    return event->kind;
}

klient_code_t klient_event_code(const klient_event_t *event)
{
    return event->code;
}

const klient_error_t *klient_event_error(const klient_event_t *event)
{
    return event->error;
}

void *klient_event_opaque(const klient_event_t *event)
{
    return event->opaque;
}

static void *take(klient_event_t *event, enum product_kind kind)
{
    if (event->product.kind != kind)
        return NULL;
    void *object = event->product.object;
    event->product = (struct product){ PRODUCT_NONE, NULL };
    return object;
}

klient_groups_t *klient_event_take_groups(klient_event_t *event)
{
    return take(event, PRODUCT_GROUPS);
}

klient_logs_t *klient_event_take_logs(klient_event_t *event)
{
    return take(event, PRODUCT_LOGS);
}

klient_metadata_t *klient_event_take_metadata(klient_event_t *event)
{
    return take(event, PRODUCT_METADATA);
}

klient_metrics_t *klient_event_take_metrics(klient_event_t *event)
{
    return take(event, PRODUCT_METRICS);
}

klient_offsets_t *klient_event_take_offsets(klient_event_t *event)
{
    return take(event, PRODUCT_OFFSETS);
}

klient_reassignments_t *klient_event_take_reassignments(klient_event_t *event)
{
    return take(event, PRODUCT_REASSIGNMENTS);
}

klient_results_t *klient_event_take_results(klient_event_t *event)
{
    return take(event, PRODUCT_RESULTS);
}

klient_settings_t *klient_event_take_settings(klient_event_t *event)
{
    return take(event, PRODUCT_SETTINGS);
}

void klient_event_free(klient_event_t *event)
{
    if (event == NULL)
        return;
    if (event->task != NULL)
        task_unref(event->task);
    product_free(&event->product);
    klient_error_free(event->error);
    free(event);
}
