/* drive_member.c - carries out what core/member orders, and feeds the answers back to it. */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"

enum { ID_IN_USE_SAY_MS = 10 * 1000 };

/* One order with an answer: which round it belongs to. */
struct order {
    struct control *control;
    uint64_t round;
};

static struct order *order_new(struct control *control, uint64_t round)
{
    struct order *order = malloc(sizeof *order);
    if (order != NULL)
        *order = (struct order){ .control = control, .round = round };
    return order;
}

static struct member_event answer_event(const struct order *order, enum member_event_type type)
{
    return (struct member_event){ .type = type, .now_ms = control_boot_ms(order->control) };
}

/* --- registration ----------------------------------------------------------------------------- */

static void registered(void *context, const struct zk_registered *result)
{
    struct order *order = context;
    struct member_event event = answer_event(order, MEMBER_REGISTERED);

    /* Tried every second until the holder's session ends, which may take a session timeout. */
    if (result->code == K_ID_IN_USE &&
        log_rarely("broker-id-in-use", result->holder, ID_IN_USE_SAY_MS))
        LOG_WARN("broker-id-in-use",
                 "broker=%d holder=\"%s\" action=\"waiting for its session to end\"",
                 order->control->broker_id, result->holder);
    if (result->code == K_UNSUPPORTED_VERSION)
        order->control->unfit = result->reason;
    if (result->code == 0 && order->control->options.registered != NULL)
        order->control->options.registered(
            order->control->options.context,
            &(struct control_registered){ .first = result->first, .missing = result->missing });
    if (result->code == 0 && result->lossy)
        LOG_WARN("broker-lossy",
                 "broker=%d reason=\"unsynced data may be gone, or the disks are others\" "
                 "effect=\"its replicas copy from others before they count again\"",
                 order->control->broker_id);
    event.registered.round = order->round;
    event.registered.code = result->code;
    event.registered.broker_epoch = result->broker_epoch;
    drive_member(order->control, &event);
    free(order);
}

static int start_register(struct control *control, struct order *order)
{
    struct control_self self = { 0 };
    struct znode_endpoint endpoints[8];
    size_t count = 0;

    control->options.describe(control->options.context, &self);
    for (; count < self.endpoint_count && count < sizeof endpoints / sizeof *endpoints; count++)
        endpoints[count] = (struct znode_endpoint){
            .listener = self.endpoints[count].listener,
            .protocol = self.endpoints[count].protocol,
            .host = self.endpoints[count].host,
            .port = self.endpoints[count].port,
        };
    struct zk_registration registration = {
        .id = control->broker_id,
        .incarnation = self.incarnation,
        .previous = self.previous,
        .known = self.known,
        .known_count = self.known_count,
        .fenced = self.fenced,
        .broker = { .endpoints = endpoints,
                    .endpoint_count = count,
                    .rack =
                        control->rack != NULL && control->rack[0] != '\0' ? control->rack : NULL,
                    .timestamp_ms = clock_wall_ms(loop_clock(control->options.loop)),
                    .features = control->options.features },
        .record = { .incarnation = self.incarnation,
                    .lossy = self.lossy,
                    .directories = self.directories,
                    .directory_count = self.directory_count,
                    .loops = control->options.loops },
    };
    return zk_register(control->session, &registration, registered, order);
}

/* --- are we still registered? -----------------------------------------------------------------
 * Our nodes go with our session and not before, unless a person deletes them. Then nobody knows of
 * us any more although we serve: so they are watched, and made again. */

static void registration_sought(void *context, const struct zk_reply *reply)
{
    struct control *control = context;

    if (reply->code != K_NOT_FOUND || control->closed || control->stopping ||
        control->member.state != MEMBER_SERVING)
        return;
    LOG_WARN("registration-vanished", "broker=%d action=\"registering again\"",
             control->broker_id);
    drive_member(control, &(struct member_event){ .type = MEMBER_REGISTRATION_GONE,
                                                  .now_ms = control_boot_ms(control) });
}

void watch_registration(struct control *control)
{
    struct control_self self = { 0 };
    char memory[512], text[UUID_TEXT_SIZE];
    struct arena arena;

    if (control->member.state != MEMBER_SERVING || control->stopping)
        return;
    control->options.describe(control->options.context, &self);
    uuid_format(&self.incarnation, text);
    arena_init(&arena, memory, sizeof memory, sizeof memory);
    const char *const paths[] = { znode_path(&arena, ZNODE_BROKER, control->broker_id),
                                  znode_path(&arena, ZNODE_BROKER_INC, control->broker_id, text) };
    /* When this can not be asked now, the session is not well: it is asked again when it is. */
    for (size_t i = 0; i < 2; i++)
        if (paths[i] != NULL)
            zk_exists(control->session, paths[i], &control->registration_watches[i],
                      registration_sought, control);
    arena_fini(&arena);
}

static void registration_changed(struct zk_watch *watch, const char *path)
{
    (void)path;
    watch_registration(watch->context);
}

/* --- heartbeat: a write, because reads and pings are answered by servers cut off from their leader
 * - */

static void heartbeat_done(struct order *order, int code)
{
    struct member_event event = answer_event(order, MEMBER_HEARTBEAT_STORED);
    event.heartbeat.round = order->round;
    event.heartbeat.code = code;
    drive_member(order->control, &event);
    free(order);
}

static void heartbeat_created(void *context, const struct zk_reply *reply)
{
    heartbeat_done(context, reply->code);
}

static void heartbeat_path(const struct control *control, char *path, size_t size)
{
    snprintf(path, size, "/kairn/heartbeats/%d", control->broker_id);
}

static void heartbeat_set(void *context, const struct zk_reply *reply)
{
    struct order *order = context;
    if (reply->code != K_NOT_FOUND) {
        heartbeat_done(order, reply->code);
        return;
    }
    char path[64];
    heartbeat_path(order->control, path, sizeof path);
    struct zk_op create = { .kind = ZK_OP_CREATE, .path = path, .data = "0", .size = 1 };
    int error = zk_multi(order->control->session, &create, 1, heartbeat_created, order);
    if (error != 0)
        heartbeat_done(order, error);
}

static int start_heartbeat(struct control *control, struct order *order)
{
    char path[64], text[32];
    heartbeat_path(control, path, sizeof path);
    int size = snprintf(text, sizeof text, "%lld", (long long)control_boot_ms(control));
    return zk_set(control->session, path, text, (size_t)size, -1, heartbeat_set, order);
}

/* --- the chair -------------------------------------------------------------------------------- */

static void controller_changed(struct zk_watch *watch, const char *path)
{
    struct control *control = watch->context;
    (void)path;
    drive_member(control, &(struct member_event){ .type = MEMBER_CONTROLLER_CHANGED,
                                                  .now_ms = control_boot_ms(control) });
}

static void controller_read(void *context, const struct zk_controller *result)
{
    struct order *order = context;
    struct control *control = order->control;
    struct member_event event = answer_event(order, MEMBER_CONTROLLER_SEEN);
    struct zk_session_key key = { 0 };

    event.controller.round = order->round;
    event.controller.code = result->code;
    event.controller.broker = result->broker;
    event.controller.ours = control->session != NULL && zk_session_key(control->session, &key) &&
                            result->broker == control->broker_id && result->owner == key.id;
    drive_member(control, &event);
    free(order);
}

static void elected(void *context, const struct zk_elected *result)
{
    struct order *order = context;
    struct member_event event = answer_event(order, MEMBER_ELECTED);

    event.elected.round = order->round;
    event.elected.code = result->code;
    event.elected.epoch = result->epoch;
    event.elected.epoch_version = result->epoch_version;
    drive_member(order->control, &event);
    free(order);
}

/* --- leaving: first the chair, then the registration ------------------------------------------ */

static void unregistered(void *context, int code)
{
    struct control *control = context;
    (void)code;
    drive_member(control, &(struct member_event){ .type = MEMBER_RELEASED,
                                                  .now_ms = control_boot_ms(control) });
}

static void release(struct control *control)
{
    struct control_self self = { 0 };
    control->options.describe(control->options.context, &self);
    chair_leave(control);
    /* The order of calls is the order in which ZooKeeper carries them out. The registration goes
     * last of all, so that nobody elects or follows us in between. */
    if (control->session == NULL || zk_resign(control->session, NULL, NULL) != 0 ||
        zk_unregister(control->session, control->broker_id, &self.incarnation, unregistered,
                      control) != 0)
        unregistered(control, K_SESSION_LOST);
}

/* --- the shell -------------------------------------------------------------------------------- */

static void fail_order(struct control *control, enum member_effect_type type, uint64_t round,
                       int code)
{
    struct member_event event = { .now_ms = control_boot_ms(control) };
    switch (type) {
    case MEMBER_DO_REGISTER:
        event.type = MEMBER_REGISTERED;
        event.registered.round = round;
        event.registered.code = code;
        break;
    case MEMBER_DO_HEARTBEAT:
        event.type = MEMBER_HEARTBEAT_STORED;
        event.heartbeat.round = round;
        event.heartbeat.code = code;
        break;
    case MEMBER_DO_READ_CONTROLLER:
        event.type = MEMBER_CONTROLLER_SEEN;
        event.controller.round = round;
        event.controller.code = code;
        event.controller.broker = -1;
        break;
    default:
        event.type = MEMBER_ELECTED;
        event.elected.round = round;
        event.elected.code = code;
        break;
    }
    drive_member(control, &event);
}

/* Orders that ZooKeeper answers. */
static void perform_call(struct control *control, const struct member_effect *effect)
{
    struct order *order = order_new(control, effect->round);
    int error = K_SESSION_LOST;

    if (order == NULL) {
        LOG_ERROR("out-of-memory", "where=drive_member action=\"it is tried again\"");
        error = K_NOMEM;
    } else if (control->session != NULL) {
        switch (effect->type) {
        case MEMBER_DO_REGISTER:
            error = start_register(control, order);
            break;
        case MEMBER_DO_HEARTBEAT:
            error = start_heartbeat(control, order);
            break;
        case MEMBER_DO_READ_CONTROLLER:
            error = zk_controller_read(control->session, &control->controller_watch,
                                       controller_read, order);
            break;
        default:
            error = zk_elect(control->session, control->broker_id, elected, order);
            break;
        }
    }
    if (error != 0) {
        free(order);
        fail_order(control, effect->type, effect->round, error);
    }
}

static void follow(struct control *control, int32_t broker, uint64_t round, bool anew)
{
    LOG_INFO("controller-seen", "controller=%d", broker);
    control->followed = broker;
    news_follow(control->news, broker, round, anew);
    requests_controller_known(control);
}

static void perform(struct control *control, const struct member_effect *effect)
{
    switch (effect->type) {
    case MEMBER_DO_REGISTER:
    case MEMBER_DO_HEARTBEAT:
    case MEMBER_DO_READ_CONTROLLER:
    case MEMBER_DO_CAMPAIGN:
        perform_call(control, effect);
        break;
    case MEMBER_DO_LEAD:
        LOG_INFO("controller-elected", "broker=%d epoch=%d", control->broker_id, effect->epoch);
        metric_set(control->options.metrics, METRIC_CONTROLLER, 1);
        chair_take(control, effect->epoch, effect->epoch_version);
        break;
    case MEMBER_DO_STEP_DOWN:
        metric_set(control->options.metrics, METRIC_CONTROLLER, 0);
        chair_leave(control);
        break;
    case MEMBER_DO_VACATE:
        if (control->session != NULL)
            zk_resign(control->session, NULL, NULL);
        break;
    case MEMBER_DO_FOLLOW:
        follow(control, effect->broker, effect->round, effect->anew);
        break;
    case MEMBER_DO_SERVE:
        LOG_INFO("broker-registered", "broker=%d", control->broker_id);
        watch_registration(control);
        features_read(control);
        break;
    case MEMBER_DO_RELEASE:
        release(control);
        break;
    case MEMBER_DO_CLOSE:
        control_finish(control);
        break;
    case MEMBER_DO_REFUSE:
        control_refuse(control, effect->code,
                       effect->code == K_ID_IN_USE
                           ? "another live broker is registered under this broker.id; stop it, or "
                             "give this one another id (and an empty log directory)"
                           : control->unfit.text);
        break;
    }
}

/* What comes while the core is being stepped takes no memory, as it may tell that there is none.
 * One of a type is enough: the core has but one question of a kind open. */
static void queue_event(struct control *control, const struct member_event *event)
{
    size_t at = 0;

    while (at < control->member_event_count && control->member_events[at].type != event->type)
        at++;
    control->member_events[at] = *event;
    if (at == control->member_event_count)
        control->member_event_count++;
}

static bool next_event(struct control *control, struct member_event *out)
{
    if (control->member_event_count == 0)
        return false;
    *out = control->member_events[0];
    control->member_event_count--;
    memmove(control->member_events, control->member_events + 1,
            control->member_event_count * sizeof *out);
    return true;
}

static void step(struct control *control, const struct member_event *event)
{
    struct member_effects todo = member_step(&control->member, event);
    struct member_effect effects[MEMBER_EFFECTS_MAX];
    size_t count = todo.count;

    atomic_store_explicit(&control->lease_until_ms, member_lease_until_ms(&control->member),
                          memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        effects[i] = todo.items[i];
    for (size_t i = 0; i < count && !control->closed; i++)
        perform(control, &effects[i]);
}

void drive_member_init(struct control *control)
{
    control->controller_watch =
        (struct zk_watch){ .fired = controller_changed, .context = control };
    for (size_t i = 0; i < 2; i++)
        control->registration_watches[i] =
            (struct zk_watch){ .fired = registration_changed, .context = control };
}

void drive_member(struct control *control, const struct member_event *event)
{
    if (control->closed)
        return;
    if (control->member_stepping) {
        queue_event(control, event);
        return;
    }
    control->member_stepping = true;
    step(control, event);
    for (struct member_event queued; next_event(control, &queued) && !control->closed;)
        step(control, &queued);
    control->member_stepping = false;
    if (control->closed)
        return;

    int64_t deadline_ms = member_deadline_ms(&control->member);
    if (deadline_ms == INT64_MAX) {
        timer_stop(control->member_timer);
    } else {
        int64_t delay_ms = deadline_ms - control_boot_ms(control);
        timer_after(control->member_timer, delay_ms > 0 ? delay_ms : 0);
    }
}
