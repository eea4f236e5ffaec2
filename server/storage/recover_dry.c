#include "server/storage/recover_dry.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "server/storage/io_dry.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"

struct rehearsal {
    struct io_dry dry;
    struct logdir *directory;
    struct log_recover_summary *summary;
    void (*tell)(void *context, const char *line);
    void *context;
};

/* Log lines begin with a time and a level, which mean nothing here. */
static void take_line(void *context, enum log_level level, const char *line)
{
    const struct rehearsal *rehearsal = context;
    const char *event = strstr(line, " event=");

    (void)level;
    rehearsal->tell(rehearsal->context, event == NULL ? line : event + strlen(" event="));
}

/* Of what a start is told by the topic's configuration, only whether the log is compacted changes
 * what is checked and cut. */
static const struct log_config plain_config = {
    .segment_bytes = 1 << 30,
    .segment_ms = INT64_MAX,
    .index_bytes = 10 << 20,
    .index_interval_bytes = 4096,
    .max_message_bytes = 1 << 20,
    .retention_ms = -1,
    .retention_bytes = -1,
};

static void rehearse_partition(struct rehearsal *rehearsal, const struct logdir_entry *entry)
{
    struct log_options options = {
        .directory = rehearsal->directory,
        .topic = entry->topic,
        .partition = entry->partition,
        .topic_id = entry->topic_id,
        .config = plain_config,
    };
    char line[512];
    struct k_reason reason = { "" };
    struct log *log;
    int64_t read_before = rehearsal->dry.bytes_read;

    /* The topic's configuration is not in the directory; but what was cleaned is compacted. */
    options.config.compacted = logdir_mark(rehearsal->directory, LOGDIR_CLEANED, entry->topic,
                                           entry->partition) >= 0;
    int code = log_open(&options, &log, &reason);
    if (code != 0) {
        snprintf(line, sizeof line,
                 "would-fail topic=%s partition=%" PRId32 " error=%s reason=\"%s\"",
                 entry->topic, entry->partition, k_error_name(code), reason.text);
        rehearsal->summary->failed++;
    } else {
        snprintf(line, sizeof line,
                 "would-open topic=%s partition=%" PRId32 " start=%" PRId64 " end=%" PRId64
                 " bytes_read=%" PRId64,
                 entry->topic, entry->partition, log_start(log), log_end(log),
                 rehearsal->dry.bytes_read - read_before);
        rehearsal->summary->partitions++;
    }
    rehearsal->tell(rehearsal->context, line);
    if (code == 0)
        (void)log_close(log, false);
}

static int rehearse(struct rehearsal *rehearsal, const char *path, struct k_reason *reason)
{
    struct log_recover_summary *summary = rehearsal->summary;
    struct logdir_entry *entries;
    size_t count;

    int code = logdir_open(path, &rehearsal->dry.io, &rehearsal->directory, reason);
    if (code != 0)
        return code;
    summary->clean = logdir_was_clean(rehearsal->directory);
    summary->lost = logdir_may_have_lost_data(rehearsal->directory);
    code = logdir_list(rehearsal->directory, &entries, &count);
    if (code != 0) {
        k_reason_set(reason, code, "cannot list %s: %s", path, k_error_text(code));
    } else {
        for (size_t i = 0; i < count; i++)
            rehearse_partition(rehearsal, &entries[i]);
        logdir_entries_free(entries, count);
    }
    logdir_close(rehearsal->directory, false);
    return code;
}

/* A look at the lock, without touching it. */
static int check_unused(const char *path, struct k_reason *reason)
{
    char lock[PATH_MAX], holder[32] = "unknown";
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (snprintf(lock, sizeof lock, "%s/.lock", path) >= (int)sizeof lock)
        return k_reason_set(reason, K_INVALID_ARGUMENT, "%s: the path is too long", path);
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;                       /* nobody ever locked it */
    bool used = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
    if (got > 0)
        holder[got] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    close(fd);
    if (!used)
        return 0;
    return k_reason_set(reason, K_BUSY,
                        "%s is in use by process %s, so there is nothing to recover: stop the "
                        "broker first, or look with kairn log verify",
                        path, holder);
}

int log_recover_dry(const char *path, void (*tell)(void *context, const char *line), void *context,
                    struct log_recover_summary *summary, struct k_reason *reason)
{
    struct rehearsal rehearsal = { .summary = summary, .tell = tell, .context = context };
    struct stat status;

    *summary = (struct log_recover_summary){ 0 };
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return k_reason_set(reason, K_NOT_FOUND, "%s: no such directory", path);
    int code = check_unused(path, reason);
    if (code != 0)
        return code;
    io_dry_init(&rehearsal.dry, tell, context);
    log_divert(take_line, &rehearsal);
    code = rehearse(&rehearsal, path, reason);
    log_divert(NULL, NULL);
    summary->bytes_read = rehearsal.dry.bytes_read;
    summary->cuts = rehearsal.dry.cuts;
    summary->cut_bytes = rehearsal.dry.cut_bytes;
    summary->writes = rehearsal.dry.writes;
    summary->removals = rehearsal.dry.removals;
    io_dry_fini(&rehearsal.dry);
    return code;
}
