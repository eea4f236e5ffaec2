/* quarantine.c - what the controller could not read at its election.
 *
 * A topic's node is looked at again and again, until one of them is mended, or gone. Then the chair
 * is given up: whoever is elected next loads everything, and serves the topic. There is no smaller
 * step, since all that is known of the other topics (which copies are lost, which marks are needed)
 * was decided without this one.
 *
 * A partition's state is looked at by the core, which wants to store one (store.c). Here is kept
 * which are still missing: lossy marks stay until all are known. The leader of a state that was
 * mended may have restarted since it began to lead, and must not go on in that epoch: nobody is
 * told of it before the core has stored an epoch of its own. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { LOOK_MS = 1000 };

struct quarantine {
    struct control *control;
    struct timer *timer;
    bool stopped;                       /* freed when the last answer is in */
    size_t in_flight;
    char **topics;                      /* paths, in the arena */
    size_t topic_count;
    struct quarantined_state *states;   /* in the arena */
    size_t state_count, unknown;
    struct arena arena;
};

struct quarantined_state {
    const char *topic, *path;           /* in the arena */
    int32_t partition;
    bool known;
};

static void quarantine_free(struct quarantine *quarantine)
{
    arena_fini(&quarantine->arena);
    free(quarantine);
}

/* --- topics ----------------------------------------------------------------------------------- */

static bool is_served(const struct zk_reply *reply)
{
    struct znode_topic node;
    struct arena arena;

    if (reply->code != 0)
        return false;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    int error = controller_load_decode(&arena, reply->data, reply->size, &node, NULL);
    arena_fini(&arena);
    return error == 0;
}

static void looked(void *context, const struct zk_reply *reply)
{
    struct quarantine *quarantine = context;
    struct control *control = quarantine->control;

    quarantine->in_flight--;
    if (quarantine->stopped) {
        if (quarantine->in_flight == 0)
            quarantine_free(quarantine);
        return;
    }
    if (reply->code != K_NOT_FOUND && !is_served(reply))
        return;
    LOG_INFO("topic-mended", "action=\"giving up the controller's chair: the next one reads all\"");
    drive_member(control, &(struct member_event){ .type = MEMBER_DEPOSED,
                                                  .now_ms = control_boot_ms(control) });
}

static void look(void *context)
{
    struct quarantine *quarantine = context;

    timer_after(quarantine->timer, LOOK_MS);
    if (quarantine->in_flight > 0)
        return;                         /* ZooKeeper is slow, or away */
    for (size_t i = 0; i < quarantine->topic_count; i++)
        if (zk_get(quarantine->control->session, quarantine->topics[i], NULL, looked,
                   quarantine) == 0)
            quarantine->in_flight++;
}

/* --- states ----------------------------------------------------------------------------------- */

void quarantine_state_known(struct control *control, const char *path)
{
    struct quarantine *quarantine = control->chair.quarantine;

    for (size_t i = 0; quarantine != NULL && i < quarantine->state_count; i++) {
        struct quarantined_state *state = &quarantine->states[i];
        if (state->known || strcmp(state->path, path) != 0)
            continue;
        LOG_INFO("state-mended", "path=%s", path);
        state->known = true;
        if (--quarantine->unknown > 0)
            continue;
        control->chair.states_missing = false;
        watch_read_live_later(control);     /* which has the core look at lossy marks again */
    }
}

bool quarantine_hides(const struct control *control, const char *topic, int32_t partition,
                      const struct partition_state *state)
{
    const struct quarantine *quarantine = control->chair.quarantine;

    if (quarantine == NULL || state->leader < 0 ||
        state->controller_epoch == control->chair.epoch)
        return false;
    for (size_t i = 0; i < quarantine->state_count; i++)
        if (quarantine->states[i].partition == partition &&
            strcmp(quarantine->states[i].topic, topic) == 0)
            return true;
    return false;
}

/* --- from the election to the end of the reign ------------------------------------------------ */

/* All or nothing: false when out of memory. */
static bool fill_topics(struct quarantine *quarantine, const struct controller_load *load)
{
    size_t count = 0, position = 0;

    while (controller_load_broken(load, &position) != NULL)
        count++;
    quarantine->topics = arena_calloc(&quarantine->arena, count + 1, sizeof *quarantine->topics);
    if (quarantine->topics == NULL)
        return false;
    for (position = 0; quarantine->topic_count < count;) {
        char *path = znode_path(&quarantine->arena, ZNODE_TOPIC,
                                controller_load_broken(load, &position));
        if (path == NULL)
            return false;
        quarantine->topics[quarantine->topic_count++] = path;
    }
    return true;
}

static bool fill_states(struct quarantine *quarantine, const struct controller_load *load)
{
    const struct unread_state *unread;
    size_t count = 0;

    for (unread = controller_load_unread(load); unread != NULL; unread = unread->next)
        count++;
    quarantine->states = arena_calloc(&quarantine->arena, count + 1, sizeof *quarantine->states);
    if (quarantine->states == NULL)
        return false;
    for (unread = controller_load_unread(load); unread != NULL; unread = unread->next) {
        struct quarantined_state *state = &quarantine->states[quarantine->state_count++];
        state->topic = arena_strdup(&quarantine->arena, unread->topic);
        state->partition = unread->partition;
        state->path = znode_path(&quarantine->arena, ZNODE_PARTITION_STATE, unread->topic,
                                 unread->partition);
        if (state->topic == NULL || state->path == NULL)
            return false;
    }
    quarantine->unknown = count;
    return true;
}

void quarantine_start(struct control *control, const struct controller_load *load)
{
    const struct chair *chair = &control->chair;
    struct quarantine *quarantine;

    if (!chair->topics_missing && !chair->states_missing)
        return;
    quarantine = calloc(1, sizeof *quarantine);
    if (quarantine == NULL)
        goto out_of_memory;
    quarantine->control = control;
    arena_init(&quarantine->arena, NULL, 0, SIZE_MAX);
    if (!fill_topics(quarantine, load) || !fill_states(quarantine, load) ||
        timer_new(control->options.loop, look, quarantine, &quarantine->timer) != 0)
        goto free_quarantine;
    control->chair.quarantine = quarantine;
    if (quarantine->topic_count > 0)
        timer_after(quarantine->timer, LOOK_MS);
    return;

free_quarantine:
    quarantine_free(quarantine);
out_of_memory:
    LOG_ERROR("out-of-memory", "where=quarantine effect=\"what is mended counts with the next "
                               "controller\"");
}

void quarantine_stop(struct control *control)
{
    struct quarantine *quarantine = control->chair.quarantine;

    if (quarantine == NULL)
        return;
    control->chair.quarantine = NULL;
    timer_free(quarantine->timer);
    quarantine->stopped = true;
    if (quarantine->in_flight == 0)
        quarantine_free(quarantine);
}
