/* completion.c - kairn completion words: what shells ask while a line is being written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/complete.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"

/* A person waits with a finger on the key. */
#define WAIT "700ms"

struct words {
    const char *before, *typed;         /* of the last word: what stays, and what is completed */
    size_t before_size;
};

static void print_word(void *context, const char *word, size_t size)
{
    const struct words *words = context;
    size_t typed = strlen(words->typed);

    if (size >= typed && memcmp(word, words->typed, typed) == 0)
        printf("%.*s%.*s\n", (int)words->before_size, words->before, (int)size, word);
}

/* --- names of the cluster --------------------------------------------------------------------- */

static void print_topics(klient_admin_t *admin, int64_t timeout_ms, struct words *words)
{
    klient_metadata_t *metadata = NULL;

    if (klient_admin_list_topics(admin, timeout_ms, &metadata, NULL) != KLIENT_OK)
        return;
    for (size_t i = 0; i < klient_metadata_topic_count(metadata); i++) {
        klient_topic_info_t topic = topic_at(metadata, i);
        if (!topic.internal || words->typed[0] == '_')
            print_word(words, topic.name, strlen(topic.name));
    }
    klient_metadata_free(metadata);
}

static void print_brokers(klient_admin_t *admin, int64_t timeout_ms, struct words *words)
{
    klient_metadata_t *metadata = NULL;

    if (klient_admin_describe_cluster(admin, timeout_ms, &metadata, NULL) != KLIENT_OK)
        return;
    for (size_t i = 0; i < klient_metadata_broker_count(metadata); i++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        char id[16];
        klient_metadata_broker(metadata, i, &broker);
        snprintf(id, sizeof id, "%" PRId32, broker.id);
        print_word(words, id, strlen(id));
    }
    klient_metadata_free(metadata);
}

static void print_groups(klient_admin_t *admin, int64_t timeout_ms, struct words *words)
{
    klient_groups_t *groups = NULL;

    if (klient_admin_list_groups(admin, NULL, 0, timeout_ms, &groups, NULL) != KLIENT_OK)
        return;
    for (size_t i = 0; i < klient_groups_count(groups); i++) {
        klient_group_info_t group = { .size = sizeof group };
        klient_groups_get(groups, i, &group);
        print_word(words, group.group, strlen(group.group));
    }
    klient_groups_free(groups);
}

/* The brokers that the line names, asked with little patience. NULL: it is wrong already. */
static struct args *connection_of(const struct complete_line *line)
{
    static const struct command command = { .noun = "completion", .verb = "words", .operands = "",
                                            .connects = true, .text = "" };
    const char *words[] = { "--timeout", WAIT, NULL, NULL };
    int count = 2;
    struct args *args = NULL;

    for (size_t i = 0; i + 1 < line->word_count; i++) {
        bool apart = strcmp(line->words[i], "--bootstrap") == 0 && i + 2 < line->word_count;
        if (!apart && strncmp(line->words[i], "--bootstrap=", 12) != 0)
            continue;
        words[2] = line->words[i];
        words[3] = apart ? line->words[i + 1] : NULL;
        count = apart ? 4 : 3;
    }
    return args_parse(&command, count, (char **)words, &args) == 0 ? args : NULL;
}

static void print_names(const struct complete_line *line, enum complete_kind kind,
                        struct words *words)
{
    struct args *connection = connection_of(line);
    int64_t timeout_ms;
    int status;
    klient_admin_t *admin =
        connection != NULL ? connect_admin(connection, &timeout_ms, &status) : NULL;

    if (admin != NULL && kind == COMPLETE_TOPIC)
        print_topics(admin, timeout_ms, words);
    else if (admin != NULL && kind == COMPLETE_GROUP)
        print_groups(admin, timeout_ms, words);
    else if (admin != NULL && kind == COMPLETE_BROKER)
        print_brokers(admin, timeout_ms, words);
    klient_admin_close(admin);
    args_free(connection);
}

int completion_words(const struct args *args)
{
    size_t count = args_operand_count(args);
    const char **operands = calloc(count, sizeof *operands);

    if (operands == NULL)
        return command_failed(args, "out of memory");
    for (size_t i = 0; i < count; i++)
        operands[i] = args_operand(args, i);
    struct complete_line line = { .words = operands, .word_count = count };
    line.commands = command_table(&line.command_count);
    const char *last = operands[count - 1];
    struct words words = { .before = last, .before_size = complete_start(last) };
    words.typed = last + words.before_size;

    enum complete_kind kind = complete_line(&line, print_word, &words);
    if (kind == COMPLETE_FILE)
        puts("@files");
    else if (kind != COMPLETE_WORD)
        print_names(&line, kind, &words);
    free(operands);
    return EXIT_DONE;
}
