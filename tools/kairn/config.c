/* config.c - kairn config list, get, set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/setting_text.h"
#include "tools/kairn/table.h"
#include "tools/kairn/wishes.h"

/* Whose configuration. */
struct entity {
    klient_resource_t kind;
    const char *name;
};

/* False: said, wrong usage. */
static bool read_entity(const struct args *args, struct entity *out)
{
    size_t topics = args_count(args, "--topic"), brokers = args_count(args, "--broker");
    int64_t id;

    if (topics + brokers + args_count(args, "--cluster") != 1) {
        command_misuse(args, "whose? give --topic T, --broker N or --cluster, one of them");
        return false;
    }
    if (brokers > 0 && !args_number(args, "--broker", 0, 0, INT32_MAX, &id))
        return false;
    out->kind = topics > 0    ? KLIENT_RESOURCE_TOPIC
                : brokers > 0 ? KLIENT_RESOURCE_BROKER
                              : KLIENT_RESOURCE_CLUSTER;
    out->name = topics > 0    ? args_value(args, "--topic")
                : brokers > 0 ? args_value(args, "--broker")
                              : "";
    return true;
}

static const char *kind_name(klient_resource_t kind)
{
    return kind == KLIENT_RESOURCE_TOPIC    ? "topic"
           : kind == KLIENT_RESOURCE_BROKER ? "broker"
                                            : "cluster";
}

static klient_setting_t setting_at(const klient_settings_t *settings, size_t index)
{
    klient_setting_t setting = { .size = sizeof setting };
    klient_settings_get(settings, index, &setting);
    return setting;
}

static klient_setting_t synonym_at(const klient_settings_t *settings, size_t index, size_t synonym)
{
    klient_setting_t setting = { .size = sizeof setting };
    klient_settings_synonym(settings, index, synonym, &setting);
    return setting;
}

static json_t *setting_json(const klient_settings_t *settings, size_t index)
{
    klient_setting_t setting = setting_at(settings, index);
    json_t *synonyms = json_array();

    for (size_t i = 0; i < setting.synonym_count; i++) {
        klient_setting_t synonym = synonym_at(settings, index, i);
        json_array_append_new(synonyms,
                              json_pack("{s:s, s:s, s:s}", "source", synonym.source, "name",
                                        synonym.name, "value", synonym.value));
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "name", setting.name, "value", setting.value,
                     "source", setting.source, "read_only", setting.read_only, "secret",
                     setting.secret, "synonyms", synonyms);
}

static void add_value(struct table *table, const klient_setting_t *setting, const char *name,
                      const char *value)
{
    char text[1024];

    table_add(table, "%s",
              setting->secret ? "(secret)" : setting_text(text, sizeof text, name, value));
}

/* --- list ------------------------------------------------------------------------------------- */

static void list(const struct args *args, const klient_settings_t *settings)
{
    bool all = !args_has(args, "--changed");
    json_t *array = args_json(args) ? json_array() : NULL;
    struct table *table = array == NULL ? table_new("NAME VALUE SOURCE CHANGES") : NULL;

    for (size_t i = 0; i < klient_settings_count(settings); i++) {
        klient_setting_t setting = setting_at(settings, i);
        if (!all && strcmp(setting.source, "default") == 0)
            continue;
        if (array != NULL) {
            json_array_append_new(array, setting_json(settings, i));
            continue;
        }
        table_add(table, "%s", setting.name);
        add_value(table, &setting, setting.name, setting.value);
        table_add(table, "%s", setting.source);
        table_add(table, "%s", setting.read_only ? "at a restart" : "at once");
    }
    if (array != NULL)
        json_line(array);
    else
        table_print(table);
}

static int with_settings(const struct args *args,
                         int (*use)(const struct args *args, const struct entity *entity,
                                    const klient_settings_t *settings))
{
    int64_t timeout_ms;
    int status;
    struct entity entity;
    klient_settings_t *settings = NULL;
    klient_error_t *error = NULL;

    if (!read_entity(args, &entity))
        return EXIT_USAGE;
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    if (klient_admin_describe_configs(admin, entity.kind, entity.name, timeout_ms, &settings,
                                      &error) != KLIENT_OK)
        status = connect_failed(args, error);
    else
        status = use(args, &entity, settings);
    klient_settings_free(settings);
    klient_admin_close(admin);
    return status;
}

static int use_list(const struct args *args, const struct entity *entity,
                    const klient_settings_t *settings)
{
    (void)entity;
    list(args, settings);
    return EXIT_DONE;
}

int config_list(const struct args *args)
{
    return with_settings(args, use_list);
}

/* --- get -------------------------------------------------------------------------------------- */

static int no_such_setting(const struct args *args, const struct entity *entity,
                           const klient_settings_t *settings, const char *name)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2;

    if (entity->kind == KLIENT_RESOURCE_CLUSTER)
        return command_failed(args, "%s is not set for the cluster", name);
    for (size_t i = 0; i < klient_settings_count(settings); i++) {
        klient_setting_t setting = setting_at(settings, i);
        size_t distance = options_name_distance(name, setting.name);
        if (distance < best) {
            best = distance;
            nearest = setting.name;
        }
    }
    return nearest != NULL
               ? command_failed(args, "there is no '%s'; did you mean '%s'?", name, nearest)
               : command_failed(args, "there is no '%s'", name);
}

/* What counts, and below it what would count without it. */
static void print_setting(const klient_settings_t *settings, size_t index)
{
    klient_setting_t setting = setting_at(settings, index);
    struct table *table = table_new("SOURCE NAME VALUE");

    for (size_t i = 0; i < setting.synonym_count || i == 0; i++) {
        klient_setting_t synonym = setting.synonym_count > 0 ? synonym_at(settings, index, i)
                                                             : setting;
        table_add(table, "%s", synonym.source);
        table_add(table, "%s", synonym.name);
        add_value(table, &setting, synonym.name, synonym.value);
    }
    table_print(table);
}

static int use_get(const struct args *args, const struct entity *entity,
                   const klient_settings_t *settings)
{
    const char *name = args_operand(args, 0);

    for (size_t i = 0; i < klient_settings_count(settings); i++) {
        if (strcmp(setting_at(settings, i).name, name) != 0)
            continue;
        if (args_json(args))
            json_line(setting_json(settings, i));
        else if (args_has(args, "--value"))
            printf("%s\n", setting_at(settings, i).value);
        else
            print_setting(settings, i);
        return EXIT_DONE;
    }
    return no_such_setting(args, entity, settings, name);
}

int config_get(const struct args *args)
{
    return with_settings(args, use_get);
}

/* --- set -------------------------------------------------------------------------------------- */

static int set(const struct args *args, const struct entity *entity, const struct wishes *wishes)
{
    int64_t timeout_ms;
    int status;
    klient_error_t *error = NULL;
    klient_alteration_t alteration = wishes_alteration(wishes, entity->kind, entity->name);
    const klient_alteration_t *alterations[] = { &alteration };
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);

    if (admin == NULL)
        return status;
    if (klient_admin_alter_configs(admin, alterations, 1, args_has(args, "--validate"), timeout_ms,
                                   NULL, &error) != KLIENT_OK) {
        status = connect_failed(args, error);
    } else if (args_json(args)) {
        json_t *object = json_pack("{s:s}", kind_name(entity->kind), entity->name);
        wishes_json(wishes, object);
        json_line(object);
        status = EXIT_DONE;
    } else {
        printf("%s %s%s%s\n", args_has(args, "--validate") ? "could alter" : "altered",
               kind_name(entity->kind), entity->name[0] != 0 ? " " : "", entity->name);
        wishes_print(wishes);
        status = EXIT_DONE;
    }
    klient_admin_close(admin);
    return status;
}

int config_set(const struct args *args)
{
    struct entity entity;
    struct wishes wishes = { 0 };
    int status = EXIT_USAGE;

    if (read_entity(args, &entity) && wishes_read(args, NULL, &wishes))
        status = wishes.count > 0
                     ? set(args, &entity, &wishes)
                     : command_misuse(args, "nothing to do: give NAME=VALUE or --unset NAME");
    wishes_free(&wishes);
    return status;
}
