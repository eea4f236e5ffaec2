#include "client/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/config_table.h"
#include "client/error.h"
#include "client/partitions.h"
#include "client/queue.h"
#include "client/retry_policy.h"
#include "client/strategy.h"
#include "common/compress.h"
#include "common/log.h"

static const struct option rows[] = {
#define X(name, type, field, fallback, min, max, choices, flags, alias, text)                      \
    { name, OPTION_##type, offsetof(struct config_values, field), fallback, min, max, choices,     \
      flags, text, alias },
    CONFIG_TABLE(X)
#undef X
};

_Static_assert(sizeof rows / sizeof rows[0] <= CONFIG_ROWS_MAX, "raise CONFIG_ROWS_MAX");

const struct option_table config_table = { rows, sizeof rows / sizeof rows[0] };

/* What the row of the same index is of. */
enum scope { OF_ALL, OF_PRODUCERS, OF_CONSUMERS };

static const uint8_t scopes[] = {
#define X(...) OF_ALL,
    CONFIG_OF_ALL(X)
#undef X
#define X(...) OF_PRODUCERS,
    CONFIG_OF_PRODUCERS(X)
#undef X
#define X(...) OF_CONSUMERS,
    CONFIG_OF_CONSUMERS(X)
#undef X
#define X(...) OF_ALL,
    CONFIG_IDLE(X)
#undef X
};

/* Choices of which Kafka knows more than we serve: saying "not yet" is more helpful than
 * "invalid". */
static const struct { const char *name, *served; } partly_served[] = {
    { "security.protocol", "PLAINTEXT" },
    { "group.protocol", "classic" },
};

klient_config_t *klient_config_new(void)
{
    klient_config_t *config = calloc(1, sizeof *config);

    if (config != NULL && options_defaults(&config_table, &config->values, config->sources) != 0) {
        klient_config_free(config);
        config = NULL;
    }
    return config;
}

static bool row_has_field(const struct option *row)
{
    return (row->flags & (OPTION_NO_EFFECT | OPTION_NOT_YET)) == 0;
}

klient_config_t *klient_config_copy(const klient_config_t *config)
{
    klient_config_t *copy = calloc(1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *config;
    copy->retry_policy = retry_policy_ref(config->retry_policy);
    if (config->queue != NULL)
        queue_ref(config->queue);
    bool failed = extensions_copy(&config->extensions, &copy->extensions) != 0;
    for (size_t i = 0; i < config_table.count; i++) {
        if (rows[i].type != OPTION_STRING || !row_has_field(&rows[i]))
            continue;
        char **text = (char **)((char *)&copy->values + rows[i].offset);
        if (*text != NULL) {
            *text = strdup(*text);
            failed |= *text == NULL;
        }
    }
    failed |= config_copy_topics(config, copy) != 0;
    if (failed) {
        klient_config_free(copy);
        return NULL;
    }
    return copy;
}

void klient_config_free(klient_config_t *config)
{
    if (config == NULL)
        return;
    options_fini(&config_table, &config->values);
    config_free_topics(config);
    extensions_fini(&config->extensions);
    retry_policy_unref(config->retry_policy);
    if (config->queue != NULL)
        queue_unref(config->queue);
    free(config);
}

static int refuse_partly_served(const char *name, const char *value, struct k_reason *reason)
{
    for (size_t i = 0; i < sizeof partly_served / sizeof partly_served[0]; i++)
        if (strcmp(name, partly_served[i].name) == 0 && strcmp(value, partly_served[i].served) != 0)
            return k_reason_set(reason, K_NOT_SUPPORTED_YET,
                                "%s=%s is not supported yet, only %s", name, value,
                                partly_served[i].served);
    return 0;
}

/* One property of our own, wherever it came from. */
static int set_value(klient_config_t *config, enum option_source source, const char *name,
                     const char *value, struct k_reason *reason)
{
    if (config_names_topic(name))
        return config_set_topic(config, source, name, value, reason);
    int code = refuse_partly_served(name, value, reason);

    return code != 0 ? code
                     : options_set(&config_table, &config->values, config->sources, source, name,
                                   value, reason);
}

klient_code_t klient_config_set(klient_config_t *config, const char *name, const char *value,
                                klient_error_t **error)
{
    struct k_reason reason;

    if (config == NULL || name == NULL || value == NULL)
        return fail(error, K_INVALID_ARGUMENT, "config, name and value are needed");
    struct own_property *own = own_property_find(&config->extensions, name);
    if (own != NULL)
        return own_property_set(own, OPTION_FROM_FLAG, value) == 0 ? KLIENT_OK
                                                                   : fail(error, K_NOMEM, NULL);
    if (!config_names_topic(name) && options_find(&config_table, name) == NULL) {
        const char *nearest = own_property_nearest(&config->extensions, name);
        if (nearest != NULL)
            return fail(error, K_UNKNOWN_NAME, "unknown name \"%s\"; did you mean \"%s\"?", name,
                        nearest);
    }
    int code = set_value(config, OPTION_FROM_FLAG, name, value, &reason);
    return code == 0 ? KLIENT_OK : fail(error, code, "%s", reason.text);
}

klient_code_t klient_config_set_pair(klient_config_t *config, const char *pair,
                                     klient_error_t **error)
{
    const char *equals = pair == NULL ? NULL : strchr(pair, '=');
    if (equals == NULL)
        return fail(error, K_INVALID_ARGUMENT, "expected name=value, got \"%s\"",
                    pair == NULL ? "" : pair);

    char *name = strndup(pair, (size_t)(equals - pair));
    if (name == NULL)
        return fail(error, K_NOMEM, NULL);
    klient_code_t code = klient_config_set(config, name, equals + 1, error);
    free(name);
    return code;
}

static int take_line(void *context, const char *name, const char *value, struct k_reason *reason)
{
    struct klient_config *config = context;
    struct own_property *own = own_property_find(&config->extensions, name);

    if (own == NULL)
        return set_value(config, OPTION_FROM_FILE, name, value, reason);
    return own_property_set(own, OPTION_FROM_FILE, value) == 0
               ? 0
               : k_reason_set(reason, K_NOMEM, "%s", k_error_text(K_NOMEM));
}

klient_code_t klient_config_load(klient_config_t *config, const char *path, klient_error_t **error)
{
    struct k_reason reason;

    if (config == NULL || path == NULL)
        return fail(error, K_INVALID_ARGUMENT, "config and path are needed");
    int code = options_read_lines(path, take_line, config, &reason);
    return code == 0 ? KLIENT_OK : fail(error, code, "%s", reason.text);
}

klient_code_t klient_config_get(const klient_config_t *config, const char *name, char *text,
                                size_t size, klient_error_t **error)
{
    if (config == NULL || name == NULL || text == NULL || size == 0)
        return fail(error, K_INVALID_ARGUMENT, "config, name and room for the value are needed");
    if (config_names_topic(name))
        return config_get_topic(config, name, text, size, error);
    const struct own_property *own = own_property_find(&config->extensions, name);
    const struct option *row = options_find(&config_table, name);
    if (own == NULL && row == NULL)
        return fail(error, K_UNKNOWN_NAME, "unknown property %s", name);
    if (own != NULL)
        snprintf(text, size, "%s", own_property_text(own));
    else if (row_has_field(row))
        options_format(row, &config->values, text, size);
    else
        text[0] = '\0';
    return KLIENT_OK;
}

static const char *const from[] = { "default", "file", "set", "cluster" };

static void print_topic(const struct topic_config *own, FILE *out)
{
    char text[64];

    for (size_t i = 0; i < config_table.count; i++) {
        if (own->sources[i] == OPTION_FROM_DEFAULT)
            continue;
        options_format(&rows[i], &own->values, text, sizeof text);
        fprintf(out, "topic/%s/%s=%s  # %s\n", own->topic, rows[i].name, text,
                from[own->sources[i]]);
    }
}

void klient_config_print(const klient_config_t *config, FILE *out)
{
    char text[1024];

    for (size_t i = 0; i < config_table.count; i++) {
        if (!row_has_field(&rows[i]))
            continue;
        options_format(&rows[i], &config->values, text, sizeof text);
        fprintf(out, "%s=%s  # %s\n", rows[i].name,
                (rows[i].flags & OPTION_SECRET) != 0 ? "***" : text, from[config->sources[i]]);
    }
    for (size_t i = 0; i < config->extensions.property_count; i++) {
        const struct own_property *own = &config->extensions.properties[i];
        fprintf(out, "%s=%s  # %s\n", own->name, own->secret ? "***" : own_property_text(own),
                from[own->source]);
    }
    for (size_t i = 0; i < config->topic_count; i++)
        print_topic(&config->topics[i], out);
}

void klient_config_print_docs(FILE *out)
{
    options_print_docs(&config_table, out);
}

void klient_config_set_report(klient_config_t *config, klient_report_fn report, void *context)
{
    config->report = report;
    config->report_context = context;
}

void klient_config_set_background(klient_config_t *config, int background)
{
    config->background = background != 0;
}

void klient_config_set_partitioner(klient_config_t *config, klient_partitioner_fn partitioner,
                                   void *context)
{
    config->partitioner = partitioner;
    config->partitioner_context = context;
}

void klient_config_set_log(klient_config_t *config, klient_log_fn log, void *context)
{
    config->log = log;
    config->log_context = context;
}

void klient_config_set_queue(klient_config_t *config, klient_queue_t *queue)
{
    if (queue != NULL)
        queue_ref(queue);
    if (config->queue != NULL)
        queue_unref(config->queue);
    config->queue = queue;
}

static void log_to_application(void *context, enum log_level level, const char *line)
{
    const struct klient_config *config = context;

    config->log(config->log_context, (klient_log_level_t)level, line);
}

void config_divert_log(const struct klient_config *config)
{
    if (config->log != NULL)
        log_divert(log_to_application, (void *)config);
}

void config_restore_log(void)
{
    log_divert(NULL, NULL);
}

bool config_is_set(const struct klient_config *config, const char *name)
{
    const struct option *row = options_find(&config_table, name);

    assert(row != NULL);
    return config->sources[row - rows] != OPTION_FROM_DEFAULT;
}

static const char *const used[] = { "a producer", "a consumer", "an admin" };

/* Those that `sources` says are set; `of_topic` goes before their names. */
static int check_scopes(const struct klient_config *config, const uint8_t *sources,
                        const char *of_topic, enum config_use use, klient_error_t **error)
{
    static const char *const of[] = { "", "a producer", "a consumer" };

    for (size_t i = 0; i < config_table.count; i++) {
        enum scope scope = scopes[i];
        if (scope == OF_ALL || sources[i] == OPTION_FROM_DEFAULT ||
            (scope == OF_PRODUCERS && use == USE_PRODUCER) ||
            (scope == OF_CONSUMERS && use == USE_CONSUMER))
            continue;
        if (sources[i] != OPTION_FROM_FILE)
            return fail(error, K_INVALID_CONFIG, "%s%s is a property of %s, not of %s", of_topic,
                        rows[i].name, of[scope], used[use]);
        config_divert_log(config);
        LOG_WARN("property-ignored", "name=%s%s of=\"%s\" handle=\"%s\"", of_topic, rows[i].name,
                 of[scope], used[use]);
        config_restore_log();
    }
    return 0;
}

int config_suits(const struct klient_config *config, enum config_use use, klient_error_t **error)
{
    int code = check_scopes(config, config->sources, "", use, error);

    for (size_t i = 0; code == 0 && i < config->topic_count; i++) {
        char of_topic[TOPIC_NAME_MAX + sizeof "topic//"];
        snprintf(of_topic, sizeof of_topic, "topic/%s/", config->topics[i].topic);
        code = check_scopes(config, config->topics[i].sources, of_topic, use, error);
    }
    if (code == 0 && config->retry_policy != NULL && use != USE_CONSUMER)
        return fail(error, K_INVALID_CONFIG, "a retry policy is of a consumer, not of %s",
                    used[use]);
    return code;
}

int config_level(const struct config_values *values, int codec)
{
    enum { NOT_SET = -1, LZ4_FAST = 9 };

    if (values->compression_level != NOT_SET)
        return values->compression_level;
    if (codec == CODEC_GZIP && values->gzip_level > 0)
        return values->gzip_level;
    if (codec == CODEC_LZ4 && values->lz4_level != LZ4_FAST)
        return values->lz4_level;
    return codec == CODEC_ZSTD ? values->zstd_level : COMPRESS_LEVEL_DEFAULT;
}

static const char *last_colon(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] != ':')
        size--;
    return size == 0 ? NULL : text + size - 1;
}

int config_next_server(const char **at, char *host, size_t host_size, uint16_t *port)
{
    const char *start = *at + strspn(*at, ", \t\n");
    size_t size = strcspn(start, ", \t\n");

    *at = start + size;
    if (size == 0)
        return 0;
    const char *colon = last_colon(start, size);
    if (colon == NULL)
        return K_INVALID_CONFIG;
    char *end;
    long number = strtol(colon + 1, &end, 10);
    if (end != start + size || end == colon + 1 || number < 1 || number > 65535)
        return K_INVALID_CONFIG;

    size_t host_length = (size_t)(colon - start);
    if (host_length > 2 && start[0] == '[' && colon[-1] == ']') {
        start++;
        host_length -= 2;
    }
    if (host_length == 0 || host_length >= host_size)
        return K_INVALID_CONFIG;
    memcpy(host, start, host_length);
    host[host_length] = '\0';
    *port = (uint16_t)number;
    return 1;
}

/* What makes numbered batches impossible, or NULL. */
static const char *idempotence_obstacle(const struct config_values *values)
{
    if (values->acks != ACKS_ALL && values->acks != ACKS_MINUS_ONE)
        return "acks is not all";
    if (values->in_flight_max > IN_FLIGHT_NUMBERED_MAX)
        return "max.in.flight.requests.per.connection is larger than 5";
    return values->retries == 0 ? "retries is 0" : NULL;
}

bool config_idempotent(const struct klient_config *config)
{
    return config->values.idempotence && idempotence_obstacle(&config->values) == NULL;
}

void config_say_idempotence(const struct klient_config *config)
{
    const char *obstacle = idempotence_obstacle(&config->values);

    if (!config->values.idempotence || obstacle == NULL)
        return;
    config_divert_log(config);
    LOG_INFO("idempotence-off", "reason=\"%s\"", obstacle);
    config_restore_log();
}

/* What goes together in times and sizes, of all topics or of one. */
static const char *find_contradiction(const struct config_values *values, bool own_batch_size)
{
    if (values->delivery_timeout_ms < values->linger_ms)
        return "delivery.timeout.ms must be at least linger.ms";
    if (values->buffer_bytes < values->batch_bytes)
        return "buffer.memory must be at least batch.size";
    if (values->request_bytes_max < values->batch_bytes && own_batch_size)
        return "max.request.size must be at least batch.size";
    return NULL;
}

static int check_amounts(const struct klient_config *config, klient_error_t **error)
{
    bool own_batch_size = config_is_set(config, "batch.size");
    const char *wrong = find_contradiction(&config->values, own_batch_size);

    if (wrong != NULL)
        return fail(error, K_INVALID_CONFIG, "%s", wrong);
    for (size_t i = 0; i < config->topic_count; i++) {
        const struct topic_config *own = &config->topics[i];
        struct config_values values;
        config_complete(config, own, &values);
        wrong = find_contradiction(&values, own_batch_size ||
                                   config_is_set_for(config, own->topic, "batch.size"));
        if (wrong != NULL)
            return fail(error, K_INVALID_CONFIG, "topic %s: %s", own->topic, wrong);
    }
    return 0;
}

int config_check(const struct klient_config *config, klient_error_t **error)
{
    const struct config_values *values = &config->values;
    const char *at = values->bootstrap_servers;
    char host[256];
    uint16_t port;
    int servers = 0, code = 0;

    while (at != NULL && (code = config_next_server(&at, host, sizeof host, &port)) == 1)
        servers++;
    if (code != 0)
        return fail(error, code, "bootstrap.servers must be a list of host:port, got \"%s\"",
                    values->bootstrap_servers);
    if (servers == 0)
        return fail(error, K_INVALID_CONFIG, "bootstrap.servers is not set: name one or more "
                    "brokers as host:port");
    code = check_amounts(config, error);
    if (code == 0)
        code = extensions_check(config, error);
    if (code != 0)
        return code;
    if (values->heartbeat_interval_ms >= values->session_timeout_ms)
        return fail(error, K_INVALID_CONFIG, "heartbeat.interval.ms must be less than "
                    "session.timeout.ms");
    struct strategy strategy;
    struct k_reason reason;
    if (strategy_read(&strategy, values->assignment_strategy, &config->extensions, &reason) != 0)
        return fail(error, K_INVALID_CONFIG, "%s", reason.text);
    const char *obstacle = idempotence_obstacle(values);
    if (values->idempotence && obstacle != NULL && config_is_set(config, "enable.idempotence"))
        return fail(error, K_INVALID_CONFIG, "enable.idempotence=true is not possible: %s",
                    obstacle);
    return 0;
}
