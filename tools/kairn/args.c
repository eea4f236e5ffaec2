#include "tools/kairn/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "common/quantity.h"

enum {
    LEFT_SIZE = 28,                 /* of names and values of flags in a help */
    SHOWN_MAX = 60                  /* characters of a word that is no option */
};

static const struct flag common_flags[] = {
    { "--json", NULL, "print JSON, for programs" },
    { "--help", NULL, "print this" },
    { NULL, NULL, NULL },
};

static const struct flag connect_flags[] = {
    { "--bootstrap", "HOST:PORT,...",
      "brokers to ask first (default: $KAIRN_BOOTSTRAP, then 127.0.0.1:9092)" },
    { "--set", "NAME=VALUE", "a client property, e.g. linger.ms=20; may be repeated" },
    { "--timeout", "MS", "how long to wait for the cluster (default 30000)" },
    { NULL, NULL, NULL },
};

struct given {
    const char *flag, *value;
};

struct args {
    const struct command *command;
    struct given *given;
    const char **operands;
    size_t given_count, operand_count;
};

static void print_words(FILE *out, const struct command *command)
{
    fprintf(out, "kairn %s%s%s", command->noun, command->verb != NULL ? " " : "",
            command->verb != NULL ? command->verb : "");
}

static void print_flags(const struct flag *flags)
{
    for (; flags->name != NULL; flags++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", flags->name, flags->value != NULL ? " " : "",
                 flags->value != NULL ? flags->value : "");
        if (strlen(left) > LEFT_SIZE)
            printf("  %s\n  %*s %s\n", left, LEFT_SIZE, "", flags->text);
        else
            printf("  %-*s %s\n", LEFT_SIZE, left, flags->text);
    }
}

void command_help(const struct command *command)
{
    printf("usage: ");
    print_words(stdout, command);
    printf("%s%s [options]\n\n%s\n\n", command->operands[0] != '\0' ? " " : "", command->operands,
           command->text);
    print_flags(command->flags);
    if (command->connects)
        print_flags(connect_flags);
    print_flags(common_flags);
}

static int say(const struct args *args, int status, const char *format, va_list arguments)
{
    fflush(stdout);
    print_words(stderr, args->command);
    fputs(": ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    return status;
}

int command_misuse(const struct args *args, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = say(args, EXIT_USAGE, format, arguments);
    va_end(arguments);
    fputs("try: ", stderr);
    print_words(stderr, args->command);
    fputs(" --help\n", stderr);
    return status;
}

int command_failed(const struct args *args, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = say(args, EXIT_FAILED, format, arguments);
    va_end(arguments);
    return status;
}

static const struct flag *find_in(const struct flag *flags, const char *name, size_t size)
{
    for (; flags->name != NULL; flags++)
        if (strlen(flags->name) == size && strncmp(flags->name, name, size) == 0)
            return flags;
    return NULL;
}

const struct flag *command_flag(const struct command *command, const char *name, size_t size)
{
    const struct flag *flag = find_in(command->flags, name, size);
    if (flag == NULL && command->connects)
        flag = find_in(connect_flags, name, size);
    return flag != NULL ? flag : find_in(common_flags, name, size);
}

size_t command_flags(const struct command *command, const struct flag **out, size_t room)
{
    const struct flag *lists[] = { command->flags, connect_flags, common_flags };
    size_t count = 0;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i] == connect_flags && !command->connects)
            continue;
        for (const struct flag *flag = lists[i]; flag->name != NULL && count < room; flag++)
            out[count++] = flag;
    }
    return count;
}

/* An option that nobody knows, and the one that is most like it. */
static int refuse_flag(const struct args *args, const char *word, size_t size)
{
    const struct flag *flags[ALL_FLAGS_MAX];
    size_t count = command_flags(args->command, flags, ALL_FLAGS_MAX), best = size / 3 + 1;
    const char *nearest = NULL;
    char name[SHOWN_MAX + 1];

    snprintf(name, sizeof name, "%.*s", (int)size, word);
    for (size_t i = 0; i < count; i++) {
        size_t distance = options_name_distance(name, flags[i]->name);
        if (distance < best) {
            best = distance;
            nearest = flags[i]->name;
        }
    }
    if (nearest != NULL)
        return command_misuse(args, "unknown option %s; did you mean %s?", name, nearest);
    return command_misuse(args, "unknown option %s (before a name that starts with -, put --)",
                          name);
}

/* One flag at argv[*at]: "--name value", "--name=value" or "--switch". */
static int take_flag(struct args *args, int argc, char **argv, int *at)
{
    const char *word = strcmp(argv[*at], "-h") == 0 ? "--help" : argv[*at];
    const char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct flag *flag = command_flag(args->command, word, size);
    const char *value = NULL;

    if (flag == NULL)
        return refuse_flag(args, word, size);
    if (flag->value == NULL && equals != NULL)
        return command_misuse(args, "%s takes no value", flag->name);
    if (flag->value != NULL) {
        if (equals == NULL && *at + 1 >= argc)
            return command_misuse(args, "%s needs a value: %s %s", flag->name, flag->name,
                                  flag->value);
        value = equals != NULL ? equals + 1 : argv[++*at];
    }
    args->given[args->given_count++] = (struct given){ flag->name, value };
    return 0;
}

int args_parse(const struct command *command, int argc, char **argv, struct args **out)
{
    struct args *args = calloc(1, sizeof *args);
    int status = 0;
    bool only_operands = false;

    if (args != NULL) {
        args->command = command;
        args->given = calloc((size_t)argc + 1, sizeof *args->given);
        args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
    }
    if (args == NULL || args->given == NULL || args->operands == NULL) {
        fputs("kairn: out of memory\n", stderr);
        status = EXIT_FAILED;
    }
    for (int at = 0; status == 0 && at < argc; at++) {
        if (!only_operands && strcmp(argv[at], "--") == 0)
            only_operands = true;
        else if (!only_operands && argv[at][0] == '-' && argv[at][1] != '\0')
            status = take_flag(args, argc, argv, &at);
        else
            args->operands[args->operand_count++] = argv[at];
    }
    if (status == 0 && args_has(args, "--help")) {
        command_help(command);
        status = -1;
    }
    if (status == 0 && (args->operand_count < (size_t)command->operands_min ||
                        args->operand_count > (size_t)command->operands_max))
        status = args->operand_count < (size_t)command->operands_min
                     ? command_misuse(args, "%s is missing", command->operands)
                     : command_misuse(args, "'%s' is too much",
                                      args->operands[command->operands_max]);
    if (status != 0) {
        args_free(args);
        return status;
    }
    *out = args;
    return 0;
}

void args_free(struct args *args)
{
    if (args == NULL)
        return;
    free(args->given);
    free(args->operands);
    free(args);
}

const struct command *args_command(const struct args *args)
{
    return args->command;
}

size_t args_operand_count(const struct args *args)
{
    return args->operand_count;
}

const char *args_operand(const struct args *args, size_t index)
{
    return index < args->operand_count ? args->operands[index] : NULL;
}

size_t args_count(const struct args *args, const char *flag)
{
    size_t count = 0;
    for (size_t i = 0; i < args->given_count; i++)
        count += strcmp(args->given[i].flag, flag) == 0;
    return count;
}

const char *args_nth(const struct args *args, const char *flag, size_t index)
{
    for (size_t i = 0; i < args->given_count; i++)
        if (strcmp(args->given[i].flag, flag) == 0 && index-- == 0)
            return args->given[i].value;
    return NULL;
}

bool args_has(const struct args *args, const char *flag)
{
    return args_count(args, flag) > 0;
}

const char *args_value(const struct args *args, const char *flag)
{
    size_t count = args_count(args, flag);
    return count > 0 ? args_nth(args, flag, count - 1) : NULL;
}

bool args_json(const struct args *args)
{
    return args_has(args, "--json");
}

/* What a flag's value counts stands in its help. */
static enum quantity_unit unit_of(const struct args *args, const char *name)
{
    const struct flag *flag = command_flag(args->command, name, strlen(name));
    const char *value = flag != NULL && flag->value != NULL ? flag->value : "";

    return strcmp(value, "MS") == 0      ? QUANTITY_MS
           : strcmp(value, "S") == 0     ? QUANTITY_SECONDS
           : strcmp(value, "BYTES") == 0 ? QUANTITY_BYTES
                                         : QUANTITY_PLAIN;
}

bool args_number(const struct args *args, const char *flag, int64_t fallback, int64_t min,
                 int64_t max, int64_t *out)
{
    const char *text = args_value(args, flag);
    enum quantity_unit unit = unit_of(args, flag);
    int64_t number;

    if (text == NULL) {
        *out = fallback;
        return true;
    }
    if (!quantity_read(unit, text, strlen(text), &number) || number < min || number > max) {
        const char *kind =
            unit != QUANTITY_PLAIN ? quantity_expected(unit, false) : "a whole number";
        command_misuse(args, "%s takes %s%s from %lld to %lld, not '%s'", flag, kind,
                       unit != QUANTITY_PLAIN ? "," : "", (long long)min, (long long)max, text);
        return false;
    }
    *out = number;
    return true;
}

bool args_broker(const struct args *args, size_t operand, int32_t *out)
{
    const char *text = args_operand(args, operand);
    int64_t number;

    if (!quantity_read(QUANTITY_PLAIN, text, strlen(text), &number) || number < 0 ||
        number > INT32_MAX) {
        command_misuse(args, "'%s' is no broker id", text);
        return false;
    }
    *out = (int32_t)number;
    return true;
}
