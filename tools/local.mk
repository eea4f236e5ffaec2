# tools/local.mk

# The scripts that prove what HACKING.md promises; `make check` and tests/run run them.
CHECK_TOOLS = tools/check-layers tools/check-pure tools/check-state tools/check-style
TESTS += $(CHECK_TOOLS) tests/tools/test_checks.sh
EXTRA_DIST += $(CHECK_TOOLS) tests/tools/test_checks.sh \
	docs/layers.txt docs/pure-symbols.txt docs/style-exceptions.txt
