#include "tests/client/helpers.h"

Suite *handle_suite(void)
{
    return suite_create("client/handle");
}
