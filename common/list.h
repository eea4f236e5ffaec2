/* list.h - intrusive doubly linked list. The head is a node; an unlinked node points to itself. */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list { struct list *prev, *next; };

#define LIST_OWNER(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))
#define LIST_EACH(head, node) \
    for (struct list *node = (head)->next; node != (head); node = node->next)
#define LIST_EACH_SAFE(head, node, after)                                               \
    for (struct list *node = (head)->next, *after = node->next; node != (head);          \
         node = after, after = node->next)

static inline void list_init(struct list *node) { node->prev = node->next = node; }
static inline bool list_empty(const struct list *head) { return head->next == head; }

static inline void list_insert_before(struct list *where, struct list *node)
{
    node->prev = where->prev;
    node->next = where;
    where->prev->next = node;
    where->prev = node;
}

static inline void list_append(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_prepend(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_first(struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

/* Move all nodes of `source` to the end of `target`. */
static inline void list_move(struct list *target, struct list *source)
{
    if (list_empty(source))
        return;
    source->next->prev = target->prev;
    target->prev->next = source->next;
    source->prev->next = target;
    target->prev = source->prev;
    list_init(source);
}

#endif
