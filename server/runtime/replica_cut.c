#include "server/runtime/replica_cut.h"

#include <stdlib.h>

#include "common/error.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/storage/log.h"

enum { LOOK_MS = 2 };

struct replica_cut {
    struct mail mail;
    struct shard_deadline look;         /* is everything else under way on the log done? */
    struct partition *partition;
    struct shard *shard;
    struct log *log;                    /* borrowed: the partition's */
    int64_t end;
    bool reset;
    int code;
};

static void end_cut(struct replica_cut *cut)
{
    struct partition *partition = cut->partition;
    int code = cut->code;

    shard_deadline_clear(cut->shard, &cut->look);
    free(cut);
    partition->cut = NULL;
    partition_cut_ended(partition, code);
}

static void came_home(struct mail *mail)
{
    end_cut(LIST_OWNER(mail, struct replica_cut, mail));
}

static void cut_log(struct mail *mail)
{
    struct replica_cut *cut = LIST_OWNER(mail, struct replica_cut, mail);

    cut->code = cut->reset ? log_reset(cut->log, cut->end) : log_truncate(cut->log, cut->end);
    cut->mail.deliver = came_home;
    loop_post(cut->shard->loop, &cut->mail);
}

/* U2 */
static void look(struct shard_deadline *deadline)
{
    struct replica_cut *cut = LIST_OWNER(deadline, struct replica_cut, look);
    struct shard *shard = cut->shard;

    if (shard->closed || cut->partition->fate != PARTITION_STAYS) {
        cut->code = K_CLOSED;
        end_cut(cut);
    } else if (partition_is_still(cut->partition)) {
        cut->mail.deliver = cut_log;
        mail_post(io_pool_urgent(shard_options(shard)->pool), &cut->mail);
    } else if (shard_deadline_set(shard, deadline, shard_now_ms(shard) + LOOK_MS) != 0) {
        cut->code = K_NOMEM;
        end_cut(cut);
    }
}

int replica_cut_start(struct partition *partition, int64_t end, bool reset)
{
    struct shard *shard = partition->shard;
    struct replica_cut *cut = calloc(1, sizeof *cut);

    if (cut == NULL)
        return K_NOMEM;
    cut->partition = partition;
    cut->shard = shard;
    cut->log = partition->log;
    cut->end = end;
    cut->reset = reset;
    shard_deadline_init(&cut->look, look);
    /* Not from within the step that ordered it. */
    if (shard_deadline_set(shard, &cut->look, shard_now_ms(shard)) != 0) {
        free(cut);
        return K_NOMEM;
    }
    cleaner_cancel(partition);
    partition_pause(partition);
    partition->cut = cut;
    return 0;
}
