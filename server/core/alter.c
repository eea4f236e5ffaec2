/* Alterations of what exists: more partitions for a topic, other configuration for a topic or a
 * broker. Each topic and broker has a line; the first in it is ordered when nothing else of the
 * line is under way, and is planned on what is stored at that moment:
 *
 *   in line --planned--> ordered --verdict OK--> adopted, announced, answered
 *              \             \---- STALE: somebody else wrote; learn what, and plan again
 *               \--> refused: answered
 *
 * A configuration is written whole at the version that it was planned on, so what nobody named
 * stays, also what a person wrote a moment ago (C11). Partitions are only ever added. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"
#include "server/core/topic_plan.h"
#include "server/core/topic_policy.h"

enum { TRIES_MAX = 8 };               /* somebody writes faster than we do */

void alteration_free(struct alteration *alteration)
{
    if (alteration == NULL)
        return;
    free(alteration->sets);
    free(alteration->items);
    free(alteration);
}

/* --- the line --------------------------------------------------------------------------------- */

static struct alteration *first_of(const struct settings *settings)
{
    return LIST_OWNER(settings->alterations.next, struct alteration, link);
}

static void leave_line(struct controller *controller, struct settings *settings, int error,
                       const char *message)
{
    struct alteration *alteration = first_of(settings);

    if (alteration->ticket != 0)
        answer_taken(controller, alteration->ticket, error, error == 0 ? settings->topic : NULL,
                     "%s", message);
    list_remove(&alteration->link);
    alteration_free(alteration);
}

bool alterations_blocked(const struct settings *settings)
{
    if (list_empty(&settings->alterations))
        return false;
    const struct reassign *wish = &first_of(settings)->reassign;
    return wish->kind != REASSIGN_NOT && settings->topic->partitions[wish->partition].in_flight;
}

/* The first in line can be ordered, or nobody is left. */
static void call_next(struct controller *controller, struct settings *settings)
{
    list_remove(&settings->queue);
    if (!settings->altering && !list_empty(&settings->alterations) &&
        !alterations_blocked(settings))
        list_append(&controller->settings_todo, &settings->queue);
}

void alterations_resume(struct controller *controller, struct topic *topic)
{
    if (topic->phase == TOPIC_ONLINE)
        call_next(controller, &topic->settings);
}

void alterations_refuse(struct controller *controller, struct settings *settings, int error)
{
    LIST_EACH_SAFE(&settings->alterations, node, after)
    {
        struct alteration *alteration = LIST_OWNER(node, struct alteration, link);
        if (settings->altering && node == settings->alterations.next)
            continue; /* its verdict comes */
        if (alteration->ticket != 0)
            answer_taken(controller, alteration->ticket, error, NULL, "%s", k_error_text(error));
        list_remove(node);
        alteration_free(alteration);
    }
    list_remove(&settings->queue);
}

static void forget(struct controller *controller, struct settings *settings)
{
    settings->altering = false;
    alterations_refuse(controller, settings, K_NOT_CONTROLLER);
}

void alterations_clear(struct controller *controller)
{
    LIST_EACH(&controller->cluster.topics, node)
    forget(controller, &LIST_OWNER(node, struct topic, order)->settings);
    LIST_EACH(&controller->cluster.settings, node)
    forget(controller, &LIST_OWNER(node, struct broker_settings, order)->settings);
}

void alterations_drop_line(struct settings *settings)
{
    LIST_EACH_SAFE(&settings->alterations, node, after)
    {
        list_remove(node);
        alteration_free(LIST_OWNER(node, struct alteration, link));
    }
}

void alterations_drop(struct controller *controller)
{
    LIST_EACH(&controller->cluster.topics, node)
    alterations_drop_line(&LIST_OWNER(node, struct topic, order)->settings);
    LIST_EACH(&controller->cluster.settings, node)
    alterations_drop_line(&LIST_OWNER(node, struct broker_settings, order)->settings);
}

/* --- asking ----------------------------------------------------------------------------------- */

static int join_line(struct controller *controller, struct settings *settings,
                     struct alteration *alteration)
{
    int error = alteration->ticket != 0 ? tickets_take(controller) : 0;
    if (error != 0)
        return error;
    list_append(&settings->alterations, &alteration->link);
    call_next(controller, settings);
    return 0;
}

int alteration_add_reassign(struct controller *controller, struct settings *settings,
                            uint64_t ticket, const struct reassign *wish)
{
    struct alteration *alteration = calloc(1, sizeof *alteration);

    if (alteration == NULL)
        return K_NOMEM;
    list_init(&alteration->link);
    alteration->ticket = ticket;
    alteration->reassign = *wish;
    int error = join_line(controller, settings, alteration);
    if (error != 0)
        alteration_free(alteration);
    return error;
}

static struct topic *find_topic(const struct controller *controller, const char *name)
{
    struct topic *topic = cluster_topic(&controller->cluster, name);

    return topic != NULL && topic->phase == TOPIC_ONLINE ? topic : NULL;
}

void alter_partitions(struct controller *controller, const struct controller_event *event)
{
    uint64_t ticket = event->add.ticket;
    struct topic *topic = find_topic(controller, event->add.name);
    struct k_reason reason = {""};
    struct alteration *alteration = NULL;
    int error = topic == NULL ? K_UNKNOWN_TOPIC_OR_PARTITION
                              : topic_plan_check_more(&controller->cluster, topic,
                                                      event->add.partitions, event->add.assignment,
                                                      event->add.assignment_count, &reason);

#ifndef MUTANT_POLICY_OUTGROWN
    if (error == 0)
        error = topic_policy_check_partitions(&controller->options.policy, event->add.partitions,
                                              &reason);
#endif
    if (error != 0 || event->add.validate_only) {
        struct controller_effect *effect =
            answer_now(controller, ticket, error, "%s",
                       error == 0 || reason.text[0] != '\0' ? reason.text : k_error_text(error));
        if (error == 0)
            effect->answer.partitions = event->add.partitions;
        return;
    }
    error = K_NOMEM;
    alteration = calloc(1, sizeof *alteration);
    if (alteration != NULL)
        alteration->sets =
            calloc((size_t)event->add.assignment_count + 1, sizeof *alteration->sets);
    if (alteration != NULL && alteration->sets != NULL) {
        list_init(&alteration->link);
        alteration->ticket = ticket;
        alteration->partitions = event->add.partitions;
        alteration->set_count = event->add.assignment_count;
        if (alteration->set_count > 0)
            memcpy(alteration->sets, event->add.assignment,
                   (size_t)alteration->set_count * sizeof *alteration->sets);
        error = join_line(controller, &topic->settings, alteration);
    }
    if (error != 0) {
        alteration_free(alteration);
        answer_now(controller, ticket, error, "%s", k_error_text(error));
    }
}

int alteration_copy(struct alteration *alteration, const struct controller_alteration *items,
                    int32_t count)
{
    size_t size = ((size_t)count + 1) * sizeof *items;
    for (int32_t i = 0; i < count; i++)
        size += strlen(items[i].name) + 1 +
                (items[i].value != NULL ? strlen(items[i].value) + 1 : 0);

    struct controller_alteration *copy = malloc(size);
    if (copy == NULL)
        return K_NOMEM;
    char *text = (char *)(copy + count + 1);
    for (int32_t i = 0; i < count; i++) {
        copy[i] = items[i];
        copy[i].name = text;
        text = stpcpy(text, items[i].name) + 1;
        if (items[i].value == NULL)
            continue;
        copy[i].value = text;
        text = stpcpy(text, items[i].value) + 1;
    }
    alteration->items = copy;
    alteration->item_count = count;
    return 0;
}

/* --- configurations --------------------------------------------------------------------------- */

void alter_config(struct controller *controller, const struct controller_event *event)
{
    struct topic *topic = NULL;
    struct settings *settings = NULL;
    struct alteration *alteration = NULL;
    struct k_reason reason = {""};
    int error = 0;

    if (event->alter.kind == ENTITY_TOPIC) {
        topic = find_topic(controller, event->alter.name);
        settings = topic == NULL ? NULL : &topic->settings;
        error = topic == NULL ? K_UNKNOWN_TOPIC_OR_PARTITION : 0;
    } else {
        settings = cluster_make_settings(&controller->cluster, event->alter.name);
        error = settings == NULL ? K_NOMEM : 0;
    }
    if (error == 0 && event->alter.validate_only) {
        struct configs planned = {0};
        error = config_plan(settings, event->alter.items, event->alter.count, &planned, &reason);
        configs_fini(&planned);
    }
    if (error != 0 || event->alter.validate_only) {
        answer_now(controller, event->alter.ticket, error, "%s",
                   error == 0 || reason.text[0] != '\0' ? reason.text : k_error_text(error));
        return;
    }
    alteration = calloc(1, sizeof *alteration);
    error = alteration == NULL ? K_NOMEM : 0;
    if (error == 0) {
        list_init(&alteration->link);
        alteration->ticket = event->alter.ticket;
        error = alteration_copy(alteration, event->alter.items, event->alter.count);
    }
    if (error == 0)
        error = join_line(controller, settings, alteration);
    if (error != 0) {
        alteration_free(alteration);
        answer_now(controller, event->alter.ticket, error, "%s", k_error_text(error));
    }
}

/* --- ordering --------------------------------------------------------------------------------- */

static int order_config(struct settings *settings, const struct alteration *alteration,
                        struct store **out, struct k_reason *reason)
{
    struct store *store = store_new(STORE_CONFIG, 1, 0);
    if (store == NULL)
        return K_NOMEM;
    int error = config_plan(settings, alteration->items, alteration->item_count, &store->configs,
                            reason);
    if (error != 0) {
        store_free(store);
        return error;
    }
    store->changes[store->change_count++] =
        (struct store_change){.kind = STORE_CONFIG,
                              .topic = settings_name(settings),
                              .entity = settings->topic != NULL ? ENTITY_TOPIC : ENTITY_BROKER,
                              .configs = store->configs.items,
                              .config_count = store->configs.count,
                              .version = settings->version};
    if (settings->topic != NULL)
        store->changes[0].id = settings->topic->id;
    *out = store;
    return 0;
}

/* The new partitions, behind room for the old ones, and what is to be stored of them. */
static int plan_partitions(const struct controller *controller, struct topic *topic,
                           const struct alteration *alteration, struct store *store)
{
    int32_t old = topic->partition_count, total = alteration->partitions;
    struct replica_set *sets = calloc((size_t)(total - old), sizeof *sets);
    int error = sets == NULL ? K_NOMEM : 0;

    store->moves = calloc((size_t)total, sizeof *store->moves);
    store->grown = calloc((size_t)total, sizeof *store->grown);
    store->states = calloc((size_t)total, sizeof *store->states);
    if (store->grown == NULL || store->states == NULL || store->moves == NULL)
        error = K_NOMEM;
    if (error == 0)
        error = topic_plan_place_more(&controller->cluster, topic, total, alteration->sets,
                                      alteration->set_count, sets);
    for (int32_t p = 0; p < total && error == 0; p++) {
        struct partition *partition = &store->grown[p];
        if (p < old) {
            store->states[p] = topic->partitions[p].stored; /* for its replicas */
            store->moves[p] = topic->partitions[p].moves;
            continue;
        }
        partition_init(partition, topic, &sets[p - old]);
        bool differs = partition_decide(controller, partition, &store->states[p],
                                        &partition->leader_life);
        assert(differs);
    }
    free(sets);
    return error;
}

static int order_partitions(const struct controller *controller, struct topic *topic,
                            const struct alteration *alteration, struct store **out,
                            struct k_reason *reason)
{
    int error =
        topic_plan_check_more(&controller->cluster, topic, alteration->partitions,
                              alteration->sets, alteration->set_count, reason);
    if (error != 0)
        return error;
    struct store *store = store_new(STORE_PARTITIONS, 1, 0);
    if (store == NULL)
        return K_NOMEM;
    error = plan_partitions(controller, topic, alteration, store);
    if (error != 0) {
        store_free(store);
        return error;
    }
    store->changes[store->change_count++] =
        (struct store_change){.kind = STORE_PARTITIONS,
                              .topic = topic->name,
                              .id = topic->id,
                              .partition = topic->partition_count,
                              .states = store->states,
                              .moves = store->moves,
                              .partition_count = alteration->partitions};
    *out = store;
    return 0;
}

static void grow(struct controller *controller, struct topic *topic, struct store *store);

/* *out NULL and 0: it is so already. */
static int order(struct controller *controller, struct settings *settings,
                 const struct alteration *alteration, struct store **out, struct k_reason *reason)
{
    if (alteration->reassign.kind != REASSIGN_NOT)
        return reassign_order(controller, settings->topic, alteration, out, reason);
    return alteration->partitions > 0
               ? order_partitions(controller, settings->topic, alteration, out, reason)
               : order_config(settings, alteration, out, reason);
}

struct store *alteration_order(struct controller *controller, bool *no_memory)
{
    struct settings *settings = LIST_OWNER(controller->settings_todo.next, struct settings, queue);
    struct alteration *alteration = first_of(settings);
    struct k_reason reason = {""};
    struct store *store = NULL;

    assert(!settings->altering); /* C11 */
    *no_memory = false;
    if (alterations_blocked(settings)) {
        list_remove(&settings->queue); /* a verdict calls it again */
        return NULL;
    }
    int error = order(controller, settings, alteration, &store, &reason);
    *no_memory = error == K_NOMEM;
    if (error != K_NOMEM && store == NULL) {
        leave_line(controller, settings, error,
                   error == 0                ? ""
                   : reason.text[0] != '\0' ? reason.text
                                            : k_error_text(error));
        call_next(controller, settings);
    }
    if (store == NULL)
        return NULL;
    store->settings = settings;
    store->topic = settings->topic;
    settings->altering = true;
    list_remove(&settings->queue);
    if (settings->topic != NULL)
        settings->topic->in_flight++;
#ifdef MUTANT_GROWN_BEFORE_STORE
    if (alteration->partitions > 0)
        grow(controller, settings->topic, store);
#endif
    return store;
}

/* --- verdicts --------------------------------------------------------------------------------- */

/* It is another one now: told to brokers, and to ourselves. */
static void announce_settings(struct controller *controller, struct settings *settings)
{
    settings->sequence = announce_next(controller);
    if (settings->topic != NULL)
        cluster_topic_changed(&controller->cluster, settings->topic, settings->sequence);
    upkeep_rules(controller, settings->topic);
}

/* Move the partitions into `grown`, and whatever points to them. */
static void move_partitions(struct controller *controller, struct topic *topic,
                            struct partition *grown)
{
    struct partition *old = topic->partitions;

    for (int32_t i = 0; i < topic->partition_count; i++) {
        grown[i] = old[i];
        list_init(&grown[i].queue);
        if (!list_empty(&old[i].queue)) {
            list_insert_before(&old[i].queue, &grown[i].queue);
            list_remove(&old[i].queue);
        }
    }
    LIST_EACH(&controller->stores, node)
    {
        struct store *store = LIST_OWNER(node, struct store, link);
        for (size_t i = 0; i < store->target_count; i++)
            if (store->targets[i].partition->topic == topic)
                store->targets[i].partition = &grown[store->targets[i].partition - old];
    }
    topic->partitions = grown;
    free(old);
}

static void grow(struct controller *controller, struct topic *topic, struct store *store)
{
    int32_t old = topic->partition_count, total = store->changes[0].partition_count;
    uint64_t sequence = announce_next(controller);

    if (store->grown == NULL)
        return;
    assert(total > old); /* C12 */
    move_partitions(controller, topic, store->grown);
    store->grown = NULL;
    topic->partition_count = total;
    for (int32_t p = old; p < total; p++) {
        struct partition *partition = &topic->partitions[p];
        struct partition_state state = store->states[p];

        state.version++;
        list_init(&partition->queue);
        partition_adopt(controller, partition, &state, partition->leader_life, sequence);
        partition_review(controller, partition);
    }
}

/* Learn what stands there instead of what was at version `expected`. False: nothing new, so writing
 * again would not help. */
static bool learn(struct controller *controller, struct settings *settings, int32_t expected,
                  const struct stored_config *found)
{
    if (found == NULL || found->version == expected)
        return false;
    if (!found->broken &&
        !configs_equal(&settings->configs, found->configs, found->config_count)) {
        if (configs_copy(&settings->configs, found->configs, found->config_count) != 0)
            return false;
        announce_settings(controller, settings);
    }
    settings->version = found->version;
    return true;
}

static void finish_config(struct controller *controller, struct store *store, bool stored,
                          const struct stored_config *found)
{
    struct settings *settings = store->settings;
    struct alteration *alteration = first_of(settings);

    if (stored) {
        bool same = configs_equal(&settings->configs, store->configs.items, store->configs.count);
        settings->version = store->changes[0].version + 1;
        configs_fini(&settings->configs);
        settings->configs = store->configs;
        store->configs = (struct configs){0};
        if (!same)
            announce_settings(controller, settings);
        leave_line(controller, settings, 0, "");
    } else if (!learn(controller, settings, store->changes[0].version, found)) {
        leave_line(controller, settings, K_IO,
                   "the store refused the write; the controller's log says why");
    } else if (++alteration->tries == TRIES_MAX) {
        leave_line(controller, settings, K_BUSY, "somebody else keeps writing this configuration");
    } /* else: planned again, on what was learnt */
}

static const char refused_text[] = "the store refused the write; the controller's log says why";

static void finish_reassign(struct controller *controller, struct store *store,
                            const struct controller_event *event)
{
    struct settings *settings = store->settings;

    switch (reassign_finish(controller, store, first_of(settings), event)) {
    case REASSIGN_STORED:
        leave_line(controller, settings, 0, "");
        break;
    case REASSIGN_REFUSED:
        leave_line(controller, settings, K_IO, refused_text);
        break;
    case REASSIGN_AGAIN:
        break;
    }
}

void alteration_finish(struct controller *controller, struct store *store,
                       const struct controller_event *event)
{
    struct settings *settings = store->settings;
    struct topic *topic = settings->topic;
    bool stored = event->stored.verdicts[0] == STORE_OK;

    assert(settings->altering && !list_empty(&settings->alterations)); /* C11 */
    settings->altering = false;
    if (topic != NULL)
        topic->in_flight--;
    if (store->kind == STORE_CONFIG) {
        finish_config(controller, store, stored, event->stored.config);
    } else if (store->kind == STORE_REASSIGN) {
        finish_reassign(controller, store, event);
    } else if (stored) {
        grow(controller, topic, store);
        leave_line(controller, settings, 0, "");
    } else {
        leave_line(controller, settings, K_IO, refused_text);
    }
    if (topic == NULL || topic->phase == TOPIC_ONLINE) {
        call_next(controller, settings);
        return;
    }
    alterations_refuse(controller, settings, K_UNKNOWN_TOPIC_OR_PARTITION);
    if (topic->in_flight == 0)
        list_append(&controller->topics_todo, &topic->queue);
}

/* --- what others wrote ------------------------------------------------------------------------ */

int settings_told(struct controller *controller, enum entity_kind kind,
                  const struct controller_entity *entity)
{
    struct topic *topic =
        kind == ENTITY_TOPIC ? cluster_topic(&controller->cluster, entity->name) : NULL;
    struct settings *settings = NULL;

    if (topic != NULL && topic->phase != TOPIC_CREATING) /* else: what was there before it */
        settings = &topic->settings;
    else if (kind == ENTITY_BROKER)
        settings = cluster_make_settings(&controller->cluster, entity->name);
    if (settings == NULL)
        return kind == ENTITY_TOPIC ? 0 : K_NOMEM;

    settings->version = entity->version;
    if (configs_equal(&settings->configs, entity->configs, entity->config_count))
        return 0;
    int error = configs_copy(&settings->configs, entity->configs, entity->config_count);
    if (error == 0)
        announce_settings(controller, settings);
    return error;
}

const struct controller_config *controller_configs(const struct controller *controller,
                                                   enum entity_kind kind, const char *name,
                                                   int32_t *count)
{
    const struct topic *topic =
        kind == ENTITY_TOPIC ? cluster_topic(&controller->cluster, name) : NULL;
    const struct settings *settings = topic != NULL           ? &topic->settings
                                      : kind == ENTITY_BROKER ? cluster_settings(
                                                                    &controller->cluster, name)
                                                              : NULL;

    *count = settings != NULL ? settings->configs.count : 0;
    return settings != NULL ? settings->configs.items : NULL;
}
