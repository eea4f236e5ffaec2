#include "tools/kairn/checkup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct check checkup_table[] = {
    { "controller-missing", SEVERITY_ERROR, "no broker is the controller: nobody gives partitions new leaders",
      "look for event=zookeeper- in the brokers' logs, and whether ZooKeeper serves", checkup_controller },
    { "broker-silent", SEVERITY_ERROR, "a broker is registered and does not answer",
      "kairn broker metrics @; look at its log", checkup_brokers },
    { "partition-offline", SEVERITY_ERROR, "partitions have no leader: nothing is read or written there",
      "kairn topic describe @ --unavailable; start the brokers that it names as offline", checkup_offline },
    { "partition-under-min-isr", SEVERITY_ERROR, "fewer replicas are in sync than acks=all needs: nothing is committed there",
      "kairn topic describe @ --under-min-isr --verbose says why; start the brokers that are missing, make room where a disk is full", checkup_under_min_isr },
    { "partition-under-replicated", SEVERITY_WARNING, "replicas are not in sync",
      "kairn topic describe @ --under-replicated --verbose", checkup_under_replicated },
    { "copy-lost", SEVERITY_ERROR, "a live broker has logs that are out of use, most likely because a disk failed",
      "kairn broker log-dirs @; mend the disk and restart the broker, or kairn broker drain @", checkup_copies },
    { "min-isr-all", SEVERITY_WARNING, "every replica has to be in sync for acks=all: one broker that stops makes writes fail",
      "kairn topic alter @ --config min.insync.replicas=N, N fewer than it has replicas", checkup_min_isr_all },
    { "min-isr-one", SEVERITY_NOTE, "acks=all may be acknowledged by the leader alone: what one broker loses is lost",
      "kairn topic alter @ --config min.insync.replicas=2", checkup_min_isr_one },
    { "replicas-one", SEVERITY_WARNING, "a topic has partitions with a single replica: they are gone while its broker is",
      "kairn partition reassign @ --replication-factor 3", checkup_replicas_one },
    { "offsets-replicas", SEVERITY_WARNING, "committed offsets have fewer replicas than there could be: groups stand still while a broker is away",
      "kairn partition reassign @ --replication-factor 3", checkup_offsets_few },
    { "offsets-impossible", SEVERITY_ERROR, "__consumer_offsets can not be made: groups have no coordinator",
      "start more brokers, or lower offsets.topic.replication.factor in the brokers' files", checkup_offsets_impossible },
    { "unclean-election", SEVERITY_WARNING, "a replica that lacks what was acknowledged may become the leader",
      "kairn config set @ unclean.leader.election.enable=false", checkup_unclean },
    { "settings-differ", SEVERITY_WARNING, "brokers have different values of a setting that should be the same",
      "kairn config get @ --broker N for each broker; kairn config set --cluster, or their files", checkup_settings_differ },
    { "rack-missing", SEVERITY_WARNING, "some brokers have a rack and others have none: replicas are not spread over racks",
      "set broker.rack in the file of broker @ and restart it", checkup_racks },
    { "advertised-loopback", SEVERITY_WARNING, "a broker tells clients and brokers of other machines to connect to themselves",
      "set advertised.listeners in the file of broker @ and restart it", checkup_loopback },
    { "data-in-tmp", SEVERITY_WARNING, "data lies in a place that is emptied at a boot",
      "set log.dirs in the file of broker @, move the data while it is stopped", checkup_tmp },
    { "log-level", SEVERITY_NOTE, "a broker logs much more than usual, or leaves out what goes wrong",
      "kairn broker loglevel @ info", checkup_log_level },
    { "features-held", SEVERITY_NOTE, "the cluster is held at older feature levels",
      "take feature.level.max out of the file of broker @ once nothing is to go back", checkup_features_held },

    { "zookeeper-silent", SEVERITY_WARNING, "a ZooKeeper server can not be reached from here",
      "start it, or see in its log why it does not answer, and whether a firewall is between it and this machine", checkup_zookeeper_silent },
    { "zookeeper-no-quorum", SEVERITY_ERROR, "too few ZooKeeper servers serve: brokers can not agree on anything",
      "start the servers that are missing and look at their logs", checkup_zookeeper_quorum },
    { "zookeeper-closed", SEVERITY_NOTE, "a ZooKeeper server does not say how it is",
      "4lw.commands.whitelist=srvr in its zoo.cfg, and restart it", checkup_zookeeper_closed },
    { "zookeeper-alone", SEVERITY_WARNING, "there is one ZooKeeper server: without it the brokers change nothing",
      "run three on machines of their own, and name all in zookeeper.connect", checkup_zookeeper_alone },
    { "zookeeper-even", SEVERITY_WARNING, "an even number of ZooKeeper servers survives no more than one fewer would",
      "add one, or take one away", checkup_zookeeper_even },
    { "zookeeper-slow", SEVERITY_WARNING, "a ZooKeeper server takes long to answer",
      "give its dataLogDir a disk of its own", checkup_zookeeper_slow },
    { "session-timeout", SEVERITY_WARNING, "zookeeper.session.timeout.ms is unusual: short ones end in a pause of the machine, long ones leave a broker that is cut off",
      "zookeeper.session.timeout.ms=18000 in the file of broker @, and restart it", checkup_session_timeout },

    { "machine-elsewhere", SEVERITY_NOTE, "a broker's kernel and disks were not looked at: they are not on this machine",
      "run kairn cluster doctor on the machine of broker @, too", checkup_elsewhere },
    { "descriptors", SEVERITY_WARNING, "a broker may have few descriptors: each connection and each log in use takes some",
      "LimitNOFILE=1000000 in its systemd unit, or ulimit -n 1000000 before it starts", checkup_descriptors },
    { "dirty-limit", SEVERITY_WARNING, "the kernel stops writers early: appends wait for the disk",
      "sysctl -w @=40, and the same in /etc/sysctl.d", checkup_dirty },
    { "dirty-background", SEVERITY_WARNING, "the kernel lets very much unwritten data come together, and then writes it at once",
      "sysctl -w @=5, and the same in /etc/sysctl.d", checkup_dirty_background },
    { "swappiness", SEVERITY_WARNING, "the kernel may swap a broker out in favour of the page cache: pauses, and lost sessions",
      "sysctl -w @=1, and the same in /etc/sysctl.d", checkup_swap },
    { "disk-full", SEVERITY_ERROR, "a disk is nearly full: soon nothing is written there",
      "kairn topic trim, or retention.bytes of large topics (kairn broker log-dirs); or more room", checkup_disk_full },
    { "disk-low", SEVERITY_WARNING, "a disk fills up",
      "kairn broker log-dirs; retention.bytes of large topics; kairn cluster rebalance", checkup_disk_low },
    { "inodes-low", SEVERITY_WARNING, "a file system has few inodes left: no segment can be made without",
      "fewer and larger segments (segment.bytes), or a file system with more: df -i @", checkup_inodes },
    { "disk-read-only", SEVERITY_ERROR, "a file system is mounted for reading only",
      "dmesg | tail; mend the disk, mount -o remount,rw, restart the broker", checkup_read_only },
    { "disk-shared", SEVERITY_NOTE, "two log directories of a broker are on one file system: they share its speed and its end",
      "one directory of log.dirs for each disk", checkup_disk_shared },
};
/* clang-format on */

const size_t checkup_table_count = sizeof checkup_table / sizeof *checkup_table;

static const char *const setting_names[] = {
#define X(id, name, same) name,
    FACTS_SETTINGS(X)
#undef X
};

static const bool settings_same[] = {
#define X(id, name, same) same,
    FACTS_SETTINGS(X)
#undef X
};

const char *facts_setting_name(enum facts_setting setting)
{
    return setting_names[setting];
}

bool facts_setting_same(enum facts_setting setting)
{
    return settings_same[setting];
}

const struct check *checkup_find(const char *name)
{
    for (size_t i = 0; i < checkup_table_count; i++) {
        if (strcmp(checkup_table[i].name, name) == 0)
            return &checkup_table[i];
    }
    return NULL;
}

void checkup_run(const struct facts *facts, bool (*skips)(void *context, const struct check *check),
                 void *context, struct checkup *out)
{
    *out = (struct checkup){ 0 };
    for (size_t i = 0; i < checkup_table_count; i++) {
        out->check = &checkup_table[i];
        if (skips == NULL || !skips(context, out->check))
            out->check->examine(facts, out);
    }
}

void checkup_fini(struct checkup *checkup)
{
    for (size_t i = 0; i < checkup->count; i++) {
        free(checkup->findings[i].subject);
        free(checkup->findings[i].detail);
    }
    free(checkup->findings);
}

const char *severity_name(enum severity severity)
{
    static const char *const names[SEVERITY_COUNT] = { "note", "warning", "error" };

    return names[severity];
}

size_t checkup_count(const struct checkup *checkup, enum severity severity)
{
    size_t count = 0;

    for (size_t i = 0; i < checkup->count; i++)
        count += checkup->findings[i].check->severity == severity;
    return count;
}

bool checkup_sound(const struct checkup *checkup)
{
    return checkup_count(checkup, SEVERITY_NOTE) == checkup->count;
}

const char *checkup_todo(const struct finding *finding, char *text, size_t size)
{
    size_t used = 0, length = strlen(finding->subject);

    for (const char *at = finding->check->todo; *at != '\0' && used + 1 < size; at++) {
        if (*at != '@') {
            text[used++] = *at;
            continue;
        }
        size_t room = size - 1 - used, copied = length < room ? length : room;
        memcpy(text + used, finding->subject, copied);
        used += copied;
    }
    text[used] = '\0';
    return text;
}

/* --- for checks ------------------------------------------------------------------------------- */

static void add(struct checkup *checkup, const char *subject, const char *format,
                va_list arguments)
{
    struct finding finding = { .check = checkup->check, .subject = strdup(subject) };

    if (vasprintf(&finding.detail, format, arguments) < 0)
        finding.detail = NULL;
    if (checkup->count == checkup->room) {
        checkup->room = checkup->room > 0 ? 2 * checkup->room : 32;
        struct finding *larger =
            realloc(checkup->findings, checkup->room * sizeof *checkup->findings);
        checkup->findings = larger;
    }
    if (finding.subject == NULL || finding.detail == NULL || checkup->findings == NULL) {
        fputs("kairn: out of memory\n", stderr);
        exit(1);
    }
    checkup->findings[checkup->count++] = finding;
}

void checkup_add(struct checkup *checkup, const char *subject, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add(checkup, subject, format, arguments);
    va_end(arguments);
}

void checkup_add_broker(struct checkup *checkup, const struct facts_broker *broker,
                        const char *format, ...)
{
    char id[16];
    va_list arguments;

    snprintf(id, sizeof id, "%d", (int)broker->id);
    va_start(arguments, format);
    add(checkup, id, format, arguments);
    va_end(arguments);
}
