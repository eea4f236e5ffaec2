#include "server/dynamic.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "server/runtime/config_values.h"
#include "server/runtime/metadata.h"

/* The controller has checked them; another version of Kairn may have other options, though. */
static int overlay(struct config *config, const struct metadata_settings *settings)
{
    for (int32_t i = 0; settings != NULL && i < settings->config_count; i++) {
        const struct metadata_config *from = &settings->configs[i];
        struct k_reason reason = { "" };
        int code =
            config_value_check(&config_table, ENTITY_BROKER, from->name, from->value, &reason);
        if (code == 0 && (options_find(&config_table, from->name)->flags & OPTION_NO_EFFECT) == 0)
            code = options_set(&config_table, config, config->sources, OPTION_FROM_CLUSTER,
                               from->name, from->value, &reason);
        if (code == K_NOMEM)
            return code;
        if (code != 0)
            LOG_WARN("dynamic-config-ignored", "of=%s name=%s reason=\"%s\"", settings->broker,
                     from->name, reason.text);
    }
    return 0;
}

int dynamic_config(const struct config *base, const struct metadata *picture, int32_t id,
                   struct config *out)
{
    struct config config;
    char self[16];
    int code = config_copy(base, &config);
    if (code != 0)
        return code;

    snprintf(self, sizeof self, "%" PRId32, id);
    code = overlay(&config, metadata_settings(picture, CONFIG_DEFAULT_BROKER));
    if (code == 0)
        code = overlay(&config, metadata_settings(picture, self));
    if (code != 0)
        config_fini(&config);
    else
        *out = config;
    return code;
}
