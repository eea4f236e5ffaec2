/* config_watch.c - configurations that somebody else wrote.
 *
 * Kafka's tools write the entity's node and then a note below /config/changes that says whose it
 * was; that directory is watched, and a note is followed at once. A person with zkCli leaves no
 * note, and the client library knows no watch for a whole tree: so all nodes below /config/topics
 * and /config/brokers are looked at in turn, SWEEP_READS of them every SWEEP_MS, and one whose
 * transaction number is another than at the last time is read. What can not be served is logged
 * once per change of its node, and what was told before stays. Notes are removed after NOTE_MS, as
 * Kafka's brokers do.
 *
 * Answers of ZooKeeper come in the order of the questions, so what is read here is never older than
 * what the core has learnt from a write of its own. */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/runtime/config_values.h"
#include "zk/fence.h"

enum { SWEEP_MS = 2000, SWEEP_READS = 256, NOTE_MS = 15 * 60 * 1000 };

struct config_watch {
    struct control *control;
    struct timer *timer;
    struct zk_watch notes_watch;
    bool stopped;                  /* freed when the last answer is in */
    size_t in_flight;
    bool notes_wanted, notes_reading;
    int64_t last_note;
    struct list notes;             /* struct note: read, not removed yet */
    struct map entities;           /* path below /config -> struct entity */
    struct list turn;              /* struct entity.turn: those that this sweep still looks at */
    bool listing;
    uint64_t sweep;                /* grows with each */
};

/* A node below /config/topics or /config/brokers. */
struct entity {
    struct config_watch *watch;
    struct list turn;
    uint64_t sweep;                /* that listed it last */
    int64_t mzxid;                 /* as of the last reading; 0: not read yet, or not there */
    bool reading, again;
    enum entity_kind kind;
    const char *name;              /* in path */
    char path[];
};

struct note {
    struct list link;
    struct config_watch *watch;
    int64_t ctime_ms;
    bool removing;
    char name[];
};

/* --- life ------------------------------------------------------------------------------------- */

static void watch_free(struct config_watch *watch)
{
    size_t position = 0;
    void *entity;

    while (map_next(&watch->entities, &position, NULL, NULL, &entity))
        free(entity);
    map_fini(&watch->entities);
    while (!list_empty(&watch->notes)) {
        struct list *node = list_first(&watch->notes);
        list_remove(node);
        free(LIST_OWNER(node, struct note, link));
    }
    free(watch);
}

/* An answer came. False: nobody wants it any more. */
static bool answered(struct config_watch *watch)
{
    watch->in_flight--;
    if (!watch->stopped)
        return true;
    if (watch->in_flight == 0)
        watch_free(watch);
    return false;
}

/* --- one configuration ------------------------------------------------------------------------ */

static void entity_read(struct entity *entity);

static void log_broken(const struct entity *entity, const char *reason)
{
    LOG_ERROR("config-ignored", "path=%s reason=\"%s\" action=\"what was known before stays\"",
              entity->path, reason);
}

/* Tell the core what stands there. 0 or K_NOMEM. */
static int tell(struct entity *entity, struct arena *arena, const struct zk_reply *reply)
{
    struct control *control = entity->watch->control;
    struct controller_event event = { .type = CONTROLLER_CONFIG_CHANGED };
    struct znode_config node = { 0 };
    struct controller_config *configs = NULL;
    struct k_reason reason = { "" };
    int32_t known_count = 0;
    int error = 0;

    event.config.kind = entity->kind;
    event.config.entity = (struct controller_entity){ .name = entity->name, .version = -1 };
    if (reply->code == 0) {
        const struct controller_config *known =
            controller_configs(control->chair.core, entity->kind, entity->name, &known_count);
        event.config.entity.version = reply->stat.version;
        error = znode_decode_config(arena, reply->data, reply->size, &node, &reason);
        if (error == 0)
            error = config_values(arena, control->options.broker_options, entity->kind,
                                  entity->name, &node, known, known_count, true, &configs);
    }
    if (error == K_NOMEM)
        return error;
    if (error != 0) {
        log_broken(entity, reason.text);
        return 0;
    }
    event.config.entity.configs = configs;
    event.config.entity.config_count = (int32_t)node.count;
    drive_controller(control, &event);
    return 0;
}

static void entity_answered(void *context, const struct zk_reply *reply)
{
    struct entity *entity = context;
    struct config_watch *watch = entity->watch;
    int64_t mzxid = reply->code == 0 ? reply->stat.mzxid : 0;

    if (!answered(watch))
        return;
    entity->reading = false;
    if (reply->code != 0 && reply->code != K_NOT_FOUND)
        return;                       /* the next sweep sees it again */
    if (mzxid != entity->mzxid) {
        struct arena arena;
        watch->in_flight++;           /* the chair may be lost by what the core says */
        arena_init(&arena, NULL, 0, SIZE_MAX);
        if (tell(entity, &arena, reply) == 0)
            entity->mzxid = mzxid;
        arena_fini(&arena);
        if (!answered(watch))
            return;
    }
    if (entity->again)
        entity_read(entity);
}

static void entity_read(struct entity *entity)
{
    struct config_watch *watch = entity->watch;

    entity->again = entity->reading;  /* what is under way may have been asked too early */
    if (entity->reading)
        return;
    if (zk_get(watch->control->session, entity->path, NULL, entity_answered, entity) != 0)
        return;
    entity->reading = true;
    watch->in_flight++;
}

static void entity_seen(void *context, const struct zk_reply *reply)
{
    struct entity *entity = context;

    if (!answered(entity->watch))
        return;
    if ((reply->code == 0 && reply->stat.mzxid != entity->mzxid) ||
        (reply->code == K_NOT_FOUND && entity->mzxid != 0))
        entity_read(entity);
}

/* NULL when out of memory: the next sweep tries again. */
static struct entity *entity_of(struct config_watch *watch, enum entity_kind kind, const char *name)
{
    const char *parent = kind == ENTITY_TOPIC ? "/config/topics/" : "/config/brokers/";
    size_t size = strlen(parent) + strlen(name) + 1;
    struct entity *entity = calloc(1, sizeof *entity + size);

    if (entity == NULL)
        return NULL;
    snprintf(entity->path, size, "%s%s", parent, name);
    struct entity *known = map_get_text(&watch->entities, entity->path);
    if (known != NULL || map_put_text(&watch->entities, entity->path, entity, NULL) != 0) {
        free(entity);
        return known;
    }
    entity->watch = watch;
    entity->kind = kind;
    entity->name = entity->path + strlen(parent);
    list_init(&entity->turn);
    return entity;
}

/* --- all of them, in turn --------------------------------------------------------------------- */

/* Those that were there and are not listed are looked at, too: they are gone. */
static void line_up(struct config_watch *watch)
{
    size_t position = 0;
    void *value;

    while (map_next(&watch->entities, &position, NULL, NULL, &value)) {
        struct entity *entity = value;
        bool gone = entity->sweep != watch->sweep && entity->mzxid == 0 && !entity->reading;
        if (!gone) {
            list_append(&watch->turn, &entity->turn);
        } else {
            map_remove_text(&watch->entities, entity->path);
            free(entity);
        }
    }
}

static void take_listed(struct config_watch *watch, enum entity_kind kind,
                        const struct zk_reply *reply)
{
    for (size_t i = 0; i < reply->child_count; i++) {
        struct entity *entity = entity_of(watch, kind, reply->children[i]);
        if (entity != NULL)
            entity->sweep = watch->sweep;
    }
}

static void brokers_listed(void *context, const struct zk_reply *reply)
{
    struct config_watch *watch = context;

    if (!answered(watch))
        return;
    watch->listing = false;
    if (reply->code != 0)
        return;
    take_listed(watch, ENTITY_BROKER, reply);
    line_up(watch);
    timer_after(watch->timer, 0);
}

static void topics_listed(void *context, const struct zk_reply *reply)
{
    struct config_watch *watch = context;

    if (!answered(watch))
        return;
    take_listed(watch, ENTITY_TOPIC, reply);
    if (reply->code == 0 && zk_children(watch->control->session, "/config/brokers", NULL,
                                        brokers_listed, watch) == 0)
        watch->in_flight++;
    else
        watch->listing = false;
}

static void sweep(struct config_watch *watch)
{
    struct zk_session *session = watch->control->session;

    if (watch->listing)
        return;
    if (list_empty(&watch->turn)) {
        watch->sweep++;
        watch->listing = zk_children(session, "/config/topics", NULL, topics_listed, watch) == 0;
        watch->in_flight += watch->listing;
        return;
    }
    for (int i = 0; i < SWEEP_READS && !list_empty(&watch->turn); i++) {
        struct entity *entity = LIST_OWNER(list_first(&watch->turn), struct entity, turn);
        list_remove(&entity->turn);
        if (zk_exists(session, entity->path, NULL, entity_seen, entity) == 0)
            watch->in_flight++;
    }
}

/* --- notes ------------------------------------------------------------------------------------ */

static void follow(struct config_watch *watch, const char *name, const struct zk_reply *reply)
{
    struct znode_config_change change;
    struct k_reason reason = { "" };
    struct arena arena;

    arena_init(&arena, NULL, 0, SIZE_MAX);
    int error = znode_decode_config_change(&arena, reply->data, reply->size, &change, &reason);
    struct entity *entity = NULL;
    if (error != 0)
        LOG_ERROR("config-note-ignored", "path=/config/changes/%s reason=\"%s\"", name,
                  error == K_NOMEM ? k_error_text(error) : reason.text);
    else if (strcmp(change.type, "topics") == 0 && strchr(change.entity, '/') == NULL)
        entity = entity_of(watch, ENTITY_TOPIC, change.entity);
    else if (strcmp(change.type, "brokers") == 0 && strchr(change.entity, '/') == NULL)
        entity = entity_of(watch, ENTITY_BROKER, change.entity);
    if (entity != NULL)
        entity_read(entity);
    arena_fini(&arena);
}

static void note_answered(void *context, const struct zk_reply *reply)
{
    struct note *note = context;
    struct config_watch *watch = note->watch;

    if (watch->stopped || reply->code != 0) {
        free(note);                    /* gone, or found again by whoever comes next */
        answered(watch);
        return;
    }
    answered(watch);
    note->ctime_ms = reply->stat.ctime_ms;
    list_append(&watch->notes, &note->link);
    follow(watch, note->name, reply);
}

static void note_removed(void *context, const struct zk_reply *reply)
{
    struct note *note = context;

    if (!answered(note->watch))
        return;
    note->removing = false;
    if (reply->code != 0 && reply->code != K_NOT_FOUND)
        return;
    list_remove(&note->link);
    free(note);
}

static void purge(struct config_watch *watch)
{
    struct control *control = watch->control;
    int64_t now_ms = clock_wall_ms(loop_clock(control->options.loop));

    LIST_EACH(&watch->notes, node)
    {
        struct note *note = LIST_OWNER(node, struct note, link);
        char path[300];
        if (note->removing || now_ms - note->ctime_ms < NOTE_MS)
            continue;
        snprintf(path, sizeof path, "/config/changes/%s", note->name);
        const struct zk_op drop = { .kind = ZK_OP_DELETE, .path = path, .version = -1 };
        note->removing = zk_fenced(control->session, control->chair.epoch_version, &drop, 1,
                                   note_removed, note) == 0;
        watch->in_flight += note->removing;
    }
}

/* Returns the number at the end of its name; 0 when it has none, as no note of Kafka's. */
static int64_t note_number(const char *name)
{
    static const char prefix[] = "config_change_";
    const char *digits = name + sizeof prefix - 1;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || digits[0] == '\0' ||
        digits[strspn(digits, "0123456789")] != '\0' || strlen(digits) > 10)
        return 0;
    return strtoll(digits, NULL, 10) + 1;
}

static void notes_listed(void *context, const struct zk_reply *reply)
{
    struct config_watch *watch = context;
    int64_t last = watch->last_note;

    if (!answered(watch))
        return;
    watch->notes_reading = false;
    watch->notes_wanted |= reply->code != 0;
    for (size_t i = 0; i < reply->child_count; i++) {
        const char *name = reply->children[i];
        int64_t number = note_number(name);
        size_t size = strlen(name) + 1;
        char path[300];
        if (number <= watch->last_note)
            continue;
        struct note *note = calloc(1, sizeof *note + size);
        if (note != NULL) {
            note->watch = watch;
            list_init(&note->link);
            memcpy(note->name, name, size);
        }
        snprintf(path, sizeof path, "/config/changes/%s", name);
        if (note == NULL ||
            zk_get(watch->control->session, path, NULL, note_answered, note) != 0) {
            free(note);
            watch->notes_wanted = true;
            break;                     /* those behind it come with it */
        }
        watch->in_flight++;
        last = number > last ? number : last;
    }
    if (!watch->notes_wanted)
        watch->last_note = last;
}

static void read_notes(struct config_watch *watch)
{
    watch->notes_wanted = watch->notes_reading;
    if (watch->notes_reading)
        return;
    watch->notes_reading = zk_children(watch->control->session, "/config/changes",
                                       &watch->notes_watch, notes_listed, watch) == 0;
    watch->notes_wanted = !watch->notes_reading;
    watch->in_flight += watch->notes_reading;
}

static void notes_changed(struct zk_watch *fired, const char *path)
{
    (void)path;
    read_notes(fired->context);
}

/* --- from the election to the end of the reign ------------------------------------------------ */

static void tick(void *context)
{
    struct config_watch *watch = context;

    timer_after(watch->timer, SWEEP_MS);
    if (watch->notes_wanted)
        read_notes(watch);
    purge(watch);
    sweep(watch);
}

void config_watch_start(struct control *control)
{
    struct config_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL || timer_new(control->options.loop, tick, watch, &watch->timer) != 0) {
        LOG_ERROR("out-of-memory", "where=config-watch effect=\"configurations written to "
                                   "ZooKeeper are heeded by the next controller\"");
        free(watch);
        return;
    }
    watch->control = control;
    watch->notes_watch = (struct zk_watch){ .fired = notes_changed, .context = watch };
    list_init(&watch->notes);
    list_init(&watch->turn);
    map_init(&watch->entities);
    control->chair.configs = watch;
    read_notes(watch);
    timer_after(watch->timer, 0);
}

void config_watch_stop(struct control *control)
{
    struct config_watch *watch = control->chair.configs;

    if (watch == NULL)
        return;
    control->chair.configs = NULL;
    zk_watch_cancel(control->session, &watch->notes_watch);
    timer_free(watch->timer);
    watch->timer = NULL;
    watch->stopped = true;
    if (watch->in_flight == 0)
        watch_free(watch);
}
