#include "client/background.h"

#include "client/config.h"
#include "client/producer.h"
#include "client/worker.h"

static void *run(void *context)
{
    struct klient_producer *producer = context;
    struct background *background = &producer->background;

    config_divert_log(producer->config);
    for (;;) {
        unsigned ticket = gate_ticket(&background->gate);
        bool stops = atomic_load(&background->stops);
        report_serve(producer);
        if (stops)
            break;
        gate_wait(&background->gate, ticket, INT64_MAX);
    }
    return NULL;
}

int background_start(struct klient_producer *producer)
{
    struct background *background = &producer->background;

    gate_init(&background->gate);
    atomic_init(&background->stops, false);
    if (!producer->config->background || !producer_reports(producer))
        return 0;
    background->runs = true;
    int code = worker_start(&background->thread, "klient-reports", run, producer);
    background->runs = code == 0;
    return code;
}

void background_stop(struct klient_producer *producer)
{
    struct background *background = &producer->background;

    if (!background->runs)
        return;
    atomic_store(&background->stops, true);
    gate_signal(&background->gate);
    pthread_join(background->thread, NULL);
}

bool background_wait(struct klient_producer *producer, int64_t deadline_ms)
{
    uint64_t wanted = report_count(producer);
#ifdef MUTANT_FLUSHED_UNTOLD
    wanted = 0;
#endif

    for (;;) {
        unsigned ticket = gate_ticket(&producer->progress);
        if (!producer->background.runs || atomic_load(&producer->reports_told) >= wanted)
            return true;
        if (!gate_wait(&producer->progress, ticket, deadline_ms))
            return false;
    }
}
