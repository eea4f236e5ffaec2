/* kairnd - runs one broker, or several in one process for development.
 *
 * Signals, exit status and standard output are decided here and nowhere else. */
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/descriptors.h"
#include "common/log.h"
#include "server/broker.h"
#include "server/config.h"
#include "server/flags.h"
#include "zk/guardian.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNCLEAN = 3 };

enum { MALLOC_ARENAS = 2 };         /* one per thread would be memory that is never used again */

struct program {
    int signals, failures;          /* descriptors: signalfd; eventfd, some broker can not go on */
    int count;
    struct broker *brokers[FLAGS_LOCAL_MAX];
};

static int read_config(const struct flags *flags, struct config *config, struct k_reason *reason)
{
    int code =
        flags->config_path == NULL ? 0 : config_read_file(config, flags->config_path, reason);

    for (int i = 0; i < flags->set_count && code == 0; i++)
        code = config_set_pair(config, flags->sets[i], reason);
    return code;
}

/* --- running ---------------------------------------------------------------------------------- */

static void broker_failed(void *context, struct broker *broker, int code)
{
    const struct program *program = context;

    (void)broker;
    (void)code;
    eventfd_write(program->failures, 1);
}

/* All signals come through a descriptor, to be waited for beside failures. Before any thread. */
static int open_descriptors(struct program *program)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);

    program->signals = signalfd(-1, &stops, SFD_CLOEXEC);
    program->failures = eventfd(0, EFD_CLOEXEC);
    return program->signals < 0 || program->failures < 0 ? EXIT_FAILED : EXIT_FINE;
}

/* As many descriptors as we may have: each segment and each connection takes one. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start_broker(struct program *program, struct config *config, int brokers)
{
    const struct broker_events events = { .context = program, .brokers = brokers,
                                          .failed = broker_failed };
    struct k_reason reason = { "" };

    int code = broker_start(config, &events, &program->brokers[program->count], &reason);
    if (code != 0) {
        LOG_ERROR("broker-not-started", "error=%s reason=\"%s\"", k_error_name(code),
                  reason.text[0] != '\0' ? reason.text : k_error_text(code));
        return code == K_INVALID_CONFIG ? EXIT_USAGE : EXIT_FAILED;
    }
    program->count++;
    return EXIT_FINE;
}

/* What was asked for is wrong, unless there was no room to read it. */
static int status_of_config(int code)
{
    return code == K_NOMEM ? EXIT_FAILED : EXIT_USAGE;
}

static int start_all(struct program *program, const struct config *config, int local)
{
    int status = EXIT_FINE;

    for (int i = 0; i < (local == 0 ? 1 : local) && status == EXIT_FINE; i++) {
        struct config own;
        struct k_reason reason = { "out of memory" };
        int code =
            local == 0 ? config_copy(config, &own) : config_for_local(config, i, &own, &reason);
        if (code != 0) {
            LOG_ERROR("broker-not-started", "error=%s reason=\"%s\"", k_error_name(code),
                      reason.text);
            return status_of_config(code);
        }
        status = start_broker(program, &own, local);
    }
    return status;
}

/* Until told to stop, or a broker can not go on. */
static int wait_for_end(const struct program *program)
{
    struct pollfd watched[] = {
        { .fd = program->signals, .events = POLLIN },
        { .fd = program->failures, .events = POLLIN },
    };

    while (poll(watched, 2, -1) <= 0) {
    }
    return watched[1].revents != 0 ? EXIT_FAILED : EXIT_FINE;
}

static int run(const struct config *config, int local)
{
    struct program program = { .signals = -1, .failures = -1 };

    int status = open_descriptors(&program);
    raise_limits();
    if (status == EXIT_FINE)
        status = start_all(&program, config, local);
    if (status == EXIT_FINE)
        status = wait_for_end(&program);
    for (int i = 0; i < program.count; i++) {
        if (!broker_stop(program.brokers[i]) && status == EXIT_FINE)
            status = EXIT_UNCLEAN;
    }
    close(program.failures);
    close(program.signals);
    return status;
}

static int run_flags(const struct flags *flags)
{
    struct config config;
    struct k_reason reason = { "out of memory" };
    int code = config_init(&config);
    if (code == 0) {
        code = read_config(flags, &config, &reason);
        if (code != 0)
            config_fini(&config);
    }
    if (code != 0) {
        fprintf(stderr, "kairnd: %s\n", reason.text);
        return status_of_config(code);
    }
    log_set_level((enum log_level)config.log_level);
    log_limit((uint32_t)config.log_lines_max, config.log_lines_interval_ms, &clock_system);
    int status = run(&config, flags->local);
    config_fini(&config);
    return status;
}

int main(int argc, char **argv)
{
    guardian_main_if_asked(argc, argv);
    mallopt(M_ARENA_MAX, MALLOC_ARENAS);

    struct flags flags;
    if (!descriptors_secure())
        return EXIT_FAILED;
    int code = flags_parse(argc, argv, &flags);
    if (code == K_NOMEM)
        fprintf(stderr, "kairnd: %s\n", k_error_text(code));
    if (code != 0)
        return status_of_config(code);

    int status = EXIT_FINE;
    switch (flags.action) {
    case FLAGS_HELP:
        fputs(flags_help, stdout);
        break;
    case FLAGS_VERSION:
        puts("kairnd " KAIRN_VERSION);
        break;
    case FLAGS_DOCS:
        config_print_docs(stdout);
        break;
    case FLAGS_MAN:
        config_print_man(stdout);
        break;
    case FLAGS_RUN:
        status = run_flags(&flags);
        break;
    }
    flags_fini(&flags);
    return status;
}
