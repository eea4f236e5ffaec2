#include "tools/kairn/complete.h"

#include <stdbool.h>
#include <string.h>

size_t complete_start(const char *word)
{
    const char *equals = strchr(word, '=');

    return word[0] == '-' && equals != NULL ? (size_t)(equals + 1 - word) : 0;
}

static void tell_text(complete_tell *tell, void *context, const char *text)
{
    tell(context, text, strlen(text));
}

/* Nouns, or the verbs of one. */
static void tell_commands(const struct complete_line *line, const char *noun, complete_tell *tell,
                          void *context)
{
    for (size_t i = 0; i < line->command_count; i++) {
        const struct command *command = &line->commands[i];
        bool first = i == 0 || strcmp(command->noun, line->commands[i - 1].noun) != 0;
        if (noun == NULL && first)
            tell_text(tell, context, command->noun);
        else if (noun != NULL && strcmp(command->noun, noun) == 0 && command->verb != NULL)
            tell_text(tell, context, command->verb);
    }
}

static const struct command *find_command(const struct complete_line *line, size_t *words)
{
    for (size_t i = 0; i < line->command_count; i++) {
        const struct command *command = &line->commands[i];
        *words = command->verb != NULL ? 2 : 1;
        if (line->word_count > *words && strcmp(line->words[0], command->noun) == 0 &&
            (command->verb == NULL || strcmp(line->words[1], command->verb) == 0))
            return command;
    }
    return NULL;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* "TOPIC", "[TOPIC...]", "T[:P,P...]", as a help calls it. */
static enum complete_kind kind_of(const char *called)
{
    called += called[0] == '[';
    if (begins(called, "TOPIC") || strcmp(called, "T") == 0 || begins(called, "T[:"))
        return COMPLETE_TOPIC;
    if (begins(called, "GROUP") || strcmp(called, "G") == 0)
        return COMPLETE_GROUP;
    if (begins(called, "BROKER"))
        return COMPLETE_BROKER;
    if (begins(called, "FILE") || begins(called, "PATH") || begins(called, "DIR"))
        return COMPLETE_FILE;
    return COMPLETE_WORD;
}

/* Of the word that is called so: "lines|json" and "[lines|json]" are choices. */
static enum complete_kind word_of(const char *called, complete_tell *tell, void *context)
{
    size_t length = strcspn(called, " ");

    if (memchr(called, '|', length) == NULL)
        return kind_of(called);
    for (const char *at = called, *end = called + length; at < end;) {
        size_t size = strcspn(at, "|[] ");
        if (size > 0)
            tell(context, at, size);
        at += size + 1;
    }
    return COMPLETE_WORD;
}

/* What the operand behind `before` others is called; the last name is that of all further ones. */
static const char *operand_called(const struct command *command, size_t before)
{
    const char *called = command->operands;

    for (const char *next; before > 0 && (next = strchr(called, ' ')) != NULL; before--)
        called = next + 1;
    return called;
}

/* What stands in words between the command and the last one. */
struct given {
    const struct flag *open;            /* waits for its value */
    size_t operands;
    bool only_operands;                 /* behind -- */
};

static struct given look_at(const struct complete_line *line, const struct command *command,
                            size_t first)
{
    struct given given = { 0 };

    for (size_t i = first; i + 1 < line->word_count; i++) {
        const char *word = line->words[i];
        if (given.open != NULL) {
            given.open = NULL;
        } else if (given.only_operands || word[0] != '-' || word[1] == '\0') {
            given.operands++;
        } else if (strcmp(word, "--") == 0) {
            given.only_operands = true;
        } else if (strchr(word, '=') == NULL) {
            const struct flag *flag = command_flag(command, word, strlen(word));
            given.open = flag != NULL && flag->value != NULL ? flag : NULL;
        }
    }
    return given;
}

static void tell_flags(const struct command *command, complete_tell *tell, void *context)
{
    const struct flag *flags[ALL_FLAGS_MAX];
    size_t count = command_flags(command, flags, ALL_FLAGS_MAX);

    for (size_t i = 0; i < count; i++)
        tell_text(tell, context, flags[i]->name);
}

static enum complete_kind complete_of(const struct complete_line *line,
                                      const struct command *command, size_t first,
                                      complete_tell *tell, void *context)
{
    struct given given = look_at(line, command, first);
    const char *word = line->words[line->word_count - 1];
    size_t start = complete_start(word);

    if (given.open != NULL)
        return word_of(given.open->value, tell, context);
    if (!given.only_operands && start > 0) {
        const struct flag *flag = command_flag(command, word, start - 1);
        return flag != NULL && flag->value != NULL ? word_of(flag->value, tell, context)
                                                   : COMPLETE_WORD;
    }
    if (!given.only_operands && word[0] == '-') {
        tell_flags(command, tell, context);
        return COMPLETE_WORD;
    }
    return given.operands < (size_t)command->operands_max
               ? word_of(operand_called(command, given.operands), tell, context)
               : COMPLETE_WORD;
}

enum complete_kind complete_line(const struct complete_line *line, complete_tell *tell,
                                 void *context)
{
    size_t first;
    const struct command *command = find_command(line, &first);

    if (command != NULL)
        return complete_of(line, command, first, tell, context);
    if (line->word_count <= 2)
        tell_commands(line, line->word_count == 2 ? line->words[0] : NULL, tell, context);
    if (line->word_count == 1) {
        tell_text(tell, context, "--help");
        tell_text(tell, context, "--version");
    }
    return COMPLETE_WORD;
}
