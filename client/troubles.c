#include "client/troubles.h"

#include "client/config.h"
#include "client/handle.h"
#include "client/queue.h"
#include "client/trouble_event.h"
#include "common/clock.h"
#include "net/loop.h"

static int64_t now_ms(const struct troubles *troubles)
{
    return loop_now_ms(troubles->klient->loop);
}

static void plan(struct troubles *troubles)
{
    int64_t next_ms = trouble_deadline_ms(&troubles->book);

    if (next_ms == INT64_MAX)
        timer_stop(troubles->timer);
    else
        timer_at(troubles->timer, next_ms);
}

/* Without memory for it the application does not hear of it. */
static void tell(struct troubles *troubles, const struct trouble_news *news)
{
    int64_t ago_ms = now_ms(troubles) - news->since_ms;
    int64_t wall_ms = clock_wall_ms(loop_clock(troubles->klient->loop));
    struct klient_event *event = trouble_event_new(news, wall_ms - ago_ms);

    if (event != NULL)
        queue_post(troubles->queue, event);
}

static void fired(void *context)
{
    struct troubles *troubles = context;
    struct trouble_news news;

    while (trouble_tick(&troubles->book, now_ms(troubles), &news))
        tell(troubles, &news);
    plan(troubles);
}

int troubles_open(struct troubles *troubles, struct klient *klient,
                  const struct klient_config *config)
{
    *troubles = (struct troubles){ .klient = klient, .queue = config->queue };
    trouble_book_init(&troubles->book, config->values.trouble_persistent_ms);
    if (troubles->queue == NULL)
        return 0;
    int code = timer_new(klient->loop, fired, troubles, &troubles->timer);
    if (code != 0)
        troubles->queue = NULL;
    return code;
}

void troubles_close(struct troubles *troubles)
{
    if (troubles->queue == NULL)
        return;
    troubles->queue = NULL;
    timer_free(troubles->timer);
    trouble_book_fini(&troubles->book);
}

void troubles_begin(struct troubles *troubles, enum trouble_kind kind,
                    struct trouble_subject subject, int code, bool idle)
{
    struct trouble_report report = { kind, subject, code, idle };
    struct trouble_news news;

    if (troubles->queue == NULL)
        return;
    if (trouble_begin(&troubles->book, &report, now_ms(troubles), &news))
        tell(troubles, &news);
    plan(troubles);
}

void troubles_end(struct troubles *troubles, enum trouble_kind kind, struct trouble_subject subject)
{
    if (!troubles_has(troubles, kind))
        return;
    trouble_end(&troubles->book, kind, &subject, now_ms(troubles));
    plan(troubles);
}

/* --- by subject ------------------------------------------------------------------------------- */

static struct trouble_subject of_partition(const char *topic, int32_t partition)
{
    struct trouble_subject subject = TROUBLE_OF_NOTHING;

    subject.topic = topic;
    subject.partition = partition;
    return subject;
}

static struct trouble_subject of_group(const char *group)
{
    struct trouble_subject subject = TROUBLE_OF_NOTHING;

    subject.group = group;
    return subject;
}

void troubles_of_partition(struct troubles *troubles, enum trouble_kind kind, const char *topic,
                           int32_t partition, int code)
{
    troubles_begin(troubles, kind, of_partition(topic, partition), code, false);
}

void troubles_end_of_partition(struct troubles *troubles, enum trouble_kind kind,
                               const char *topic, int32_t partition)
{
    troubles_end(troubles, kind, of_partition(topic, partition));
}

void troubles_of_group(struct troubles *troubles, enum trouble_kind kind, const char *group,
                       int code)
{
    troubles_begin(troubles, kind, of_group(group), code, false);
}

void troubles_end_of_group(struct troubles *troubles, enum trouble_kind kind, const char *group)
{
    troubles_end(troubles, kind, of_group(group));
}
