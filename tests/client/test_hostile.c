#include "tests/client/helpers.h"

Suite *hostile_suite(void)
{
    return suite_create("client/hostile");
}
