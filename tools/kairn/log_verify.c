/* log_verify.c - kairn log verify: read everything, say what is wrong where. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "server/storage/verify.h"
#include "tools/kairn/command.h"
#include "tools/kairn/json.h"

struct verifying {
    bool json, terminal;
};

static void clear_progress(const struct verifying *verifying)
{
    if (verifying->terminal)
        fprintf(stderr, "\r\033[K");
}

static void print_json(const struct log_finding *finding)
{
    json_t *object = json_object();

    json_object_set_new(object, "finding",
                        json_string(finding->kind == LOG_FINDING_FAULT ? "fault" : "note"));
    json_set_bytes(object, "file", finding->path, strlen(finding->path));
    if (finding->position >= 0)
        json_object_set_new(object, "position", json_integer(finding->position));
    if (finding->offset >= 0)
        json_object_set_new(object, "offset", json_integer(finding->offset));
    json_set_bytes(object, "what", finding->what, strlen(finding->what));
    if (finding->action != NULL)
        json_object_set_new(object, "action", json_string(finding->action));
    json_line(object);
}

static void found(void *context, const struct log_finding *finding)
{
    const struct verifying *verifying = context;

    clear_progress(verifying);
    if (verifying->json) {
        print_json(finding);
        return;
    }
    printf("%s %s", finding->kind == LOG_FINDING_FAULT ? "FAULT" : "note", finding->path);
    if (finding->position >= 0)
        printf(" position %" PRId64, finding->position);
    if (finding->offset >= 0)
        printf(" offset %" PRId64, finding->offset);
    printf(": %s\n", finding->what);
    if (finding->action != NULL)
        printf("      %s\n", finding->action);
}

static void progress(void *context, int64_t bytes, int64_t of_bytes)
{
    const struct verifying *verifying = context;

    if (verifying->terminal && of_bytes > 0)
        fprintf(stderr, "\r\033[K%.1f of %.1f MB ", (double)bytes / 1e6, (double)of_bytes / 1e6);
}

static void print_summary(const struct log_verify_summary *summary, const char *path, bool json)
{
    if (!json) {
        printf("%s: partitions %" PRId64 ", segments %" PRId64 ", batches %" PRId64
               ", records %" PRId64 ", bytes %" PRId64 ", faults %" PRId64 ", notes %" PRId64 "\n",
               path, summary->partitions, summary->segments, summary->batches, summary->records,
               summary->bytes, summary->faults, summary->notes);
        return;
    }
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "partitions", (json_int_t)summary->partitions,
        "segments", (json_int_t)summary->segments, "batches", (json_int_t)summary->batches,
        "records", (json_int_t)summary->records, "bytes", (json_int_t)summary->bytes, "faults",
        (json_int_t)summary->faults, "notes", (json_int_t)summary->notes, "live",
        (int)summary->live);
    json_set_bytes(object, "path", path, strlen(path));
    json_line(object);
}

static int verify_one(const struct args *args, struct verifying *verifying, const char *path)
{
    const struct log_verify_options options = { .found = found, .progress = progress,
                                                .context = verifying };
    struct log_verify_summary summary;
    struct k_reason reason;

    int code = log_verify(path, &options, &summary, &reason);
    clear_progress(verifying);
    if (code != 0)
        return command_failed(args, "%s", reason.text);
    if (summary.live && !verifying->json)
        printf("note %s: a broker uses it; what it writes meanwhile may look torn\n", path);
    print_summary(&summary, path, verifying->json);
    return summary.faults > 0 ? EXIT_FAILED : EXIT_DONE;
}

int log_verify_paths(const struct args *args)
{
    struct verifying verifying = { .json = args_json(args), .terminal = isatty(STDERR_FILENO) };
    int status = EXIT_DONE;

    for (size_t i = 0; i < args_operand_count(args); i++) {
        if (verify_one(args, &verifying, args_operand(args, i)) != EXIT_DONE)
            status = EXIT_FAILED;
    }
    return status;
}
