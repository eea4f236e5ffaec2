/* runtime/dirs_work.h - the disk's part of an order (dirs.h); for dirs.c, in the io pool. */
#ifndef RUNTIME_DIRS_WORK_H
#define RUNTIME_DIRS_WORK_H

#include <stdbool.h>

#include "server/runtime/dirs.h"

static inline bool dirs_order_opens(const struct dirs_order *order)
{
    return order->kind == DIRS_OPEN || order->kind == DIRS_OPEN_IF_HURT;
}

/* The log is closed afterwards, and can be opened again. */
static inline bool dirs_order_returns(const struct dirs_order *order)
{
    return order->kind == DIRS_CLOSE || order->kind == DIRS_MOVE;
}

/* Do what order->kind says. Blocks. */
void dirs_work(struct dirs_order *order);

#endif
