/* heap.h - intrusive binary min-heap of int64 keys: deadlines. Not thread-safe. */
#ifndef COMMON_HEAP_H
#define COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    size_t index;               /* HEAP_OUT while not in a heap */
};
#define HEAP_OUT ((size_t)-1)

struct heap {
    struct heap_node **nodes;   /* array owned, nodes borrowed */
    size_t count, capacity;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);
static inline void heap_node_init(struct heap_node *node) { node->index = HEAP_OUT; }

/* Make room for `count` nodes in all, so that pushing that many can not fail. 0 or K_NOMEM. */
int heap_reserve(struct heap *heap, size_t count);

int heap_push(struct heap *heap, struct heap_node *node, int64_t key);   /* 0 or K_NOMEM */
void heap_remove(struct heap *heap, struct heap_node *node);             /* no-op when out */
void heap_move(struct heap *heap, struct heap_node *node, int64_t key);
static inline struct heap_node *heap_top(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

#endif
