#include "server/flags.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"

const char flags_help[] =
    "Usage: kairnd --config FILE [--set NAME=VALUE]...\n"
    "       kairnd --local N [--config FILE] [--set NAME=VALUE]...\n"
    "\n"
    "Runs a Kairn broker in the foreground; it logs to standard error.\n"
    "\n"
    "  -c, --config FILE        read options from FILE, in the form of Kafka's server.properties\n"
    "  -s, --set NAME=VALUE     set one option; wins over the file; may be repeated\n"
    "  -l, --local N            run N brokers in this process, for development: ids, ports and\n"
    "                           log directories are numbered; port 0 picks free ones\n"
    "      --print-config-docs  print a table of all options and exit\n"
    "      --print-config-man   print the manual page of all options and exit\n"
    "  -h, --help               print this and exit\n"
    "  -V, --version            print the version and exit\n"
    "\n"
    "SIGTERM or SIGINT stops orderly: no more work is taken, logs are written out and marked\n"
    "clean, the broker leaves the cluster.\n"
    "\n"
    "Exit status: 0 stopped orderly; 1 could not start or could not go on; 2 wrong usage or\n"
    "configuration; 3 stopped, but some log could not be closed cleanly: the next start checks "
    "it.\n"
    "\n"
    "All options: man kairnd.conf. Manual: man kairnd.\n";

enum { FLAG_DOCS = 256, FLAG_MAN };

static const struct option known[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "local", required_argument, NULL, 'l' },
    { "print-config-docs", no_argument, NULL, FLAG_DOCS },
    { "print-config-man", no_argument, NULL, FLAG_MAN },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static bool parse_local(const char *text, int *out)
{
    char *end;
    long count = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || count < 1 || count > FLAGS_LOCAL_MAX) {
        fprintf(stderr, "kairnd: --local takes a number from 1 to %d, not \"%s\"\n",
                (int)FLAGS_LOCAL_MAX, text);
        return false;
    }
    *out = (int)count;
    return true;
}

/* One flag. False: wrong usage, said on standard error. */
static bool take(struct flags *flags, int flag)
{
    switch (flag) {
    case 'c':
        flags->config_path = optarg;
        return true;
    case 's':
        flags->sets[flags->set_count++] = optarg;
        return true;
    case 'l':
        return parse_local(optarg, &flags->local);
    case FLAG_DOCS:
        flags->action = FLAGS_DOCS;
        return true;
    case FLAG_MAN:
        flags->action = FLAGS_MAN;
        return true;
    case 'h':
        flags->action = FLAGS_HELP;
        return true;
    case 'V':
        flags->action = FLAGS_VERSION;
        return true;
    default:
        fprintf(stderr, "Try: kairnd --help\n");
        return false;
    }
}

int flags_parse(int argc, char **argv, struct flags *out)
{
    struct flags flags = { .action = FLAGS_RUN };
    bool understood = true;

    flags.sets = calloc((size_t)argc + 1, sizeof *flags.sets);
    if (flags.sets == NULL)
        return K_NOMEM;
    for (int flag; understood && (flag = getopt_long(argc, argv, "c:s:l:hV", known, NULL)) != -1;)
        understood = take(&flags, flag);
    if (understood && optind < argc) {
        fprintf(stderr, "kairnd: \"%s\" is not a flag\nTry: kairnd --help\n", argv[optind]);
        understood = false;
    }
    if (understood && flags.action == FLAGS_RUN && flags.config_path == NULL &&
        flags.set_count == 0 && flags.local == 0) {
        fprintf(stderr, "kairnd: give --config FILE, or --set zookeeper.connect=HOST:PORT\n"
                        "Try: kairnd --help\n");
        understood = false;
    }
    if (!understood) {
        flags_fini(&flags);
        return K_INVALID_ARGUMENT;
    }
    *out = flags;
    return 0;
}

void flags_fini(struct flags *flags)
{
    free(flags->sets);
    flags->sets = NULL;
}
