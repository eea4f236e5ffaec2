#include "bench/ownership.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { NOBODY = -1, MEMBERS_MAX = 1024 };

struct place {
    _Atomic int32_t owner;
    int32_t owner_before;               /* when the phase began */
    _Atomic int64_t since_us;           /* it stands still; 0: it does not */
    _Atomic int64_t longest_us;         /* that it stood still in this phase */
};

struct ownership {
    int partitions, members_max;
    int64_t began_us;
    _Atomic bool *alive;
    struct place places[];
};

int64_t ownership_now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

struct ownership *ownership_new(int partitions, int members_max)
{
    size_t size = sizeof(struct ownership) + (size_t)partitions * sizeof(struct place);
    struct ownership *made = mmap(NULL, size + (size_t)members_max, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED || members_max > MEMBERS_MAX)
        return NULL;
    made->partitions = partitions;
    made->members_max = members_max;
    made->alive = (_Atomic bool *)((char *)made + size);
    for (int p = 0; p < partitions; p++)
        made->places[p].owner = NOBODY;
    return made;
}

void ownership_set_alive(struct ownership *ownership, int member, bool alive)
{
    atomic_store(&ownership->alive[member], alive);
}

void ownership_begin(struct ownership *ownership)
{
    for (int p = 0; p < ownership->partitions; p++) {
        ownership->places[p].owner_before = atomic_load(&ownership->places[p].owner);
        atomic_store(&ownership->places[p].since_us, 0);
        atomic_store(&ownership->places[p].longest_us, 0);
    }
    ownership->began_us = ownership_now_us();
}

void ownership_take(struct ownership *ownership, int member, int partition)
{
    struct place *place = &ownership->places[partition];
    int64_t since_us = atomic_exchange(&place->since_us, 0);
    int64_t still_us = ownership_now_us() - since_us;

    if (since_us > 0 && still_us > atomic_load(&place->longest_us))
        atomic_store(&place->longest_us, still_us);
    atomic_store(&place->owner, member);
}

void ownership_give_up(struct ownership *ownership, int member, int partition)
{
    struct place *place = &ownership->places[partition];

    if (atomic_load(&place->owner) != member)
        return;
    atomic_store(&place->since_us, ownership_now_us());
    atomic_store(&place->owner, NOBODY);
}

void ownership_fall_silent(struct ownership *ownership, int member)
{
    ownership_set_alive(ownership, member, false);
    for (int p = 0; p < ownership->partitions; p++)
        if (atomic_load(&ownership->places[p].owner) == member)
            atomic_store(&ownership->places[p].since_us, ownership_now_us());
}

bool ownership_settled(const struct ownership *ownership)
{
    int alive = 0, counts[MEMBERS_MAX];

    for (int m = 0; m < ownership->members_max; m++) {
        alive += atomic_load(&ownership->alive[m]);
        counts[m] = 0;
    }
    if (alive == 0)
        return false;
    for (int p = 0; p < ownership->partitions; p++) {
        int owner = atomic_load(&ownership->places[p].owner);
        if (owner == NOBODY || !atomic_load(&ownership->alive[owner]))
            return false;
        counts[owner]++;
    }
    int share = ownership->partitions / alive;
    for (int m = 0; m < ownership->members_max; m++)
        if (atomic_load(&ownership->alive[m]) && counts[m] != share && counts[m] != share + 1)
            return false;
    return true;
}

void ownership_explain(const struct ownership *ownership, FILE *out)
{
    int nobody = 0, counts[MEMBERS_MAX] = { 0 };

    for (int p = 0; p < ownership->partitions; p++) {
        int owner = atomic_load(&ownership->places[p].owner);
        if (owner == NOBODY)
            nobody++;
        else
            counts[owner]++;
    }
    fprintf(out, "%d partitions without an owner; the members have", nobody);
    for (int m = 0; m < ownership->members_max; m++)
        fprintf(out, " %d%s", counts[m], atomic_load(&ownership->alive[m]) ? "" : "(gone)");
    fputc('\n', out);
}

struct ownership_phase ownership_end(const struct ownership *ownership)
{
    struct ownership_phase phase = { .took_us = ownership_now_us() - ownership->began_us };

    for (int p = 0; p < ownership->partitions; p++) {
        const struct place *place = &ownership->places[p];
        bool moved = atomic_load(&place->owner) != place->owner_before;
        int64_t still_us = atomic_load(&place->longest_us);
        phase.moved += moved;
        phase.unmoved_paused += !moved && still_us > 0;
        if (still_us > phase.still_us)
            phase.still_us = still_us;
    }
    return phase;
}
