/* broker_loglevel.c - kairn broker loglevel: how much a broker logs; its setting log.level. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"

#define NAME "log.level"

struct looking {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms;
    char broker[16];                    /* its id */
};

static klient_code_t set(const struct looking *looking, const char *level, klient_error_t **error)
{
    const char *name = NAME;
    klient_alteration_t alteration = { .size = sizeof alteration, .kind = KLIENT_RESOURCE_BROKER,
                                       .name = looking->broker, .config_names = &name,
                                       .config_values = &level, .config_count = 1 };
    const klient_alteration_t *list[] = { &alteration };

    return klient_admin_alter_configs(looking->admin, list, 1, false, looking->timeout_ms, NULL,
                                      error);
}

static void print_change(const struct looking *looking, const char *level)
{
    if (args_json(looking->args))
        json_line(json_pack("{s:s, s:s?}", "broker", looking->broker, "level", level));
    else if (level != NULL)
        printf("altered broker %s\n  " NAME "=%s\nback: kairn broker loglevel %s --unset\n",
               looking->broker, level, looking->broker);
    else
        printf("altered broker %s\n  " NAME " unset\n", looking->broker);
}

static void print_setting(const struct looking *looking, const klient_setting_t *setting)
{
    if (args_json(looking->args))
        json_line(json_pack("{s:s, s:s, s:s}", "broker", looking->broker, "level", setting->value,
                            "source", setting->source));
    else
        printf("%s (%s)\n", setting->value, setting->source);
}

static int show(const struct looking *looking)
{
    klient_settings_t *settings = NULL;
    klient_error_t *error = NULL;
    int status = EXIT_FAILED;

    if (klient_admin_describe_configs(looking->admin, KLIENT_RESOURCE_BROKER, looking->broker,
                                      looking->timeout_ms, &settings, &error) != KLIENT_OK)
        return connect_failed(looking->args, error);
    for (size_t i = 0; i < klient_settings_count(settings) && status != EXIT_DONE; i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_settings_get(settings, i, &setting);
        if (strcmp(setting.name, NAME) == 0) {
            print_setting(looking, &setting);
            status = EXIT_DONE;
        }
    }
    klient_settings_free(settings);
    return status == EXIT_DONE ? status
                               : command_failed(looking->args, "it does not tell its " NAME);
}

int broker_loglevel(const struct args *args)
{
    const char *level = args_operand(args, 1);
    bool unset = args_has(args, "--unset");
    struct looking looking = { .args = args };
    klient_error_t *error = NULL;
    int status;
    int32_t id;

    if (!args_broker(args, 0, &id))
        return EXIT_USAGE;
    snprintf(looking.broker, sizeof looking.broker, "%" PRId32, id);
    if (unset && level != NULL)
        return command_misuse(args, "either a level or --unset");
    looking.admin = connect_admin(args, &looking.timeout_ms, &status);
    if (looking.admin == NULL)
        return status;
    if (level == NULL && !unset) {
        status = show(&looking);
    } else if (set(&looking, level, &error) != KLIENT_OK) {
        status = connect_failed(args, error);
    } else {
        print_change(&looking, level);
        status = EXIT_DONE;
    }
    klient_admin_close(looking.admin);
    return status;
}
