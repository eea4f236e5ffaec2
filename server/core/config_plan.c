/* What a configuration becomes by the wishes of somebody: all else stays (C11). */
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"

enum { CONFIG_TEXT_MAX = 256 * 1024 };  /* of one entity: a record of the store holds 512 KiB */

static int32_t find_config(const struct controller_config *configs, int32_t count, const char *name)
{
    for (int32_t i = 0; i < count; i++)
        if (strcmp(configs[i].name, name) == 0)
            return i;
    return -1;
}

/* `configs` has room for one more per wish. 0 or UNKNOWN_NAME. */
static int apply_wishes(struct controller_config *configs, int32_t *count,
                        const struct controller_alteration *items, int32_t item_count,
                        struct k_reason *reason)
{
    for (int32_t i = 0; i < item_count; i++) {
        int32_t at = find_config(configs, *count, items[i].name);

        if (items[i].value != NULL) {
            at = at >= 0 ? at : (*count)++;
            configs[at] = (struct controller_config){items[i].name, items[i].value, false, NULL};
        } else if (at >= 0) {
            --*count;
            memmove(&configs[at], &configs[at + 1], (size_t)(*count - at) * sizeof *configs);
        } else if (items[i].unknown) {
            return k_reason_set(reason, K_UNKNOWN_NAME,
                                "there is no option \"%.100s\", and none is set here",
                                items[i].name);
        }
    }
    return 0;
}

int config_plan(const struct settings *settings, const struct controller_alteration *items,
                int32_t item_count, struct configs *out, struct k_reason *reason)
{
    int32_t count = settings->configs.count;
    struct controller_config *configs =
        calloc((size_t)count + (size_t)item_count + 1, sizeof *configs);
    size_t size = 0;

    if (configs == NULL)
        return K_NOMEM;
    if (count > 0)
        memcpy(configs, settings->configs.items, (size_t)count * sizeof *configs);
#ifdef MUTANT_CONFIG_REPLACED
    count = 0;
#endif
    int error = apply_wishes(configs, &count, items, item_count, reason);
    for (int32_t i = 0; i < count && error == 0; i++)
        size += strlen(configs[i].name) + strlen(configs[i].value);
    if (size > CONFIG_TEXT_MAX)
        error = k_reason_set(reason, K_INVALID_CONFIG,
                             "a configuration has at most %d bytes of text, not %zu",
                             (int)CONFIG_TEXT_MAX, size);
    if (error == 0)
        error = configs_copy(out, configs, count);
    free(configs);
    return error;
}
