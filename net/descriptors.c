#include "net/descriptors.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORD_BITS = 64, BLOCK_WORDS = DESCRIPTORS_PER_BLOCK / WORD_BITS };

void descriptors_init(struct descriptors *set)
{
    for (int i = 0; i < DESCRIPTOR_BLOCKS; i++)
        atomic_init(&set->blocks[i], NULL);
}

void descriptors_fini(struct descriptors *set)
{
    for (int i = 0; i < DESCRIPTOR_BLOCKS; i++)
        free(set->blocks[i]);
}

static uint64_t bit_of(int fd)
{
    return (uint64_t)1 << (fd % WORD_BITS);
}

/* The word that holds the descriptor's bit, or NULL. */
static atomic_uint_least64_t *word_of(struct descriptors *set, int fd)
{
    int block = fd / DESCRIPTORS_PER_BLOCK;

    if (fd < 0 || block >= DESCRIPTOR_BLOCKS || set->blocks[block] == NULL)
        return NULL;
    return &set->blocks[block][fd % DESCRIPTORS_PER_BLOCK / WORD_BITS];
}

void descriptors_add(struct descriptors *set, int fd)
{
    int block = fd / DESCRIPTORS_PER_BLOCK;

    if (fd >= 0 && block < DESCRIPTOR_BLOCKS && set->blocks[block] == NULL)
        atomic_store(&set->blocks[block], calloc(BLOCK_WORDS, sizeof(atomic_uint_least64_t)));
    atomic_uint_least64_t *word = word_of(set, fd);
    if (word != NULL)
        atomic_fetch_or(word, bit_of(fd));
}

void descriptors_remove(struct descriptors *set, int fd)
{
    atomic_uint_least64_t *word = word_of(set, fd);

    if (word != NULL)
        atomic_fetch_and(word, ~bit_of(fd));
}

void descriptors_close(struct descriptors *set)
{
    for (int block = 0; block < DESCRIPTOR_BLOCKS; block++) {
        for (int i = 0; set->blocks[block] != NULL && i < BLOCK_WORDS; i++) {
            uint64_t bits = atomic_exchange(&set->blocks[block][i], 0);
            for (; bits != 0; bits &= bits - 1)
                close(block * DESCRIPTORS_PER_BLOCK + i * WORD_BITS + __builtin_ctzll(bits));
        }
    }
}
