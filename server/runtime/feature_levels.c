/* feature_levels.c - the levels that are finalised in /feature: read and watched by every broker,
 * raised by the controller's, as core/features says. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/runtime/control_internal.h"
#include "zk/fence.h"

/* --- every broker ----------------------------------------------------------------------------- */

static void tell(const struct feature_levels *before, const struct feature_levels *after)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (after->of[i] > before->of[i])
            LOG_INFO("feature-level", "feature=%s level=%d was=%d",
                     feature_row((enum feature)i)->name, after->of[i], before->of[i]);
}

/* 0 and what is finalised (0 where nothing is), CORRUPT, NOMEM, or UNSUPPORTED_VERSION: it is not
 * for us. */
static int understand(const struct control *control, const char *data, size_t size,
                      struct feature_levels *levels, struct k_reason *reason)
{
    struct znode_features features;
    struct arena arena;

    arena_init(&arena, NULL, 0, SIZE_MAX);
    int code = znode_decode_features(&arena, data, size, &features, reason);
    if (code == 0)
        code = znode_features_check(&features, &control->options.features, levels, reason);
    arena_fini(&arena);
    if (code == K_CORRUPT && log_rarely("feature-corrupt", reason->text, 60 * 1000))
        LOG_ERROR("znode-corrupt", "path=%s reason=\"%s\"", znode_row(ZNODE_FEATURE)->pattern,
                  reason->text);
    return code;
}

static void feature_read(void *context, const struct zk_reply *reply)
{
    struct control *control = context;
    struct k_reason reason = { "" };
    struct feature_levels levels;

    if (control->closed)
        return;
    if (reply->code == K_NOT_FOUND)
        return;                         /* somebody deleted it: what is known stays */
    int code = reply->code;
    if (code == 0)
        code = understand(control, reply->data == NULL ? "" : reply->data, reply->size, &levels,
                          &reason);
    if (code == K_UNSUPPORTED_VERSION)  /* written by a person: nobody else raises it beyond us */
        control_refuse(control, code, reason.text);
    control->features_wanted = code != 0;
    if (code != 0)
        return;
    struct feature_levels before = feature_cell_levels(control->options.levels);
    tell(&before, &levels);
    feature_cell_raise(control->options.levels, &levels);
}

void features_read(struct control *control)
{
    zk_watch_cancel(control->session, &control->feature_watch);
    control->features_wanted =
        zk_get(control->session, znode_row(ZNODE_FEATURE)->pattern, &control->feature_watch,
               feature_read, control) != 0;
}

void features_read_again(struct control *control)
{
    if (control->features_wanted && control->session != NULL && !control->refused)
        features_read(control);
}

/* Also when the session ends: then it is read when we have registered again. */
static void feature_changed(struct zk_watch *watch, const char *path)
{
    (void)path;
    features_read(watch->context);
}

void features_watch_init(struct control *control)
{
    control->feature_watch = (struct zk_watch){ .fired = feature_changed, .context = control };
}

/* --- the controller's ------------------------------------------------------------------------- */

/* A write on its way. */
struct raising {
    struct control *control;
    uint64_t life, round;
};

static void drive(struct control *control, const struct features_event *event);

static void told(struct control *control, uint64_t round, int code)
{
    struct features_event event = { .type = FEATURES_STORED };

    event.stored.round = round;
    event.stored.code = code;
    drive(control, &event);
}

static void raised(void *context, const struct zk_reply *reply)
{
    struct raising raising = *(struct raising *)context;
    struct control *control = raising.control;

    free(context);
    if (control->closed || raising.life != control->life || !control->chair.taken)
        return;
    if (reply->code == K_STALE_CONTROLLER_EPOCH)
        drive_member(control, &(struct member_event){ .type = MEMBER_DEPOSED,
                                                      .now_ms = control_boot_ms(control) });
    else
        told(control, raising.round, reply->code);
}

static int store(struct control *control, const struct features_effect *effect,
                 struct raising *raising)
{
    const char *path = znode_row(ZNODE_FEATURE)->pattern;
    struct arena arena;

    arena_init(&arena, NULL, 0, SIZE_MAX);
    char *data = znode_encode_features(&arena, &effect->levels);
    int code = data == NULL || raising == NULL ? K_NOMEM : 0;
    if (code == 0) {
        const struct zk_op ops[] = {
            { .kind = ZK_OP_CHECK, .path = znode_row(ZNODE_KAIRN_BROKERS)->pattern,
              .version = effect->registrations },
            { .kind = effect->version < 0 ? ZK_OP_CREATE : ZK_OP_SET, .path = path, .data = data,
              .size = strlen(data), .version = effect->version },
        };
        code = zk_fenced(control->session, control->chair.epoch_version, ops,
                         sizeof ops / sizeof ops[0], raised, raising);
    }
    arena_fini(&arena);
    return code;
}

static void perform(struct control *control, const struct features_effect *effect)
{
    if (effect->type == FEATURES_DO_LOOK) {
        watch_read_live_later(control);
        return;
    }
    struct raising *raising = malloc(sizeof *raising);
    if (raising != NULL)
        *raising = (struct raising){ control, control->life, effect->round };
    int code = store(control, effect, raising);
    if (code != 0) {
        free(raising);
        told(control, effect->round, code);
    }
}

static void drive(struct control *control, const struct features_event *event)
{
    struct features_effects todo = features_step(&control->chair.features, event);

    for (size_t i = 0; i < todo.count; i++) {
        struct features_effect effect = todo.items[i];
        perform(control, &effect);
    }
}

void features_look(struct control *control)
{
    struct chair *chair = &control->chair;
    struct feature_ranges *brokers = calloc(chair->live_count + 1, sizeof *brokers);
    struct features_event event = { .type = FEATURES_SEEN };
    struct k_reason reason = { "" };

    memset(&event.seen.levels, 0, sizeof event.seen.levels);
    event.seen.complete = controller_is_complete(chair->core);
    chair->features_wait = !event.seen.complete;
    /* What can not be understood is not written over. */
    if (brokers != NULL &&
        (chair->feature == NULL || understand(control, chair->feature, chair->feature_size,
                                              &event.seen.levels, &reason) == 0)) {
        for (size_t i = 0; i < chair->live_count; i++)
            brokers[i] = chair->live[i]->broker.features;
        event.seen.version = chair->feature_version;
        event.seen.registrations = chair->registrations;
        event.seen.brokers = brokers;
        event.seen.broker_count = chair->live_count;
        drive(control, &event);
    }
    free(brokers);
}

void features_tend(struct control *control)
{
    struct chair *chair = &control->chair;

    if (chair->loaded && chair->features_wait && controller_is_complete(chair->core))
        features_look(control);
}

void features_leave(struct control *control)
{
    drive(control, &(struct features_event){ .type = FEATURES_DEPOSED });
    free(control->chair.feature);
    control->chair.feature = NULL;
    control->chair.features_wait = false;
}
