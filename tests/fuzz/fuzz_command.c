/* What people write on command lines and into files for commands: the words of kairnd and kairn,
 * moments, formats, lists, plans of offsets, and what ZooKeeper servers say of themselves. It is
 * taken or refused with words. The first byte of the input chooses who reads it; zero bytes end the
 * words of a command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/flags.h"
#include "tests/fuzz/target.h"
#include "tools/kairn/command.h"
#include "tools/kairn/log_value.h"
#include "tools/kairn/moment.h"
#include "tools/kairn/offsets_file.h"
#include "tools/kairn/pair_list.h"
#include "tools/kairn/record_format.h"
#include "tools/kairn/zookeeper.h"

enum { WORDS_MAX = 64 };

struct words {
    int count;
    char *words[WORDS_MAX + 2];     /* the first is the program's name; ends with NULL */
};

/* `text` ends with a zero byte behind `size` others. */
static void split(struct words *words, char *text, size_t size)
{
    words->count = 0;
    words->words[words->count++] = (char *)"program";
    for (char *at = text; at < text + size && words->count <= WORDS_MAX; at += strlen(at) + 1)
        words->words[words->count++] = at;
    words->words[words->count] = NULL;
}

static void try_daemon(char *text, size_t size)
{
    struct words words;
    struct flags flags;

    split(&words, text, size);
    optind = 0;                     /* as a new process begins */
    if (flags_parse(words.count, words.words, &flags) != 0)
        return;
    if (flags.set_count > words.count || flags.local < 0 || flags.local > FLAGS_LOCAL_MAX)
        abort();
    for (int i = 0; i < flags.set_count; i++)
        if (flags.sets[i] == NULL)
            abort();
    flags_fini(&flags);
}

static int run_nothing(const struct args *args)
{
    (void)args;
    return 0;
}

static const struct command command = {
    .noun = "topic", .verb = "create", .operands = "TOPIC", .operands_min = 1, .operands_max = 3,
    .connects = true, .text = "Create.", .run = run_nothing,
    .flags = { { "--partitions", "N", "how many" }, { "--config", "NAME=VALUE", "set" },
               { "--dry-run", NULL, "do nothing" } },
};

static void try_command(char *text, size_t size)
{
    struct words words;
    struct args *args;
    int64_t number;

    split(&words, text, size);
    if (args_parse(&command, words.count - 1, words.words + 1, &args) != 0)
        return;
    if (args_operand_count(args) < 1 || args_operand_count(args) > 3 ||
        args_operand(args, args_operand_count(args)) != NULL)
        abort();
    if (args_number(args, "--partitions", -1, 1, 1000, &number) && number != -1 &&
        (number < 1 || number > 1000))
        abort();
    for (size_t i = 0; i < args_count(args, "--config"); i++)
        if (args_nth(args, "--config", i) == NULL)
            abort();
    (void)args_json(args);
    args_free(args);
}

static void try_moment(const char *text)
{
    int64_t ms;
    char room[64];
    struct place place;

    if (moment_read_duration(text, &ms) && moment_duration(room, sizeof room, ms) != room)
        abort();
    (void)moment_read(text, &ms);
    (void)place_read(text, true, &place);
    (void)log_value_find(text);
}

static void try_format(const char *text, size_t size, FILE *nowhere)
{
    const char *why = NULL;
    struct record_format *format = record_format_parse(text, &why);
    klient_record_t record;

    if (format == NULL) {
        if (why == NULL)
            abort();
        return;
    }
    klient_record_init(&record);
    record.topic = "t";
    record.key = text;
    record.key_size = size;
    record.value = text;
    record.value_size = size;
    record_format_print(format, &record, nowhere);
    record_format_free(format);
}

/* What is added and taken away again leaves what was there, whatever it is. */
static void try_lists(char *text, size_t size)
{
    struct words words;

    split(&words, text, size);
    if (words.count < 3)
        return;
    char *both = pair_list_with(words.words[1], words.words[2]);
    char *less = both != NULL ? pair_list_without(both, words.words[2]) : NULL;
    char *same = both != NULL ? pair_list_with(both, words.words[2]) : NULL;
    if (same == NULL || less == NULL || strcmp(same, both) != 0)
        abort();
    free(same);
    free(less);
    free(both);
}

static void try_offsets(const char *text, size_t size, FILE *nowhere)
{
    struct offsets_file file;
    const char *why = NULL;
    FILE *in = size > 0 ? fmemopen((void *)text, size, "r") : NULL;

    if (in == NULL)
        return;
    size_t wrong = offsets_file_read(in, "group", &file, &why);
    fclose(in);
    if (wrong != 0) {
        if (why == NULL)
            abort();
        return;
    }
    for (size_t i = 0; i < file.count; i++)
        offsets_file_print(nowhere, file.lines[i].topic, file.lines[i].partition,
                           file.lines[i].offset);
    offsets_file_free(&file);
}

static void try_zookeeper(const char *text)
{
    struct facts_zookeeper server = { 0 };

    zookeeper_read(text, &server);
    while (zookeeper_next(&text, &server))
        if (strrchr(server.address, ':') == NULL)
            abort();
}

/* What is said of it is not what is tested here. */
static FILE *open_nowhere(void)
{
    static FILE *nowhere;

    if (nowhere == NULL && (nowhere = fopen("/dev/null", "w")) == NULL)
        abort();
    return nowhere;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *nowhere = open_nowhere();

    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    FILE *out = stdout, *told = stderr;
    stdout = stderr = nowhere;
    switch (data[0] == 'Z' ? 6 : data[0] % 6) {
    case 0: try_daemon(text, size - 1); break;
    case 1: try_command(text, size - 1); break;
    case 2: try_moment(text); break;
    case 3: try_format(text, size - 1, nowhere); break;
    case 4: try_lists(text, size - 1); break;
    case 5: try_offsets(text, size - 1, nowhere); break;
    default: try_zookeeper(text); break;
    }
    stdout = out;
    stderr = told;
    free(text);
    return 0;
}
