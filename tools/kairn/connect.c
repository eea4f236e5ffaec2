#include "tools/kairn/connect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Which brokers are asked first, and *source, who said so. */
static const char *bootstrap_of(const struct args *args, const char **source)
{
    const char *bootstrap = args_value(args, "--bootstrap");
    *source = "from --bootstrap";
    if (bootstrap == NULL) {
        bootstrap = getenv("KAIRN_BOOTSTRAP");
        *source = "from $KAIRN_BOOTSTRAP";
    }
    if (bootstrap == NULL || bootstrap[0] == '\0') {
        bootstrap = "127.0.0.1:9092";
        *source = "the default; --bootstrap or $KAIRN_BOOTSTRAP name others";
    }
    return bootstrap;
}

void connect_advise(const struct args *args, klient_code_t code)
{
    const char *source, *bootstrap = bootstrap_of(args, &source);

    switch (code) {
    case KLIENT_UNKNOWN_TOPIC_OR_PARTITION:
        fputs("try: kairn topic list, kairn topic describe\n", stderr);
        break;
    case KLIENT_GROUP_ID_NOT_FOUND:
        fputs("try: kairn group list\n", stderr);
        break;
    case KLIENT_NON_EMPTY_GROUP:
        fputs("stop its members first; kairn group members tells which there are\n", stderr);
        break;
    case KLIENT_REQUEST_TIMED_OUT:
    case KLIENT_CONNECTION_FAILED:
    case KLIENT_RESOLVE_FAILED:
        fprintf(stderr, "asked: %s (%s)\n", bootstrap, source);
        fputs("try: kairn cluster status; kairn cluster doctor, which asks ZooKeeper as well; and "
              "whether brokers run there\n", stderr);
        break;
    default:
        break;
    }
}

/* Records that can not be read: others behind them can. */
static void advise_to_skip(const klient_error_t *error)
{
    int64_t next = klient_error_skip_to(error);

    if (next < 0)
        return;
    fprintf(stderr,
            "try: kairn consume %s --partition %" PRId32 " --from %" PRId64 " reads on behind it\n"
            "     kairn log verify DIRECTORY, where the leader runs, says what is damaged there\n",
            klient_error_topic(error), klient_error_partition(error), next);
}

int connect_failed(const struct args *args, klient_error_t *error)
{
    int status = command_failed(args, "%s: %s", klient_code_name(klient_error_code(error)),
                                klient_error_text(error));
    connect_advise(args, klient_error_code(error));
    advise_to_skip(error);
    klient_error_free(error);
    return status;
}

int connect_refused(const struct args *args, klient_error_t *error)
{
    if (klient_error_code(error) != KLIENT_INVALID_CONFIG)
        return connect_failed(args, error);
    int status = command_misuse(args, "%s", klient_error_text(error));
    klient_error_free(error);
    return status;
}

bool connect_timeout(const struct args *args, int64_t *timeout_ms)
{
    return args_number(args, "--timeout", 30000, 1, INT32_MAX, timeout_ms);
}

klient_config_t *connect_config_with(const struct args *args, const char *const *pairs,
                                     int *status)
{
    const char *source, *bootstrap = bootstrap_of(args, &source);
    klient_error_t *error = NULL;

    *status = EXIT_USAGE;
    klient_config_t *config = klient_config_new();
    if (config == NULL) {
        *status = command_failed(args, "out of memory");
        return NULL;
    }
    klient_code_t code = klient_config_set(config, "bootstrap.servers", bootstrap, &error);
    if (code == KLIENT_OK)
        code = klient_config_set(config, "client.id", "kairn", &error);
    for (; code == KLIENT_OK && *pairs != NULL; pairs++)
        code = klient_config_set_pair(config, *pairs, &error);
    for (size_t i = 0; code == KLIENT_OK && i < args_count(args, "--set"); i++)
        code = klient_config_set_pair(config, args_nth(args, "--set", i), &error);
    if (code != KLIENT_OK) {
        command_misuse(args, "%s", klient_error_text(error));
        klient_error_free(error);
        klient_config_free(config);
        *status = EXIT_USAGE;
        return NULL;
    }
    return config;
}

klient_config_t *connect_config(const struct args *args, bool produces, int *status)
{
    char max_block[48];
    const char *pairs[] = { produces ? max_block : NULL, NULL };
    int64_t timeout_ms;

    *status = EXIT_USAGE;
    if (!connect_timeout(args, &timeout_ms))
        return NULL;
    snprintf(max_block, sizeof max_block, "max.block.ms=%lld", (long long)timeout_ms);
    return connect_config_with(args, pairs, status);
}

klient_admin_t *connect_admin(const struct args *args, int64_t *timeout_ms, int *status)
{
    klient_error_t *error = NULL;

    *status = EXIT_USAGE;
    if (!connect_timeout(args, timeout_ms))
        return NULL;
    klient_config_t *config = connect_config(args, false, status);
    if (config == NULL)
        return NULL;
    klient_admin_t *admin = klient_admin_new(config, &error);
    klient_config_free(config);
    if (admin == NULL)
        *status = connect_refused(args, error);
    return admin;
}
