/* kairn - look at and work with a Kairn cluster from the command line. */
#include <stdio.h>
#include <string.h>

#include "client/klient.h"
#include "tools/kairn/command.h"

static const struct command commands[] = {
    { "topic", "create", "TOPIC", 1, 1, true, "Create a topic.",
      { { "--partitions", "N", "how many (default: the broker's num.partitions)" },
        { "--replication-factor", "N", "copies of each partition (default: the broker's default.replication.factor)" },
        { "--config", "NAME=VALUE", "a topic setting, e.g. retention.ms=86400000; may be repeated" } },
      topic_create },
    { "topic", "list", "", 0, 0, true, "List the topics.", { { NULL, NULL, NULL } }, topic_list },
    { "topic", "describe", "[TOPIC...]", 0, 1000, true,
      "Show partitions, leaders, replicas and settings of topics (all by default).", { { NULL, NULL, NULL } }, topic_describe },
    { "topic", "delete", "TOPIC...", 1, 1000, true, "Delete topics and their data.", { { NULL, NULL, NULL } }, topic_delete },
    { "produce", NULL, "TOPIC", 1, 1, true,
      "Send one record per line of standard input; a summary goes to standard error.\n"
      "Exit status 1 when any record failed.",
      { { "--key-separator", "S", "what separates key from value; a line without it has no key" },
        { "--header", "NAME=VALUE", "a header for every record; may be repeated" },
        { "--partition", "N", "send everything to this partition" },
        { "--partitioner", "NAME", "hash, round-robin or sticky (default: sticky, keyed records by hash)" },
        { "--acks", "N", "0, 1 or all (default)" } },
      produce },
    { "consume", NULL, "TOPIC", 1, 1, true, "Print records, by default from the beginning and on and on.",
      { { "--from", "WHERE", "beginning (default), end, an offset, or @ and milliseconds since 1970" },
        { "--partition", "N", "only this partition" },
        { "--max", "N", "stop after N records" },
        { "--exit-at-end", NULL, "stop at what is the end of the topic when the command starts" },
        { "--format", "F", "%t topic, %p partition, %o offset, %T timestamp, %k key, %v value, %h headers,\n"
          "                               %K and %S sizes of key and value (-1: null), %%; \\n \\t \\r \\0 \\\\ (default '%v\\n')" } },
      consume },
    { "cluster", "status", "", 0, 0, true,
      "Show the cluster at a glance. Exit status 1 when a partition has no leader.", { { NULL, NULL, NULL } }, cluster_status },
    { "broker", "list", "", 0, 0, true, "List the live brokers.", { { NULL, NULL, NULL } }, broker_list },
    { "log", "dump", "FILE...", 1, 1000, false,
      "Print and check files of a log directory: segments, indexes, checkpoints. No broker is needed.\n"
      "Exit status 1 when anything in a file is wrong.",
      { { "--records", NULL, "print every record, not only batches" },
        { "--summary", NULL, "only one line per file: counts, offsets and a hash of the records" } },
      log_dump_file },
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void usage(FILE *out)
{
    fputs("usage: kairn COMMAND [options]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char words[64];
        const char *end = strchr(commands[i].text, '\n');
        int size = end != NULL ? (int)(end - commands[i].text) : (int)strlen(commands[i].text);
        snprintf(words, sizeof words, "%s%s%s %s", commands[i].noun, commands[i].verb != NULL ? " " : "",
                 commands[i].verb != NULL ? commands[i].verb : "", commands[i].operands);
        fprintf(out, "  %-28s %.*s\n", words, size, commands[i].text);
    }
    fputs("\nkairn COMMAND --help tells more. $KAIRN_BOOTSTRAP names the brokers to ask.\n", out);
}

/* The command that argv[1..] names; *words is how many words it took. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &commands[i];
        *words = command->verb != NULL ? 2 : 1;
        if (argc > *words && strcmp(argv[1], command->noun) == 0 &&
            (command->verb == NULL || strcmp(argv[2], command->verb) == 0))
            return command;
    }
    return NULL;
}

/* "kairn topic": the verbs of a noun. */
static int explain_noun(const char *noun)
{
    int known = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].noun, noun) != 0)
            continue;
        if (known++ == 0)
            fprintf(stderr, "kairn %s: which of these?\n", noun);
        fprintf(stderr, "  kairn %s %s %s\n", noun, commands[i].verb, commands[i].operands);
    }
    return known;
}

int main(int argc, char **argv)
{
    int words;
    struct args *args;

    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("kairn %s (libklient %s)\n", KAIRN_VERSION, klient_version());
        return EXIT_DONE;
    }
    const struct command *command = find_command(argc, argv, &words);
    if (command == NULL) {
        if (explain_noun(argv[1]) == 0)
            fprintf(stderr, "kairn: no command '%s'; kairn --help lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    int status = args_parse(command, argc - 1 - words, argv + 1 + words, &args);
    if (status != 0)
        return status < 0 ? EXIT_DONE : status;
    status = command->run(args);
    args_free(args);
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        perror("kairn: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
