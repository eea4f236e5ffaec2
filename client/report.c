/* report.c - outcomes on their way back to the application. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/config.h"
#include "client/producer.h"
#include "common/error.h"
#include "net/loop.h"

/* On the loop. It looks again: who posted may have been overtaken by who reads. */
static void crowd_changed(struct mail *mail)
{
    struct klient_producer *producer = LIST_OWNER(mail, struct klient_producer, crowded_mail);
    bool crowded = report_crowds(producer);

    atomic_store(&producer->crowded_posted, false);
    atomic_store(&producer->crowded, crowded);
    if (crowded)
        troubles_begin(&producer->troubles, TROUBLE_REPORTS_UNREAD, TROUBLE_OF_NOTHING,
                       K_QUEUE_FULL, false);
    else
        troubles_end(&producer->troubles, TROUBLE_REPORTS_UNREAD, TROUBLE_OF_NOTHING);
}

void report_look(struct klient_producer *producer)
{
    bool crowded = report_crowds(producer);

    if (atomic_exchange(&producer->crowded, crowded) == crowded ||
        atomic_load(&producer->closing) || atomic_exchange(&producer->crowded_posted, true))
        return;
    loop_post(producer->klient->loop, &producer->crowded_mail);
}

void report_queue_init(struct klient_producer *producer)
{
    atomic_init(&producer->crowded, false);
    atomic_init(&producer->crowded_posted, false);
    producer->crowded_mail = (struct mail){ .deliver = crowd_changed };
    spin_init(&producer->report_spin);
    queue_init(&producer->reports);
    atomic_init(&producer->descriptor, -1);
    atomic_init(&producer->reporter, 0);
    atomic_init(&producer->reports_told, 0);
    atomic_init(&producer->first_failure, 0);
}

void report_queue_free(struct klient_producer *producer)
{
    int fd = atomic_load(&producer->descriptor);

    if (fd >= 0)
        close(fd);
}

void report_batch(struct klient_producer *producer, struct batch *batch)
{
    int none = 0;

    if (batch->code != 0)
        atomic_compare_exchange_strong(&producer->first_failure, &none, batch->code);
    batch_release_bytes(producer, batch);
    if (!producer_reports(producer)) {
        batch_free(producer, batch);
        return;
    }
    atomic_fetch_add(&producer->report_bytes, (int64_t)batch->charged);
    spin_lock(&producer->report_spin);
    bool first = producer->reports.first == NULL;
    queue_push(&producer->reports, batch);
    producer->reports_come++;
    /* Under the lock, so that the descriptor can not fall behind the queue. */
    int fd = atomic_load(&producer->descriptor);
    if (first && fd >= 0 && !producer->background.runs)
        (void)eventfd_write(fd, 1);
    spin_unlock(&producer->report_spin);
    if (first)
        gate_signal(producer->background.runs ? &producer->background.gate : &producer->progress);
    if (first && producer->reported != NULL)
        producer->reported(producer->reported_context);
}

static struct batch *report_next(struct klient_producer *producer)
{
    spin_lock(&producer->report_spin);
    struct batch *batch = queue_pop(&producer->reports);
    int fd = atomic_load(&producer->descriptor);
    if (fd >= 0 && producer->reports.first == NULL) {
        eventfd_t count;
        (void)eventfd_read(fd, &count);
    }
    spin_unlock(&producer->report_spin);
    return batch;
}

static void report_records(struct klient_producer *producer, struct batch *batch)
{
    const struct klient_config *config = producer->config;
    klient_report_t report = {
        .size = sizeof report,
        .topic = batch->accumulator->topic->name,
        .partition = batch->accumulator->partition,
        .code = (klient_code_t)batch->code,
        .may_have_been_written = batch->code != 0 && batch->maybe_written,
        .limit = batch->code != 0 ? batch->limit : 0,
    };

    for (int32_t i = 0; i < batch->builder.count; i++) {
        report.offset = batch->base_offset < 0 ? -1 : batch->base_offset + i;
        report.timestamp = batch->code != 0 ? -1
                           : batch->append_time_ms >= 0 ? batch->append_time_ms
                                                        : batch->deliveries[i].timestamp;
        report.opaque = batch->deliveries[i].opaque;
        interceptors_acknowledge(&producer->outgoing.interceptors, &report);
        if (config->report != NULL)
            config->report(config->report_context, &report);
    }
}

int64_t report_serve(struct klient_producer *producer)
{
    uintptr_t nobody = 0;
    int64_t served = 0;
    struct batch *batch;

    if (!atomic_compare_exchange_strong(&producer->reporter, &nobody, (uintptr_t)pthread_self()))
        return -1;
    while ((batch = report_next(producer)) != NULL) {
        report_records(producer, batch);
        served += batch->builder.count;
        atomic_fetch_sub(&producer->report_bytes, (int64_t)batch->charged);
        batch_free(producer, batch);
        atomic_fetch_add(&producer->reports_told, 1);
        if (producer->background.runs)
            gate_signal(&producer->progress);
    }
    producer_room_made(producer);
    if (atomic_load_explicit(&producer->crowded, memory_order_relaxed))
        report_look(producer);
    atomic_store(&producer->reporter, 0);
    return served;
}

uint64_t report_count(struct klient_producer *producer)
{
    spin_lock(&producer->report_spin);
    uint64_t count = producer->reports_come;
    spin_unlock(&producer->report_spin);
    return count;
}

bool report_is_reporter(struct klient_producer *producer)
{
    return atomic_load(&producer->reporter) == (uintptr_t)pthread_self();
}

int klient_producer_descriptor(klient_producer_t *producer)
{
    int none = -1, fd = atomic_load(&producer->descriptor);

    /* In a child the parent's thread could have held the lock at the fork. */
    if (handle_forked(producer->klient))
        return -1;
    if (fd >= 0)
        return fd;
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -1;
    spin_lock(&producer->report_spin);
    bool mine = atomic_compare_exchange_strong(&producer->descriptor, &none, fd);
    if (mine && producer->reports.first != NULL && !producer->background.runs)
        (void)eventfd_write(fd, 1);
    spin_unlock(&producer->report_spin);
    if (!mine) {
        close(fd);
        return none;
    }
    return fd;
}
