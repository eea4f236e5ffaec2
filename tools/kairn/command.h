/* command.h - one verb of the kairn command: its words, flags and what it does.
 *
 * Every verb is one row in main.c's table. Exit status: 0 done, 1 failed (said on standard
 * error), 2 wrong usage. */
#ifndef TOOLS_KAIRN_COMMAND_H
#define TOOLS_KAIRN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum {
    FLAGS_MAX = 16,                 /* of a command's own */
    ALL_FLAGS_MAX = FLAGS_MAX + 8   /* and those that many have */
};

struct flag {
    const char *name;               /* "--partitions" */
    const char *value;              /* how the help calls its value; NULL: a switch. Of MS, S and
                                       BYTES, numbers may have a unit: 90s, 10MB */
    const char *text;
};

struct args;

struct command {
    const char *noun, *verb;        /* verb NULL: the noun is the whole command */
    const char *operands;           /* "TOPIC", "[TOPIC]", "FILE" */
    int operands_min, operands_max;
    bool connects;                  /* takes --bootstrap and --set */
    const char *text;               /* one sentence */
    struct flag flags[FLAGS_MAX];   /* ends with a NULL name */
    int (*run)(const struct args *args);
};

/* --- args.c ---------------------------------------------------------------------------------- */

/* Parse what follows the command's words. Returns 0, EXIT_USAGE (said), or -1 after --help. */
int args_parse(const struct command *command, int argc, char **argv, struct args **out);
void args_free(struct args *args);

const struct command *args_command(const struct args *args);
size_t args_operand_count(const struct args *args);
const char *args_operand(const struct args *args, size_t index);        /* NULL beyond the last */
bool args_has(const struct args *args, const char *flag);
const char *args_value(const struct args *args, const char *flag);      /* the last one, or NULL */
size_t args_count(const struct args *args, const char *flag);
const char *args_nth(const struct args *args, const char *flag, size_t index);
bool args_json(const struct args *args);

/* A whole number within bounds, or `fallback` when the flag is absent; of a flag whose value is
 * called MS, S or BYTES, in that unit. False: said, wrong usage. */
bool args_number(const struct args *args, const char *flag, int64_t fallback, int64_t min,
                 int64_t max, int64_t *out);

/* An operand that is there, as a broker's id. False: said, wrong usage. */
bool args_broker(const struct args *args, size_t operand, int32_t *out);

/* The flag of this name (`size` bytes), also of those that every command has; NULL: there is none.
 * All of them, `room` at most; returns how many. */
const struct flag *command_flag(const struct command *command, const char *name, size_t size);
size_t command_flags(const struct command *command, const struct flag **out, size_t room);

void command_help(const struct command *command);
/* "kairn topic create: ..." on standard error; returns EXIT_USAGE or EXIT_FAILED. */
int command_misuse(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int command_failed(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- main.c ---------------------------------------------------------------------------------- */

/* All commands, those of a noun beside each other. */
const struct command *command_table(size_t *count);

/* --- the verbs -------------------------------------------------------------------------------- */

int topic_create(const struct args *args);
int topic_list(const struct args *args);
int topic_describe(const struct args *args);
int topic_offsets(const struct args *args);
int topic_compact(const struct args *args);
int partition_move(const struct args *args);
int partition_elect(const struct args *args);
int partition_reassign(const struct args *args);
int topic_delete(const struct args *args);
int topic_trim(const struct args *args);
int group_import(const struct args *args);
int topic_alter(const struct args *args);
int config_list(const struct args *args);
int config_get(const struct args *args);
int config_set(const struct args *args);
int produce(const struct args *args);
int consume(const struct args *args);
int group_list(const struct args *args);
int group_describe(const struct args *args);
int group_members(const struct args *args);
int group_reset(const struct args *args);
int group_delete(const struct args *args);
int group_remove_members(const struct args *args);
int cluster_status(const struct args *args);
int cluster_doctor(const struct args *args);
int cluster_rebalance(const struct args *args);
int broker_list(const struct args *args);
int broker_log_dirs(const struct args *args);
int broker_loglevel(const struct args *args);
int broker_metrics(const struct args *args);
int broker_drain(const struct args *args);
int dlq_list(const struct args *args);
int dlq_show(const struct args *args);
int dlq_status(const struct args *args);
int dlq_replay(const struct args *args);
int perf_produce(const struct args *args);
int perf_consume(const struct args *args);
int perf_latency(const struct args *args);
int completion_words(const struct args *args);
int log_dump_file(const struct args *args);
int log_verify_paths(const struct args *args);
int log_recover_files(const struct args *args);

#endif
