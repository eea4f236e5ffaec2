/* Session, registration and election of one broker, around core/member: what zk/ and
 * server/runtime/drive_member.c do. */
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { LOOKS_MAX = 5 };

static void perform(struct broker *broker, const struct member_effect *effect);

static void timer_fires(struct broker *broker, uint64_t timer, uint64_t unused)
{
    (void)unused;
    if (timer == broker->member_timer)
        member_drive(broker, &(struct member_event){.type = MEMBER_TICK});
}

void member_drive(struct broker *broker, const struct member_event *event)
{
    struct member_event timed = *event;
    struct member_effect effects[MEMBER_EFFECTS_MAX];
    uint64_t life = broker->life;

    timed.now_ms = broker_now_ms(broker);
    struct member_effects todo = member_step(&broker->member, &timed);
    size_t count = todo.count;
    memcpy(effects, todo.items, count * sizeof *effects);
    for (size_t i = 0; i < count && broker->up && broker->life == life; i++)
        perform(broker, &effects[i]);
    if (!broker->up || broker->life != life)
        return;
    int64_t deadline_ms = member_deadline_ms(&broker->member);
    broker->member_timer++;
    broker_check_awake(broker, event->type == MEMBER_TICK, deadline_ms, "member");
    if (deadline_ms != INT64_MAX)
        broker_at_ms(broker, deadline_ms, timer_fires, broker->member_timer, 0);
}

/* --- registration: look at what stands there, replace it by one multi ------------------------- */

static void registered(struct broker *broker, uint64_t round, uint64_t code)
{
    struct member_event event = {.type = MEMBER_REGISTERED};
    event.registered.round = round;
    event.registered.code = (int)(int64_t)code;
    member_drive(broker, &event);
}

/* The answer to an order that could not even be sent: not from inside the step. */
static void registration_failed(struct broker *broker, uint64_t round, int code)
{
    broker_later(broker, 1, registered, round, (uint64_t)(int64_t)code);
}

static void look(struct broker *broker);

static void replaced(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;
    int code = reply->code;

    (void)extra;
    if (code == K_EXISTS || code == K_NOT_FOUND || code == K_BAD_VERSION) {
        if (++broker->registering.looks < LOOKS_MAX) {
            look(broker);
            return;
        }
        code = K_IO;
    }
    if (code == 0)
        broker->replaced |= broker->registering.replaced;
    registered(broker, round, (uint64_t)(int64_t)code);
}

/* Another disk than the one that the cluster relies on; the mark stays until it is taken away. */
static bool record_is_replaced(const struct broker *broker, const struct zk_node *record)
{
    return record->exists &&
           ((record->value.flag && record->value.number != 0) ||
            !disk_knows(&broker->disk, &record->value.id));
}

static bool record_is_lossy(const struct broker *broker, const struct zk_node *record)
{
    if (record->exists && uuid_equal(&record->value.id, &broker->incarnation))
        return record->value.flag; /* the same process again: a mark taken away stays away */
    return broker->lossy || (record->exists && record->value.flag) ||
           record_is_replaced(broker, record);
}

static void replace(struct broker *broker)
{
    struct registering *registering = &broker->registering;
    const struct zk_node *ids = &registering->nodes[0], *inc = &registering->nodes[1];
    const struct zk_node *record = &registering->nodes[2], *heart = &registering->nodes[3];
    bool ours = inc->exists && (disk_knows(&broker->disk, &inc->value.id) ||
                                inc->owner == broker->client.session);
    struct zk_op ops[8];
    int count = 0;

#ifdef MUTANT_NODEEXISTS_IS_OK
    if (ids->exists && inc->exists && uuid_equal(&inc->value.id, &broker->incarnation)) {
        registered(broker, registering->round, 0);
        return;
    }
#endif
    if ((ids->exists || inc->exists) && !ours) {
        registered(broker, registering->round, (uint64_t)K_ID_IN_USE);
        return;
    }
    broker->world->counters.old_node_present += inc->exists;
    registering->replaced = record_is_replaced(broker, record);
    if (ids->exists)
        ops[count++] = (struct zk_op){
            .kind = ZK_DELETE, .node = ZN_IDS + broker->id, .version = ids->version};
    if (inc->exists)
        ops[count++] = (struct zk_op){.kind = ZK_DELETE_ID,
                                      .node = ZN_INC + broker->id,
                                      .value = {.id = inc->value.id}};
    ops[count++] = (struct zk_op){.kind = ZK_CREATE_EPHEMERAL, .node = ZN_IDS + broker->id};
    ops[count++] = (struct zk_op){.kind = ZK_CREATE_EPHEMERAL,
                                  .node = ZN_INC + broker->id,
                                  .value = {.id = broker->incarnation}};
    ops[count++] = (struct zk_op){.kind = record->exists ? ZK_SET : ZK_CREATE,
                                  .node = ZN_RECORD + broker->id,
                                  .version = record->version,
                                  .value = {.id = broker->incarnation,
                                            .disk = broker->disk.id,
                                            .number = record_is_replaced(broker, record),
                                            .flag = record_is_lossy(broker, record)}};
    if (!heart->exists)
        ops[count++] = (struct zk_op){.kind = ZK_CREATE, .node = ZN_HEART + broker->id};
    if (zk_multi(&broker->client, ops, count, replaced, registering->round, 0) != 0)
        registration_failed(broker, registering->round, K_SESSION_LOST);
}

static void looked(void *owner, const struct zk_reply *reply, uint64_t round, int64_t which)
{
    struct broker *broker = owner;
    struct registering *registering = &broker->registering;

    if (round != registering->round)
        return;
    registering->nodes[which] = reply->node;
    registering->failed |= reply->code != 0 && reply->code != K_NOT_FOUND;
    if (--registering->left > 0)
        return;
    if (registering->failed)
        registered(broker, round, (uint64_t)K_SESSION_LOST);
    else
        replace(broker);
}

static void look(struct broker *broker)
{
    static const int nodes[] = {ZN_IDS, ZN_INC, ZN_RECORD, ZN_HEART};
    struct registering *registering = &broker->registering;

    registering->failed = false;
    registering->left = 0;
    for (int i = 0; i < 4; i++) {
        if (zk_get(&broker->client, nodes[i] + broker->id, false, looked, registering->round, i) ==
            0)
            registering->left++;
        else
            registering->failed = true;
    }
    if (registering->left == 0)
        registration_failed(broker, registering->round, K_SESSION_LOST);
}

/* --- heartbeat -------------------------------------------------------------------------------- */

static void heart_answered(struct broker *broker, uint64_t round, uint64_t code)
{
    struct member_event event = {.type = MEMBER_HEARTBEAT_STORED};
    event.heartbeat.round = round;
    event.heartbeat.code = (int)(int64_t)code;
    member_drive(broker, &event);
}

static void heart_beaten(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    (void)extra;
    heart_answered(owner, round, (uint64_t)(int64_t)reply->code);
}

/* --- the chair -------------------------------------------------------------------------------- */

static void controller_read_failed(struct broker *broker, uint64_t round, uint64_t unused)
{
    struct member_event event = {.type = MEMBER_CONTROLLER_SEEN};
    (void)unused;
    event.controller.round = round;
    event.controller.code = K_SESSION_LOST;
    event.controller.broker = -1;
    member_drive(broker, &event);
}

static void controller_read(void *owner, const struct zk_reply *reply, uint64_t round,
                            int64_t extra)
{
    struct broker *broker = owner;
    struct member_event event = {.type = MEMBER_CONTROLLER_SEEN};

    (void)extra;
    event.controller.round = round;
    event.controller.code = reply->code == K_NOT_FOUND ? 0 : reply->code;
    event.controller.broker = reply->code == 0 ? reply->node.value.number : -1;
    event.controller.ours = reply->code == 0 && reply->node.value.number == broker->id &&
                            reply->node.owner == broker->client.session;
    member_drive(broker, &event);
}

static void election_ended(struct broker *broker, uint64_t round, uint64_t code)
{
    struct member_event event = {.type = MEMBER_ELECTED};

    event.elected.round = round;
    event.elected.code = (int)(int64_t)code;
    event.elected.epoch = broker->electing.epoch;
    event.elected.epoch_version = broker->electing.version;
    broker->electing.doubtful = false;
    member_drive(broker, &event);
}

/* The answer to the multi is lost: only what stands there, after a sync, tells. */
static void resolve(struct broker *broker);

/* Is it to be acted on? Not when it answers an older round, or is lost again. */
static bool tells(struct broker *broker, const struct zk_reply *reply, uint64_t round)
{
    if (round != broker->electing.round)
        return false;
    if (reply->code != K_SESSION_LOST)
        return true;
    resolve(broker);
    return false;
}

static void reread(struct broker *broker, int node, zk_done done, uint64_t round)
{
    if (zk_get(&broker->client, node, false, done, round, 0) != 0)
        election_ended(broker, round, (uint64_t)(int64_t)K_SESSION_LOST);
}

static void epoch_reread(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;
    const struct electing *electing = &broker->electing;

    (void)extra;
    if (!tells(broker, reply, round))
        return;
    bool ours = reply->code == 0 && reply->node.value.number == electing->epoch &&
                reply->node.version == electing->version;
    election_ended(broker, round, ours ? 0 : (uint64_t)(int64_t)K_EXISTS);
}

static void chair_reread(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;

    (void)extra;
    if (!tells(broker, reply, round))
        return;
    if (reply->code != 0 || reply->node.owner != broker->electing.session)
        election_ended(broker, round,
                       (uint64_t)(int64_t)(reply->code == 0 ? K_EXISTS : K_SESSION_LOST));
    else
        reread(broker, ZN_EPOCH, epoch_reread, round);
}

static void synced(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;

    (void)extra;
    if (tells(broker, reply, round))
        reread(broker, ZN_CHAIR, chair_reread, round);
}

static void resolve(struct broker *broker)
{
    struct electing *electing = &broker->electing;

    if (broker->client.session != electing->session) {
        election_ended(broker, electing->round, (uint64_t)(int64_t)K_SESSION_LOST);
        return;
    }
    electing->doubtful = true; /* when not connected: on `up` */
    if (broker->client.connected)
        zk_sync(&broker->client, synced, electing->round, 0);
}

static void claimed(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;

    (void)extra;
    if (tells(broker, reply, round))
        election_ended(broker, round,
                       (uint64_t)(int64_t)(reply->code == K_BAD_VERSION ? K_EXISTS : reply->code));
}

static void epoch_read(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;
    struct electing *electing = &broker->electing;

    (void)extra;
    if (round != electing->round)
        return;
    electing->epoch = reply->node.value.number + 1;
    electing->version = reply->node.version + 1;
    const struct zk_op ops[] = {
        {.kind = ZK_CREATE_EPHEMERAL, .node = ZN_CHAIR, .value = {.number = broker->id}},
        {.kind = ZK_SET,
         .node = ZN_EPOCH,
         .version = reply->node.version,
         .value = {.number = electing->epoch}},
    };
    if (reply->code != 0 || zk_multi(&broker->client, ops, 2, claimed, round, 0) != 0)
        election_ended(broker, round, (uint64_t)(int64_t)K_SESSION_LOST);
}

static void campaign(struct broker *broker, uint64_t round)
{
    broker->electing = (struct electing){.round = round, .session = broker->client.session};
    if (zk_get(&broker->client, ZN_EPOCH, false, epoch_read, round, 0) != 0)
        broker_later(broker, 1, election_ended, round, (uint64_t)(int64_t)K_SESSION_LOST);
}

/* --- leaving ---------------------------------------------------------------------------------- */

static void nobody_cares(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    (void)owner, (void)reply, (void)round, (void)extra;
}

static void chair_checked(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    struct broker *broker = owner;
    const struct zk_op leave = {.kind = ZK_DELETE, .node = ZN_CHAIR, .version = -1};

    (void)round, (void)extra;
    if (reply->code == 0 && reply->node.owner == broker->client.session)
        zk_multi(&broker->client, &leave, 1, nobody_cares, 0, 0);
}

static void vacate(struct broker *broker)
{
    zk_get(&broker->client, ZN_CHAIR, false, chair_checked, 0, 0);
}

static void released(struct broker *broker, uint64_t a, uint64_t b)
{
    (void)a, (void)b;
    member_drive(broker, &(struct member_event){.type = MEMBER_RELEASED});
}

static void unregistered(void *owner, const struct zk_reply *reply, uint64_t round, int64_t extra)
{
    (void)reply, (void)round, (void)extra;
    released(owner, 0, 0);
}

static void release(struct broker *broker)
{
    const struct zk_op ops[] = {
        {.kind = ZK_DELETE_ID, .node = ZN_INC + broker->id, .value = {.id = broker->incarnation}},
        {.kind = ZK_DELETE, .node = ZN_IDS + broker->id, .version = -1},
    };
    chair_leave(broker);
    vacate(broker);
    if (zk_multi(&broker->client, ops, 2, unregistered, 0, 0) != 0)
        broker_later(broker, 1, released, 0, 0);
}

/* --- the shell -------------------------------------------------------------------------------- */

static void perform(struct broker *broker, const struct member_effect *effect)
{
    const struct zk_op beat = {
        .kind = ZK_SET, .node = ZN_HEART + broker->id, .version = -1};

    switch (effect->type) {
    case MEMBER_DO_REGISTER:
        broker->registering = (struct registering){.round = effect->round};
        look(broker);
        break;
    case MEMBER_DO_HEARTBEAT:
        if (zk_multi(&broker->client, &beat, 1, heart_beaten, effect->round, 0) != 0)
            broker_later(broker, 1, heart_answered, effect->round,
                         (uint64_t)(int64_t)K_SESSION_LOST);
        break;
    case MEMBER_DO_READ_CONTROLLER:
        if (zk_get(&broker->client, ZN_CHAIR, true, controller_read, effect->round, 0) != 0)
            broker_later(broker, 1, controller_read_failed, effect->round, 0);
        break;
    case MEMBER_DO_CAMPAIGN:
        campaign(broker, effect->round);
        break;
    case MEMBER_DO_LEAD:
        world_say(broker->world, "broker %d is the controller, epoch %d", broker->id,
                  effect->epoch);
        broker->world->counters.elections++;
        chair_take(broker, effect->epoch, effect->epoch_version);
        break;
    case MEMBER_DO_STEP_DOWN:
        chair_leave(broker);
        break;
    case MEMBER_DO_VACATE:
        vacate(broker);
        break;
    case MEMBER_DO_FOLLOW:
        news_follow(broker, effect->broker, effect->round, effect->anew);
        break;
    case MEMBER_DO_SERVE:
        disk_registered(&broker->disk);
        break;
    case MEMBER_DO_RELEASE:
        release(broker);
        break;
    case MEMBER_DO_CLOSE:
        zk_client_close(&broker->client);
        broker_die(broker);
        if (broker->down_count <= 0)
            faults_restart_later(broker);
        break;
    case MEMBER_DO_REFUSE:
        broker_die(broker);
        faults_restart_later(broker);
        break;
    }
}

static void on_up(void *owner, int64_t session, int32_t timeout_ms)
{
    struct broker *broker = owner;
    struct member_event event = {.type = MEMBER_SESSION_UP};

    event.session_up.session = session;
    event.session_up.timeout_ms = timeout_ms;
    member_drive(broker, &event);
    if (broker->up && broker->electing.doubtful)
        resolve(broker);
}

static void on_suspended(void *owner)
{
    member_drive(owner, &(struct member_event){.type = MEMBER_SESSION_SUSPENDED});
}

static void on_expired(void *owner)
{
    struct broker *broker = owner;

    broker->world->counters.sessions_expired++;
    world_say(broker->world, "broker %d: its session has expired", broker->id);
    broker->electing.doubtful = false;
    member_drive(broker, &(struct member_event){.type = MEMBER_SESSION_EXPIRED});
}

static void on_changed(void *owner, int node)
{
    struct broker *broker = owner;

    if (node == ZN_CHAIR)
        member_drive(broker, &(struct member_event){.type = MEMBER_CONTROLLER_CHANGED});
    else if (node == ZN_INC_LIST)
        chair_list_changed(broker);
}

const struct zk_events broker_zk_events = {on_up, on_suspended, on_expired, on_changed};
