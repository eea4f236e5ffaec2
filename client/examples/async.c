/* async.c - make a topic and ask where its partitions end, in an application's own poll() loop:
 * nothing ever blocks but poll, and one queue takes all answers.
 *
 *   ./async 127.0.0.1:9092 [TOPIC] */
#include <klient.h>
#include <poll.h>
#include <stdio.h>

enum { PARTITIONS = 2, PATIENCE_MS = 10000 };

struct application {
    klient_admin_t *admin;
    klient_queue_t *queue;
    const char *topic;
    int is_done;
};

/* What goes with each call, and comes back with its answer: what to do then. */
typedef int (*step_fn)(struct application *application, klient_event_t *event);

struct step {
    step_fn go_on;
};

static int show(struct application *application, klient_event_t *event)
{
    klient_offsets_t *offsets = klient_event_take_offsets(event);
    klient_offset_t offset;

    klient_offset_init(&offset);
    for (size_t i = 0; klient_offsets_get(offsets, i, &offset) == KLIENT_OK; i++)
        printf("%s-%d ends at %lld\n", offset.topic, offset.partition, (long long)offset.offset);
    klient_offsets_free(offsets);
    application->is_done = 1;
    return 0;
}

static struct step showing = { show };

/* The topic is there. */
static int ask(struct application *application, klient_event_t *event)
{
    klient_topic_partition_t partitions[PARTITIONS];
    int64_t timestamps[PARTITIONS];

    (void)event;
    for (int i = 0; i < PARTITIONS; i++) {
        partitions[i].topic = application->topic;
        partitions[i].partition = i;
        timestamps[i] = KLIENT_OFFSETS_END;
    }
    return klient_admin_list_offsets_async(application->admin, partitions, timestamps, PARTITIONS,
                                           PATIENCE_MS, application->queue, &showing, NULL);
}

static struct step asking = { ask };

static int begin(struct application *application)
{
    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };

    klient_new_topic_init(&topic);
    topic.name = application->topic;
    topic.partitions = PARTITIONS;
    return klient_admin_create_topics_async(application->admin, topics, 1, 0, PATIENCE_MS,
                                            application->queue, &asking, NULL);
}

static int serve(struct application *application)
{
    klient_event_t *event = NULL;
    int failed = 0;

    if (klient_queue_poll(application->queue, 0, &event, NULL) != KLIENT_OK || event == NULL)
        return 0;
    struct step *step = klient_event_opaque(event);
    if (klient_event_code(event) == KLIENT_OK) {
        failed = step->go_on(application, event) != 0;
    } else {
        fprintf(stderr, "%s\n", klient_error_text(klient_event_error(event)));
        failed = 1;
    }
    klient_event_free(event);
    return failed;
}

int main(int argc, char **argv)
{
    klient_config_t *config = klient_config_new();
    struct application application = { .topic = argc > 2 ? argv[2] : "CustomerCountry" };
    int failed;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    application.admin = klient_admin_new(config, NULL);
    application.queue = klient_queue_new(NULL);
    klient_config_free(config);
    if (application.admin == NULL || application.queue == NULL)
        return 1;

    struct pollfd fd = { .fd = klient_queue_descriptor(application.queue), .events = POLLIN };
    failed = begin(&application) != KLIENT_OK;
    while (!failed && !application.is_done && poll(&fd, 1, -1) > 0)
        failed = serve(&application);
    klient_admin_close(application.admin);
    klient_queue_free(application.queue);
    return failed;
}
