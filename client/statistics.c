#include "client/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "client/broker.h"
#include "client/cluster.h"
#include "client/config.h"
#include "client/error.h"
#include "client/event.h"
#include "client/handle.h"
#include "client/queue.h"
#include "client/task.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "net/loop.h"

/* One piece of memory, so that who frees an event need not know its kind. */
struct statistics_event {
    struct klient_event event;      /* first */
    char json[];
};

static int64_t now_ms(const struct statistics *statistics)
{
    return loop_now_ms(statistics->klient->loop);
}

/* --- the text --------------------------------------------------------------------------------- */

void statistics_write_latency(struct json_text *json, const char *name,
                              const struct latency *latency)
{
    json_text_open(json, name, '{');
    json_text_number(json, "count", (int64_t)latency->count);
    json_text_number(json, "p50", (int64_t)latency_quantile(latency, 0.5));
    json_text_number(json, "p99", (int64_t)latency_quantile(latency, 0.99));
    json_text_number(json, "max", (int64_t)latency->max);
    json_text_close(json, '}');
}

static void write_brokers(struct klient *klient, struct json_text *json)
{
    json_text_open(json, "brokers", '[');
    LIST_EACH(cluster_brokers(klient->cluster), node) {
        const struct broker *broker = LIST_OWNER(node, struct broker, node);
        json_text_open(json, NULL, '{');
        json_text_number(json, "id", broker->id);
        json_text_string(json, "host", broker->host);
        json_text_number(json, "port", broker->port);
        json_text_string(json, "rack", broker->rack);
        json_text_bool(json, "connected", broker_ready(broker));
        json_text_number(json, "requests_in_flight", (int64_t)broker_in_flight(broker));
        statistics_write_latency(json, "rtt_us", &broker->rtt);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
}

static void write_sources(struct list *sources, const char *name, struct json_text *json,
                          int64_t window_ms)
{
    json_text_open(json, name, '[');
    LIST_EACH(sources, node) {
        struct statistics_source *source = LIST_OWNER(node, struct statistics_source, node);
        source->write(source, json, window_ms);
    }
    json_text_close(json, ']');
}

/* NULL when out of memory. */
static char *write_all(struct statistics *statistics)
{
    struct klient *klient = statistics->klient;
    int64_t window_ms = now_ms(statistics) - statistics->window_began_ms;
    struct json_text json;

    json_text_begin(&json);
    json_text_open(&json, NULL, '{');
    json_text_string(&json, "client_id", klient->config->values.client_id);
    json_text_number(&json, "time_ms", clock_wall_ms(loop_clock(klient->loop)));
    json_text_number(&json, "window_ms", window_ms);
    write_brokers(klient, &json);
    write_sources(&statistics->producers, "producers", &json, window_ms);
    write_sources(&statistics->consumers, "consumers", &json, window_ms);
    json_text_close(&json, '}');
    return json_text_end(&json);
}

static void restart(struct statistics *statistics)
{
    struct list *const lists[] = { &statistics->producers, &statistics->consumers };

    statistics->window_began_ms = now_ms(statistics);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        LIST_EACH(lists[i], node) {
            struct statistics_source *source = LIST_OWNER(node, struct statistics_source, node);
            source->restart(source);
        }
    LIST_EACH(cluster_brokers(statistics->klient->cluster), node)
        LIST_OWNER(node, struct broker, node)->rtt = (struct latency){ .count = 0 };
}

/* --- events ----------------------------------------------------------------------------------- */

/* Without memory for it the application misses one. */
static void tell(struct statistics *statistics)
{
    char *json = write_all(statistics);
    size_t size = json == NULL ? 0 : strlen(json) + 1;
    struct statistics_event *made = json == NULL ? NULL : malloc(sizeof *made + size);

    if (made != NULL) {
        made->event = (struct klient_event){ .kind = KLIENT_EVENT_STATISTICS };
        memcpy(made->json, json, size);
        queue_post(statistics->klient->config->queue, &made->event);
    }
    free(json);
}

static void fired(void *context)
{
    struct statistics *statistics = context;

    tell(statistics);
    restart(statistics);
    timer_after(statistics->timer, statistics->interval_ms);
}

const char *klient_event_statistics(const klient_event_t *event)
{
    if (event == NULL || event->kind != KLIENT_EVENT_STATISTICS)
        return NULL;
    return ((const struct statistics_event *)event)->json;
}

/* --- sources ---------------------------------------------------------------------------------- */

void statistics_add_producer(struct klient *klient, struct statistics_source *source)
{
    list_append(&klient->statistics.producers, &source->node);
}

void statistics_add_consumer(struct klient *klient, struct statistics_source *source)
{
    list_append(&klient->statistics.consumers, &source->node);
}

void statistics_remove(struct statistics_source *source)
{
    list_remove(&source->node);
}

/* --- life ------------------------------------------------------------------------------------- */

int statistics_open(struct statistics *statistics, struct klient *klient,
                    const struct klient_config *config)
{
    *statistics = (struct statistics){ .klient = klient,
                                       .interval_ms = config->values.statistics_interval_ms };
    list_init(&statistics->producers);
    list_init(&statistics->consumers);
    statistics->window_began_ms = now_ms(statistics);
    if (statistics->interval_ms == 0)
        return 0;
    if (config->queue == NULL) {
        LOG_WARN("statistics-untold", "reason=\"klient_config_set_queue() has named no queue\"");
        return 0;
    }
    int code = timer_new(klient->loop, fired, statistics, &statistics->timer);
    if (code == 0)
        timer_after(statistics->timer, statistics->interval_ms);
    return code;
}

void statistics_close(struct statistics *statistics)
{
    timer_free(statistics->timer);
    statistics->timer = NULL;
}

/* --- the calls -------------------------------------------------------------------------------- */

struct asked {
    struct statistics *statistics;
    char *json;
};

static void ask(void *context)
{
    struct asked *asked = context;

    asked->json = write_all(asked->statistics);
}

klient_code_t statistics_ask(struct klient *klient, char **json, klient_error_t **error)
{
    struct asked asked = { &klient->statistics, NULL };
    int refused = handle_check(klient);

    if (refused != 0 || json == NULL)
        return fail(error, refused != 0 ? refused : K_INVALID_ARGUMENT, NULL);
    task_call(klient, ask, &asked);
    if (asked.json == NULL)
        return fail(error, K_NOMEM, NULL);
    *json = asked.json;
    return KLIENT_OK;
}

klient_code_t klient_statistics(klient_t *klient, char **json, klient_error_t **error)
{
    return klient == NULL ? fail(error, K_INVALID_ARGUMENT, NULL)
                          : statistics_ask(klient, json, error);
}

void klient_statistics_free(char *json)
{
    free(json);
}
