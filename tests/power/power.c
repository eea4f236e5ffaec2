/* power - cuts the power under random operations on a log, many times, and looks what is there.
 *
 *   power --cuts N --seed S [--device DEVICE --mount DIRECTORY]
 *   power --cut DIRECTORY
 *
 * With a block device that holds an ext4 file system: the real thing, see loop_disk.h. Without: on
 * a simulated disk, see sim_disk.h. Prints a line of JSON. The second form cuts the power of a
 * mounted file system, once, for other tests. Exit status: 0 all that was promised was there, 1
 * not (standard error says which seed, --seed repeats it), 2 wrong usage. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "common/log.h"
#include "tests/power/loop_disk.h"
#include "tests/power/sim_disk.h"
#include "tests/power/story.h"

enum { LIVES = 8, STEPS = 160, CALLS = 600 };

struct options {
    unsigned long cuts, seed;
    const char *device, *mount;
};

/* Either of the two disks. */
struct disk {
    struct sim_disk sim;
    struct loop_disk loop;
    bool real;
    struct rand rand;
};

static int disk_restart(struct disk *disk)
{
    if (disk->real)
        return loop_disk_restart(&disk->loop);
    sim_disk_restart(&disk->sim, &disk->rand);
    return 0;
}

static void disk_arm(struct disk *disk)
{
    long calls = 1 + (long)rand_below(&disk->rand, CALLS);
    if (disk->real)
        loop_disk_cut_at(&disk->loop, calls);
    else
        sim_disk_cut_at(&disk->sim, calls);
}

static int disk_cut(struct disk *disk)
{
    if (disk->real)
        return loop_disk_cut(&disk->loop);
    disk->sim.dead = true;
    return 0;
}

static bool complain(unsigned long seed, const char *what, const char *why)
{
    fprintf(stderr, "power: seed %lu: %s%s%s\n", seed, what, why[0] != '\0' ? ": " : "", why);
    return false;
}

/* The power is gone: what is there when it is back? */
static bool restart_and_look(struct disk *disk, struct story *story, unsigned long seed)
{
    int error = disk_cut(disk);
    story_drop(story);
    if (error == 0)
        error = disk_restart(disk);
    if (error != 0)
        return complain(seed, "the disk", strerror(error));
    int code = story_open(story);
    if (code != 0)
        return complain(seed, "the log does not open", k_error_name(code));
    return story_check(story) || complain(seed, story->fault, "");
}

/* Live until the power goes, then look. Sometimes it goes again at once: what the start has
 * repaired may be lost, too. */
static bool one_life(struct disk *disk, struct story *story, unsigned long seed)
{
    disk_arm(disk);
    bool good = (story_open(story) != 0 || story_live(story, STEPS)) ||
                complain(seed, story->fault, "");
    good = good && restart_and_look(disk, story, seed);
    if (good && rand_below(&disk->rand, 4) == 0)
        good = restart_and_look(disk, story, seed);
    if (good)
        story_drop(story);
    return good;
}

static void add(struct story_counts *sum, const struct story_counts *counts)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)counts;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

static bool one_story(struct disk *disk, const struct options *options, unsigned long seed,
                      struct story_counts *sum)
{
    struct story story;
    bool good = true;

    rand_seed(&disk->rand, seed + 1);
    if (disk->real)
        loop_disk_clear(&disk->loop);
    else
        sim_disk_init(&disk->sim);
    char path[128];
    snprintf(path, sizeof path, "%s%s", disk->real ? disk->loop.path : disk->sim.path,
             disk->real ? "/log" : "");
    story_init(&story, path, disk->real ? &disk->loop.io : &disk->sim.io, seed);
    for (int i = 0; i < LIVES && good && sum->cuts + story.counts.cuts < options->cuts; i++)
        good = one_life(disk, &story, seed);
    add(sum, &story.counts);
    story_fini(&story);
    if (!disk->real)
        sim_disk_fini(&disk->sim);
    return good;
}

static void print(const struct options *options, const struct story_counts *sum,
                  unsigned long stories, double seconds, bool good)
{
    printf("{\"disk\":\"%s\",\"seed\":%lu,\"stories\":%lu,\"cuts\":%" PRIu64 ",\"good\":%s,"
           "\"seconds\":%.1f,\"appends\":%" PRIu64 ",\"syncs\":%" PRIu64 ",\"rolls\":%" PRIu64
           ",\"truncations\":%" PRIu64 ",\"resets\":%" PRIu64 ",\"gaps\":%" PRIu64
           ",\"trims\":%" PRIu64 ",\"checkpoints\":%" PRIu64
           ",\"restarts\":%" PRIu64 ",\"moves\":%" PRIu64 ",\"clean_stops\":%" PRIu64
           ",\"promised_batches\":%" PRIu64
           ",\"unpromised_batches\":%" PRIu64 ",\"lost_batches\":%" PRIu64 "}\n",
           options->device != NULL ? "ext4" : "simulated", options->seed, stories, sum->cuts,
           good ? "true" : "false", seconds, sum->appends, sum->syncs, sum->rolls,
           sum->truncations, sum->resets, sum->gaps, sum->trims, sum->checkpoints, sum->restarts,
           sum->moves, sum->clean_stops,
           sum->promised_batches, sum->unpromised_batches, sum->lost_batches);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run(const struct options *options)
{
    static struct disk disk;
    struct story_counts sum = { 0 };
    unsigned long seed = options->seed;
    double start = now();
    bool good = true;

    disk.real = options->device != NULL;
    if (disk.real) {
        int error = loop_disk_init(&disk.loop, options->device, options->mount, &disk.rand);
        if (error != 0) {
            fprintf(stderr, "power: can not mount %s: %s\n", options->device, strerror(error));
            return 1;
        }
    }
    for (; good && sum.cuts < options->cuts; seed++)
        good = one_story(&disk, options, seed, &sum);
    if (disk.real)
        loop_disk_fini(&disk.loop);
    print(options, &sum, seed - options->seed, now() - start, good);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "cuts", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
        { "device", required_argument, NULL, 'd' }, { "mount", required_argument, NULL, 'm' },
        { "cut", required_argument, NULL, 'x' }, { NULL, 0, NULL, 0 },
    };
    struct options options = { .cuts = 500, .seed = 1 };

    log_set_level(LOG_LEVEL_OFF);
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (option) {
        case 'c': options.cuts = strtoul(optarg, NULL, 10); break;
        case 's': options.seed = strtoul(optarg, NULL, 10); break;
        case 'd': options.device = optarg; break;
        case 'm': options.mount = optarg; break;
        case 'x': return loop_disk_shut_down(optarg) != 0;
        default: return 2;
        }
    }
    if (optind != argc || (options.device == NULL) != (options.mount == NULL)) {
        fprintf(stderr, "usage: power --cuts N --seed S [--device DEVICE --mount DIRECTORY]\n");
        return 2;
    }
    return run(&options);
}
