/* A request's head: unpacked within its cap, and what was unpacked can be packed. */
#include <stdlib.h>

#include "common/arena.h"
#include "common/chain.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct chain chain;
    Kairn__RequestHead *head;
    uint64_t correlation;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    chain_init(&chain);

    head_peek_correlation(data, size, &correlation);
    int error = head_unpack_request(data, size, &arena, &head);
    if (arena.used > HEAD_UNPACK_BASE + HEAD_UNPACK_REQUEST_FACTOR * size)
        abort();
    if (error == 0)
        head_pack_request(head, 0, &chain);

    chain_fini(&chain);
    arena_fini(&arena);
    return 0;
}
