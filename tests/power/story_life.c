/* story_life.c - a story's log is opened, in whichever of its directories it is, and closed. */
#include <stdio.h>

#include "common/error.h"
#include "server/storage/log_move.h"
#include "tests/power/story.h"

void story_close_directories(struct story *story, bool clean)
{
    doomed_fini(&story->doomed);        /* the next open deletes what it finds */
    for (int i = 0; i < 2; i++)
        logdir_close(story->directories[i], clean);
    story->log = NULL;
    story->directory = story->directories[0] = story->directories[1] = NULL;
}

int story_open_log(struct story *story)
{
    const struct log_options options = { .topic = STORY_TOPIC, .topic_id = { { 1 } },
                                         .config = story->config,
                                         .directory = story->directory };
    struct k_reason reason;
    return log_open(&options, &story->log, &reason);
}

static bool holds(const struct story *story, const struct logdir *directory)
{
    char path[256];
    struct stat status;

    snprintf(path, sizeof path, "%s/" STORY_TOPIC "-0", logdir_path(directory));
    return story->io->stat_path(story->io, path, &status) == 0;
}

/* Which directory the log is in, as a broker finds it. */
static int find_log(struct story *story)
{
    bool both = holds(story, story->directories[0]) && holds(story, story->directories[1]);

    story->directory = story->directories[holds(story, story->directories[1])];
    if (!both)
        return 0;
    int error = log_move_settle(story->directories[0], story->directories[1], STORY_TOPIC, 0,
                                &story->directory);
    return error == K_NOT_FOUND ? error : 0;        /* the other stays: the next start's business */
}

int story_open(struct story *story)
{
    char other[160];
    struct k_reason reason;

    snprintf(other, sizeof other, "%s/other", story->path);
    int error = logdir_open(story->path, story->io, &story->directories[0], &reason);
    if (error != 0)
        return error;
    error = logdir_open(other, story->io, &story->directories[1], &reason);
    if (error != 0) {
        logdir_close(story->directories[0], false);
        story->directories[0] = NULL;
        return error;
    }
    error = find_log(story);
    if (error == 0)
        error = story_open_log(story);
    if (error != 0)
        story_close_directories(story, false);
    return error;
}

void story_drop(struct story *story)
{
    log_close(story->log, false);
    if (story->directories[0] != NULL)
        story_close_directories(story, false);
}
