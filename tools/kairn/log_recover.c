/* log_recover.c - kairn log recover --dry-run: what would the next start do? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/recover_dry.h"
#include "tools/kairn/command.h"
#include "tools/kairn/json.h"

/* "event key=value ..." */
static void tell(void *context, const char *line)
{
    const struct args *args = context;

    if (!args_json(args)) {
        printf("%s\n", line);
        return;
    }
    size_t event = strcspn(line, " ");
    const char *details = line + event + strspn(line + event, " ");
    json_t *object = json_object();
    json_set_bytes(object, "event", line, event);
    json_set_bytes(object, "details", details, strlen(details));
    json_line(object);
}

static void print_summary(const struct log_recover_summary *summary, const char *path, bool json)
{
    const char *kind = summary->clean  ? "clean"
                       : summary->lost ? "after the machine stopped"
                                       : "after the process ended";

    if (!json) {
        printf("%s: a start %s; partitions %" PRId64 ", that fail %" PRId64 ", bytes read %" PRId64
               ", segments cut %" PRId64 " by %" PRId64 " bytes, files written %" PRId64
               ", deleted %" PRId64 "; nothing was changed\n",
               path, kind, summary->partitions, summary->failed, summary->bytes_read,
               summary->cuts, summary->cut_bytes, summary->writes, summary->removals);
        return;
    }
    json_t *object = json_pack(
        "{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "clean", (int)summary->clean,
        "machine_stopped", (int)summary->lost, "partitions", (json_int_t)summary->partitions,
        "failed", (json_int_t)summary->failed, "bytes_read", (json_int_t)summary->bytes_read,
        "segments_cut", (json_int_t)summary->cuts, "bytes_cut", (json_int_t)summary->cut_bytes,
        "files_written", (json_int_t)summary->writes, "files_deleted",
        (json_int_t)summary->removals);
    json_set_bytes(object, "path", path, strlen(path));
    json_line(object);
}

int log_recover_files(const struct args *args)
{
    const char *path = args_operand(args, 0);
    struct log_recover_summary summary;
    struct k_reason reason;

    if (!args_has(args, "--dry-run"))
        return command_misuse(args, "a broker recovers its logs when it starts; "
                              "--dry-run says what it would do");
    if (log_recover_dry(path, tell, (void *)args, &summary, &reason) != 0)
        return command_failed(args, "%s", reason.text);
    print_summary(&summary, path, args_json(args));
    return summary.failed > 0 ? EXIT_FAILED : EXIT_DONE;
}
