#include "tools/kairn/move_throttle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/pair_list.h"

enum { SIDES = 2 };                     /* of the leader and of the follower */

static const char *const rate_names[SIDES] = { "leader.replication.throttled.rate",
                                                    "follower.replication.throttled.rate" };
static const char *const list_names[SIDES] = { "leader.replication.throttled.replicas",
                                                    "follower.replication.throttled.replicas" };

bool move_throttle_read(const struct args *args, int64_t *rate)
{
    if (!args_number(args, "--throttle", 0, 1, INT64_MAX - 1, rate))
        return false;
    if (*rate > 0 && args_has(args, "--no-wait")) {
        command_misuse(args, "--throttle waits, to take the throttle away: not with --no-wait");
        return false;
    }
    return true;
}

/* --- who is throttled ------------------------------------------------------------------------- */

static bool copies(const struct move *move)
{
    for (int32_t i = 0; i < move->to.count; i++)
        if (!planner_has(&move->from, move->to.ids[i]))
            return true;
    return false;
}

/* The pairs of `of`, but for brokers in `not_in` (NULL: of nobody). */
static void print_pairs(FILE *out, const struct move *move, const struct planner_replicas *of,
                        const struct planner_replicas *not_in)
{
    for (int32_t i = 0; i < of->count; i++)
        if (not_in == NULL || !planner_has(not_in, of->ids[i]))
            fprintf(out, "%s%" PRId32 ":%" PRId32, ftell(out) > 0 ? "," : "", move->partition,
                    of->ids[i]);
}

/* Of moves of one topic: who sends, or who takes. NULL: out of memory. */
static char *list_pairs(const struct move *const *moves, size_t count, bool leaders)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct move *move = moves[i];
        if (copies(move))
            print_pairs(out, move, leaders ? &move->from : &move->to,
                        leaders ? NULL : &move->from);
    }
    return fclose(out) == 0 ? text : NULL;
}

/* --- of whom what is set ---------------------------------------------------------------------- */

/* A topic or broker. */
struct entity {
    klient_resource_t kind;
    const char *name;                   /* borrowed from the moves, or: */
    char id[16];                        /* of a broker */
    char *ours[SIDES];                  /* owned; pairs or a rate; NULL: all of it was there */
    char *former[SIDES];                /* owned; a rate in the place of ours; NULL: none */
};

struct move_throttle {
    struct entity *items;               /* owned */
    size_t count;
    bool sent;                          /* it is decided what is ours, and it may be set */
};

static void throttle_free(struct move_throttle *throttle)
{
    for (size_t i = 0; i < throttle->count; i++)
        for (int side = 0; side < SIDES; side++) {
            free(throttle->items[i].ours[side]);
            free(throttle->items[i].former[side]);
        }
    free(throttle->items);
    free(throttle);
}

static const char *setting_name(const struct entity *entity, int side)
{
    return entity->kind == KLIENT_RESOURCE_TOPIC ? list_names[side] : rate_names[side];
}

static int by_topic(const void *a, const void *b)
{
    const struct move *const *x = a, *const *y = b;
    int order = strcmp((*x)->topic, (*y)->topic);

    return order != 0 ? order
                      : ((*x)->partition > (*y)->partition) - ((*x)->partition < (*y)->partition);
}

static bool add_topics(struct move_throttle *throttle, const struct moves *moves)
{
    const struct move **sorted = calloc(moves->count + 1, sizeof(struct move *));
    bool added = sorted != NULL;

    for (size_t i = 0; added && i < moves->count; i++)
        sorted[i] = &moves->items[i];
    if (added)
        qsort(sorted, moves->count, sizeof(struct move *), by_topic);
    for (size_t first = 0, end; added && first < moves->count; first = end) {
        struct entity *entity = &throttle->items[throttle->count++];
        for (end = first + 1; end < moves->count; end++)
            if (strcmp(sorted[end]->topic, sorted[first]->topic) != 0)
                break;
        entity->kind = KLIENT_RESOURCE_TOPIC;
        entity->name = sorted[first]->topic;
        entity->ours[0] = list_pairs(&sorted[first], end - first, true);
        entity->ours[1] = list_pairs(&sorted[first], end - first, false);
        added = entity->ours[0] != NULL && entity->ours[1] != NULL;
    }
    free(sorted);
    return added;
}

static bool takes_part(const struct moves *moves, int32_t broker)
{
    for (size_t i = 0; i < moves->count; i++)
        if (copies(&moves->items[i]) && (planner_has(&moves->items[i].from, broker) ||
                                         planner_has(&moves->items[i].to, broker)))
            return true;
    return false;
}

/* Only live ones: who is not there copies nothing. */
static bool add_brokers(struct move_throttle *throttle, const struct moves *moves,
                        const klient_metadata_t *metadata, int64_t rate)
{
    for (size_t i = 0; i < klient_metadata_broker_count(metadata); i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metadata_broker(metadata, i, &broker);
        if (!takes_part(moves, broker.id))
            continue;
        struct entity *entity = &throttle->items[throttle->count++];
        snprintf(entity->id, sizeof entity->id, "%" PRId32, broker.id);
        entity->kind = KLIENT_RESOURCE_BROKER;
        entity->name = entity->id;
        for (int side = 0; side < SIDES; side++)
            if (asprintf(&entity->ours[side], "%" PRId64, rate) < 0) {
                entity->ours[side] = NULL;
                return false;
            }
    }
    return true;
}

/* NULL: out of memory. */
static struct move_throttle *throttle_new(const struct moves *moves,
                                          const klient_metadata_t *metadata, int64_t rate)
{
    struct move_throttle *throttle = calloc(1, sizeof *throttle);

    if (throttle == NULL)
        return NULL;
    throttle->items = calloc(moves->count + klient_metadata_broker_count(metadata) + 1,
                             sizeof *throttle->items);
    if (throttle->items != NULL && add_topics(throttle, moves) &&
        add_brokers(throttle, moves, metadata, rate))
        return throttle;
    throttle_free(throttle);
    return NULL;
}

/* --- altering it ------------------------------------------------------------------------------ */

/* What becomes of one entity. */
struct change {
    klient_alteration_t alteration;
    const char *names[SIDES], *values[SIDES];
    char *texts[SIDES];                 /* owned */
};

/* Decide on a setting of which `present` (NULL: nothing) is set. Returns false when out of memory;
 * *value NULL and *alters: it is unset. */
typedef bool (*decision)(struct entity *entity, int side, const char *present, char **value,
                         bool *alters);

/* Ours goes beside what is there; what was there is not ours. */
static bool decide_set(struct entity *entity, int side, const char *present, char **value,
                       bool *alters)
{
    const char *there = present != NULL ? present : "";
    char **ours = &entity->ours[side];

    if (entity->kind == KLIENT_RESOURCE_TOPIC) {
        char *added = pair_list_without(*ours, there);
        if (added == NULL)
            return false;
        free(*ours);
        *ours = added;
        *value = pair_list_with(there, added);
    } else {
        *value = strdup(*ours);
        entity->former[side] = present != NULL ? strdup(present) : NULL;
        if (present != NULL && entity->former[side] == NULL)
            return false;
    }
    *alters = *value != NULL && strcmp(*value, there) != 0;
    if (*value != NULL && !*alters) {
        free(*ours);
        *ours = NULL;
    }
    return *value != NULL;
}

static bool decide_lift(struct entity *entity, int side, const char *present, char **value,
                        bool *alters)
{
    const char *ours = entity->ours[side];

    if (ours == NULL || present == NULL)
        return true;
    if (entity->kind == KLIENT_RESOURCE_TOPIC) {
        *value = pair_list_without(present, ours);
        if (*value == NULL)
            return false;
        *alters = strcmp(*value, present) != 0;
        if ((*value)[0] == '\0') {
            free(*value);
            *value = NULL;
        }
        return true;
    }
    *alters = strcmp(present, ours) == 0;       /* else somebody has set another one meanwhile */
    if (!*alters || entity->former[side] == NULL)
        return true;
    *value = strdup(entity->former[side]);
    return *value != NULL;
}

/* What is set of the entity itself; NULL: nothing. */
static const char *override_of(const klient_settings_t *settings, klient_resource_t kind,
                               const char *name)
{
    const char *source = kind == KLIENT_RESOURCE_TOPIC ? "topic" : "broker";

    for (size_t i = 0; i < klient_settings_count(settings); i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_settings_get(settings, i, &setting);
        if (strcmp(setting.name, name) == 0)
            return strcmp(setting.source, source) == 0 ? setting.value : NULL;
    }
    return NULL;
}

/* Look what is set, and decide. An exit status. */
static int make_change(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                       struct entity *entity, decision decide, struct change *change)
{
    klient_settings_t *settings = NULL;
    klient_error_t *error = NULL;
    int status = EXIT_DONE;

    if (klient_admin_describe_configs(admin, entity->kind, entity->name, timeout_ms, &settings,
                                      &error) != KLIENT_OK)
        return connect_failed(args, error);
    change->alteration = (klient_alteration_t){ .size = sizeof change->alteration,
                                                .kind = entity->kind, .name = entity->name,
                                                .config_names = change->names,
                                                .config_values = change->values };
    for (int side = 0; status == EXIT_DONE && side < SIDES; side++) {
        const char *name = setting_name(entity, side);
        bool alters = false;
        if (!decide(entity, side, override_of(settings, entity->kind, name), &change->texts[side],
                    &alters))
            status = command_failed(args, "out of memory");
        if (!alters)
            continue;
        change->names[change->alteration.config_count] = name;
        change->values[change->alteration.config_count++] = change->texts[side];
    }
    klient_settings_free(settings);
    return status;
}

static int alter(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                 struct move_throttle *throttle, decision decide)
{
    struct change *changes = calloc(throttle->count + 1, sizeof *changes);
    const klient_alteration_t **wishes = calloc(throttle->count + 1, sizeof *wishes);
    klient_error_t *error = NULL;
    size_t count = 0;
    int status = changes == NULL || wishes == NULL ? command_failed(args, "out of memory")
                                                   : EXIT_DONE;

    for (size_t i = 0; status == EXIT_DONE && i < throttle->count; i++) {
        status = make_change(args, admin, timeout_ms, &throttle->items[i], decide, &changes[i]);
        if (changes[i].alteration.config_count > 0)
            wishes[count++] = &changes[i].alteration;
    }
    throttle->sent |= status == EXIT_DONE;
    if (status == EXIT_DONE && count > 0 &&
        klient_admin_alter_configs(admin, wishes, count, 0, timeout_ms, NULL, &error) != KLIENT_OK)
        status = connect_failed(args, error);
    for (size_t i = 0; changes != NULL && i < throttle->count; i++)
        for (int side = 0; side < SIDES; side++)
            free(changes[i].texts[side]);
    free(wishes);
    free(changes);
    return status;
}

int move_throttle_set(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                      const struct moves *moves, int64_t rate, struct move_throttle **out)
{
    klient_metadata_t *metadata = NULL;
    klient_error_t *error = NULL;

    if (klient_admin_describe_cluster(admin, timeout_ms, &metadata, &error) != KLIENT_OK)
        return connect_failed(args, error);
    struct move_throttle *throttle = throttle_new(moves, metadata, rate);
    klient_metadata_free(metadata);
    if (throttle == NULL)
        return command_failed(args, "out of memory");
    int status = alter(args, admin, timeout_ms, throttle, decide_set);
    if (status == EXIT_DONE)
        *out = throttle;
    else if (throttle->sent)
        move_throttle_lift(args, admin, timeout_ms, throttle);
    else
        throttle_free(throttle);
    return status;
}

int move_throttle_lift(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                       struct move_throttle *throttle)
{
    int status = alter(args, admin, timeout_ms, throttle, decide_lift);

    if (status != EXIT_DONE)
        command_failed(args, "the throttle stays: kairn config set --broker N --unset %s --unset "
                             "%s, for each broker", rate_names[0], rate_names[1]);
    throttle_free(throttle);
    return status;
}
