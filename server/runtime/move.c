/* Invariants
 *   V1  a partition has at most one move, from when it was asked for until it has ended
 *   V2  the log is given away only when no sync, no compaction, no trim and no recompression is
 *       under way: none of them is told that the files are others
 *   V3  a move whose partition is gone touches nothing: it is freed, and its copy deleted, in the
 *       pool */
#include "server/runtime/move.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/dirs.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/shard_state.h"
#include "server/storage/log_move.h"
#include "server/storage/logdir.h"

enum { LOOK_MS = 2 };

struct move {
    struct mail mail;
    struct shard_deadline look;         /* is everything under way on the log done? */
    struct shard *shard;
    struct partition *partition;        /* NULL: gone */
    struct log_move *work;              /* owned */
    struct logdir *from, *to;
    bool copied;
    int code;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void free_move(struct move *move, bool tidy)
{
    log_move_free(move->work, tidy);
    free(move);
}

/* In the pool: deleting what was copied takes a while. */
static void dispose(struct mail *mail)
{
    free_move(LIST_OWNER(mail, struct move, mail), true);
}

static void discard(struct move *move)
{
    shard_deadline_clear(move->shard, &move->look);
    if (move->shard->closed) {          /* the pool may be gone: the next start tidies up */
        free_move(move, false);
        return;
    }
    move->mail.deliver = dispose;
    mail_post(io_pool_background(shard_options(move->shard)->pool), &move->mail);
}

static void end(struct move *move, int code)
{
    struct partition *partition = move->partition;

    partition->move = NULL;
    partition->move_code = code;
    if (code == 0)
        LOG_INFO("log-moved", "topic=%s partition=%" PRId32 " from=%s to=%s", partition->topic,
                 partition->key.index, logdir_path(move->from), logdir_path(move->to));
    else
        LOG_WARN("log-not-moved", "topic=%s partition=%" PRId32 " from=%s to=%s error=%s",
                 partition->topic, partition->key.index, logdir_path(move->from),
                 logdir_path(move->to), k_error_name(code));
    discard(move);
    if (partition->state == PARTITION_OPENING && partition->log != NULL && partition->cut == NULL)
        partition_resume(partition);
}

void move_forget(struct partition *partition)
{
    struct move *move = partition->move;

    if (move == NULL)
        return;
    if (move->copied && partition->state == PARTITION_OPENING && partition->log == NULL)
        return;                         /* move_ended() will see */
    if (partition->state == PARTITION_OPENING && partition->log != NULL && partition->cut == NULL)
        partition->state = PARTITION_OPEN;
    partition->move = NULL;
    move->partition = NULL;
    if (move->copied)                   /* else it comes back from the pool */
        discard(move);
}

/* --- changing over ---------------------------------------------------------------------------- */

void move_ended(struct partition *partition, int code)
{
    end(partition->move, code);
}

static void look_in(struct move *move);

/* V2 */
static void look(struct shard_deadline *deadline)
{
    struct move *move = LIST_OWNER(deadline, struct move, look);
    struct partition *partition = move->partition;

    if (move->shard->closed || partition->state == PARTITION_OFFLINE ||
        partition->state == PARTITION_IDLE) {
        end(move, move->shard->closed ? K_CLOSED : K_KAFKA_STORAGE_ERROR);
        return;
    }
    if (partition->state == PARTITION_OPEN && partition->jobs == 0 && !cleaner_running(partition))
        partition_pause(partition);
    if (partition->state != PARTITION_OPENING || partition->cut != NULL ||
        !partition_is_still(partition)) {
        look_in(move);
        return;
    }
    int code = partition_change_over(partition, move->work, move->to);
    if (code != 0)
        end(move, code);
}

static void look_in(struct move *move)
{
    if (shard_deadline_set(move->shard, &move->look, shard_now_ms(move->shard) + LOOK_MS) != 0)
        end(move, K_NOMEM);
}

/* --- copying ---------------------------------------------------------------------------------- */

static void came_home(struct mail *mail)
{
    struct move *move = LIST_OWNER(mail, struct move, mail);

    if (move->partition == NULL) {
        discard(move);
        return;
    }
    move->copied = true;
    if (move->code != 0)
        end(move, move->code);
    else
        look(&move->look);
}

static void copy(struct mail *mail)
{
    struct move *move = LIST_OWNER(mail, struct move, mail);

    move->code = log_move_copy(move->work);
    move->mail.deliver = came_home;
    loop_post(move->shard->loop, &move->mail);
}

static bool is_stopping(const void *context)
{
    return io_pool_stopping(context);
}

static int begin(struct partition *partition, struct logdir *to)
{
    struct io_pool *pool = shard_options(partition->shard)->pool;
    const struct log_move_options options = {
        .from = partition->directory,
        .to = to,
        .topic = partition->topic,
        .partition = partition->key.index,
        .stop = is_stopping,
        .context = pool,
    };
    struct move *move = calloc(1, sizeof *move);
    if (move == NULL || log_move_new(&options, &move->work) != 0) {
        free(move);
        return K_NOMEM;
    }
    move->shard = partition->shard;
    move->partition = partition;
    move->from = partition->directory;
    move->to = to;
    move->mail.deliver = copy;
    shard_deadline_init(&move->look, look);
    partition->move = move;
    cleaner_cancel(partition);
    mail_post(io_pool_background(pool), &move->mail);
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

/* How the last move to `to` went, or goes. */
static int tell(const struct partition *partition, const struct logdir *to,
                struct move_entry *entry)
{
    entry->under_way = partition->move != NULL;
    if (entry->under_way || partition->directory == to)
        return 0;
    return partition->move_code == 0 ? K_NOT_FOUND : partition->move_code;
}

static int order(struct partition *partition, struct logdir *to, struct move_entry *entry)
{
    if (partition->move != NULL)
        return K_BUSY;
    if (partition->directory == to)
        return K_EXISTS;
    if (logdir_fenced(to))
        return K_KAFKA_STORAGE_ERROR;
    int code = begin(partition, to);
    entry->under_way = code == 0;
    return code;
}

static bool answer(struct question *question, struct partition *partition)
{
    struct move_entry *entry = LIST_OWNER(question, struct move_entry, question);
    struct logdir *to = dirs_find(shard_options(partition->shard)->dirs, entry->directory);

    question->outcome.code = to == NULL    ? K_LOG_DIR_NOT_FOUND
                             : entry->ask ? tell(partition, to, entry)
                                          : order(partition, to, entry);
    return true;
}

void move_run(struct scatter_part *part)
{
    question_run(part, ACCESS_READ, answer);
}
