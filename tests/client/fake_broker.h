/* fake_broker.h - brokers in the test's own process: they speak the protocol, keep records in
 * memory, and misbehave on command.
 *
 * All brokers of a fake share one loop thread and one picture of topics. Functions may be called
 * from any thread; they wait for the loop. Faults are plain atomics, set at any time. */
#ifndef TESTS_CLIENT_FAKE_BROKER_H
#define TESTS_CLIENT_FAKE_BROKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_BROKERS_MAX = 4 };

/* How an answer is spoilt. */
enum fake_hostility {
    HOSTILE_NOT,
    HOSTILE_GARBAGE_HEAD,           /* the head is no protobuf */
    HOSTILE_EMPTY_BODY,             /* a head without a body */
    HOSTILE_OTHER_BODY,             /* the answer to another question */
    HOSTILE_NO_RESULTS,             /* fewer results than questions */
    HOSTILE_PAYLOAD_SIZE,           /* sizes in the head that are not those of the payload */
    HOSTILE_HUGE_FRAME,             /* a length beyond all limits */
    HOSTILE_SHORT_HEAD,             /* a head longer than its frame */
    HOSTILE_UNKNOWN_CORRELATION,
    HOSTILE_BAD_TOPIC_ID,           /* of 3 bytes */
    HOSTILE_NEGATIVE,               /* negative offsets and counts */
    HOSTILE_COUNT
};

struct fake_faults {
    atomic_int drop_before;         /* so many produce requests are lost with their connection */
    atomic_int drop_after;          /* so many are stored, then the connection is lost */
    atomic_int store_part;          /* so many of several batches are stored up to the middle, then
                                       the connection is lost: the broker died over it */
    atomic_int move_leader;         /* so many are refused with a hint: the partition moved */
    atomic_int move_silently;       /* the same without a hint */
    atomic_int behind;              /* so many fetches find a leader that ends too early */
    atomic_int refuse_count;        /* so many are refused with refuse_code */
    atomic_int refuse_code;
    atomic_int refuse_larger;       /* batches over so many bytes are too large; 0: none */
    atomic_int delay_ms;            /* before every answer to produce */
    atomic_int join_delay_ms;       /* before every answer to a join */
    atomic_int commit_delay_ms;     /* before every answer to a commit */
    atomic_int committed_delay_ms;  /* before what is committed is answered, as it was when asked */
    atomic_int shuffle;             /* answers to produce and metadata come out of order */
    atomic_int random_percent;      /* of produce requests get one of the faults above at random */
    atomic_int random_lost;         /* those at random may also be stored, and the answer lost */
    atomic_int forget_producers;    /* so many times a partition forgets where its producers are */
    atomic_int other_cluster;       /* greetings are those of a broker of another one */
    atomic_int mute;                /* requests are not answered at all */
    atomic_int mute_broker;         /* nor by the broker of this index plus one; 0: none */
    atomic_int hostile;             /* enum fake_hostility, of every answer but metadata */
    atomic_int hostile_metadata;    /* of answers to metadata */
    /* The body (field number) that ApiVersions tells other versions of, and which; 0: none, and
     * lowest > highest: it is not served at all. */
    atomic_int version_body, version_lowest, version_highest;
    atomic_int codec;               /* that topics are said to store, plus one; 0: the producer's */
    atomic_int controller;          /* index of its broker */
    atomic_int makes_topics;        /* of a partition, where who asks for metadata allows it */
    atomic_int only_controller_knows;   /* the others answer that topics are unknown */
    atomic_int discard;             /* count records instead of keeping them */
    atomic_int park;                /* questions for a newer leader wait for one, as they should */
    atomic_int loops;               /* partition p belongs to loop p modulo this; 0: one loop */
    /* Groups: so many requests of this body (field number) are refused with this code; all of them
     * while it loads; the answers to this body are nonsense. */
    atomic_int group_refuse_body, group_refuse_count, group_refuse_code;
    atomic_int group_loads;
    atomic_int group_nonsense_body;
    atomic_int group_size_max;      /* members; 0: any number */
    /* So many answers to fetches are never sent. Fetch sessions: there are none; so many requests
     * of one are refused with this code. */
    atomic_int lose_fetches;
    atomic_int hasty;               /* fetches are not parked, but answered empty */
    atomic_int no_sessions;
    atomic_int session_refuse_count, session_refuse_code;
    /* Seen: produce requests that came by a connection made for the loop of a partition; sessions
     * that were begun, partitions that fetches named, and bytes of fetches; the bytes that the
     * last one wants to be gathered; topics that were made. */
    atomic_int by_own_loop;
    atomic_int sessions_begun, fetch_rows, fetch_bytes, fetch_bytes_min;
    atomic_int topics_made;
};

struct fake;

struct fake *fake_new(int brokers);
void fake_free(struct fake *fake);
struct fake_faults *fake_faults(struct fake *fake);

/* Who has a hand in what goes out: each answer as a whole frame, `body` its field number in
 * ResponseHead, 0: a greeting. `bytes` has FAKE_MANGLED_ROOM more of room. Returns how many bytes
 * are sent; 0: the connection is closed instead. Runs on the fake's loop. */
typedef size_t (*fake_mangle_fn)(void *context, int body, uint8_t *bytes, size_t size);
enum { FAKE_MANGLED_ROOM = 512 };
/* Before the first connection. */
void fake_set_mangler(struct fake *fake, fake_mangle_fn mangle, void *context);

/* "127.0.0.1:port" of the first broker. */
const char *fake_bootstrap(const struct fake *fake);

void fake_add_topic(struct fake *fake, const char *name, int partitions);
void fake_remove_topic(struct fake *fake, const char *name);

/* Leader of a partition: index of a broker, -1: none. */
void fake_set_leader(struct fake *fake, const char *topic, int partition, int broker);

/* Where a broker (its index) is; borrowed. */
void fake_set_rack(struct fake *fake, int broker, const char *rack);

/* Append a finished batch as it is, except for base offset and epoch. */
void fake_append(struct fake *fake, const char *topic, int partition, const void *batch,
                 size_t size);

/* Forget everything below `offset`. */
void fake_trim(struct fake *fake, const char *topic, int partition, int64_t offset);

/* An unclean election: under a new epoch, everything from `offset` on is gone. */
void fake_lose(struct fake *fake, const char *topic, int partition, int64_t offset);

/* A copy of all batches of a partition, back to back; to be freed by the caller. */
uint8_t *fake_read(struct fake *fake, const char *topic, int partition, size_t *size);

/* Requests of this body seen so far (field number in RequestHead). */
int fake_requests(struct fake *fake, int body);

/* Of those, how many asked for this topic's metadata by its name. */
int fake_asked(struct fake *fake, const char *topic);

/* The last requests of all fetch sessions had this number. */
void fake_number_sessions(struct fake *fake, uint32_t last);

/* Close every connection, now. */
void fake_disconnect(struct fake *fake);

/* Close every connection and refuse new ones; and take them again. */
void fake_go_away(struct fake *fake);
void fake_come_back(struct fake *fake);

/* Which broker (its index) coordinates all groups: what waits at another one is sent away. */
void fake_set_coordinator(struct fake *fake, int broker);

/* Members of a group. */
int fake_group_members(struct fake *fake, const char *group);
int fake_group_generation(struct fake *fake, const char *group);
/* Does it know all its assignments, and nothing of another rebalance? */
bool fake_group_stable(struct fake *fake, const char *group);

/* What is committed, -1: nothing; `metadata` (may be NULL) has room for 64 bytes. */
int64_t fake_committed(struct fake *fake, const char *group, const char *topic, int partition,
                       char *metadata);

/* Commit as the coordinator's own administrator; the second with the epoch of the record before. */
void fake_commit(struct fake *fake, const char *group, const char *topic, int partition,
                 int64_t offset);
void fake_commit_in_epoch(struct fake *fake, const char *group, const char *topic, int partition,
                          int64_t offset, int epoch);

/* The topic has so many partitions from now on. */
void fake_add_partitions(struct fake *fake, const char *topic, int partitions);

/* Mark the transaction of `producer_id` that starts at `offset` as aborted. */
void fake_abort(struct fake *fake, const char *topic, int partition, int64_t producer_id,
                int64_t offset);

#endif
