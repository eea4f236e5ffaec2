/* drive_controller.c - the controller's chair: load, then feed core/controller and carry out what
 * it orders. */
#include "server/runtime/control_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"

enum { LOAD_RETRY_MS = 200 };

static void chair_tick(void *context)
{
    struct control *control = context;
    drive_controller(control, &(struct controller_event){ .type = CONTROLLER_TICK });
}

static void loaded(struct control *control, int code);

/* Something could not be read: again, as long as the chair is ours. */
static void chair_retry(void *context)
{
    struct control *control = context;
    struct chair *chair = &control->chair;

    if (!chair->taken)
        return;
    if (!chair->loaded && chair->load == NULL && controller_load_start(control, loaded) != 0)
        timer_after(chair->retry, LOAD_RETRY_MS);
    if (chair->live_wanted)
        watch_read_live(control);
    if (chair->loaded && chair->delete_requests_wanted)
        delete_requests_read(control);
    if (chair->loaded)
        admin_requests_again(control);
}

int chair_init(struct control *control)
{
    map_init(&control->chair.tickets);
    delete_requests_init(control);
    admin_requests_init(control);
    if (timer_new(control->options.loop, chair_tick, control, &control->chair.timer) != 0)
        return K_NOMEM;
    return timer_new(control->options.loop, chair_retry, control, &control->chair.retry);
}

void chair_fini(struct control *control)
{
    chair_leave(control);
    timer_free(control->chair.timer);
    timer_free(control->chair.retry);
    map_fini(&control->chair.tickets);
    map_fini(&control->chair.delete_requests);
}

/* --- elected: load everything, then begin ----------------------------------------------------- */

static void begin(struct control *control)
{
    struct chair *chair = &control->chair;
    struct controller_event event = { .type = CONTROLLER_ELECTED };
    struct controller_broker *brokers = calloc(chair->live_count + 1, sizeof *brokers);

    chair->core = controller_new(control->broker_id, rand_u64(&control->rand));
    if (brokers == NULL || chair->core == NULL) {
        LOG_ERROR("out-of-memory", "where=controller");
        free(brokers);
        controller_free(chair->core);
        chair->core = NULL;
        loaded(control, K_NOMEM);
        return;
    }
    for (size_t i = 0; i < chair->live_count; i++)
        brokers[i] = chair->live[i]->core;
    event.elected.epoch = chair->epoch;
    event.elected.topics = controller_load_topics(chair->load, &event.elected.topic_count);
    chair->topics_missing = controller_load_broken(chair->load, &(size_t){ 0 }) != NULL;
    chair->states_missing = controller_load_unread(chair->load) != NULL;
    event.elected.brokers = brokers;
    event.elected.broker_count = chair->live_count;
    event.elected.options = control->options.controller;
    event.elected.entities = controller_load_entities(chair->load, &event.elected.entity_count);
    event.elected.deleted = controller_load_deleted(chair->load, &event.elected.deleted_count);
    LOG_INFO("controller-loaded", "epoch=%d topics=%zu brokers=%zu", chair->epoch,
             event.elected.topic_count, chair->live_count);
    chair->loaded = true;
    chair->load_done = false;
    drive_controller(control, &event);
    free(brokers);
    if (chair->loaded)
        quarantine_start(control, chair->load);
    controller_load_free(chair->load);
    chair->load = NULL;
    if (!chair->loaded)
        return;                    /* it ended at once */
    requests_chair_ready(control);
    if (chair->loaded)
        delete_requests_read(control);
    if (chair->loaded)
        admin_requests_read(control);
    if (chair->loaded)
        config_watch_start(control);
    if (chair->loaded)
        deletions_trim(control);
    if (chair->loaded)
        features_look(control);
}

static void loaded(struct control *control, int code)
{
    struct chair *chair = &control->chair;
    if (code != 0) {
        LOG_WARN("controller-load-failed", "code=%s action=\"trying again\"", k_error_name(code));
        controller_load_free(chair->load);
        chair->load = NULL;
        chair->load_done = false;
        timer_after(chair->retry, LOAD_RETRY_MS);
        return;
    }
    chair->load_done = true;
    if (chair->live_known)
        begin(control);
    /* else watch_read_live() is under way: chair_live_read() begins */
}

/* The registrations were read (again). */
void chair_live_read(struct control *control)
{
    struct chair *chair = &control->chair;
    chair->live_known = true;
    if (!chair->loaded) {
        if (chair->load_done)
            begin(control);
        return;
    }
    struct controller_broker *brokers = calloc(chair->live_count + 1, sizeof *brokers);
    if (brokers == NULL) {
        chair->live_wanted = true;
        timer_after(chair->retry, LOAD_RETRY_MS);
        return;
    }
    for (size_t i = 0; i < chair->live_count; i++)
        brokers[i] = chair->live[i]->core;
    struct controller_event event = { .type = CONTROLLER_BROKERS };
    event.brokers.brokers = brokers;
    event.brokers.broker_count = chair->live_count;
    drive_controller(control, &event);
    free(brokers);
    if (chair->loaded)
        features_look(control);
}

void chair_take(struct control *control, int32_t epoch, int32_t epoch_version)
{
    struct chair *chair = &control->chair;
    chair_leave(control);
    chair->taken = true;
    chair->epoch = epoch;
    chair->epoch_version = epoch_version;
    watch_start(control);
    chair_retry(control);
}

void chair_leave(struct control *control)
{
    struct chair *chair = &control->chair;
    if (!chair->taken)
        return;
    LOG_INFO("controller-left", "epoch=%d", chair->epoch);
    chair->taken = false;
    chair->loaded = false;
    chair->load_done = false;
    chair->live_known = false;
    chair->live_wanted = chair->delete_requests_wanted = false;
    timer_stop(chair->timer);
    timer_stop(chair->retry);
    watch_stop(control);
    controller_load_free(chair->load);
    chair->load = NULL;
    delete_requests_forget(control);
    admin_requests_forget(control);
    features_leave(control);
    config_watch_stop(control);
    quarantine_stop(control);
    stores_abandon(control);
    requests_chair_lost(control);
    /* While it is being stepped, drive_controller() frees it afterwards. */
    if (!chair->stepping) {
        controller_free(chair->core);
        chair->core = NULL;
    }
}

/* --- the shell around the core ---------------------------------------------------------------- */

/* Leaders that were chosen; an unclean one is worth a line of its own. The first state of a
 * partition is none of it: nobody led before, and it is ordered again and again where what stands
 * in its place can not be read. */
static void tell_story(struct metrics *metrics, const struct store_change *changes, size_t count)
{
    size_t elected = 0, leaderless = 0;

    for (size_t i = 0; i < count; i++) {
        const struct store_change *change = &changes[i];
        const struct partition_state *state = &change->state;
        if (change->kind != STORE_STATE || state->version < 0)
            continue;
        leaderless += state->leader == -1;
        if (change->check_count != 1 || change->checks[0].id != state->leader)
            continue;
        elected++;
        if (state->unclean_epoch != state->leader_epoch)
            continue;
        metric_add(metrics, METRIC_UNCLEAN_ELECTIONS, 1);
        LOG_WARN("unclean-leader",
                 "topic=%s partition=%d leader=%d epoch=%d effect=\"what was committed before "
                 "may be lost\"",
                 change->topic, (int)change->partition, (int)state->leader,
                 (int)state->leader_epoch);
    }
    metric_add(metrics, METRIC_ELECTIONS, (int64_t)elected);
    if (elected + leaderless > 0)
        LOG_INFO("leaders-elected", "partitions=%zu leaderless=%zu", elected, leaderless);
}

static void perform(struct control *control, const struct controller_effect *effect)
{
    switch (effect->type) {
    case CONTROLLER_DO_CLEAR_LOSSY:
        lossy_clear(control, &effect->clear_lossy);
        break;
    case CONTROLLER_DO_STORE:
        tell_story(control->options.metrics, effect->store.changes, effect->store.count);
        store_run(control, effect->store.token, effect->store.changes, effect->store.count);
        break;
    case CONTROLLER_DO_ANSWER:
        requests_answer_topic(control, effect);
        break;
    case CONTROLLER_DO_ANSWER_CHANGES:
        requests_answer_changes(control, effect);
        break;
    case CONTROLLER_DO_RESIGN:
        drive_member(control, &(struct member_event){ .type = MEMBER_DEPOSED,
                                                      .now_ms = control_boot_ms(control) });
        break;
    }
}

static void step(struct control *control, const struct controller_event *event)
{
    struct controller_event timed = *event;
    timed.now_ms = control_now_ms(control);
    struct controller_effects todo = controller_step(control->chair.core, &timed);
    for (size_t i = 0; i < todo.count && control->chair.loaded; i++)
        perform(control, &todo.items[i]);
}

void drive_controller(struct control *control, const struct controller_event *event)
{
    struct chair *chair = &control->chair;
    if (!chair->loaded)
        return;
    /* ZooKeeper's answers and others' requests come from the loop, never from inside a step. */
    assert(!chair->stepping);
    chair->stepping = true;
    step(control, event);
    chair->stepping = false;
    if (!chair->loaded) {
        controller_free(chair->core);
        chair->core = NULL;
        return;
    }
    int64_t deadline_ms = controller_deadline_ms(chair->core);
    if (deadline_ms == INT64_MAX)
        timer_stop(chair->timer);
    else
        timer_at(chair->timer, deadline_ms);
}
