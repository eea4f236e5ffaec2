#include "tools/kairn/complete.h"

#include <stdio.h>
#include <string.h>

#include "tests/tools/suites.h"

static int nothing(const struct args *args)
{
    (void)args;
    return EXIT_DONE;
}

static const struct command commands[] = {
    { .noun = "topic", .verb = "create", .operands = "TOPIC", .operands_max = 1, .run = nothing,
      .flags = { { "--config", "NAME=VALUE", "" }, { "--like", "TOPIC", "" },
                 { "--dry-run", NULL, "" } } },
    { .noun = "topic", .verb = "list", .operands = "", .connects = true, .run = nothing },
    { .noun = "group", .verb = "reset", .operands = "GROUP", .operands_max = 1, .run = nothing,
      .flags = { { "--topic", "T[:P,P...]", "" }, { "--file", "FILE", "" } } },
    { .noun = "broker", .verb = "log-dirs", .operands = "[BROKER...]", .operands_max = 16,
      .run = nothing },
    { .noun = "broker", .verb = "loglevel", .operands = "BROKER [debug|info]", .operands_max = 2,
      .run = nothing },
    { .noun = "produce", .operands = "TOPIC", .operands_max = 1, .run = nothing,
      .flags = { { "--acks", "0|1|all", "" } } },
    { .noun = "log", .verb = "dump", .operands = "FILE...", .operands_max = 9, .run = nothing },
};

static void note(void *context, const char *word, size_t size)
{
    char *text = context;

    snprintf(text + strlen(text), 256 - strlen(text), "%s%.*s", text[0] != '\0' ? " " : "",
             (int)size, word);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct {
    const char *const *words;
    enum complete_kind kind;
    const char *told;
} rows[] = {
    { WORDS(""), COMPLETE_WORD, "topic group broker produce log --help --version" },
    { WORDS("top"), COMPLETE_WORD, "topic group broker produce log --help --version" },
    { WORDS("topic", ""), COMPLETE_WORD, "create list" },
    { WORDS("unknown", ""), COMPLETE_WORD, "" },
    { WORDS("topic", "unknown", ""), COMPLETE_WORD, "" },
    { WORDS("topic", "create", "-"), COMPLETE_WORD, "--config --like --dry-run --json --help" },
    { WORDS("topic", "list", "--"), COMPLETE_WORD,
      "--bootstrap --set --timeout --json --help" },
    { WORDS("topic", "create", ""), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "orders", ""), COMPLETE_WORD, "" },
    { WORDS("topic", "create", "--dry-run", ""), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "--config", ""), COMPLETE_WORD, "" },
    { WORDS("topic", "create", "--config", "a=b", ""), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "--config=a=b", ""), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "--like", ""), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "orders", "--like=or"), COMPLETE_TOPIC, "" },
    { WORDS("topic", "create", "--", "-"), COMPLETE_TOPIC, "" },
    { WORDS("group", "reset", ""), COMPLETE_GROUP, "" },
    { WORDS("group", "reset", "g", "--topic", ""), COMPLETE_TOPIC, "" },
    { WORDS("group", "reset", "g", "--file", ""), COMPLETE_FILE, "" },
    { WORDS("broker", "log-dirs", "1", ""), COMPLETE_BROKER, "" },
    { WORDS("broker", "loglevel", ""), COMPLETE_BROKER, "" },
    { WORDS("broker", "loglevel", "1", "d"), COMPLETE_WORD, "debug info" },
    { WORDS("broker", "loglevel", "1", "debug", ""), COMPLETE_WORD, "" },
    { WORDS("produce", ""), COMPLETE_TOPIC, "" },
    { WORDS("produce", "t", "--acks", ""), COMPLETE_WORD, "0 1 all" },
    { WORDS("produce", "t", "--acks="), COMPLETE_WORD, "0 1 all" },
    { WORDS("log", "dump", "a", ""), COMPLETE_FILE, "" },
};

START_TEST(what_may_come_next_is_what_the_table_of_commands_says)
{
    struct complete_line line = { .commands = commands, .words = rows[_i].words,
                                  .command_count = sizeof commands / sizeof *commands };
    char told[256] = "";
    while (line.words[line.word_count] != NULL)
        line.word_count++;

    enum complete_kind kind = complete_line(&line, note, told);

    ck_assert_int_eq(kind, rows[_i].kind);
    ck_assert_str_eq(told, rows[_i].told);
}
END_TEST

START_TEST(behind_an_equals_sign_the_value_is_completed)
{
    ck_assert_uint_eq(complete_start("--like=or"), 7);
    ck_assert_uint_eq(complete_start("--like"), 0);
    ck_assert_uint_eq(complete_start("retention.ms=1"), 0);
    ck_assert_uint_eq(complete_start(""), 0);
}
END_TEST

Suite *complete_suite(void)
{
    Suite *suite = suite_create("tools/complete");
    TCase *tests = tcase_create("complete");

    tcase_add_loop_test(tests, what_may_come_next_is_what_the_table_of_commands_says, 0,
                        sizeof rows / sizeof *rows);
    tcase_add_test(tests, behind_an_equals_sign_the_value_is_completed);
    suite_add_tcase(suite, tests);
    return suite;
}
