#include "server/config.h"

#include <stdlib.h>
#include <string.h>

#include "common/feature.h"
#include "common/pattern.h"
#include "server/admission.h"
#include "server/endpoints.h"

static const struct option rows[] = {
#define X(kind, field, option_name, default_text, low, high, choice_text, flag_bits, other_name,   \
          about)                                                                                   \
    { .name = (option_name),                                                                       \
      .type = OPTION_##kind,                                                                       \
      .offset = offsetof(struct config, field),                                                    \
      .fallback = (default_text),                                                                  \
      .min = (low),                                                                                \
      .max = (high),                                                                               \
      .choices = (choice_text),                                                                    \
      .flags = (flag_bits),                                                                        \
      .text = (about),                                                                             \
      .alias = (other_name) },
#define Y(option_name, flag_bits, about) \
    { .name = (option_name), .type = OPTION_STRING, .flags = (flag_bits), .text = (about) },
    CONFIG_TABLE(X)
    CONFIG_OTHER_TABLE(Y)
#undef Y
#undef X
};

const struct option_table config_table = { .rows = rows, .count = sizeof rows / sizeof rows[0] };

int config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->sources = calloc(config_table.count, 1);
    if (config->sources == NULL)
        return K_NOMEM;
    int code = options_defaults(&config_table, config, config->sources);
    if (code != 0)
        config_fini(config);
    return code;
}

void config_fini(struct config *config)
{
    options_fini(&config_table, config);
    free(config->sources);
    config->sources = NULL;
}

int config_read_file(struct config *config, const char *path, struct k_reason *reason)
{
    return options_read_file(&config_table, config, config->sources, path, reason);
}

int config_set_pair(struct config *config, const char *pair, struct k_reason *reason)
{
    return options_set_pair(&config_table, config, config->sources, OPTION_FROM_FLAG, pair, reason);
}

int config_copy(const struct config *config, struct config *out)
{
    struct config copy = *config;
    bool complete = true;

    copy.sources = malloc(config_table.count);
    if (copy.sources != NULL)
        memcpy(copy.sources, config->sources, config_table.count);
    for (size_t i = 0; i < config_table.count; i++) {
        const struct option *row = &rows[i];
        if (row->type != OPTION_STRING || (row->flags & (OPTION_NO_EFFECT | OPTION_NOT_YET)) != 0)
            continue;
        char **text = (char **)((char *)&copy + row->offset);
        if (*text == NULL)
            continue;
        *text = strdup(*text);
        complete &= *text != NULL;
    }
    if (copy.sources == NULL || !complete) {
        config_fini(&copy);
        return K_NOMEM;
    }
    *out = copy;
    return 0;
}

static bool is_set(const struct config *config, const char *name)
{
    const struct option *row = options_find(&config_table, name);
    return row != NULL && config->sources[row - rows] != OPTION_FROM_DEFAULT;
}

void config_settle(struct config *config)
{
    enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
    if (!is_set(config, "log.retention.ms")) {
        int64_t ms = is_set(config, "log.retention.minutes")
                         ? config->log_retention_minutes * (int64_t)MINUTE_MS
                         : config->log_retention_hours * (int64_t)HOUR_MS;
        config->log_retention_ms = ms < 0 ? -1 : ms;
    }
    if (!is_set(config, "log.roll.ms"))
        config->log_roll_ms = config->log_roll_hours * (int64_t)HOUR_MS;
    if (!is_set(config, "log.roll.jitter.ms"))
        config->log_roll_jitter_ms = config->log_roll_jitter_hours * (int64_t)HOUR_MS;
}

static int check_policy(const struct config *config, struct k_reason *reason)
{
    struct pattern *pattern = NULL;
    struct k_reason wrong;
    int code = 0;

    if (config->policy_name_pattern != NULL)
        code = pattern_new(config->policy_name_pattern, &pattern, &wrong);
    pattern_free(pattern);
    if (code == K_NOMEM)
        return code;
    if (code != 0)
        return k_reason_set(reason, K_INVALID_CONFIG, "create.topic.policy.name.pattern: %s",
                            wrong.text);
    if (config->policy_max_factor != 0 && config->policy_min_factor > config->policy_max_factor)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "no topic could be made: create.topic.policy.min.replication.factor "
                            "(%d) is more than create.topic.policy.max.replication.factor (%d)",
                            (int)config->policy_min_factor, (int)config->policy_max_factor);
    return 0;
}

int config_check(const struct config *config, struct k_reason *reason)
{
    if (config->zookeeper_connect == NULL || config->zookeeper_connect[0] == '\0')
        return k_reason_set(
            reason, K_INVALID_CONFIG,
            "zookeeper.connect is not set: name the ZooKeeper servers, for instance "
            "--set zookeeper.connect=127.0.0.1:2181");
    if (config->log_dirs == NULL || config->log_dirs[0] == '\0')
        return k_reason_set(reason, K_INVALID_CONFIG, "log.dirs is empty");
    struct admission_limits limits;
    int code = admission_parse_overrides(&limits, config->connections_per_ip_overrides, reason);
    if (code != 0)
        return code;
    struct feature_ranges ranges = feature_ranges_built();
    code = feature_hold(config->feature_level_max, &ranges, reason);
    if (code != 0)
        return code;
    code = check_policy(config, reason);
    if (code != 0)
        return code;
    if (config->log_retention_ms == 0)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "log.retention.ms must be -1 or at least 1, as must its minutes and "
                            "hours; a topic may have retention.ms=0");
    return 0;
}

/* --- several brokers in one process ----------------------------------------------------------- */

/* Rewrite a comma-separated list, entry by entry. */
static int rewrite(char **list, int index, struct k_reason *reason,
                   int (*write)(FILE *out, const char *entry, size_t size, int index,
                                struct k_reason *reason))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return K_NOMEM;

    int code = 0;
    for (const char *at = *list; *at != '\0' && code == 0;) {
        size_t length = strcspn(at, ",");
        if (at != *list)
            fputc(',', out);
        code = write(out, at, length, index, reason);
        at += length + (at[length] == ',');
    }
    if (fclose(out) != 0 && code == 0)
        code = K_NOMEM;
    if (code != 0) {
        free(text);
        return code;
    }
    free(*list);
    *list = text;
    return 0;
}

static int write_directory(FILE *out, const char *entry, size_t size, int index,
                           struct k_reason *reason)
{
    (void)reason;
    fprintf(out, "%.*s-%d", (int)size, entry, index);
    return 0;
}

static int write_listener(FILE *out, const char *entry, size_t size, int index,
                          struct k_reason *reason)
{
    struct endpoint endpoint;
    const char *rest;
    int code = endpoint_parse(entry, &rest, &endpoint, reason);
    if (code != 0)
        return code;
    (void)size;
    int port = endpoint.port == 0 ? 0 : endpoint.port + index;
    if (port > UINT16_MAX)
        return k_reason_set(reason, K_INVALID_CONFIG, "no port is left for broker %d", index);
    fprintf(out, "%s://%s:%d", endpoint.name, endpoint.host, port);
    return 0;
}

int config_for_local(const struct config *config, int index, struct config *out,
                     struct k_reason *reason)
{
    struct config copy;
    int code = config_copy(config, &copy);
    if (code != 0)
        return code;

    copy.broker_id = (copy.broker_id < 0 ? 0 : copy.broker_id) + index;
    code = rewrite(&copy.log_dirs, index, reason, write_directory);
    if (code == 0)
        code = rewrite(&copy.listeners, index, reason, write_listener);
    if (code == 0 && copy.advertised_listeners != NULL)
        code = rewrite(&copy.advertised_listeners, index, reason, write_listener);
    if (code != 0) {
        config_fini(&copy);
        return code;
    }
    *out = copy;
    return 0;
}

void config_print_docs(FILE *out)
{
    fputs("# Configuration of kairnd\n\n"
          "Names and meanings are those of Kafka's `server.properties` where Kafka has them. A "
          "file is\n"
          "given with `--config`, single values with `--set name=value`, which wins. Unknown names "
          "are\n"
          "errors; names that Kafka knows and kairnd does not serve yet are errors that say so.\n\n"
          "Times may be written with a unit (`500ms`, `30s`, `90m`, `36h`, `14d`), and so may\n"
          "sizes (`512KiB`, `1GiB`; `10MB` is decimal); where there may be no end, `forever` and\n"
          "`unlimited` say so. A plain number counts what the name says. What is stored and sent\n"
          "is always the plain number.\n\n"
          "This page is made by `kairnd --print-config-docs`.\n\n",
          out);
    options_print_docs(&config_table, out);
}

void config_print_man(FILE *out)
{
    fputs(".\\\" Made by kairnd --print-config-man.\n"
          ".Dd November 30, 2026\n"
          ".Dt KAIRND.CONF 5\n"
          ".Os\n"
          ".Sh NAME\n"
          ".Nm kairnd.conf\n"
          ".Nd configuration of kairnd, the broker of Kairn\n"
          ".Sh DESCRIPTION\n"
          "A file of lines\n"
          ".Ar name Ns = Ns Ar value ,\n"
          "in the form of Kafka's\n"
          ".Pa server.properties ,\n"
          "that\n"
          ".Xr kairnd 8\n"
          "reads with\n"
          ".Fl -config ;\n"
          "it may have any name.\n"
          "A value given with\n"
          ".Fl -set\n"
          "wins over the file.\n"
          "Names and meanings are those of Kafka where Kafka has them.\n"
          "Unknown names are errors; names that Kafka knows and\n"
          ".Nm kairnd\n"
          "does not serve yet are errors that say so.\n"
          ".Pp\n"
          "Times may be written with a unit (500ms, 30s, 90m, 36h, 14d), and so may sizes\n"
          "(512KiB, 1GiB; 10MB is decimal); where there may be no end, forever and unlimited\n"
          "say so.\n"
          "A plain number counts what the name says.\n"
          ".Pp\n"
          "What is set while running may be changed by\n"
          ".Cm kairn config set ,\n"
          "and what is per topic by\n"
          ".Cm kairn topic alter ,\n"
          "for which the name of the topic's option stands in parentheses.\n"
          "Of what is set in several places counts, the first of: for the topic, for the\n"
          "broker while it runs, for all brokers while they run, the file, the default.\n"
          ".Sh OPTIONS\n",
          out);
    options_print_man(&config_table, out);
    fputs(".Sh SEE ALSO\n"
          ".Xr kairn 1 ,\n"
          ".Xr klient.conf 5 ,\n"
          ".Xr kairnd 8\n",
          out);
}
