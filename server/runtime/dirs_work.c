#include "server/runtime/dirs_work.h"

#include <inttypes.h>

#include "common/log.h"
#include "server/storage/log_move.h"
#include "server/storage/logdir.h"

static int open_log(struct dirs_order *order, struct k_reason *reason)
{
    const struct log_options options = {
        .directory = order->directory,
        .topic = order->topic,
        .partition = order->partition,
        .topic_id = order->topic_id,
        .config = order->config,
    };
    reason->text[0] = '\0';
    int code = log_open(&options, &order->log, reason);
    if (code != K_INCONSISTENT_TOPIC_ID)
        return code;

    LOG_WARN("log-set-aside", "topic=%s partition=%" PRId32 " reason=\"%s\"", order->topic,
             order->partition, reason->text);
    code = logdir_set_aside(order->directory, order->topic, order->partition);
    if (code != 0)
        return k_reason_set(reason, code,
                            "the log of another topic of this name can not be renamed");
    return log_open(&options, &order->log, reason);
}

static void close_log(struct dirs_order *order)
{
    order->code = log_close(order->log, true);
    order->log = NULL;
    if (order->code != 0)
        LOG_WARN("log-close-failed", "topic=%s partition=%" PRId32 " error=%s", order->topic,
                 order->partition, k_error_name(order->code));
}

/* What is on the disk under this name may be of another topic. Without an id nobody asks. */
static bool is_anothers(const struct dirs_order *order)
{
    return order->log == NULL && !uuid_is_zero(&order->topic_id) &&
           !logdir_holds(order->directory, order->topic, order->partition, &order->topic_id);
}

static void retire_log(struct dirs_order *order)
{
    if (is_anothers(order)) {
        order->code = K_NOT_FOUND;
        return;
    }
    int code;
    if (order->kind == DIRS_REMOVE && order->log != NULL) {
        code = log_remove(order->log, &order->doomed);
    } else if (order->kind == DIRS_REMOVE) {
        code = logdir_doom(order->directory, order->topic, order->partition, &order->doomed);
    } else {
        code = log_close(order->log, true);
        int renamed = logdir_set_aside(order->directory, order->topic, order->partition);
        if (code == 0 && renamed != K_NOT_FOUND)
            code = renamed;
    }
    order->log = NULL;
    logdir_forget(order->directory, order->topic, order->partition);

    if (code != 0)
        LOG_WARN("log-retire-failed", "topic=%s partition=%" PRId32 " error=%s", order->topic,
                 order->partition, k_error_name(code));
    else
        LOG_INFO(order->kind == DIRS_REMOVE ? "log-removed" : "log-set-aside",
                 "topic=%s partition=%" PRId32 " directory=%s", order->topic, order->partition,
                 logdir_path(order->directory));
}

static void move_log(struct dirs_order *order)
{
    close_log(order);
    if (order->code == 0)
        order->code = log_move_finish(order->move, &order->doomed);
}

void dirs_work(struct dirs_order *order)
{
    if (dirs_order_opens(order)) {
        struct k_reason reason;
        order->code = open_log(order, &reason);
        if (order->code != 0)
            LOG_ERROR("log-open-failed", "topic=%s partition=%" PRId32 " error=%s reason=\"%s\"",
                      order->topic, order->partition, k_error_name(order->code), reason.text);
        else if (order->kind == DIRS_OPEN_IF_HURT && log_size(order->log) == 0)
            close_log(order);
    } else if (order->kind == DIRS_CLOSE) {
        close_log(order);
    } else if (order->kind == DIRS_MOVE) {
        move_log(order);
    } else {
        retire_log(order);
    }
}
