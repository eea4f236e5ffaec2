/* control.c - life of the control plane: start, first connect, session changes, stop. */
#include "server/runtime/control_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/pattern.h"
#include "zk/bootstrap.h"

enum { TEND_MS = 1000, WAIT_NOTICE_MS = 5000, STOP_LIMIT_MS = 5000, CLOSE_LIMIT_MS = 1000 };

int64_t control_now_ms(const struct control *control)
{
    return clock_mono_ms(loop_clock(control->options.loop));
}

int64_t control_boot_ms(const struct control *control)
{
    return clock_boot_ms(loop_clock(control->options.loop));
}

/* --- start: connect, bootstrap, identify, then join ------------------------------------------- */

void control_refuse(struct control *control, int code, const char *reason)
{
    if (control->refused)
        return;
    control->refused = true;
    control->options.refused(control->options.context, code, reason);
}

static void tell_session_up(struct control *control)
{
    struct zk_session_key key;
    if (!zk_session_key(control->session, &key))
        return;
    if (control->guardian != NULL)
        guardian_watch(control->guardian, &key, zk_session_timeout_ms(control->session));
    struct member_event event = { .type = MEMBER_SESSION_UP, .now_ms = control_boot_ms(control) };
    event.session_up.session = key.id;
    event.session_up.timeout_ms = zk_session_timeout_ms(control->session);
    drive_member(control, &event);
}

static void identify(struct control *control)
{
    struct k_reason reason = { "" };
    int error = control->options.identified(control->options.context, control->cluster_id,
                                            control->broker_id, &reason);
    if (error == K_DISK_FULL) {
        LOG_WARN("broker-waits",
                 "broker=%d error=DISK_FULL reason=\"%s\" action=\"make room: it is tried again\"",
                 control->broker_id, reason.text);
        return;
    }
    if (error != 0) {
        control_refuse(control, error, reason.text);
        return;
    }
    control->identified = true;
    member_init(&control->member, control->broker_id);
    tell_session_up(control);
}

static void id_generated(void *context, int code, int32_t id)
{
    struct control *control = context;
    control->identifying = false;
    if (control->closed)
        return;
    if (code != 0) {
        LOG_WARN("broker-id-not-generated", "code=%s action=\"trying again\"", k_error_name(code));
        return;
    }
    control->broker_id = id;
    LOG_INFO("broker-id-generated", "broker=%d", id);
    identify(control);
}

static void bootstrapped(void *context, int code, const char *cluster_id)
{
    struct control *control = context;
    if (control->closed)
        return;
    if (code != 0) {
        control->identifying = false;
        LOG_WARN("zookeeper-bootstrap-failed", "code=%s action=\"trying again\"",
                 k_error_name(code));
        return;
    }
    strncpy(control->cluster_id, cluster_id, sizeof control->cluster_id - 1);
    if (control->broker_id >= 0) {
        control->identifying = false;
        identify(control);
    } else if (zk_generate_broker_id(control->session, control->options.reserved_max_id,
                                     id_generated, control) != 0) {
        control->identifying = false;
    }
}

/* Try to learn who we are; repeated by the tend timer until it worked. */
static void begin_identifying(struct control *control)
{
    if (control->identifying || control->identified || control->refused || control->stopping)
        return;
    struct uuid proposal = uuid_random();
    char text[UUID_TEXT_SIZE];
    uuid_format(&proposal, text);
    control->identifying = zk_bootstrap(control->session, text, bootstrapped, control) == 0;
}

static void session_changed(void *context, enum zk_state state)
{
    struct control *control = context;
    struct member_event event = { .now_ms = control_boot_ms(control) };

    metric_set(control->options.metrics, METRIC_ZK_AWAY, state != ZK_CONNECTED);
    switch (state) {
    case ZK_CONNECTED:
        control->waiting_since_ms = 0;
        if (control->identified) {
            tell_session_up(control);
            watch_registration(control);    /* it may have gone while nobody could tell us */
        } else {
            begin_identifying(control);
        }
        return;
    case ZK_SUSPENDED:
        LOG_WARN("zookeeper-unreachable", "connect=%s", control->connect);
        control->waiting_since_ms = control_now_ms(control);
        event.type = MEMBER_SESSION_SUSPENDED;
        break;
    case ZK_EXPIRED:
        LOG_WARN("zookeeper-session-expired", "action=\"registering again\"");
        metric_add(control->options.metrics, METRIC_ZK_SESSION_LOSSES, 1);
        control->identifying = false;
        event.type = MEMBER_SESSION_EXPIRED;
        break;
    case ZK_REFUSED:
        control_refuse(control, K_CLUSTER_AUTHORIZATION_FAILED,
                       "ZooKeeper refused our credentials, or to make the chroot: check "
                       "zookeeper.digest, and the path at the end of zookeeper.connect");
        return;
    }
    if (control->identified)
        drive_member(control, &event);
}

static void tend(void *context)
{
    struct control *control = context;
    int64_t now_ms = control_now_ms(control);

    timer_after(control->tend, TEND_MS);
    if (control->guardian != NULL && guardian_tend(control->guardian))
        LOG_WARN("guardian-respawned", "pid=%lld", (long long)guardian_pid(control->guardian));
    if (control->waiting_since_ms != 0 && now_ms - control->waiting_since_ms >= WAIT_NOTICE_MS) {
        LOG_WARN("zookeeper-waiting", "connect=%s action=\"waiting until one of these answers\"",
                 control->connect);
        control->waiting_since_ms = now_ms;
    }
    if (control->session != NULL)
        zk_session_tend(control->session);
    if (!control->identified && control->session != NULL &&
        zk_session_state(control->session) == ZK_CONNECTED)
        begin_identifying(control);
    features_read_again(control);
    features_tend(control);
}

void control_start(struct control *control)
{
    struct k_reason reason = { "" };
    struct zk_session_options session = {
        .connect = control->connect,
        .timeout_ms = control->options.session_timeout_ms,
        .digest = control->digest,
        .target = loop_mail_target(control->options.loop),
        .changed = session_changed,
        .context = control,
    };

    if (control->options.guardian) {
        int error = guardian_start(control->connect, &control->guardian);
        if (error != 0)
            LOG_WARN("guardian-missing",
                     "code=%s effect=\"a crash is noticed only after the session timeout\"",
                     k_error_name(error));
    }
    int error = zk_session_open(&session, &control->session, &reason);
    if (error != 0) {
        control_refuse(control, error, reason.text);
        return;
    }
    control->waiting_since_ms = control_now_ms(control);
    timer_after(control->tend, TEND_MS);
}

/* --- stop ------------------------------------------------------------------------------------- */

/* What ZooKeeper and other brokers still owe us is answered in here, with errors; whoever asked
 * frees what it kept for the answer and, as we are closed, does nothing else. */
static void close_down(struct control *control)
{
    control->closed = true;
    chair_leave(control);
    news_follow(control->news, -1, 0, false);
    timer_stop(control->tend);
    timer_stop(control->stop_limit);
    timer_stop(control->member_timer);
    atomic_store(&control->lease_until_ms, INT64_MIN);
    zk_session_close(control->session, CLOSE_LIMIT_MS);
    control->session = NULL;
    guardian_stop(control->guardian);
    control->guardian = NULL;
    requests_controller_known(control);       /* those that still wait are answered CLOSED */
    known_look(control);
    producer_ids_stop(control);
    offset_mirror_stop(control);
}

void control_finish(struct control *control)
{
    if (control->closed)
        return;
    close_down(control);
    control->options.stopped(control->options.context);
}

static void stop_took_too_long(void *context)
{
    LOG_WARN("control-stop-forced", "after-ms=%d", STOP_LIMIT_MS);
    control_finish(context);
}

void control_stop(struct control *control)
{
    if (control->stopping)
        return;
    control->stopping = true;
    timer_after(control->stop_limit, STOP_LIMIT_MS);
    /* Never a member, or refused as one: there is nothing to release. */
    if (!control->identified || control->member.state == MEMBER_GONE) {
        control_finish(control);
        return;
    }
    drive_member(control, &(struct member_event){ .type = MEMBER_STOP_ASKED,
                                                  .now_ms = control_boot_ms(control) });
}

/* --- make and unmake -------------------------------------------------------------------------- */

static void member_tick(void *context)
{
    struct control *control = context;
    drive_member(control,
                 &(struct member_event){ .type = MEMBER_TICK, .now_ms = control_boot_ms(control) });
}

static char *copy_text(const char *text, bool *failed)
{
    if (text == NULL)
        return NULL;
    char *copy = strdup(text);
    if (copy == NULL)
        *failed = true;
    return copy;
}

int control_new(const struct control_options *options, struct control **out,
                struct k_reason *reason)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL)
        return k_reason_set(reason, K_NOMEM, "out of memory");

    bool failed = false;
    control->options = *options;
    control->connect = copy_text(options->zookeeper_connect, &failed);
    control->digest = copy_text(options->zookeeper_digest, &failed);
    control->rack = copy_text(options->rack, &failed);
    control->listener = copy_text(options->inter_broker_listener, &failed);
    if (options->topic_pattern != NULL && options->topic_pattern[0] != '\0')
        control->pattern_text = copy_text(options->topic_pattern, &failed);
    control->broker_id = options->broker_id;
    control->followed = -1;
    atomic_init(&control->lease_until_ms, INT64_MIN);
    rand_seed_from_system(&control->rand);
    list_init(&control->stores);
    list_init(&control->waiting);
    drive_member_init(control);
    features_watch_init(control);

    struct loop *loop = options->loop;
    if (control->pattern_text != NULL &&
        pattern_new(control->pattern_text, &control->pattern, NULL) != 0)
        failed = true;
    if (failed || chair_init(control) != 0 || requests_init(control) != 0 ||
        known_init(control) != 0 ||
        producer_ids_init(control) != 0 || offset_mirror_init(control) != 0 ||
        news_new(control, &control->news) != 0 ||
        timer_new(loop, tend, control, &control->tend) != 0 ||
        timer_new(loop, stop_took_too_long, control, &control->stop_limit) != 0 ||
        timer_new(loop, member_tick, control, &control->member_timer) != 0) {
        control_free(control);
        return k_reason_set(reason, K_NOMEM, "out of memory");
    }
    *out = control;
    return 0;
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    if (!control->closed && control->session != NULL)
        close_down(control);                  /* the stop took too long, or was never asked for */
    guardian_stop(control->guardian);
    news_free(control->news);
    chair_fini(control);
    requests_fini(control);
    known_fini(control);
    producer_ids_fini(control);
    offset_mirror_fini(control);
    drain_free(control->drain);
    timer_free(control->tend);
    timer_free(control->stop_limit);
    timer_free(control->member_timer);
    free(control->connect);
    free(control->digest);
    free(control->rack);
    free(control->listener);
    free(control->pattern_text);
    pattern_free(control->pattern);
    free(control);
}

int64_t control_lease_until_ms(const struct control *control)
{
    return atomic_load_explicit(&control->lease_until_ms, memory_order_relaxed);
}
