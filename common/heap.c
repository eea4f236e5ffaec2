#include "common/heap.h"

#include <stdlib.h>

#include "common/error.h"

void heap_init(struct heap *heap)
{
    *heap = (struct heap){ 0 };
}

void heap_fini(struct heap *heap)
{
    free(heap->nodes);
    heap_init(heap);
}

static void set(struct heap *heap, size_t at, struct heap_node *node)
{
    heap->nodes[at] = node;
    node->index = at;
}

static void sift_up(struct heap *heap, size_t at)
{
    struct heap_node *node = heap->nodes[at];
    while (at > 0 && heap->nodes[(at - 1) / 2]->key > node->key) {
        set(heap, at, heap->nodes[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    set(heap, at, node);
}

static void sift_down(struct heap *heap, size_t at)
{
    struct heap_node *node = heap->nodes[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
            child++;
        if (heap->nodes[child]->key >= node->key)
            break;
        set(heap, at, heap->nodes[child]);
        at = child;
    }
    set(heap, at, node);
}

int heap_reserve(struct heap *heap, size_t count)
{
    if (count <= heap->capacity)
        return 0;
    size_t capacity = heap->capacity > 0 ? 2 * heap->capacity : 16;
    if (capacity < count)
        capacity = count;
    struct heap_node **nodes = realloc(heap->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return K_NOMEM;
    heap->nodes = nodes;
    heap->capacity = capacity;
    return 0;
}

int heap_push(struct heap *heap, struct heap_node *node, int64_t key)
{
    int error = heap_reserve(heap, heap->count + 1);
    if (error != 0)
        return error;
    node->key = key;
    set(heap, heap->count++, node);
    sift_up(heap, node->index);
    return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t at = node->index;
    if (at == HEAP_OUT)
        return;
    node->index = HEAP_OUT;
    struct heap_node *last = heap->nodes[--heap->count];
    if (last == node)
        return;
    set(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, last->index);
}

void heap_move(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->key = key;
    sift_up(heap, node->index);
    sift_down(heap, node->index);
}
