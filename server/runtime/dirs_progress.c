/* After a crash: how far the checking of logs has come, as metrics and as log lines. */
#include <inttypes.h>

#include "common/log.h"
#include "common/metric.h"
#include "net/loop.h"
#include "server/runtime/dirs_internal.h"

enum { SAY_MS = 2000 };

static int64_t sum(const struct dirs *dirs, int64_t (*bytes_of)(const struct logdir *directory))
{
    int64_t bytes = 0;
    for (size_t i = 0; i < dirs->count; i++)
        bytes += bytes_of(dirs->directories[i]);
    return bytes;
}

static bool all_were_clean(const struct dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++) {
        if (!logdir_was_clean(dirs->directories[i]))
            return false;
    }
    return true;
}

static void say(const struct dirs *dirs, const char *event, int64_t now)
{
    const struct dirs_progress *progress = &dirs->progress;
    int64_t bytes = sum(dirs, logdir_checked_bytes), ms = now - progress->began_ms;

    log_write(LOG_LEVEL_INFO, event,
              "logs=%zu logs_left=%zu bytes_checked=%" PRId64 " bytes_found=%" PRId64
              " ms=%" PRId64 " bytes_per_s=%" PRId64,
              progress->opened, progress->opening, bytes, sum(dirs, logdir_found_bytes), ms,
              bytes * 1000 / (ms > 0 ? ms : 1));
}

static void measure(const struct dirs *dirs)
{
    const struct dirs_progress *progress = &dirs->progress;

    metric_set(dirs->metrics, METRIC_RECOVERY_LOGS_LEFT,
               progress->over ? 0 : (int64_t)progress->opening);
    metric_set(dirs->metrics, METRIC_RECOVERY_FOUND, sum(dirs, logdir_found_bytes));
    metric_set(dirs->metrics, METRIC_RECOVERY_CHECKED, sum(dirs, logdir_checked_bytes));
}

void dirs_opening(struct dirs *dirs)
{
    struct dirs_progress *progress = &dirs->progress;

    metric_add(dirs->metrics, METRIC_LOGS_OPENING, 1);
    progress->opening++;
    if (progress->over)
        return;
    if (progress->began_ms == 0) {
        progress->over = all_were_clean(dirs);
        progress->began_ms = progress->said_ms = loop_now_ms(dirs->control);
        if (progress->over)
            return;
        LOG_INFO("recovery-started", "directories=%zu", dirs->count);
    }
    measure(dirs);
}

void dirs_opened(struct dirs *dirs)
{
    struct dirs_progress *progress = &dirs->progress;

    metric_add(dirs->metrics, METRIC_LOGS_OPENING, -1);
    progress->opening--;
    progress->opened++;
    if (progress->over)
        return;
    if (progress->opening == 0) {
        progress->over = true;
        say(dirs, "recovery-ended", loop_now_ms(dirs->control));
    }
    measure(dirs);
}

void dirs_tell_progress(struct dirs *dirs)
{
    struct dirs_progress *progress = &dirs->progress;
    int64_t now = loop_now_ms(dirs->control);

    if (progress->over || progress->opening == 0)
        return;
    measure(dirs);
    if (now - progress->said_ms >= SAY_MS) {
        progress->said_ms = now;
        say(dirs, "recovery-progress", now);
    }
}
